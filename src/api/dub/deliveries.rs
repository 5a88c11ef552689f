//! Deliveries to Dub's webhooks: what was tried, what came of it, once more, and a test.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::webhooks::{Named, no_webhook, own};
use crate::catalog::{Cursor, LinkQuery, NewDelivery, Page};
use crate::domain::customer::{Customer, Profile};
use crate::domain::event::Event;
use crate::domain::id::{DeliveryId, WebhookId};
use crate::domain::webhook::{Delivery, HookEvent};
use crate::encode::dub::CustomerObject;
use crate::hooks::payload::{self, Shape};
use crate::web::caller::Caller;
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::hook_shape::HookShape;

const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "Limit",
    min: 1,
    too_small: "Page size must be greater than 0.",
    max: 100,
    too_big: "Max page size is 100.",
};

fn shown(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id.to_string(),
        "eventId": delivery.event_id,
        "event": delivery.event,
        "status": delivery.status.name(),
        "attempts": delivery.attempts,
        "lastStatus": delivery.last_status,
        "lastError": delivery.last_error,
        "lastAttemptAt": delivery.last_attempt_at_ms.map(instant::format),
        "nextAttemptAt": delivery.next_attempt_at_ms.map(instant::format),
        "createdAt": instant::format(delivery.created_at_ms),
        "payload": serde_json::from_str::<Value>(&delivery.payload).unwrap_or_default(),
    })
}

/// `GET /webhooks/{webhook}/deliveries`, newest first; `startingAfter` names the last one of the page before.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    params: Params,
) -> Result<Response, ApiError> {
    caller.require("webhooks.read")?;
    let limit = u32::try_from(params.integer("limit", LIMIT)?.unwrap_or(50)).unwrap_or(50);
    let before = match params.text("startingAfter") {
        Some(text) => Some(DeliveryId::parse(text).ok_or_else(|| {
            let message = format!("expected the id of a delivery, such as dlv_...; given: {}", quoted(text));
            ApiError::invalid("custom", "startingAfter", message)
        })?),
        None => None,
    };
    own(&app, &caller, id).await?;
    let deliveries = app.catalog.deliveries(caller.workspace, id, before, limit).await?;
    Ok(Json(deliveries.iter().map(shown).collect::<Vec<_>>()).into_response())
}

/// `POST /webhooks/{webhook}/deliveries/{delivery}/retry`
pub(super) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    caller.require("webhooks.write")?;
    let webhook = own(&app, &caller, WebhookId::parse(&webhook).ok_or_else(no_webhook)?).await?;
    if webhook.disabled_at_ms.is_some() {
        return Err(turned_off());
    }
    let missing = || ApiError::NotFound("Delivery not found.".to_owned());
    let delivery = DeliveryId::parse(&delivery).ok_or_else(missing)?;
    let now_ms = app.clock.now_ms();
    let found =
        app.catalog.retry_delivery(caller.workspace, webhook.id, delivery, now_ms).await?.ok_or_else(missing)?;
    app.hooks.wake();
    Ok(Json(shown(&found)).into_response())
}

/// `POST /webhooks/{webhook}/test`: a delivery with a made-up event, of the first trigger or of `trigger`.
pub(super) async fn test(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    params: Params,
) -> Result<Response, ApiError> {
    caller.require("webhooks.write")?;
    let webhook = own(&app, &caller, id).await?;
    if webhook.disabled_at_ms.is_some() {
        return Err(turned_off());
    }
    let known = HookEvent::ALL.map(|event| (event.name(), event));
    let event = params.one_of("trigger", &known)?.or(webhook.events.first().copied()).unwrap_or(HookEvent::LinkClicked);
    let now_ms = app.clock.now_ms();
    let payload_data = sample(&app, &caller, event, now_ms).await?;
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(|_| ApiError::Internal)?;
    let event_id = format!("evt_test_{:016x}", u64::from_le_bytes(random));
    let payload = payload::dub(&event_id, event, now_ms, &payload_data);
    let new = NewDelivery { webhook: id, event_id: event_id.clone(), event, payload };
    if app.catalog.add_deliveries(&[new], now_ms).await? == 0 {
        return Err(ApiError::Unprocessable("Too many deliveries wait for this webhook already.".to_owned()));
    }
    app.hooks.wake();
    Ok(Json(json!({ "eventId": event_id, "event": event.name(), "status": "waiting" })).into_response())
}

fn turned_off() -> ApiError {
    ApiError::Unprocessable(
        "The webhook is turned off: turn it on first, with PATCH and \"disabled\": false.".to_owned(),
    )
}

/// The data of an event that did not happen, about the workspace's newest link.
async fn sample(app: &App, caller: &Caller, event: HookEvent, now_ms: i64) -> Result<Value, ApiError> {
    let page = Page { cursor: Cursor::Offset(0), size: 1 };
    let newest = app.links.list(caller.workspace, &LinkQuery::default(), page).await?.pop();
    let shape = HookShape(app.clone());
    let mut click = Event { workspace: caller.workspace, at_ms: now_ms, ..Event::default() };
    let link = match newest {
        Some(link) => {
            (click.link, click.url) = (link.id, link.fields.url.clone());
            let id = link.id;
            let objects = shape.dub_links(caller.workspace, vec![link]).await;
            objects
                .map_err(|_| ApiError::Unavailable("A store does not answer at the moment. Please try again."))?
                .remove(&id)
        }
        None => None,
    };
    let link = link.unwrap_or_default();
    let click = shape.dub_click(&click);
    let profile = Profile { external_id: "test".to_owned(), name: Some("Test".to_owned()), ..Profile::default() };
    let customer = CustomerObject::from(&Customer { profile, created_at_ms: now_ms, ..Customer::default() });
    Ok(match event {
        HookEvent::LinkCreated | HookEvent::LinkUpdated | HookEvent::LinkDeleted => link,
        HookEvent::LinkClicked => json!({ "click": click, "link": link }),
        HookEvent::LeadCreated => json!({
            "eventName": "Test lead", "customer": customer, "click": click, "link": link, "metadata": null,
        }),
        HookEvent::SaleCreated => json!({
            "eventName": "Test sale", "customer": customer, "click": click, "link": link, "metadata": null,
            "sale": { "amount": 100, "currency": "usd", "paymentProcessor": "custom", "invoiceId": null },
        }),
    })
}
