//! A workspace with something of everything, and a key of every kind.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use linktrail::api::dub;
use linktrail::auth::KeyGrant;
use linktrail::config::LimitsConfig;
use linktrail::domain::id::{UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::web::limits::Limits;
use linktrail::web::state::App;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::reading::lines::{NOW, ms};
use crate::reading::scene::tenant;

/// The largest body, in bytes.
pub const MAX_BODY: usize = 200_000;

pub struct World {
    pub app: App,
    pub router: Router,
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub key: String,
    /// A key of somebody who may only look.
    pub viewer: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}

impl World {
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, &LimitsConfig::off()).await
    }

    pub async fn start_with(name: &str, limits: &LimitsConfig) -> Self {
        let database = crate::world::database_url(name).await;
        let mut app = crate::world::app(&database, &crate::world::warehouse(name).await, ms(NOW)).await;
        app.max_body_bytes = MAX_BODY;
        app.limits = Limits::new(limits, &app.clock);
        let (workspace, user, key) = tenant(&app, "ours@example.com", &["go.example.com"]).await;
        app.resolver.reload_domains().await.unwrap();
        let member = Some((workspace, Role::Viewer));
        let looker = app.catalog.add_user("viewer@example.com", "no password", member, ms(NOW)).await.unwrap().id;
        let router = dub::routes().with_state(app.clone());
        let mut world = Self { app, router, workspace, user, key, viewer: String::new() };
        world.viewer = world.key_of(looker, &KeyGrant { workspace: Some(workspace), ..KeyGrant::default() }).await;
        world
    }

    pub async fn key_of(&self, user: UserId, grant: &KeyGrant) -> String {
        self.app.auth.create_key(user, grant).await.unwrap().1.expose_secret().to_owned()
    }

    pub async fn key_with(&self, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.key_of(self.user, &KeyGrant { workspace: Some(self.workspace), scopes, ..KeyGrant::default() }).await
    }

    /// Sends exactly these headers.
    pub async fn exchange(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn send(&self, method: Method, path: &str, key: &str, body: &str) -> Answer {
        self.exchange(method, path, &[("authorization", &format!("Bearer {key}"))], body.as_bytes()).await
    }

    /// What must go well.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.send(Method::POST, path, &self.key, &body.to_string()).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
        answer.body
    }
}

/// Sees that an answer is Dub's envelope, with the one status that goes with its code.
pub fn assert_enveloped(answer: &Answer, what: &str) {
    let statuses = [
        ("bad_request", 400),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("conflict", 409),
        ("unprocessable_entity", 422),
        ("rate_limit_exceeded", 429),
        ("internal_server_error", 500),
        ("payload_too_large", 413),
        ("method_not_allowed", 405),
        ("service_unavailable", 503),
    ];
    let code = answer.code();
    assert!(statuses.contains(&(code, answer.status)), "{what}: {} {}", answer.status, answer.body);
    let documentation = format!("https://dub.co/docs/api-reference/errors#{}", code.replacen('_', "-", 1));
    let expected = json!({"error": {"code": code, "message": answer.message(), "doc_url": documentation}});
    assert_eq!(answer.body, expected, "{what}");
    assert!(!answer.message().is_empty(), "{what}");
    assert_eq!(answer.headers["content-type"], "application/json", "{what}");
}
