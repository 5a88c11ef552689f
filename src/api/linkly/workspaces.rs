//! `GET /api/v1/workspaces`

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::caller::Caller;
use crate::domain::id::WorkspaceId;
use crate::web::error::ApiError;
use crate::web::state::App;

/// A workspace as Linkly shows it.
#[derive(Debug, Serialize)]
pub(super) struct WorkspaceObject {
    id: WorkspaceId,
    name: String,
}

/// The workspaces that the key opens, oldest first.
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Vec<WorkspaceObject>>, ApiError> {
    caller.require("workspaces.read")?;
    let ids: Vec<WorkspaceId> = caller.opened().map(|(id, _)| id).collect();
    let found = app.catalog.workspaces_by_ids(&ids).await?;
    Ok(Json(found.into_iter().map(|workspace| WorkspaceObject { id: workspace.id, name: workspace.name }).collect()))
}
