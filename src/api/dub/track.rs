//! `POST /track/lead` and `POST /track/sale`: reported by the user's own server, with a key. `POST /track/lead/client` and
//! `POST /track/sale/client`: the same of a page, with a publishable key.
//!
//! Every mode is answered when the event is on disk, so `async` and `wait` are the same here.
//!
//! Whoever sees a page has its key. So a page is answered in the words that it sent: of what is known of customers and their
//! invoices besides, it learns nothing.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::shape_link::short_link;
use super::track_body;
use crate::conversions::{LeadOutcome, NewSale, SaleRecord, ShownCustomer};
use crate::domain::id::WorkspaceId;
use crate::domain::link::Link;
use crate::web::body::Body;
use crate::web::caller::{Caller, PageCaller};
use crate::web::error::ApiError;
use crate::web::state::App;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// The user's own server, which knows its customers.
    Server,
    /// Anybody.
    Page,
}

/// `POST /track/lead`
pub(super) async fn lead(State(app): State<App>, caller: Caller, body: Body) -> Result<Json<Value>, ApiError> {
    caller.require_reporting()?;
    told_lead(&app, caller.workspace, &body, Reader::Server).await
}

/// `POST /track/lead/client`
pub(super) async fn lead_of_page(
    State(app): State<App>,
    page: PageCaller,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    told_lead(&app, page.workspace, &body, Reader::Page).await
}

async fn told_lead(app: &App, workspace: WorkspaceId, body: &Body, reader: Reader) -> Result<Json<Value>, ApiError> {
    let new = track_body::lead(body)?;
    let sent = new.customer.clone();
    let LeadOutcome { record, link } = app.conversions.lead(workspace, new).await?;
    let profile = if reader == Reader::Page { &sent } else { &record.customer.profile };
    Ok(Json(json!({
        "click": { "id": app.clicks.public(record.click) },
        "link": link.map(|link| link_of_lead(app, &link)),
        "customer": {
            "name": profile.name,
            "email": profile.email,
            "avatar": profile.avatar,
            "externalId": profile.external_id,
        },
    })))
}

/// `POST /track/sale`
pub(super) async fn sale(State(app): State<App>, caller: Caller, body: Body) -> Result<Json<Value>, ApiError> {
    caller.require_reporting()?;
    told_sale(&app, caller.workspace, &body, Reader::Server).await
}

/// `POST /track/sale/client`
pub(super) async fn sale_of_page(
    State(app): State<App>,
    page: PageCaller,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    told_sale(&app, page.workspace, &body, Reader::Page).await
}

async fn told_sale(app: &App, workspace: WorkspaceId, body: &Body, reader: Reader) -> Result<Json<Value>, ApiError> {
    let sent = track_body::sale(body)?;
    let name = sent.name.clone();
    // Nothing was sold.
    let record = if sent.amount == 0 { None } else { app.conversions.sale(workspace, sent.clone()).await? };
    let record = if reader == Reader::Page { record.and_then(|record| as_sent(&record, sent)) } else { record };
    Ok(Json(match record {
        Some(record) => shown_sale(&record),
        None => json!({ "eventName": name, "customer": null, "sale": null }),
    }))
}

/// A recorded sale in the words of who reported it; `None` when the invoice is one of another customer.
fn as_sent(record: &SaleRecord, sent: NewSale) -> Option<SaleRecord> {
    let is_theirs = record.customer.profile.external_id == sent.customer.external_id;
    is_theirs.then_some(SaleRecord {
        name: sent.name,
        customer: ShownCustomer { id: record.customer.id, profile: sent.customer },
        amount: sent.amount,
        currency: sent.currency,
        processor: sent.processor,
        invoice: sent.invoice,
        metadata: sent.metadata,
    })
}

fn shown_sale(record: &SaleRecord) -> Value {
    let ShownCustomer { id, profile } = &record.customer;
    json!({
        "eventName": record.name,
        "customer": {
            "id": id.to_string(),
            "name": profile.name,
            "email": profile.email,
            "avatar": profile.avatar,
            "externalId": profile.external_id,
        },
        "sale": {
            "amount": record.amount,
            "currency": record.currency,
            "paymentProcessor": record.processor,
            "invoiceId": record.invoice,
            "metadata": record.metadata,
        },
    })
}

fn link_of_lead(app: &App, link: &Link) -> Value {
    json!({
        "id": link.id.to_string(),
        "domain": link.domain,
        "key": link.slug,
        "shortLink": short_link(app, &link.domain, &link.slug),
        "url": link.fields.url,
        "partnerId": link.fields.partner_id,
        "programId": link.fields.program_id,
        "tenantId": link.fields.tenant_id,
        "externalId": link.fields.external_id,
    })
}
