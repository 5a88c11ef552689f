//! Dub's webhooks: who is told of what.
//!
//! A secret is shown twice in its life at most: by the answer that made the webhook, or the one that rotated it.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::catalog::{self, MAX_WEBHOOKS, NewWebhook, WebhookChange};
use crate::domain::id::{LinkId, WebhookId};
use crate::domain::webhook::{Flavour, HookEvent, Webhook};
use crate::hooks::sign;
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::listing::Listing;
use crate::web::state::App;

/// How long a rotated secret signs beside the new one.
const OLD_SECRET_MS: i64 = 24 * 3_600_000;
/// Characters of a name at most.
const NAME_LENGTH: usize = 40;

/// The webhook in the path.
pub(super) struct Named(pub WebhookId);

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let name = match Path::<Vec<(String, String)>>::from_request_parts(parts, app).await {
            Ok(Path(parts)) => parts.first().and_then(|(_, id)| WebhookId::parse(id)),
            Err(_) => None,
        };
        name.map(Self).ok_or_else(no_webhook)
    }
}

pub(super) fn no_webhook() -> ApiError {
    ApiError::NotFound("Webhook not found.".to_owned())
}

/// The webhook, if it is one of Dub's of the caller's workspace.
pub(super) async fn own(app: &App, caller: &Caller, id: WebhookId) -> Result<Webhook, ApiError> {
    let found = app.catalog.webhook(caller.workspace, id).await?;
    found.filter(|webhook| webhook.flavour == Flavour::Dub).ok_or_else(no_webhook)
}

fn shown(webhook: &Webhook, with_secret: bool) -> Value {
    let mut object = json!({
        "id": webhook.id.to_string(),
        "name": webhook.name,
        "url": webhook.url,
        "triggers": webhook.events.iter().map(|event| event.name()).collect::<Vec<_>>(),
        "linkId": webhook.link.map(|link| link.to_string()),
        "disabledAt": webhook.disabled_at_ms.map(instant::format),
        "disabledReason": webhook.disabled_reason,
        "consecutiveFailures": webhook.failures,
        "createdAt": instant::format(webhook.created_at_ms),
        "updatedAt": instant::format(webhook.updated_at_ms),
    });
    if with_secret {
        object["secret"] = webhook.secrets.current.expose_secret().into();
    }
    object
}

/// Columns of the list as CSV and TSV.
const COLUMNS: [&str; 10] = [
    "id",
    "name",
    "url",
    "triggers",
    "linkId",
    "disabledAt",
    "disabledReason",
    "consecutiveFailures",
    "createdAt",
    "updatedAt",
];

/// `GET /webhooks`
pub(super) async fn list(State(app): State<App>, caller: Caller, listing: Listing) -> Result<Response, ApiError> {
    caller.require("webhooks.read")?;
    let webhooks = app.catalog.webhooks(caller.workspace, Flavour::Dub).await?;
    let objects: Vec<Value> = webhooks.iter().map(|webhook| shown(webhook, false)).collect();
    listing.answer(&objects, &COLUMNS, "webhooks")
}

/// `POST /webhooks`
pub(super) async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    caller.require("webhooks.write")?;
    let url = body.text("url")?.flatten().ok_or_else(|| ApiError::invalid("invalid_type", "url", "url is required"))?;
    let url = target(&app, &url)?;
    let events = triggers(&body)?.ok_or_else(|| missing_triggers("triggers is required"))?;
    let link = match body.text("linkId")?.flatten() {
        Some(text) => Some(LinkId::parse(&text).ok_or_else(no_link)?),
        None => None,
    };
    let name = name(&body)?.unwrap_or_else(|| "Webhook".to_owned());
    let secret = sign::new_secret().ok_or(ApiError::Internal)?;
    let new = NewWebhook { link, flavour: Flavour::Dub, name, url, secret, events };
    let (webhook, _) = app.catalog.add_webhook(caller.workspace, &new, app.clock.now_ms()).await.map_err(refused)?;
    Ok(Json(shown(&webhook, true)).into_response())
}

