//! `/api/auth/*`: signing in with mail address and password, signing out, who is signed in, and joining a workspace.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::auth::SignedIn;
use crate::domain::id::{UserId, WorkspaceId};
use crate::domain::principal::Role;
use crate::web::body::Body;
use crate::web::cookie::Cookie;
use crate::web::error::ApiError;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

use super::caller::{self, COOKIE, Caller, HOST_COOKIE, shown_cookie};

/// Somebody signs in, or a new person joins: a page of another site must not make a visitor somebody else.
pub(super) async fn log_in(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller::require_own_request(&app, &headers)?;
    let (email, password) = (required(&body, "email")?, required(&body, "password")?);
    let password = SecretString::from(password);
    let client = meter.client(&app, &headers);
    let signed_in =
        app.auth.log_in(&email, &password, client, shown_cookie(&headers, meter.is_https(&app, &headers))).await?;
    welcome(&app, &meter, &headers, signed_in).await
}

/// The code of an invitation makes a person with this password a member; who has a password already gives that.
pub(super) async fn join(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller::require_own_request(&app, &headers)?;
    let (code, password) = (required(&body, "code")?, required(&body, "password")?);
    let client = meter.client(&app, &headers);
    let signed_in = app
        .auth
        .join(&code, &SecretString::from(password), client, shown_cookie(&headers, meter.is_https(&app, &headers)))
        .await?;
    welcome(&app, &meter, &headers, signed_in).await
}

/// Signs out; with `all=true` on every device.
pub(super) async fn log_out(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    caller::require_own_origin(&app, &headers)?;
    if params.boolean("all")?.unwrap_or(false) {
        let caller = Caller::by_cookie(&app, &meter, &headers).await?;
        app.auth.log_out_everywhere(&caller.principal).await?;
    } else if let Some(cookie) = shown_cookie(&headers, meter.is_https(&app, &headers)) {
        app.auth.log_out(cookie).await?;
    }
    let mut response = private(Json(json!({ "success": true })).into_response());
    let secure = meter.is_https(&app, &headers);
    // A browser takes a cookie with this prefix, even to delete it, over https only.
    let names: &[&str] = if secure { &[HOST_COOKIE, COOKIE] } else { &[COOKIE] };
    for name in names {
        set_cookie(&mut response, name, "", 0, secure);
    }
    Ok(response)
}

/// Who is signed in, or whose key is shown.
pub(super) async fn me(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let user = caller.principal.user;
    let email = app.catalog.user(user).await?.map(|user| user.email);
    let email = email.ok_or_else(|| ApiError::Unauthorized("Unauthorized".to_owned()))?;
    let opened: Vec<WorkspaceId> = caller.principal.opened().collect();
    let roles: Vec<(WorkspaceId, Role)> =
        caller.principal.workspaces.iter().filter(|(id, _)| opened.contains(id)).copied().collect();
    Ok(private(Json(json!({ "user": person(&app, user, &email, &roles).await? })).into_response()))
}

async fn welcome(app: &App, meter: &Meter, headers: &HeaderMap, signed_in: SignedIn) -> Result<Response, ApiError> {
    let SignedIn { user, token } = signed_in;
    let shown = person(app, user.id, &user.email, &user.workspaces).await?;
    let mut response = private(Json(json!({ "user": shown })).into_response());
    give_cookie(app, meter, headers, &token, &mut response);
    Ok(response)
}

/// Sets the cookie of somebody who has just signed in.
pub(super) fn give_cookie(
    app: &App,
    meter: &Meter,
    headers: &HeaderMap,
    token: &SecretString,
    response: &mut Response,
) {
    let secure = meter.is_https(app, headers);
    let name = if secure { HOST_COOKIE } else { COOKIE };
    set_cookie(response, name, token.expose_secret(), app.auth.sign_in_secs(), secure);
}

fn set_cookie(response: &mut Response, name: &str, value: &str, max_age_secs: u32, secure: bool) {
    let cookie = Cookie { name, value, path: "/", max_age_secs, secure };
    cookie.header().into_iter().for_each(|cookie| _ = response.headers_mut().append(SET_COOKIE, cookie));
}

/// No cache keeps who somebody is.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn person(app: &App, id: UserId, email: &str, roles: &[(WorkspaceId, Role)]) -> Result<Value, ApiError> {
    let ids: Vec<WorkspaceId> = roles.iter().map(|(id, _)| *id).collect();
    let known = app.catalog.workspaces_by_ids(&ids).await?;
    let workspaces: Vec<Value> = known
        .iter()
        .filter_map(|workspace| {
            let (_, role) = roles.iter().find(|(id, _)| *id == workspace.id)?;
            Some(json!({ "id": workspace.id.to_string(), "name": workspace.name, "role": role.name() }))
        })
        .collect();
    Ok(json!({ "id": id.to_string(), "email": email, "workspaces": workspaces }))
}

fn required(body: &Body, name: &str) -> Result<String, ApiError> {
    let given = body.text(name)?.flatten().filter(|text| !text.is_empty());
    given.ok_or_else(|| ApiError::BadRequest(format!("{name} is required")))
}
