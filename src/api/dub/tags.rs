//! Dub's endpoints for tags.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::page_number;
use crate::catalog::TagQuery;
use crate::domain::id::TagId;
use crate::domain::tag::{Tag, TagColor};
use crate::holdings::TagChange;
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::{ApiError, quoted};
use crate::web::in_path::InPath;
use crate::web::listing::Listing;
use crate::web::params::Params;
use crate::web::state::App;

/// Entries of a page unless asked otherwise.
const PAGE_SIZE: u32 = 100;
/// Columns of the list as CSV and TSV.
const COLUMNS: [&str; 3] = ["id", "name", "color"];
/// Longest text to search for, in characters.
const SEARCH_LENGTH: usize = 1_000;

/// `POST /tags`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("tags.write")?;
    let tag = app.holdings.add_tag(caller.workspace, change(&body)?).await?;
    Ok((StatusCode::CREATED, Json(object(&tag))))
}

/// `GET /tags`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    listing: Listing,
) -> Result<Response, ApiError> {
    caller.require("tags.read")?;
    let query = query(&params)?;
    let tags = app.holdings.tags(caller.workspace, &query, page_number::window(&params, PAGE_SIZE)?).await?;
    let objects: Vec<Value> = tags.iter().map(object).collect();
    listing.answer(&objects, &COLUMNS, "tags")
}

/// `GET /tags/{tag}`
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    InPath(id): InPath<TagId>,
) -> Result<Json<Value>, ApiError> {
    caller.require("tags.read")?;
    Ok(Json(object(&app.holdings.tag(caller.workspace, id).await?)))
}

/// `PATCH /tags/{tag}` and `PUT /tags/{tag}`
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    InPath(id): InPath<TagId>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require("tags.write")?;
    Ok(Json(object(&app.holdings.change_tag(caller.workspace, id, change(&body)?).await?)))
}

/// `DELETE /tags/{tag}`
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    InPath(id): InPath<TagId>,
) -> Result<Json<Value>, ApiError> {
    caller.require("tags.write")?;
    app.holdings.remove_tag(caller.workspace, id).await?;
    Ok(Json(json!({ "id": id.to_string() })))
}

/// `name`, else the older `tag`, and `color`.
fn change(body: &Body) -> Result<TagChange, ApiError> {
    let name = match body.text("name")?.flatten() {
        Some(name) => Some(name),
        None => body.text("tag")?.flatten(),
    };
    let color = match body.text("color")?.flatten() {
        Some(given) => Some(TagColor::parse(&given).ok_or_else(|| unknown_color(&given))?),
        None => None,
    };
    Ok(TagChange { name, color })
}

fn unknown_color(given: &str) -> ApiError {
    let known: Vec<String> = TagColor::ALL.iter().map(|color| format!("\"{}\"", color.name())).collect();
    let message = format!("Invalid option: expected one of {}. Given: {}", known.join("|"), quoted(given));
    ApiError::invalid("invalid_value", "color", message)
}

fn query(params: &Params) -> Result<TagQuery, ApiError> {
    // One list with commas, or the parameter several times: the clients do both.
    let ids: Vec<&str> = params.all("ids").flat_map(|list| list.split(',')).filter(|id| !id.is_empty()).collect();
    Ok(TagQuery {
        search: params.text_within("search", SEARCH_LENGTH)?.map(str::to_owned),
        // What is no id of ours names no tag.
        ids: (!ids.is_empty()).then(|| ids.into_iter().filter_map(TagId::parse).collect()),
        by_age: params.one_of("sortBy", &[("name", false), ("createdAt", true)])?.unwrap_or(false),
        descending: params.one_of("sortOrder", &[("asc", false), ("desc", true)])?.unwrap_or(false),
    })
}

fn object(tag: &Tag) -> Value {
    json!({ "id": tag.id.to_string(), "name": tag.name, "color": tag.color.name() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_as_a_list_or_as_several() {
        let asked = |text: &str| query(&Params::parse(text).unwrap()).unwrap().ids;
        let (one, two) = (TagId(1), TagId(2));
        assert_eq!(asked(&format!("ids={one},{two}")), Some(vec![one, two]));
        assert_eq!(asked(&format!("ids={one}&ids={two}")), Some(vec![one, two]));
        assert_eq!(asked("ids=tag_x"), Some(vec![]));
        assert_eq!(asked("ids="), None);
    }

    #[test]
    fn older_names_and_unknown_colors() {
        let read = |text: &str| change(&Body::parse(text.as_bytes()).unwrap());
        assert_eq!(read(r#"{"tag": "a", "color": "pink"}"#).unwrap().name.as_deref(), Some("a"));
        assert_eq!(read(r#"{"tag": "a", "name": "b"}"#).unwrap().name.as_deref(), Some("b"));
        let message = read(r#"{"color": "black"}"#).unwrap_err().to_string();
        assert!(message.starts_with("invalid_value: color: Invalid option: expected one of \"red\"|"), "{message}");
    }
}
