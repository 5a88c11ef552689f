//! `POST /api/v1/links/bulk`: many links on one domain (Brevr contract, 3.2). Three calls a minute and workspace.
//!
//! Each link is made or refused on its own. On a domain that is not verified they would be pending; such a domain takes no
//! links here, so the call is refused and none ever is.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::caller::Asker;
use super::error::{invalid, missing, refusal};
use super::link_body;
use super::links::with_pixels;
use crate::domain::link::Link;
use crate::domain::workspace::Domain;
use crate::links::{LinkChange, MAX_LINKS, SlugChoice};
use crate::web::body::{Body, expected};
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::limits::Charge;
use crate::web::meter::Meter;
use crate::web::short_link::short_link;
use crate::web::state::App;

/// Answers one call. Fields of a link are those of `POST /links`.
pub(super) async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    meter: Meter,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("links.write")?;
    meter.charge(&app, Charge::Bulk(caller.workspace))?;
    let domain = body.text("domain")?.flatten().filter(|name| !name.is_empty()).ok_or_else(|| missing("domain"))?;
    let domain = app.links.domain(caller.workspace, &domain).await.map_err(refusal)?;
    let items = body.list("links")?.flatten().ok_or_else(|| missing("links"))?;
    if items.is_empty() || items.len() > MAX_LINKS {
        return Err(invalid("links", format!("expected 1 to {MAX_LINKS} links. Given: {}", items.len())));
    }
    let mut failed = Vec::new();
    let (mut places, mut changes): (Vec<usize>, Vec<LinkChange>) = (Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        match read(&app, &caller, place, item, &domain.name).await {
            Ok(change) if is_twin(&domain, &changes, &change) => {
                failed.push(entry(place, item, "customSlug: another link of this call has this short code"));
            }
            Ok(change) => {
                places.push(place);
                changes.push(change);
            }
            // A store that is silent is no fault of the link's.
            Err(error @ (ApiError::Unavailable(_) | ApiError::Internal)) => return Err(error),
            Err(error) => failed.push(entry(place, item, &told(&error))),
        }
    }
    let outcomes =
        app.links.create_many(caller.workspace, Some(caller.principal.user), changes).await.map_err(refusal)?;
    let mut links = Vec::with_capacity(outcomes.len());
    for (place, outcome) in places.into_iter().zip(outcomes) {
        match outcome {
            Ok(link) => links.push(shown(&app, &link)),
            Err(error) => failed.push(entry(place, &items[place], &told(&refusal(error)))),
        }
    }
    failed.sort_by_key(|failure| failure["index"].as_u64());
    let made = links.len();
    let answer = json!({ "created": made, "activeCount": made, "pendingCount": 0, "failed": failed, "links": links });
    Ok((if made > 0 { StatusCode::CREATED } else { StatusCode::OK }, Json(answer)))
}

async fn read(app: &App, caller: &Caller, place: usize, item: &Value, domain: &str) -> Result<LinkChange, ApiError> {
    let Value::Object(fields) = item else {
        return Err(ApiError::invalid("invalid_type", format!("links.{place}"), expected("object", item)));
    };
    let mut fields = fields.clone();
    fields.insert("domain".to_owned(), domain.into());
    let body = Body::from(fields);
    let asked = link_body::new_link(&body, &app.hooks, app.clock.now_ms())?;
    let mut change = with_pixels(app, caller.workspace, asked).await?;
    let patch = &mut change.patch;
    patch.custom_preview =
        Some([&patch.description, &patch.image].into_iter().any(|text| matches!(text, Some(Some(_)))));
    Ok(change)
}

/// Whether one of the links before has the same short code.
fn is_twin(domain: &Domain, changes: &[LinkChange], change: &LinkChange) -> bool {
    let fixed = |change: &LinkChange| match &change.slug {
        SlugChoice::Fixed(slug) => Some(domain.slug_key(slug.trim_matches('/'))),
        SlugChoice::Keep | SlugChoice::Random { .. } => None,
    };
    let slug = fixed(change);
    slug.is_some() && changes.iter().any(|other| fixed(other) == slug)
}

fn told(error: &ApiError) -> String {
    match error {
        ApiError::Invalid { field, message, .. } => format!("{field}: {message}"),
        other => other.to_string(),
    }
}

fn entry(place: usize, item: &Value, error: &str) -> Value {
    json!({ "index": place, "url": item.get("url"), "customSlug": item.get("customSlug"), "error": error })
}

fn shown(app: &App, link: &Link) -> Value {
    json!({
        "id": link.id.cuid(),
        "shortCode": link.slug,
        "shortUrl": short_link(app, &link.domain, &link.slug),
        "url": link.fields.url,
        "domain": link.domain,
        "pendingVerification": false,
    })
}
