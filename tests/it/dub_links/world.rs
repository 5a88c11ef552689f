//! Two tenants and the requests of their keys.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use linktrail::api::dub;
use linktrail::auth::KeyGrant;
use linktrail::catalog::NewWebhook;
use linktrail::domain::id::{UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::webhook::{Flavour, HookEvent};
use linktrail::warehouse::Warehouse;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

pub const NOW: i64 = 1_790_000_000_000;

/// A workspace with a short domain, and its owner with a key for everything.
pub struct Tenant {
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub key: String,
}

pub struct World {
    pub app: App,
    pub warehouse: Warehouse,
    pub router: Router,
    pub ours: Tenant,
    pub theirs: Tenant,
}

impl World {
    /// Our domain is `go.example.com`, theirs `go.other.example`.
    pub async fn start(name: &str) -> Self {
        let database = crate::world::database_url(name).await;
        let warehouse = crate::world::warehouse(name).await;
        let app = crate::world::app(&database, &warehouse, NOW).await;
        let ours = tenant(&app, "ours@example.com", "go.example.com").await;
        let theirs = tenant(&app, "theirs@example.com", "go.other.example").await;
        Self { router: dub::routes().with_state(app.clone()), app, warehouse, ours, theirs }
    }

    /// A key of ours with these scopes.
    pub async fn key(&self, scopes: &[&str]) -> String {
        key(&self.app, self.ours.user, self.ours.workspace, scopes).await
    }

    /// A key for everything of someone with this role in our workspace.
    pub async fn colleague(&self, role: Role) -> String {
        let email = format!("{}@example.com", role.name());
        let membership = Some((self.ours.workspace, role));
        let user = self.app.catalog.add_user(&email, "no password", membership, NOW).await.unwrap().id;
        key(&self.app, user, self.ours.workspace, &[]).await
    }

    /// The answer to a request with this key. Failures wear the envelope.
    pub async fn send(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        if !status.is_success() {
            let error = &body["error"];
            assert!(error["code"].is_string() && error["message"].is_string(), "{path}: {body}");
        }
        (status.as_u16(), body)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(&self.ours.key, Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(&self.ours.key, Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(&self.ours.key, Method::PATCH, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(&self.ours.key, Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.send(&self.ours.key, Method::DELETE, path, None).await
    }

    /// What is made by a POST, by force.
    pub async fn made(&self, path: &str, body: Value) -> Value {
        let (status, made) = self.post(path, body).await;
        assert!(status == 200 || status == 201, "{path}: {status} {made}");
        made
    }

    /// One field of every entry of a list.
    pub async fn each(&self, path: &str, field: &str) -> Vec<String> {
        let (status, list) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {list}");
        list.as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
    }

    /// From now on what happens to our links is noted for a webhook.
    pub async fn listen(&self) {
        let hook = NewWebhook {
            link: None,
            flavour: Flavour::Dub,
            name: "all".to_owned(),
            url: "https://hook.example".to_owned(),
            secret: "whsec_x".to_owned().into(),
            events: HookEvent::ALL.to_vec(),
        };
        self.app.catalog.add_webhook(self.ours.workspace, &hook, NOW).await.unwrap();
    }

    /// What was noted, in order: the event and the link's id.
    pub async fn noted(&self) -> Vec<(String, String)> {
        let notes = self.app.catalog.notes(1_000).await.unwrap();
        notes.iter().map(|note| (note.event.name().to_owned(), note.link.to_string())).collect()
    }

    pub fn note((event, id): (&str, &str)) -> (String, String) {
        (event.to_owned(), id.to_owned())
    }

    /// What is another's is answered as what is not there, by every method that names it.
    pub async fn hides(&self, foreign: &str, unknown: &str) {
        for method in [Method::GET, Method::PATCH, Method::PUT, Method::DELETE] {
            let body = || (method != Method::GET && method != Method::DELETE).then(|| json!({"name": "x"}));
            let answer = self.send(&self.ours.key, method.clone(), foreign, body()).await;
            assert_eq!(answer.0, 404, "{method} {foreign}: {}", answer.1);
            assert_eq!(answer, self.send(&self.ours.key, method.clone(), unknown, body()).await, "{method} {foreign}");
        }
    }
}

async fn tenant(app: &App, email: &str, domain: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(email, NOW).await.unwrap().id;
    // Hashing a password takes its time, and none is used here.
    let user = app.catalog.add_user(email, "no password", Some((workspace, Role::Owner)), NOW).await.unwrap().id;
    app.catalog.add_domain(workspace, domain, false, NOW).await.unwrap();
    let key = key(app, user, workspace, &[]).await;
    Tenant { workspace, user, key }
}

async fn key(app: &App, user: UserId, workspace: WorkspaceId, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    let grant = KeyGrant { workspace: Some(workspace), scopes, ..KeyGrant::default() };
    app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned()
}

pub fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap()
}

pub fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap()
}
