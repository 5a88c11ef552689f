//! Pages of a site may read our answers; others may not.
//!
//! The origin is echoed, never `*`, and only when its host is one of the site's. Credentials are allowed because beacons
//! always ask for it; nothing here looks at cookies.

use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::sender::Origin;
use crate::web::state::App;

/// Answers what a browser asks before it sends: which site it is about is not known yet, so any site's hosts will do.
pub async fn preflight(State(app): State<App>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    if share(&headers, |host| app.sites.any_on(host), &mut response) {
        let more = response.headers_mut();
        more.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
        more.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, Authorization"));
        more.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

/// Lets the page that asks read the answer when its host is allowed; whether it is.
pub fn share(request: &HeaderMap, allowed: impl FnOnce(&str) -> bool, response: &mut Response) -> bool {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.get(ORIGIN) else { return false };
    if !Origin::of(request).is_some_and(|origin| allowed(&origin.host)) {
        return false;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
    true
}
