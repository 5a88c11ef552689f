//! Who asks, and for which workspace: a bearer key, and `workspaceId` where the key leaves a choice.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::error::{ApiError, quoted};
use super::meter::Meter;
use super::params::Params;
use super::state::App;
use crate::domain::id::WorkspaceId;
use crate::domain::principal::{Principal, Role};

/// A caller with the workspace that the request is about.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What the caller is there.
    pub role: Role,
}

impl Caller {
    /// Who shows a key, in the key's workspace, else in their only one, else in the one that `workspaceId` names.
    fn within(principal: Arc<Principal>, params: &Params) -> Result<Self, ApiError> {
        let member = |id: WorkspaceId| principal.workspaces.iter().find(|(known, _)| *known == id).copied();
        let found = match (principal.bound_to, principal.workspaces.as_slice()) {
            (Some(bound), _) => member(bound),
            (None, [only]) => Some(*only),
            (None, []) => None,
            (None, _) => match params.text("workspaceId") {
                // One that is not the caller's is answered as one that does not exist.
                Some(text) => Some(WorkspaceId::parse(text).and_then(member).ok_or_else(|| {
                    ApiError::NotFound(format!("Workspace not found. workspaceId: {}", quoted(text)))
                })?),
                None => {
                    let message = "This key opens several workspaces: name one with workspaceId=ws_...".to_owned();
                    return Err(ApiError::BadRequest(message));
                }
            },
        };
        let (workspace, role) = found
            .ok_or_else(|| ApiError::Forbidden("The owner of this key is in no workspace that it opens.".to_owned()))?;
        Ok(Self { principal, workspace, role })
    }

    /// Sees that the caller may report conversions: any member of the workspace, with any key that does not merely read (Dub
    /// contract, section 1).
    pub fn require_reporting(&self) -> Result<(), ApiError> {
        if self.role < Role::Member {
            return Err(ApiError::Forbidden(
                "Only owners and members of the workspace may report conversions.".to_owned(),
            ));
        }
        if !self.principal.scopes.allow_writing() {
            let message = "The API key does not have the required scope: conversions.write";
            return Err(ApiError::Forbidden(message.to_owned()));
        }
        Ok(())
    }

    /// Sees that the key has `scope` (such as `links.write`) and that the person may do such things in the workspace.
    pub fn require(&self, scope: &str) -> Result<(), ApiError> {
        if !self.principal.scopes.allow(scope) {
            return Err(ApiError::Forbidden(format!("The API key does not have the required scope: {scope}")));
        }
        if scope.ends_with(".write") && self.role < Role::Member {
            return Err(ApiError::Forbidden(format!("A viewer of the workspace may not do this: {scope}")));
        }
        Ok(())
    }
}

/// The key that a request shows.
///
/// # Errors
/// 401 when there is none, 400 when the header is not `Bearer <key>`.
pub fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let header =
        headers.get(AUTHORIZATION).ok_or_else(|| ApiError::Unauthorized("Missing Authorization header.".to_owned()))?;
    header.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::trim).ok_or_else(|| {
        ApiError::BadRequest("Misconfigured Authorization header: expected 'Bearer <API key>'.".to_owned())
    })
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Ok(meter) = Meter::from_request_parts(parts, app).await;
        // Who shows no key learns nothing else.
        let principal = meter.admit(app, &parts.headers, bearer(&parts.headers)?).await?;
        Self::within(principal, &Params::parse(parts.uri.query().unwrap_or(""))?)
    }
}
