//! Dub's endpoints for customers. What they spent is asked of the events.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::customer_body::{self, SortBy};
use super::page_number;
use super::shape_link::short_link;
use crate::catalog::CustomerName;
use crate::conversions::Totals;
use crate::domain::customer::Customer;
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::listing::Listing;
use crate::web::params::Params;
use crate::web::state::App;

/// Columns of the list as CSV and TSV; the first [`PLAIN`] ones unless more is asked for.
const EXPANDED: [&str; 19] = [
    "id",
    "name",
    "email",
    "avatar",
    "externalId",
    "stripeCustomerId",
    "country",
    "sales",
    "saleAmount",
    "saleAmounts",
    "createdAt",
    "firstSaleAt",
    "subscriptionCanceledAt",
    "link.id",
    "link.shortLink",
    "link.url",
    "programId",
    "partner.id",
    "discount",
];
const PLAIN: usize = 13;

/// The customer in the path: an id, or `ext_` and the id in the user's own database. Anything else is no customer.
pub(super) struct Named(CustomerName);

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| no_customer())?;
        let name = match text.strip_prefix("ext_") {
            // Postgres holds no NUL.
            Some(external) if external.contains('\0') => None,
            Some(external) => Some(CustomerName::External(external.to_owned())),
            None => CustomerId::parse(&text).map(CustomerName::Id),
        };
        name.map(Self).ok_or_else(no_customer)
    }
}

fn no_customer() -> ApiError {
    ApiError::NotFound("Customer not found.".to_owned())
}

/// `GET /customers`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    listing: Listing,
) -> Result<Response, ApiError> {
    caller.require("conversions.read")?;
    let (mut query, sort_by) = customer_body::query(&params)?;
    let page = customer_body::page(&params)?;
    let expanded = customer_body::expanded(&params)?;
    if !sort_by.is_by_age() {
        let totals = app.conversions.totals(caller.workspace, None).await?;
        query.by = Some(totals.iter().map(|(id, totals)| (*id, rank(totals, sort_by))).collect());
    }
    let found = app.catalog.customers(caller.workspace, &query, page).await?;
    let customers = found.ok_or_else(page_number::unknown_cursor)?;
    let objects = shown_all(&app, caller.workspace, &customers, expanded).await?;
    listing.answer(&objects, if expanded { &EXPANDED } else { &EXPANDED[..PLAIN] }, "customers")
}

fn rank(totals: &Totals, sort_by: SortBy) -> i64 {
    match sort_by {
        SortBy::SaleAmount => totals.takings.main_amount(),
        SortBy::Created | SortBy::FirstSale | SortBy::Canceled => totals.first_sale_ms.unwrap_or_default(),
    }
}

/// `POST /customers`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("conversions.write")?;
    let expanded = customer_body::expanded(&params)?;
    let new = customer_body::new(&body)?;
    let added = app.catalog.add_customer(caller.workspace, &new, app.clock.now_ms()).await;
    let customer = added.map_err(taken)?;
    Ok((StatusCode::CREATED, shown(&app, caller.workspace, customer, expanded).await?))
}

/// `GET /customers/{customer}`
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    Named(name): Named,
) -> Result<Json<Value>, ApiError> {
    caller.require("conversions.read")?;
    let expanded = customer_body::expanded(&params)?;
    let customer = app.catalog.customer(caller.workspace, &name).await?.ok_or_else(no_customer)?;
    shown(&app, caller.workspace, customer, expanded).await
}

/// `PATCH /customers/{customer}`
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    Named(name): Named,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require("conversions.write")?;
    let expanded = customer_body::expanded(&params)?;
    let change = customer_body::change(&body)?;
    let changed = app.catalog.change_customer(caller.workspace, &name, &change).await.map_err(taken)?;
    shown(&app, caller.workspace, changed.ok_or_else(no_customer)?, expanded).await
}

/// `DELETE /customers/{customer}`
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Named(name): Named,
) -> Result<Json<Value>, ApiError> {
    caller.require("conversions.write")?;
    let id = app.catalog.remove_customer(caller.workspace, &name).await?.ok_or_else(no_customer)?;
    Ok(Json(json!({ "id": id.to_string() })))
}

fn taken(error: crate::catalog::Error) -> ApiError {
    if error.is_taken("customer_external_id") {
        return ApiError::Conflict("A customer with this external ID already exists.".to_owned());
    }
    error.into()
}

async fn shown(app: &App, workspace: WorkspaceId, customer: Customer, expanded: bool) -> Result<Json<Value>, ApiError> {
    let mut objects = shown_all(app, workspace, &[customer], expanded).await?;
    objects.pop().map(Json).ok_or(ApiError::Internal)
}

async fn shown_all(
    app: &App,
    workspace: WorkspaceId,
    customers: &[Customer],
    expanded: bool,
) -> Result<Vec<Value>, ApiError> {
    let ids: Vec<CustomerId> = customers.iter().map(|customer| customer.id).collect();
    let totals: HashMap<CustomerId, Totals> = app.conversions.totals(workspace, Some(&ids)).await?;
    let nothing = Totals::default();
    let totals = |customer: &Customer| totals.get(&customer.id).unwrap_or(&nothing);
    let mut objects: Vec<Value> = customers.iter().map(|customer| object(customer, totals(customer))).collect();
    if expanded {
        let first = |customer: &Customer| customer.first.map(|first| first.link);
        let ids: Vec<LinkId> = customers.iter().filter_map(first).collect();
        let links = app.catalog.links_by_ids(workspace, &ids).await?;
        let links: HashMap<LinkId, Link> = links.into_iter().map(|link| (link.id, link)).collect();
        for (object, customer) in objects.iter_mut().zip(customers) {
            expand(app, object, first(customer).and_then(|link| links.get(&link)));
        }
    }
    Ok(objects)
}

/// Adds the link that brought a customer, and its program and partner, of which only ids are known here. Nobody has a discount.
fn expand(app: &App, object: &mut Value, link: Option<&Link>) {
    let partner = link.and_then(|link| link.fields.partner_id.as_deref());
    let program = link.and_then(|link| link.fields.program_id.as_deref());
    object["link"] = link.map_or(Value::Null, |link| {
        json!({
            "id": link.id.to_string(),
            "domain": link.domain,
            "key": link.slug,
            "shortLink": short_link(app, &link.domain, &link.slug),
            "url": link.fields.url,
            "programId": program,
        })
    });
    object["programId"] = json!(program);
    object["partner"] = partner.map_or(Value::Null, |id| json!({ "id": id, "name": id, "email": null, "image": null }));
    object["discount"] = Value::Null;
}

/// `saleAmounts` is ours: `saleAmount` has room for one currency only.
fn object(customer: &Customer, totals: &Totals) -> Value {
    let profile = &customer.profile;
    json!({
        "id": customer.id.to_string(),
        "name": customer.shown_name(),
        "email": profile.email,
        "avatar": profile.avatar,
        "externalId": profile.external_id,
        "stripeCustomerId": customer.stripe_id,
        "country": customer.country,
        "sales": totals.takings.sales(),
        "saleAmount": totals.takings.main_amount(),
        "saleAmounts": totals.takings.amounts(),
        "createdAt": instant::format(customer.created_at_ms),
        "firstSaleAt": totals.first_sale_ms.map(instant::format),
        "subscriptionCanceledAt": null,
    })
}
