//! A caller with a body, JSON or a form, which may hold the key.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use serde_json::Value;

use super::caller::{Caller, X_API_KEY};
use crate::web::body::{self, Body};
use crate::web::error::ApiError;
use crate::web::form;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

/// A caller whose key was right, and what they say.
#[derive(Debug)]
pub(super) struct Asking {
    /// Who asks.
    pub caller: Caller,
    /// What they say.
    pub body: Body,
}

impl Asking {
    /// The workspace that the body names, as written.
    pub(super) fn workspace(&self) -> Option<String> {
        let id = self.body.value("workspace_id")?;
        let text = id.as_str().map_or_else(|| id.to_string(), |text| text.trim().to_owned());
        (!text.is_empty()).then_some(text)
    }
}

impl FromRequest<App> for Asking {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let params = Params::parse(parts.uri.query().unwrap_or(""))?;
        let Ok(meter) = Meter::from_request_parts(&mut parts, app).await;
        let headers = &parts.headers;
        // Whoever shows a wrong key is told so, whatever the body is like.
        let shown = headers.contains_key(AUTHORIZATION) || headers.contains_key(X_API_KEY);
        let known = match shown || params.text("api_key").is_some() {
            true => Some(Caller::identify(app, &meter, headers, &params, None).await?),
            false => None,
        };
        let body = form::parse(headers, &body::read(body, app.max_body_bytes).await?)?;
        let caller = match known {
            Some(caller) => caller,
            None => {
                let key = body.value("api_key").and_then(Value::as_str);
                Caller::identify(app, &meter, headers, &params, key).await?
            }
        };
        Ok(Self { caller, body })
    }
}
