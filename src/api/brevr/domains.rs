//! `/api/v1/domains`: short domains, which answer and take links once a TXT record proved whose they are. Whoever manages
//! them is an owner of the workspace, as on every surface.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::analytics::writing;
use super::caller::Asker;
use super::error::missing;
use super::page::{listed, window};
use super::path::Cuid;
use crate::domain::domain_fields::DomainPatch;
use crate::domain::id::DomainId;
use crate::domain::principal::Role;
use crate::domain::workspace::Domain;
use crate::holdings::{self, Verification};
use crate::web::answer;
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::in_path::InPath;
use crate::web::instant;
use crate::web::listing::table_for;
use crate::web::params::Params;
use crate::web::state::App;

/// What is shown of texts that are not the proof.
const MOST_FOUND: usize = 10;
const FOUND_LENGTH: usize = 255;
const COLUMNS: &[&str] =
    &["id", "domain", "verified", "status", "primary", "createdAt", "verification.name", "verification.value"];

fn require_management(caller: &Caller) -> Result<(), ApiError> {
    caller.require("domains.write")?;
    if caller.role < Role::Owner {
        return Err(ApiError::Forbidden("Only owners of the workspace may manage its domains.".to_owned()));
    }
    Ok(())
}

/// A refusal with the names that the fields have here.
fn refusal(error: holdings::Error) -> ApiError {
    match error {
        holdings::Error::Invalid { code, field: "slug", message } => ApiError::invalid(code, "domain", message),
        other => other.into(),
    }
}

/// `POST /domains`: `{domain, expiredUrl?, notFoundUrl?}`; `name` says the same as `domain`.
pub(super) async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    require_management(&caller)?;
    let name = match body.text("domain")?.flatten() {
        Some(name) => Some(name),
        None => body.text("name")?.flatten(),
    };
    let name = name.filter(|name| !name.trim().is_empty()).ok_or_else(|| missing("domain"))?;
    let patch = DomainPatch {
        expired_url: body.text("expiredUrl")?,
        not_found_url: body.text("notFoundUrl")?,
        ..DomainPatch::default()
    };
    let domain = app.holdings.claim_domain(caller.workspace, &name, patch).await.map_err(refusal)?;
    if domain.is_verified() {
        app.reload_domains().await;
    }
    Ok((StatusCode::CREATED, Json(json!({ "domain": object(&app, &domain).await? }))))
}

/// `GET /domains`: the primary one first; archived ones too.
pub(super) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: axum::http::HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("domains.read")?;
    let (writing, window) = (writing(&params, &headers, "domains")?, window(&params)?);
    let all = app.catalog.link_domains(caller.workspace).await?;
    let mut objects = Vec::new();
    for domain in all.iter().skip(window.offset as usize).take(window.size as usize) {
        objects.push(object(&app, domain).await?);
    }
    let table = table_for(&writing, &objects, COLUMNS)?;
    answer::value(&listed("domains", objects, all.len() as u64, window), &table, &writing)
}

/// `GET /domains/{domain}`
pub(super) async fn get(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<DomainId>>,
) -> Result<Json<Value>, ApiError> {
    caller.require("domains.read")?;
    let domain = app.holdings.domain_by_id(caller.workspace, id).await?;
    Ok(Json(json!({ "domain": object(&app, &domain).await? })))
}

/// `DELETE /domains/{domain}`: the domain and its links.
pub(super) async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<DomainId>>,
) -> Result<Json<Value>, ApiError> {
    require_management(&caller)?;
    let domain = app.holdings.domain_by_id(caller.workspace, id).await?;
    let removed = app.holdings.remove_domain(caller.workspace, &domain.name).await?;
    app.reload_domains().await;
    Ok(Json(json!({ "success": true, "id": removed.domain.id.cuid(), "deletedLinks": removed.links })))
}

/// `POST /domains/{domain}/verify`: looks for the proof. That it is not there is an answer, not a failure: `verified` is
/// false then, and `verification` tells what was found instead.
pub(super) async fn verify(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<DomainId>>,
) -> Result<Json<Value>, ApiError> {
    require_management(&caller)?;
    let (domain, found) = match app.holdings.verify_domain(caller.workspace, id).await? {
        Verification::Verified(domain) => {
            // The next visit may come at once, and to this node; the others hear of it.
            app.reload_domains().await;
            (domain, None)
        }
        Verification::Pending { domain, found } => (domain, Some(found)),
    };
    let mut object = object(&app, &domain).await?;
    if let Some(found) = found {
        let message = if found.is_empty() {
            "there is no such record yet; name servers may take some minutes to see a new one"
        } else {
            "the record is there with another text"
        };
        let found = found.into_iter().take(MOST_FOUND).map(|text| text.chars().take(FOUND_LENGTH).collect::<String>());
        object["verification"]["found"] = found.collect::<Vec<_>>().into();
        object["verification"]["message"] = message.into();
    }
    Ok(Json(json!({ "domain": object })))
}

async fn object(app: &App, domain: &Domain) -> Result<Value, ApiError> {
    let verified = domain.is_verified();
    let record = match verified {
        true => None,
        false => Some(app.holdings.domain_record(domain.workspace, &domain.name).await?),
    };
    let verification = record.map(|record| json!({ "type": "TXT", "name": record.name, "value": record.value }));
    Ok(json!({
        "id": domain.id.cuid(),
        "domain": domain.name,
        "verified": verified,
        "status": if verified { "verified" } else { "pending" },
        "verifiedAt": domain.verified_at_ms.map(instant::format),
        "verification": verification,
        "primary": domain.primary,
        "archived": domain.fields.archived,
        "expiredUrl": domain.fields.expired_url,
        "notFoundUrl": domain.fields.not_found_url,
        "workspaceId": domain.workspace.cuid(),
        "createdAt": instant::format(domain.created_at_ms),
        "updatedAt": instant::format(domain.updated_at_ms),
    }))
}
