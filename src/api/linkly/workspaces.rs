//! `GET /api/v1/workspaces`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::caller::Caller;
use super::link_rows::writing;
use crate::domain::id::WorkspaceId;
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// The workspaces that the key opens, oldest first.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("workspaces.read")?;
    let writing = writing(&app, &params, &headers, "workspaces")?;
    let ids: Vec<WorkspaceId> = caller.opened().map(|(id, _)| id).collect();
    let mut table = Table::new(&["id", "name"]);
    for workspace in app.catalog.workspaces_by_ids(&ids).await? {
        table.push(vec![Cell::from(workspace.id.0), Cell::from(workspace.name)]);
    }
    answer::table(&table, &writing)
}
