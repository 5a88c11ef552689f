//! Who asks Linkly's API. The key comes as `Authorization: Bearer KEY`, as the user of `Authorization: Basic`, as
//! `X-API-KEY`, as the parameter `api_key`, or as `api_key` in a body; the first of these that is there counts.
//!
//! A workspace that is not the caller's is answered as one that does not exist.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::id::WorkspaceId;
use crate::domain::principal::{Principal, Role};
use crate::web::error::{ApiError, quoted};
use crate::web::explain;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

pub(super) const X_API_KEY: &str = "x-api-key";
const X_WORKSPACE_ID: &str = "x-workspace-id";

/// A caller whose key was right.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// The workspace that the request names beside its path, as written.
    named: Option<String>,
}

impl Caller {
    /// The caller of a request, which is charged to the key. `api_key` is the one in its body, where it has a body that may hold one.
    pub(super) async fn identify(
        app: &App,
        meter: &Meter,
        headers: &HeaderMap,
        params: &Params,
        api_key: Option<&str>,
    ) -> Result<Self, ApiError> {
        let key = match key(headers)? {
            Some(key) => key,
            None => match params.text("api_key").or(api_key) {
                Some(key) => key.to_owned(),
                None => return Err(ApiError::Unauthorized("Missing API key.".to_owned())),
            },
        };
        let principal = meter.admit(app, headers, &key).await?;
        let header = headers.get(X_WORKSPACE_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Self { principal, named: params.text("workspace_id").map(str::to_owned).or(header) })
    }

    /// The workspace of this number, and what the caller is there.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] when the key does not open it.
    pub(super) fn workspace(&self, number: &str) -> Result<Member, ApiError> {
        let id = number.trim().parse().map(WorkspaceId).ok();
        let found = self.opened().find(|(workspace, _)| Some(*workspace) == id);
        let found =
            found.ok_or_else(|| ApiError::NotFound(format!("Workspace not found. Given: {}", quoted(number))))?;
        self.member(found)
    }

    /// The workspace of a request whose path names none: the one that it names elsewhere (`given` is what its body says),
    /// else the only one that the key opens.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] when the key does not open it; [`ApiError::BadRequest`] when there is a choice.
    pub(super) fn any_workspace(&self, given: Option<&str>) -> Result<Member, ApiError> {
        if let Some(number) = given.or(self.named.as_deref()) {
            return self.workspace(number);
        }
        let mut opened = self.opened();
        match (opened.next(), opened.next()) {
            (Some(only), None) => self.member(only),
            (None, _) => Err(ApiError::Forbidden("The owner of this key is in no workspace that it opens.".to_owned())),
            (Some(_), Some(_)) => Err(ApiError::BadRequest(
                "This key opens several workspaces: name one with workspace_id or the header X-WORKSPACE-ID."
                    .to_owned(),
            )),
        }
    }

    /// The workspaces of a request that may be about several: the one that it names, else all that the key opens.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] when the key does not open the one that is named.
    pub(super) fn workspaces(&self) -> Result<Vec<Member>, ApiError> {
        match &self.named {
            Some(number) => Ok(vec![self.workspace(number)?]),
            None => self.opened().map(|opened| self.member(opened)).collect(),
        }
    }

    /// As [`workspaces`](Self::workspaces); `given` is what the body says, and goes first.
    ///
    /// # Errors
    /// As there.
    pub(super) fn members(&self, given: Option<&str>) -> Result<Vec<Member>, ApiError> {
        match given {
            Some(number) => Ok(vec![self.workspace(number)?]),
            None => self.workspaces(),
        }
    }

    fn member(&self, (workspace, role): (WorkspaceId, Role)) -> Result<Member, ApiError> {
        explain::admit(role)?;
        Ok(Member { principal: Arc::clone(&self.principal), workspace, role })
    }

    /// The workspaces that the key opens.
    pub(super) fn opened(&self) -> impl Iterator<Item = (WorkspaceId, Role)> {
        let principal = &self.principal;
        principal.workspaces.iter().copied().filter(|(id, _)| principal.bound_to.is_none_or(|bound| bound == *id))
    }

    /// Sees that the key has `scope`, for what is about no single workspace.
    pub(super) fn require(&self, scope: &str) -> Result<(), ApiError> {
        if self.principal.scopes.allow(scope) { Ok(()) } else { Err(missing_scope(scope)) }
    }
}

/// A caller in one workspace.
#[derive(Clone, Debug)]
pub(super) struct Member {
    principal: Arc<Principal>,
    /// The workspace.
    pub workspace: WorkspaceId,
    role: Role,
}

impl Member {
    /// Sees that the caller may report conversions, as `web::caller` has it.
    pub(super) fn require_reporting(&self) -> Result<(), ApiError> {
        if self.role < Role::Member {
            return Err(ApiError::Forbidden(
                "Only owners and members of the workspace may report conversions.".to_owned(),
            ));
        }
        if self.principal.scopes.allow_writing() { Ok(()) } else { Err(missing_scope("conversions.write")) }
    }

    /// Sees that the person is an owner of the workspace; `otherwise` is said to others.
    pub(super) fn require_ownership(&self, otherwise: &str) -> Result<(), ApiError> {
        if self.role < Role::Owner { Err(ApiError::Forbidden(otherwise.to_owned())) } else { Ok(()) }
    }

    /// Sees that the key has `scope` (such as `links.write`) and that the person may do such things in the workspace.
    pub(super) fn require(&self, scope: &str) -> Result<(), ApiError> {
        if !self.principal.scopes.allow(scope) {
            return Err(missing_scope(scope));
        }
        if scope.ends_with(".write") && self.role < Role::Member {
            return Err(ApiError::Forbidden(format!("A viewer of the workspace may not do this: {scope}")));
        }
        Ok(())
    }
}

fn missing_scope(scope: &str) -> ApiError {
    ApiError::Forbidden(format!("The API key does not have the required scope: {scope}"))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(headers.get(X_API_KEY).map(|key| key.to_str().unwrap_or_default().to_owned()));
    };
    let text = header.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        Some(rest.trim().to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        user(rest.trim())
    } else {
        None
    };
    let wrong = "Misconfigured Authorization header: expected 'Bearer <API key>', or Basic with the API key as user.";
    key.map(Some).ok_or_else(|| ApiError::Unauthorized(wrong.to_owned()))
}

/// The user in `base64(user:password)`.
fn user(credentials: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    Some(text.split_once(':').map_or(text.as_str(), |(user, _)| user).to_owned())
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = Params::parse(parts.uri.query().unwrap_or(""))?;
        let Ok(meter) = Meter::from_request_parts(parts, app).await;
        Self::identify(app, &meter, &parts.headers, &params, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Result<Option<String>, u16> {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        key(&headers).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn keys_come_in_many_ways() {
        assert_eq!(key(&HeaderMap::new()), Ok(None));
        for (name, value, expected) in [
            ("authorization", "Bearer lt_1", Ok(Some("lt_1"))),
            ("authorization", "bearer  lt_1 ", Ok(Some("lt_1"))),
            // `lt_1:` and `lt_1`
            ("authorization", "Basic bHRfMTo=", Ok(Some("lt_1"))),
            ("authorization", "Basic bHRfMQ==", Ok(Some("lt_1"))),
            ("authorization", "Basic ????", Err(401)),
            ("authorization", "Digest lt_1", Err(401)),
            ("x-api-key", "lt_1", Ok(Some("lt_1"))),
        ] {
            assert_eq!(read(name, value), expected.map(|key: Option<&str>| key.map(str::to_owned)), "{value}");
        }
    }
}
