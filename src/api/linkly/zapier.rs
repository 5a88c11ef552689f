//! `POST /api/v1/zapier/test`: whether a key is right, as older clients ask (Linkly contract, 1.2). Their links are those of
//! `links.rs` under other paths.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::domain::id::WorkspaceId;
use crate::web::error::ApiError;
use crate::web::state::App;

/// Tells what the key opens.
pub(super) async fn test(State(app): State<App>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let members = caller.workspaces()?;
    let ids: Vec<WorkspaceId> = members.iter().map(|member| member.workspace).collect();
    let found = app.catalog.workspaces_by_ids(&ids).await?;
    let workspaces: Vec<Value> =
        found.iter().map(|workspace| json!({ "id": workspace.id, "name": workspace.name })).collect();
    Ok(Json(json!({ "status": "ok", "user_id": caller.principal.user, "workspaces": workspaces })))
}