/// `GET /webhooks/{webhook}`
pub(super) async fn get(State(app): State<App>, caller: Caller, Named(id): Named) -> Result<Response, ApiError> {
    caller.require("webhooks.read")?;
    Ok(Json(shown(&own(&app, &caller, id).await?, false)).into_response())
}

/// `PATCH /webhooks/{webhook}`
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require("webhooks.write")?;
    own(&app, &caller, id).await?;
    let url = match body.text("url")?.flatten() {
        Some(url) => Some(target(&app, &url)?),
        None => None,
    };
    let disabled = body.boolean("disabled")?.flatten();
    let change = WebhookChange { name: name(&body)?, url, events: triggers(&body)?, disabled };
    let changed = app.catalog.change_webhook(caller.workspace, id, &change, app.clock.now_ms()).await?;
    app.hooks.wake();
    Ok(Json(shown(&changed.ok_or_else(no_webhook)?, false)).into_response())
}

/// `DELETE /webhooks/{webhook}`
pub(super) async fn delete(State(app): State<App>, caller: Caller, Named(id): Named) -> Result<Response, ApiError> {
    caller.require("webhooks.write")?;
    own(&app, &caller, id).await?;
    if app.catalog.remove_webhook(caller.workspace, id).await? {
        Ok(Json(json!({ "id": id.to_string() })).into_response())
    } else {
        Err(no_webhook())
    }
}

/// `POST /webhooks/{webhook}/rotate`
pub(super) async fn rotate(State(app): State<App>, caller: Caller, Named(id): Named) -> Result<Response, ApiError> {
    caller.require("webhooks.write")?;
    own(&app, &caller, id).await?;
    let secret = sign::new_secret().ok_or(ApiError::Internal)?;
    let now_ms = app.clock.now_ms();
    let until_ms = now_ms.saturating_add(OLD_SECRET_MS);
    let rotated = app.catalog.rotate_webhook(caller.workspace, id, &secret, until_ms, now_ms).await?;
    let mut object = shown(&rotated.ok_or_else(no_webhook)?, true);
    object["oldSecretUntil"] = instant::format(until_ms).into();
    Ok(Json(object).into_response())
}

fn target(app: &App, url: &str) -> Result<String, ApiError> {
    app.hooks.check_target(url).map_err(|error| {
        ApiError::invalid("custom", "url", format!("Invalid webhook URL: {error}. Given: {}", quoted(url)))
    })
}

fn name(body: &Body) -> Result<Option<String>, ApiError> {
    let Some(name) = body.text("name")?.flatten() else { return Ok(None) };
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_LENGTH {
        let message = format!("expected 1 to {NAME_LENGTH} characters. Given: {}", quoted(name));
        return Err(ApiError::invalid("custom", "name", message));
    }
    Ok(Some(name.to_owned()))
}

fn missing_triggers(message: &str) -> ApiError {
    let known: Vec<&str> = HookEvent::ALL.iter().map(|event| event.name()).collect();
    ApiError::invalid("invalid_value", "triggers", format!("{message}: one or more of {}", known.join(", ")))
}

fn triggers(body: &Body) -> Result<Option<Vec<HookEvent>>, ApiError> {
    let Some(names) = body.texts("triggers")?.flatten() else { return Ok(None) };
    let mut events = Vec::new();
    for name in &names {
        let event = HookEvent::parse(name)
            .ok_or_else(|| missing_triggers(&format!("Unknown trigger {}, allowed are", quoted(name))))?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    if events.is_empty() { Err(missing_triggers("No trigger given, expected")) } else { Ok(Some(events)) }
}

fn no_link() -> ApiError {
    ApiError::NotFound("Link not found.".to_owned())
}

/// What a catalog's refusal to add a webhook means to the caller.
pub(super) fn refused(error: catalog::Error) -> ApiError {
    match error {
        catalog::Error::Missing(what) if what == "link" => no_link(),
        catalog::Error::Taken(what) if what == "webhook_count" => ApiError::Unprocessable(format!(
            "A workspace can have {MAX_WEBHOOKS} webhooks; remove one that is no longer needed."
        )),
        other => other.into(),
    }
}
