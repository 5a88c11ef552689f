//! `/api/v1/pixels`: pixels that the workspace keeps under a name. `pixelIds` of a link puts them on it: the link gets the
//! network's id, so that a pixel can change or go without a change of the links that have it.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::analytics::writing;
use super::caller::Asker;
use super::error::{invalid, missing};
use super::link_body::pixel_id;
use super::page::{listed, window};
use super::path::Cuid;
use crate::catalog::PixelFields;
use crate::domain::id::PixelId;
use crate::domain::kept_pixel::KeptPixel;
use crate::domain::pixel::Network;
use crate::web::answer;
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};
use crate::web::in_path::InPath;
use crate::web::instant;
use crate::web::listing::table_for;
use crate::web::params::Params;
use crate::web::state::App;

const COLUMNS: &[&str] = &["id", "name", "network", "pixelId", "createdAt", "updatedAt"];

/// `POST /pixels`: `{name, network, pixelId}`.
pub(super) async fn create(
    State(app): State<App>,
    Asker(caller): Asker,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("links.write")?;
    let pixel = app.holdings.add_pixel(caller.workspace, fields(&body, None)?).await?;
    Ok((StatusCode::CREATED, Json(json!({ "pixel": object(&pixel) }))))
}

/// `GET /pixels`: by name; with `network` those of one.
pub(super) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("links.read")?;
    let (writing, window) = (writing(&params, &headers, "pixels")?, window(&params)?);
    let wanted = params.text("network").map(network).transpose()?;
    let mut all = app.holdings.pixels(caller.workspace).await?;
    all.retain(|pixel| wanted.is_none_or(|network| pixel.network == network));
    let total = all.len() as u64;
    let shown = all.iter().skip(window.offset as usize).take(window.size as usize);
    let objects: Vec<Value> = shown.map(object).collect();
    let table = table_for(&writing, &objects, COLUMNS)?;
    answer::value(&listed("pixels", objects, total, window), &table, &writing)
}

/// `GET /pixels/{pixel}`
pub(super) async fn get(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<PixelId>>,
) -> Result<Json<Value>, ApiError> {
    caller.require("links.read")?;
    Ok(Json(json!({ "pixel": object(&app.holdings.pixel(caller.workspace, id).await?) })))
}

/// `PATCH /pixels/{pixel}`
pub(super) async fn update(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<PixelId>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require("links.write")?;
    let known = app.holdings.pixel(caller.workspace, id).await?;
    let pixel = app.holdings.change_pixel(caller.workspace, id, fields(&body, Some(known))?).await?;
    Ok(Json(json!({ "pixel": object(&pixel) })))
}

/// `DELETE /pixels/{pixel}`
pub(super) async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    InPath(Cuid(id)): InPath<Cuid<PixelId>>,
) -> Result<Json<Value>, ApiError> {
    caller.require("links.write")?;
    app.holdings.remove_pixel(caller.workspace, id).await?;
    Ok(Json(json!({ "success": true, "id": id.cuid() })))
}

/// What a pixel is to be; what is absent stays as it is `known`.
fn fields(body: &Body, known: Option<KeptPixel>) -> Result<PixelFields, ApiError> {
    let (name, code) = (body.text("name")?.flatten(), body.text("pixelId")?.flatten());
    let network = body.text("network")?.flatten().map(|name| network(&name)).transpose()?;
    let name = name.or_else(|| known.as_ref().map(|pixel| pixel.name.clone())).ok_or_else(|| missing("name"))?;
    let network = network.or_else(|| known.as_ref().map(|pixel| pixel.network)).ok_or_else(|| missing("network"))?;
    let code = code.or_else(|| known.map(|pixel| pixel.code)).ok_or_else(|| missing("pixelId"))?;
    Ok(PixelFields { name, network, code: pixel_id(network, "pixelId", &code)? })
}

fn network(name: &str) -> Result<Network, ApiError> {
    Network::of_key(&name.to_ascii_lowercase()).ok_or_else(|| {
        let known = Network::ALL.map(Network::key).join(", ");
        invalid("network", format!("expected one of {known}. Given: {}", quoted(name)))
    })
}

fn object(pixel: &KeptPixel) -> Value {
    json!({
        "id": pixel.id.cuid(),
        "name": pixel.name,
        "network": pixel.network.key(),
        "pixelId": pixel.code,
        "createdAt": instant::format(pixel.created_at_ms),
        "updatedAt": instant::format(pixel.updated_at_ms),
    })
}
