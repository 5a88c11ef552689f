//! Dub's endpoints for short domains.
//!
//! A domain is verified by being here, unless the settings want a proof of all: it answers for every visit that DNS sends to
//! this server. Whoever manages domains is an owner of the workspace, because a name is one workspace's alone in the whole
//! installation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::page_number;
use crate::domain::domain_fields::DomainPatch;
use crate::domain::principal::Role;
use crate::domain::workspace::{Domain, parse_domain_name};
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::in_path::{InPath, Named};
use crate::web::instant;
use crate::web::listing::Listing;
use crate::web::params::Params;
use crate::web::state::App;

/// Entries of a page unless asked otherwise.
const PAGE_SIZE: u32 = 50;
/// Columns of the list as CSV and TSV.
const COLUMNS: [&str; 13] = [
    "id",
    "slug",
    "verified",
    "primary",
    "archived",
    "placeholder",
    "expiredUrl",
    "notFoundUrl",
    "logo",
    "assetLinks",
    "appleAppSiteAssociation",
    "createdAt",
    "updatedAt",
];
/// Longest text to search for, in characters.
const SEARCH_LENGTH: usize = 1_000;
/// Names of one question at most.
const MAX_NAMES: usize = 100;

/// The name of a short domain.
pub(super) struct Name(String);

impl Named for Name {
    fn named(text: &str) -> Option<Self> {
        parse_domain_name(text).map(Self)
    }

    fn missing() -> ApiError {
        ApiError::NotFound("Domain not found.".to_owned())
    }
}

/// Sees that the caller may manage domains.
fn require_management(caller: &Caller) -> Result<(), ApiError> {
    caller.require("domains.write")?;
    if caller.role < Role::Owner {
        return Err(ApiError::Forbidden("Only owners of the workspace may manage its domains.".to_owned()));
    }
    Ok(())
}

/// `POST /domains`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    require_management(&caller)?;
    let name = slug(&body)?.ok_or_else(|| ApiError::invalid("invalid_type", "slug", "slug is required"))?;
    let domain = app.holdings.add_domain(caller.workspace, &name, false, patch(&body)?).await?;
    // The next visit may come at once, and to this node; the others hear of it.
    app.reload_domains().await;
    Ok((StatusCode::CREATED, Json(object(&domain))))
}

/// `GET /domains`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    listing: Listing,
) -> Result<Response, ApiError> {
    caller.require("domains.read")?;
    let archived = params.boolean("archived")?.unwrap_or(false);
    let (search, window) = (params.text_within("search", SEARCH_LENGTH)?, page_number::window(&params, PAGE_SIZE)?);
    let domains = app.holdings.domains(caller.workspace, archived, search, window).await?;
    let objects: Vec<Value> = domains.iter().map(object).collect();
    listing.answer(&objects, &COLUMNS, "domains")
}

/// `GET /domains/{slug}`
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    InPath(Name(name)): InPath<Name>,
) -> Result<Json<Value>, ApiError> {
    caller.require("domains.read")?;
    Ok(Json(object(&app.holdings.domain(caller.workspace, &name).await?)))
}

/// `PATCH /domains/{slug}` and `PUT /domains/{slug}`
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    InPath(Name(name)): InPath<Name>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    require_management(&caller)?;
    let (new_name, patch) = (slug(&body)?, patch(&body)?);
    let domain = app.holdings.change_domain(caller.workspace, &name, new_name.as_deref(), patch).await?;
    app.reload_domains().await;
    Ok(Json(object(&domain)))
}

/// `DELETE /domains/{slug}`: the domain and its links. `deletedLinks` is ours: how many those were.
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    InPath(Name(name)): InPath<Name>,
) -> Result<Json<Value>, ApiError> {
    require_management(&caller)?;
    let removed = app.holdings.remove_domain(caller.workspace, &name).await?;
    app.reload_domains().await;
    Ok(Json(json!({ "slug": removed.domain.name, "deletedLinks": removed.links })))
}

/// `POST /domains/{slug}/primary`: new links get this domain when none is named.
pub(super) async fn make_primary(
    State(app): State<App>,
    caller: Caller,
    InPath(Name(name)): InPath<Name>,
) -> Result<Json<Value>, ApiError> {
    require_management(&caller)?;
    Ok(Json(object(&app.holdings.make_primary(caller.workspace, &name).await?)))
}

/// `GET /domains/status`: whether each of `domains` could be added here. Nothing is sold, so nothing has a price.
pub(super) async fn status(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Vec<Value>>, ApiError> {
    caller.require("domains.read")?;
    // One list with commas, or the parameter several times.
    let names = params.all("domains").flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(ApiError::invalid("invalid_type", "domains", "domains is required: names separated by commas"));
    }
    if names.len() > MAX_NAMES {
        let message = format!("Too big: expected array to have <={MAX_NAMES} items. Given: {}", names.len());
        return Err(ApiError::invalid("too_big", "domains", message));
    }
    let free = app.holdings.are_free(&names).await?;
    let entry = |(name, available): (&String, bool)| json!({ "domain": name, "available": available, "premium": null, "prices": null, "price": null });
    Ok(Json(names.iter().zip(free).map(entry).collect()))
}

/// `POST /domains/register`: a purchase, which no installation can make.
pub(super) async fn register(caller: Caller) -> Result<Json<Value>, ApiError> {
    require_management(&caller)?;
    Err(ApiError::Forbidden(
        "Domains cannot be bought here. Register the name with a registrar, point its DNS at this server, and add it with \
         POST /domains."
            .to_owned(),
    ))
}

fn slug(body: &Body) -> Result<Option<String>, ApiError> {
    Ok(body.text("slug")?.flatten())
}

fn patch(body: &Body) -> Result<DomainPatch, ApiError> {
    Ok(DomainPatch {
        archived: body.boolean("archived")?.flatten(),
        placeholder: body.text("placeholder")?,
        expired_url: body.text("expiredUrl")?,
        not_found_url: body.text("notFoundUrl")?,
        logo: body.text("logo")?,
        asset_links: body.text("assetLinks")?,
        apple_app_site_association: body.text("appleAppSiteAssociation")?,
        ..DomainPatch::default()
    })
}

fn object(domain: &Domain) -> Value {
    let fields = &domain.fields;
    json!({
        "id": domain.id.to_string(),
        "slug": domain.name,
        "verified": domain.is_verified(),
        "primary": domain.primary,
        "archived": fields.archived,
        "placeholder": fields.placeholder,
        "expiredUrl": fields.expired_url,
        "notFoundUrl": fields.not_found_url,
        "logo": fields.logo,
        "assetLinks": fields.asset_links,
        "appleAppSiteAssociation": fields.apple_app_site_association,
        "linkRetentionDays": null,
        "createdAt": instant::format(domain.created_at_ms),
        "updatedAt": instant::format(domain.updated_at_ms),
        "registeredDomain": null,
    })
}
