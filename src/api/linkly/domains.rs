//! Short domains: `{"domains": [{"name", ...}]}` (Linkly contract, 1.2). A domain goes by its number or its name.
//!
//! Whoever manages domains is an owner of the workspace, because a name is one workspace's alone in the whole installation.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::asking::Asking;
use super::caller::{Caller, Member};
use super::faults::{BLANK, INVALID, Refusal, TAKEN};
use super::link_fields::Fields;
use super::link_rows::writing;
use crate::domain::domain_fields::DomainPatch;
use crate::domain::id::DomainId;
use crate::domain::workspace::Domain;
use crate::holdings;
use crate::web::answer;
use crate::web::error::{ApiError, quoted};
use crate::web::instant;
use crate::web::listing;
use crate::web::params::Params;
use crate::web::state::App;

const COLUMNS: [&str; 6] = ["id", "name", "primary", "verified", "favicon_url", "inserted_at"];
/// Longest name, in characters.
const NAME: usize = 253;

/// `GET /api/v1/workspace/{workspace}/domains`: the primary one first.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("domains.read")?;
    let writing = writing(&app, &params, &headers, "domains")?;
    let domains: Vec<Value> = app.catalog.link_domains(member.workspace).await?.iter().map(object).collect();
    let table = listing::table_for(&writing, &domains, &COLUMNS)?;
    answer::value(&json!({ "domains": domains }), &table, &writing)
}

/// `POST /api/v1/workspace/{workspace}/domains`: adds `name`; point its DNS at this server.
pub(super) async fn create(
    State(app): State<App>,
    Path(workspace): Path<String>,
    asking: Asking,
) -> Result<Json<Value>, Refusal> {
    let member = managing(&asking.caller, &workspace)?;
    let mut fields = Fields::new(&asking.body);
    let name = fields.text("name", NAME).flatten();
    if name.is_none() && !fields.faults.is_on("name") {
        fields.faults.add("name", BLANK, "the domain, such as go.example.com");
    }
    let patch = DomainPatch { favicon_url: fields.address("favicon_url"), ..DomainPatch::default() };
    fields.faults.check()?;
    let name = name.unwrap_or_default();
    let domain = app.holdings.add_domain(member.workspace, name.trim(), false, patch).await.map_err(refusal)?;
    // The next visit may come at once, and to this node; the others hear of it.
    app.reload_domains().await;
    Ok(Json(object(&domain)))
}

/// `PUT /api/v1/workspace/{workspace}/domains/{domain}/favicon`: the picture that browsers show beside its addresses.
/// `favicon_url` is its address; null for none.
pub(super) async fn change_favicon(
    State(app): State<App>,
    Path((workspace, domain)): Path<(String, String)>,
    asking: Asking,
) -> Result<Json<Value>, Refusal> {
    let member = managing(&asking.caller, &workspace)?;
    let domain = find(&app, &member, &domain).await?;
    let mut fields = Fields::new(&asking.body);
    let favicon_url = fields.address("favicon_url");
    if favicon_url.is_none() && !fields.faults.is_on("favicon_url") {
        fields.faults.add(
            "favicon_url",
            BLANK,
            "the address of a picture, such as https://example.com/icon.png, or null",
        );
    }
    fields.faults.check()?;
    let patch = DomainPatch { favicon_url, ..DomainPatch::default() };
    let changed = app.holdings.change_domain(member.workspace, &domain.name, None, patch).await.map_err(refusal)?;
    app.reload_domains().await;
    Ok(Json(object(&changed)))
}

/// `DELETE /api/v1/workspace/{workspace}/domains/{domain}`: the domain with its links, for good; their clicks stay.
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((workspace, domain)): Path<(String, String)>,
) -> Result<Json<String>, Refusal> {
    let member = managing(&caller, &workspace)?;
    let domain = find(&app, &member, &domain).await?;
    let removed = app.holdings.remove_domain(member.workspace, &domain.name).await.map_err(refusal)?;
    app.reload_domains().await;
    Ok(Json(format!("{} was removed with its {} links.", removed.domain.name, removed.links)))
}

fn managing(caller: &Caller, workspace: &str) -> Result<Member, ApiError> {
    let member = caller.workspace(workspace)?;
    member.require("domains.write")?;
    member.require_ownership("Only owners of the workspace may manage its domains.")?;
    Ok(member)
}

/// The domain of the workspace that goes by this number or name.
async fn find(app: &App, member: &Member, given: &str) -> Result<Domain, ApiError> {
    let number = given.trim().parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    let found = match number {
        Some(number) => app.holdings.domain_by_id(member.workspace, DomainId(number)).await,
        None => app.holdings.domain(member.workspace, given).await,
    };
    found.map_err(|error| match error {
        holdings::Error::NoDomain => ApiError::NotFound(format!("Domain not found. Given: {}", quoted(given))),
        other => other.into(),
    })
}

fn refusal(error: holdings::Error) -> Refusal {
    match error {
        holdings::Error::DomainTaken(_) | holdings::Error::DomainClaimed(_) => Refusal::field("name", TAKEN, ""),
        holdings::Error::Invalid { field: "slug", message, .. } => Refusal::field("name", INVALID, message),
        holdings::Error::Invalid { field: "faviconUrl", message, .. } => {
            Refusal::field("favicon_url", INVALID, message)
        }
        other => Refusal::Other(other.into()),
    }
}

fn object(domain: &Domain) -> Value {
    json!({
        "id": domain.id,
        "name": domain.name,
        "primary": domain.primary,
        "verified": domain.is_verified(),
        "favicon_url": domain.fields.favicon_url,
        "inserted_at": instant::format(domain.created_at_ms),
    })
}
