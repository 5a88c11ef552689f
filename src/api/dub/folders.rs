//! Dub's endpoints for folders.
//!
//! Everybody in the workspace has the access that their role gives them, so `accessLevel` is always `write`; another one,
//! which would promise what is not kept, is refused.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::page_number;
use crate::catalog::FolderChange;
use crate::domain::id::FolderId;
use crate::domain::tag::Folder;
use crate::holdings::NewFolder;
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::{ApiError, quoted};
use crate::web::in_path::InPath;
use crate::web::instant;
use crate::web::listing::Listing;
use crate::web::params::Params;
use crate::web::state::App;

/// Entries of a page unless asked otherwise.
const PAGE_SIZE: u32 = 50;
/// Columns of the list as CSV and TSV.
const COLUMNS: [&str; 7] = ["id", "name", "description", "type", "accessLevel", "createdAt", "updatedAt"];
/// Longest text to search for, in characters.
const SEARCH_LENGTH: usize = 1_000;

/// `POST /folders`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("folders.write")?;
    let FolderChange { name, description } = change(&body)?;
    let name = name.ok_or_else(|| ApiError::invalid("invalid_type", "name", "name is required"))?;
    let new = NewFolder { name, description: description.flatten() };
    let folder = app.holdings.add_folder(caller.workspace, new).await?;
    Ok((StatusCode::CREATED, Json(object(&folder))))
}

/// `GET /folders`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    listing: Listing,
) -> Result<Response, ApiError> {
    caller.require("folders.read")?;
    let (search, window) = (params.text_within("search", SEARCH_LENGTH)?, page_number::window(&params, PAGE_SIZE)?);
    let folders = app.holdings.folders(caller.workspace, search, window).await?;
    let objects: Vec<Value> = folders.iter().map(object).collect();
    listing.answer(&objects, &COLUMNS, "folders")
}

/// `GET /folders/{folder}`
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    InPath(id): InPath<FolderId>,
) -> Result<Json<Value>, ApiError> {
    caller.require("folders.read")?;
    Ok(Json(object(&app.holdings.folder(caller.workspace, id).await?)))
}

/// `PATCH /folders/{folder}` and `PUT /folders/{folder}`
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    InPath(id): InPath<FolderId>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    caller.require("folders.write")?;
    Ok(Json(object(&app.holdings.change_folder(caller.workspace, id, change(&body)?).await?)))
}

/// `DELETE /folders/{folder}`
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    InPath(id): InPath<FolderId>,
) -> Result<Json<Value>, ApiError> {
    caller.require("folders.write")?;
    app.holdings.remove_folder(caller.workspace, id).await?;
    Ok(Json(json!({ "id": id.to_string() })))
}

fn change(body: &Body) -> Result<FolderChange, ApiError> {
    let change = FolderChange { name: body.text("name")?.flatten(), description: body.text("description")? };
    // Folders of either kind hold any number of links here.
    if let Some(kind) = body.text("type")?.flatten().filter(|kind| !matches!(kind.as_str(), "default" | "mega")) {
        let message = format!("Invalid option: expected one of \"default\"|\"mega\". Given: {}", quoted(&kind));
        return Err(ApiError::invalid("invalid_value", "type", message));
    }
    match body.text("accessLevel")? {
        None => {}
        Some(Some(level)) if level == "write" => {}
        Some(Some(level)) if level != "read" => {
            let message = format!("Invalid option: expected one of \"write\"|\"read\". Given: {}", quoted(&level));
            return Err(ApiError::invalid("invalid_value", "accessLevel", message));
        }
        Some(_) => {
            let message = "Folders cannot be closed to members of their workspace: accessLevel can only be \"write\".";
            return Err(ApiError::Forbidden(message.to_owned()));
        }
    }
    Ok(change)
}

fn object(folder: &Folder) -> Value {
    json!({
        "id": folder.id.to_string(),
        "name": folder.name,
        "description": folder.description,
        "type": "default",
        "accessLevel": "write",
        "createdAt": instant::format(folder.created_at_ms),
        "updatedAt": instant::format(folder.updated_at_ms),
    })
}
