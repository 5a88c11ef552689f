//! The counters shown with links.

use std::collections::HashMap;

use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Counters;
use crate::web::error::ApiError;
use crate::web::state::App;

/// The counters of these links of the workspace; one that is absent has none yet.
pub async fn of(_app: &App, _workspace: WorkspaceId, _links: &[LinkId]) -> Result<HashMap<LinkId, Counters>, ApiError> {
    Ok(HashMap::new())
}
