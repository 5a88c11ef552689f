//! Within what a visitor is known again, said on answers that count visitors once.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::error::ApiError;
use super::state::App;
use crate::domain::id::WorkspaceId;

const UNIQUES: HeaderName = HeaderName::from_static("x-linktrail-uniques");

/// Puts `X-Linktrail-Uniques` on an answer about uniques where keys of visitors change.
///
/// # Errors
/// When Postgres does not answer.
pub async fn say(
    app: &App,
    workspace: WorkspaceId,
    are_counted: bool,
    mut answer: Response,
) -> Result<Response, ApiError> {
    if are_counted {
        let settings = app.catalog.workspace(workspace).await?.map(|workspace| workspace.settings).unwrap_or_default();
        if let Some(scope) = settings.visitor_rotation.scope() {
            answer.headers_mut().insert(UNIQUES, HeaderValue::from_static(scope));
        }
    }
    Ok(answer)
}
