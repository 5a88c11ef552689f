//! An installation with two tenants, Linkly's API, and clicks that are known by hand.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use linktrail::api::{dub, linkly};
use linktrail::auth::KeyGrant;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::warehouse::Warehouse;
use linktrail::web::state::App;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// 2026-11-20T12:00:00Z
pub const NOW_MS: i64 = 1_795_176_000_000;
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// A workspace with a domain, seen by its owner.
pub struct Tenant {
    pub workspace: WorkspaceId,
    pub key: String,
}

pub struct World {
    pub app: App,
    pub database: String,
    pub warehouse: Warehouse,
    pub router: Router,
    pub ours: Tenant,
    pub theirs: Tenant,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl World {
    pub async fn start(name: &str) -> Self {
        let database = crate::world::database_url(name).await;
        let warehouse = crate::world::warehouse(name).await;
        let app = crate::world::app(&database, &warehouse, NOW_MS).await;
        let ours = tenant(&app, "ours@example.com", "go.example.com").await;
        let theirs = tenant(&app, "theirs@example.com", "go.other.example").await;
        app.resolver.reload_domains().await.unwrap();
        let router = dub::routes().merge(linkly::routes()).with_state(app.clone());
        Self { app, database, warehouse, router, ours, theirs }
    }

    /// Sends a request with these headers.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// Sends a request of a tenant; null for no body.
    pub async fn send_as(&self, tenant: &Tenant, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", tenant.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, &body).await
    }

    /// What one of our requests is answered with; it must go well.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.send_as(&self.ours, method, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, &body).await
    }

    /// Our path below `/api/v1/workspace/{id}`.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/workspace/{}{rest}", self.ours.workspace.0)
    }

    /// A link of ours.
    pub async fn link(&self, body: Value) -> (LinkId, Value) {
        let link = self.post("/api/v1/link", body).await;
        (LinkId(link["id"].as_u64().unwrap()), link)
    }

    /// Stores clicks on a link of ours: how long ago, by a robot or not, and how many.
    pub async fn clicks(&self, token: &str, link: LinkId, clicks: &[(i64, bool, u64)]) {
        let mut number = 0;
        let mut events = Vec::new();
        for &(ago_ms, is_robot, count) in clicks {
            for _ in 0..count {
                number += 1;
                let agent = Agent { bot: if is_robot { "Googlebot" } else { "" }.to_owned(), ..Agent::default() };
                events.push(Event {
                    workspace: self.ours.workspace,
                    at_ms: NOW_MS - ago_ms,
                    id: EventId::new(1, link.0 * 100_000 + number),
                    link,
                    visitor: number,
                    // Linkly counts repeats like any other click.
                    repeat: number % 2 == 0,
                    agent: Arc::new(agent),
                    ..Event::default()
                });
            }
        }
        self.warehouse.insert(token, &events).await.unwrap();
    }
}

async fn tenant(app: &App, email: &str, domain: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(email, NOW_MS).await.unwrap().id;
    let user = app.catalog.add_user(email, "-", Some((workspace, Role::Owner)), NOW_MS).await.unwrap().id;
    app.holdings.add_domain(workspace, domain, false, Default::default()).await.unwrap();
    let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
    let key = app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned();
    Tenant { workspace, key }
}
