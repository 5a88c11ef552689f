//! `/api/v1/links` and `/api/v1/links/{link}` (Brevr contract, 3.2).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::caller::Asker;
use super::error::{invalid, refusal};
use super::link_body::{self, Asked};
use super::link_list;
use super::page::{listed, window};
use super::path::Cuid;
use super::shape_link::{COLUMNS, LinkContext};
use crate::catalog::{Cursor, Page};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::encode::Format;
use crate::links::{LinkChange, LinkName};
use crate::web::answer::{self, Writing};
use crate::web::body::Body;
use crate::web::error::ApiError;
use crate::web::in_path::InPath;
use crate::web::listing::table_for;
use crate::web::params::Params;
use crate::web::state::App;

use super::analytics::accept;

/// `POST /links`
pub(super) async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("links.write")?;
    let asked = link_body::new_link(&body, &app.hooks, app.clock.now_ms())?;
    let mut change = with_pixels(&app, caller.workspace, asked).await?;
    let patch = &mut change.patch;
    let says_something = |text: &Option<Option<String>>| text.as_ref().is_some_and(Option::is_some);
    patch.custom_preview = Some(says_something(&patch.description) || says_something(&patch.image));
    let link = app.links.create(caller.workspace, Some(caller.principal.user), change).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, shown(&app, &link).await?))
}

/// `GET /links`
pub(super) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: axum::http::HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("links.read")?;
    let writing = Writing {
        format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(accept(&headers))),
        spreadsheet_safe: params.boolean("spreadsheetSafe")?.unwrap_or(false),
        file_name: "links".to_owned(),
    };
    let (query, window) = (link_list::query(&app, caller.workspace, &params).await?, window(&params)?);
    let page = Page { cursor: Cursor::Offset(window.offset), size: window.size };
    let (links, total) =
        tokio::try_join!(app.links.list(caller.workspace, &query, page), app.links.count(caller.workspace, &query))
            .map_err(refusal)?;
    let context = LinkContext::of(&app, caller.workspace, &links).await?;
    let objects = links.iter().map(|link| serde_json::to_value(context.object(&app, link)));
    let objects: Vec<Value> = objects.collect::<Result<_, _>>().map_err(|_| ApiError::Internal)?;
    let table = table_for(&writing, &objects, COLUMNS)?;
    answer::value(&listed("links", objects, total, window), &table, &writing)
}

/// `GET /links/{link}`
pub(super) async fn get(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<LinkId>>,
) -> Result<Json<Value>, ApiError> {
    caller.require("links.read")?;
    let link = app.links.get(caller.workspace, &LinkName::Id(id)).await.map_err(refusal)?;
    shown(&app, &link).await
}

/// `PATCH /links/{link}`
pub(super) async fn update(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<LinkId>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require("links.write")?;
    let name = LinkName::Id(id);
    let link = app.links.get(caller.workspace, &name).await.map_err(refusal)?;
    let asked = link_body::changed_link(&body, &app.hooks, app.clock.now_ms())?;
    let mut change = with_pixels(&app, caller.workspace, asked).await?;
    // An address goes with its kind, and what is shown to social networks with whether anything is.
    let patch = &mut change.patch;
    if patch.kind.is_some_and(|kind| kind != link.fields.kind) && patch.url.is_none() {
        return Err(invalid("linkType", "another type needs another url: send both"));
    }
    if patch.description.is_some() || patch.image.is_some() {
        let description = patch.description.as_ref().unwrap_or(&link.fields.description);
        let image = patch.image.as_ref().unwrap_or(&link.fields.image);
        patch.custom_preview = Some(description.is_some() || image.is_some());
    }
    if patch.disabled_at_ms == Some(None) {
        require_clicks(&app, &link, patch.max_clicks.unwrap_or(link.fields.max_clicks)).await?;
    }
    let link = app.links.update(caller.workspace, &name, change).await.map_err(refusal)?;
    shown(&app, &link).await
}

/// Sees that a link is active once it is said to be: under this limit it has clicks to give.
async fn require_clicks(app: &App, link: &Link, limit: Option<u64>) -> Result<(), ApiError> {
    let Some(limit) = limit else { return Ok(()) };
    match app.catalog.taken_clicks(link.workspace, link.id).await? {
        Some(taken) if taken >= limit => Err(invalid(
            "isActive",
            format!(
                "all {limit} clicks of the link are used up: raise maxClicks above {taken}, or send null for no limit"
            ),
        )),
        _ => Ok(()),
    }
}

/// `DELETE /links/{link}`: for good; what came of it stays.
pub(super) async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<LinkId>>,
) -> Result<Response, ApiError> {
    caller.require("links.write")?;
    let link = app.links.delete(caller.workspace, &LinkName::Id(id)).await.map_err(refusal)?;
    Ok(Json(json!({ "success": true, "id": link.id.cuid() })).into_response())
}

/// What is asked of a link, with the ids behind the workspace's pixels. A network's own field wins over them.
pub(super) async fn with_pixels(app: &App, workspace: WorkspaceId, asked: Asked) -> Result<LinkChange, ApiError> {
    let Asked { mut change, pixels } = asked;
    if pixels.is_empty() {
        return Ok(change);
    }
    let found = app.catalog.pixels_by_ids(workspace, &pixels).await?;
    for id in pixels {
        let pixel = found.iter().find(|pixel| pixel.id == id).ok_or_else(|| {
            invalid("pixelIds", format!("there are no such pixels in this workspace: \"{}\"", id.cuid()))
        })?;
        change.pixels.entry(pixel.network.key().to_owned()).or_insert_with(|| Some(pixel.code.clone()));
    }
    Ok(change)
}

async fn shown(app: &App, link: &Link) -> Result<Json<Value>, ApiError> {
    let context = LinkContext::in_detail(app, link).await?;
    Ok(Json(json!({ "link": context.detail(app, link) })))
}
