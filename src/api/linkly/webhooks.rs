//! Linkly's webhooks: addresses that are told of everything, of one link or of a whole workspace. An address is its own name.
//!
//! The answers are Linkly's to the letter. The secret that deliveries are signed with, which Linkly has not, comes once, in
//! the header `Webhook-Secret` of the answer that made the subscription.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use serde_json::json;

use super::caller::{Caller, Member};
use crate::catalog::{self, MAX_WEBHOOKS, NewWebhook};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::webhook::{Flavour, HookEvent};
use crate::hooks::sign;
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};
use crate::web::state::App;

const WEBHOOK_SECRET: HeaderName = HeaderName::from_static("webhook-secret");

/// What a subscription is about.
#[derive(Clone, Copy)]
struct Scope {
    workspace: WorkspaceId,
    link: Option<LinkId>,
}

/// `GET /api/v1/workspace/{workspace}/webhooks`
pub(super) async fn of_workspace(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("webhooks.read")?;
    list(&app, Scope { workspace: member.workspace, link: None }).await
}

/// `POST /api/v1/workspace/{workspace}/webhooks`
pub(super) async fn subscribe_to_workspace(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("webhooks.write")?;
    subscribe(&app, Scope { workspace: member.workspace, link: None }, &body).await
}

/// `DELETE /api/v1/workspace/{workspace}/webhooks/{hook}`
pub(super) async fn unsubscribe_from_workspace(
    State(app): State<App>,
    caller: Caller,
    Path((workspace, hook)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("webhooks.write")?;
    unsubscribe(&app, Scope { workspace: member.workspace, link: None }, &hook).await
}

/// `GET /api/v1/link/{link}/webhooks`
pub(super) async fn of_link(
    State(app): State<App>,
    caller: Caller,
    Path(link): Path<String>,
) -> Result<Response, ApiError> {
    let (member, scope) = scope_of_link(&app, &caller, &link).await?;
    member.require("webhooks.read")?;
    list(&app, scope).await
}

/// `POST /api/v1/link/{link}/webhooks`
pub(super) async fn subscribe_to_link(
    State(app): State<App>,
    caller: Caller,
    Path(link): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let (member, scope) = scope_of_link(&app, &caller, &link).await?;
    member.require("webhooks.write")?;
    subscribe(&app, scope, &body).await
}

/// `DELETE /api/v1/link/{link}/webhooks/{hook}`
pub(super) async fn unsubscribe_from_link(
    State(app): State<App>,
    caller: Caller,
    Path((link, hook)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (member, scope) = scope_of_link(&app, &caller, &link).await?;
    member.require("webhooks.write")?;
    unsubscribe(&app, scope, &hook).await
}

/// The link of this number in one of the workspaces that the key opens.
async fn scope_of_link(app: &App, caller: &Caller, number: &str) -> Result<(Member, Scope), ApiError> {
    let missing = || ApiError::NotFound(format!("Link not found. Given: {}", quoted(number)));
    let id = number.trim().parse::<u64>().ok().filter(|id| i64::try_from(*id).is_ok()).map(LinkId);
    let id = id.ok_or_else(missing)?;
    for (workspace, _) in caller.opened() {
        if app.catalog.link(workspace, id).await?.is_some() {
            let member = caller.workspace(&workspace.0.to_string())?;
            return Ok((member, Scope { workspace, link: Some(id) }));
        }
    }
    Err(missing())
}

async fn list(app: &App, scope: Scope) -> Result<Response, ApiError> {
    let webhooks = app.catalog.webhooks(scope.workspace, Flavour::Linkly).await?;
    let own = webhooks.iter().filter(|webhook| webhook.link == scope.link);
    Ok(Json(own.map(|webhook| json!({ "id": webhook.url })).collect::<Vec<_>>()).into_response())
}

async fn subscribe(app: &App, scope: Scope, body: &Body) -> Result<Response, ApiError> {
    let url = body.text("url")?.flatten().ok_or_else(|| ApiError::invalid("required", "url", "can't be blank"))?;
    // Kept as it was given, since it is the subscription's name.
    app.hooks
        .check_target(&url)
        .map_err(|error| ApiError::invalid("custom", "url", format!("is invalid: {error}. Given: {}", quoted(&url))))?;
    let secret = sign::new_secret().ok_or(ApiError::Internal)?;
    let new = NewWebhook {
        link: scope.link,
        flavour: Flavour::Linkly,
        name: "Linkly".to_owned(),
        url: url.trim().to_owned(),
        secret,
        events: HookEvent::LINKLY.to_vec(),
    };
    let (webhook, fresh) =
        app.catalog.add_webhook(scope.workspace, &new, app.clock.now_ms()).await.map_err(|error| match error {
            catalog::Error::Missing(what) if what == "link" => ApiError::NotFound("Link not found.".to_owned()),
            catalog::Error::Taken(what) if what == "webhook_count" => ApiError::Unprocessable(format!(
                "A workspace can have {MAX_WEBHOOKS} webhooks; remove one that is no longer needed."
            )),
            other => other.into(),
        })?;
    let mut response = Json(json!({ "id": webhook.url })).into_response();
    if fresh && let Ok(secret) = HeaderValue::from_str(webhook.secrets.current.expose_secret()) {
        response.headers_mut().insert(WEBHOOK_SECRET, secret);
    }
    Ok(response)
}

async fn unsubscribe(app: &App, scope: Scope, hook: &str) -> Result<Response, ApiError> {
    if hook.contains('\0') || !app.catalog.remove_subscription(scope.workspace, scope.link, hook).await? {
        return Err(ApiError::NotFound(format!("Webhook not found. Given: {}", quoted(hook))));
    }
    Ok(Json("ok").into_response())
}
