//! `/api/v1/tags`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::analytics::writing;
use super::caller::Asker;
use super::error::{invalid, missing};
use super::page::{listed, window};
use super::path::Cuid;
use crate::catalog::TagQuery;
use crate::domain::id::TagId;
use crate::domain::tag::{Tag, TagColor};
use crate::holdings::TagChange;
use crate::web::answer;
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};
use crate::web::in_path::InPath;
use crate::web::listing::table_for;
use crate::web::params::Params;
use crate::web::state::App;

/// Longest text to search for, in characters.
const SEARCH_LENGTH: usize = 1_000;
const COLUMNS: &[&str] = &["id", "name", "color"];

/// `POST /tags`: `{name, color?}`.
pub(super) async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("tags.write")?;
    let change = change(&body)?;
    if change.name.is_none() {
        return Err(missing("name"));
    }
    let tag = app.holdings.add_tag(caller.workspace, change).await?;
    Ok((StatusCode::CREATED, Json(json!({ "tag": object(&tag) }))))
}

/// `GET /tags`: by name; with `search` those whose name holds it.
pub(super) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("tags.read")?;
    let (writing, window) = (writing(&params, &headers, "tags")?, window(&params)?);
    let search = params.text_within("search", SEARCH_LENGTH)?.map(str::to_owned);
    let query = TagQuery { search, ..TagQuery::default() };
    let (tags, total) = tokio::try_join!(
        app.holdings.tags(caller.workspace, &query, window),
        app.holdings.count_tags(caller.workspace, &query)
    )?;
    let objects: Vec<Value> = tags.iter().map(object).collect();
    let table = table_for(&writing, &objects, COLUMNS)?;
    answer::value(&listed("tags", objects, total, window), &table, &writing)
}

/// `GET /tags/{tag}`
pub(super) async fn get(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<TagId>>,
) -> Result<Json<Value>, ApiError> {
    caller.require("tags.read")?;
    Ok(Json(json!({ "tag": object(&app.holdings.tag(caller.workspace, id).await?) })))
}

/// `PATCH /tags/{tag}`
pub(super) async fn update(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<TagId>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require("tags.write")?;
    Ok(Json(json!({ "tag": object(&app.holdings.change_tag(caller.workspace, id, change(&body)?).await?) })))
}

/// `DELETE /tags/{tag}`: its links stay, without it.
pub(super) async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<TagId>>,
) -> Result<Json<Value>, ApiError> {
    caller.require("tags.write")?;
    app.holdings.remove_tag(caller.workspace, id).await?;
    Ok(Json(json!({ "success": true, "id": id.cuid() })))
}

fn change(body: &Body) -> Result<TagChange, ApiError> {
    let color = match body.text("color")?.flatten() {
        None => None,
        Some(given) => Some(TagColor::parse(&given.to_ascii_lowercase()).ok_or_else(|| {
            let known = TagColor::ALL.map(TagColor::name).join(", ");
            invalid("color", format!("expected one of {known}. Given: {}", quoted(&given)))
        })?),
    };
    Ok(TagChange { name: body.text("name")?.flatten(), color })
}

fn object(tag: &Tag) -> Value {
    json!({ "id": tag.id.cuid(), "name": tag.name, "color": tag.color.name() })
}
