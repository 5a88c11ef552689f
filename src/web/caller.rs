//! Who asks, and for which workspace: a bearer key, and `workspaceId` where the key leaves a choice.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, ORIGIN, REFERER};
use axum::http::request::Parts;
use url::Url;

use super::error::{ApiError, quoted};
use super::explain;
use super::meter::Meter;
use super::params::Params;
use super::state::App;
use crate::domain::exclusion::host_matches;
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
    ///
    /// # Errors
    /// 404 when that is none of theirs, 400 when they have several and none is named.
    pub fn within(principal: Arc<Principal>, params: &Params) -> Result<Self, ApiError> {
        let member = |id: WorkspaceId| principal.workspaces.iter().find(|(known, _)| *known == id).copied();
        let found = match (principal.bound_to, principal.workspaces.as_slice()) {
            (Some(bound), _) => member(bound),
            (None, [only]) => Some(*only),
            (None, []) => None,
            (None, _) => match params.text("workspaceId") {
                // One that is not the caller's is answered as one that does not exist.
                Some(text) => Some(named_workspace(text).and_then(member).ok_or_else(|| {
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
        explain::admit(role)?;
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

/// The workspace of a public id, in whichever form a surface shows it.
pub fn named_workspace(text: &str) -> Option<WorkspaceId> {
    WorkspaceId::parse(text).or_else(|| WorkspaceId::parse_cuid(text))
}

/// A page that reports with the publishable key of a workspace, on a host that may.
#[derive(Clone, Copy, Debug)]
pub struct PageCaller {
    /// The workspace.
    pub workspace: WorkspaceId,
}

impl FromRequestParts<App> for PageCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Ok(meter) = Meter::from_request_parts(parts, app).await;
        let principal = meter.admit_page(app, &parts.headers, bearer(&parts.headers)?).await?;
        let owner = || {
            ApiError::Forbidden(
                "The owner of this key may not report for its workspace: not a member any more, or a viewer."
                    .to_owned(),
            )
        };
        let may =
            |id: WorkspaceId| principal.workspaces.iter().any(|(known, role)| *known == id && *role >= Role::Member);
        let workspace = principal.bound_to.filter(|id| may(*id)).ok_or_else(owner)?;
        let settings = app.catalog.workspace(workspace).await?.ok_or_else(owner)?.settings;
        require_host(&settings.allowed_hostnames, &parts.headers)?;
        Ok(Self { workspace })
    }
}

/// Sees that the page that calls is on one of the hosts that may report; an empty list lets all.
///
/// # Errors
/// 403, with the host that was told.
pub fn require_host(allowed: &[String], headers: &HeaderMap) -> Result<(), ApiError> {
    if allowed.is_empty() {
        return Ok(());
    }
    let header = headers.get(ORIGIN).or_else(|| headers.get(REFERER));
    let url = header.and_then(|text| Url::parse(text.to_str().ok()?).ok());
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    if allowed.iter().any(|pattern| host_matches(pattern, host)) {
        return Ok(());
    }
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("none");
    let message = format!("The workspace does not take reports from this host. Origin: {}", quoted(origin));
    Err(ApiError::Forbidden(message))
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn hosts_that_may_report() {
        let from = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
        };
        let allowed = ["example.com".to_owned(), "*.example.org".to_owned()];
        for (headers, expected) in [
            (from("origin", "https://example.com"), true),
            (from("origin", "https://shop.example.org:8443"), true),
            (from("referer", "https://example.com/page"), true),
            (from("origin", "https://www.example.com"), false),
            (from("origin", "https://example.org"), false),
            (from("origin", "null"), false),
            (HeaderMap::new(), false),
        ] {
            assert_eq!(require_host(&allowed, &headers).is_ok(), expected, "{headers:?}");
            assert!(require_host(&[], &headers).is_ok());
        }
    }
}
