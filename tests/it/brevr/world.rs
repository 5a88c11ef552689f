//! Two tenants, and the requests of their keys.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use linktrail::api::{brevr, dub, linkly};
use linktrail::auth::KeyGrant;
use linktrail::config::{DomainProof, DomainsConfig, LimitsConfig};
use linktrail::domain::id::{UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::holdings::Holdings;
use linktrail::warehouse::Warehouse;
use linktrail::web::limits::Limits;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-09-21T14:13:20Z
pub const NOW: i64 = 1_790_000_000_000;

pub struct Tenant {
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub key: String,
}

/// What a world is like, where it matters.
#[derive(Default)]
pub struct Setup {
    pub proof: DomainProof,
    pub dns: Option<SocketAddr>,
    pub limits: Option<LimitsConfig>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<i64> {
        self.headers.get(name).map(|value| value.to_str().unwrap().parse().unwrap())
    }
}

pub struct World {
    pub app: App,
    pub warehouse: Warehouse,
    router: Router,
    pub ours: Tenant,
    pub theirs: Tenant,
}

impl World {
    pub async fn start(name: &str) -> Self {
        Self::with(name, Setup::default()).await
    }

    /// Our domain is `go.example.com`, theirs `go.other.example`, both verified.
    pub async fn with(name: &str, setup: Setup) -> Self {
        let database = crate::world::database_url(name).await;
        let warehouse = crate::world::warehouse(name).await;
        let mut app = crate::world::app(&database, &warehouse, NOW).await;
        let domains = DomainsConfig { domain_proof: setup.proof, dns_server: setup.dns };
        app.holdings = Holdings::new(app.catalog.clone(), app.clock.clone()).for_tenants(&app.public_url, &domains);
        if let Some(limits) = setup.limits {
            app.limits = Limits::new(&limits, &app.clock);
        }
        let ours = tenant(&app, "ours@example.com", "go.example.com").await;
        let theirs = tenant(&app, "theirs@example.com", "go.other.example").await;
        app.reload_domains().await;
        let routes = dub::routes().merge(linkly::routes()).merge(brevr::routes());
        Self { router: routes.with_state(app.clone()), app, warehouse, ours, theirs }
    }

    /// A key of ours with these scopes, bound to our workspace or not.
    pub async fn key(&self, scopes: &[&str], bound: bool) -> String {
        key(&self.app, self.ours.user, bound.then_some(self.ours.workspace), scopes).await
    }

    pub async fn ask(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        };
        if answer.status >= 400 {
            let body = answer.json();
            assert!(body["error"].is_string() && body.as_object().unwrap().len() == 1, "{body}");
        }
        answer
    }

    async fn ours(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.ask(&self.ours.key, method, &format!("/api/v1{path}"), body).await;
        (answer.status, answer.json())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ours(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ours(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.ours(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        self.ours(Method::DELETE, path, None).await
    }

    /// A link of ours that leads to `https://example.com`, unless the body says otherwise.
    pub async fn link(&self, body: Value) -> Value {
        let mut whole = json!({"url": "https://example.com", "domain": "go.example.com"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let (status, made) = self.post("/links", whole).await;
        assert_eq!(status, 201, "{made}");
        made["link"].clone()
    }
}

async fn tenant(app: &App, email: &str, domain: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(email, NOW).await.unwrap().id;
    let user = app.catalog.add_user(email, "no password", Some((workspace, Role::Owner)), NOW).await.unwrap().id;
    app.catalog.add_domain(workspace, domain, false, NOW).await.unwrap();
    let key = key(app, user, Some(workspace), &[]).await;
    Tenant { workspace, user, key }
}

async fn key(app: &App, user: UserId, workspace: Option<WorkspaceId>, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    let grant = KeyGrant { workspace, scopes, ..KeyGrant::default() };
    app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned()
}

/// The text of a failure.
pub fn error(body: &Value) -> &str {
    body["error"].as_str().unwrap()
}

pub fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}
