//! `/join`: the page of an invitation, for people; programs have `/api/auth/join`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use secrecy::SecretString;
use url::form_urlencoded;

use crate::auth::{self, MIN_PASSWORD, SignedIn};
use crate::catalog::Invitation;
use crate::web::body;
use crate::web::error::ApiError;
use crate::web::meter::Meter;
use crate::web::page::join::{CODE, Guest, PASSWORD, Problem, joined, page, void};
use crate::web::params::Params;
use crate::web::state::App;

use super::auth::give_cookie;
use super::caller::{require_own_origin, shown_cookie};

/// Longest form, in bytes.
const FORM_BYTES: usize = 16 << 10;

/// The page with the form.
pub(super) async fn show(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let code = params.text(CODE).unwrap_or_default();
    match app.auth.invitation(code, meter.client(&app, &headers)).await {
        Ok((invitation, is_known)) => Ok(page(&guest(&invitation, is_known, code), None)),
        Err(auth::Error::NoInvitation) => Ok(void()),
        Err(error) => Err(error.into()),
    }
}

/// The form, filled in.
pub(super) async fn take(State(app): State<App>, meter: Meter, request: Request<Body>) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    require_own_origin(&app, headers)?;
    let form = body::read(body, FORM_BYTES).await?;
    let field = |name: &str| {
        let last = form_urlencoded::parse(&form).filter(|(known, _)| known == name).last();
        last.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let (code, password) = (field(CODE), SecretString::from(field(PASSWORD)));
    let client = meter.client(&app, headers);
    let (invitation, is_known) = match app.auth.invitation(&code, client).await {
        Err(auth::Error::NoInvitation) => return Ok(void()),
        found => found?,
    };
    let problem =
        match app.auth.join(&code, &password, client, shown_cookie(headers, meter.is_https(&app, headers))).await {
            Ok(SignedIn { token, .. }) => {
                let mut response = joined(&invitation.workspace_name);
                give_cookie(&app, &meter, headers, &token, &mut response);
                return Ok(response);
            }
            Err(auth::Error::NoInvitation) => return Ok(void()),
            Err(auth::Error::WeakPassword) => Problem::Weak,
            Err(auth::Error::WrongPassword) => Problem::Wrong,
            Err(auth::Error::TooManyTries) => Problem::TooMany(auth::TRIES_WINDOW_SECS),
            Err(auth::Error::Busy) => Problem::Busy,
            Err(error) => return Err(error.into()),
        };
    Ok(page(&guest(&invitation, is_known, &code), Some(problem)))
}

fn guest<'a>(invitation: &'a Invitation, is_known: bool, code: &'a str) -> Guest<'a> {
    Guest {
        workspace: &invitation.workspace_name,
        email: &invitation.email,
        is_known,
        code,
        min_password: MIN_PASSWORD,
    }
}
