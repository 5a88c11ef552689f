//! Who asks Brevr's API: a bearer key, in one workspace (Brevr contract, 3.1).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::web::caller::{self, Caller, named_workspace};
use crate::web::error::{ApiError, quoted};
use crate::web::limits::Charge;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

/// A caller whose key was right; the request is charged to the workspace.
pub(super) struct Asker(pub Caller);

impl FromRequestParts<App> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Ok(meter) = Meter::from_request_parts(parts, app).await;
        // A header that is no bearer key is no key.
        let key = caller::bearer(&parts.headers).map_err(|error| ApiError::Unauthorized(error.to_string()))?;
        let principal = app.auth.authenticate(key, meter.client(app, &parts.headers)).await?;
        let params = Params::parse(parts.uri.query().unwrap_or_default())?;
        let caller = Caller::within(principal, &params)?;
        meter.charge(app, Charge::Workspace(caller.workspace))?;
        // What is outside the key's workspace is not there, the workspace itself included.
        match params.text("workspaceId") {
            Some(named) if named_workspace(named) != Some(caller.workspace) => {
                Err(ApiError::NotFound(format!("Workspace not found. workspaceId: {}", quoted(named))))
            }
            _ => Ok(Self(caller)),
        }
    }
}
