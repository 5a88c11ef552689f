//! An installation with two tenants, its surfaces, and a look into both stores.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use linktrail::api::{dub, linkly};
use linktrail::auth::KeyGrant;
use linktrail::domain::id::{UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::webhook::HookEvent;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::Value;
use tower::ServiceExt;

use crate::world;

pub const NOW_MS: i64 = 1_790_000_000_000;

/// A workspace with a domain, seen by its owner.
pub struct Tenant {
    pub workspace: WorkspaceId,
    pub key: String,
}

pub struct World {
    pub app: App,
    pub database: String,
    pub clickhouse: clickhouse::Client,
    pub router: Router,
    pub ours: Tenant,
    pub theirs: Tenant,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl World {
    pub async fn start(name: &str) -> Self {
        let urls = world::clickhouse(name).await;
        let warehouse = world::warehouse_at(&urls);
        warehouse.migrate().await.unwrap();
        let database = world::database_url(name).await;
        let app = world::app(&database, &warehouse, NOW_MS).await;
        let ours = tenant(&app, "ours@example.com", "go.example.com").await;
        let theirs = tenant(&app, "theirs@example.com", "go.other.example").await;
        app.resolver.reload_domains().await.unwrap();
        Self { router: router(&app), database, clickhouse: world::clickhouse_client(&urls.writer), app, ours, theirs }
    }

    /// Sends a request with these headers.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        ask(&self.router, method, path, headers, body).await
    }

    /// Sends a request of ours.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        self.send_as(&self.ours, method, path, body).await
    }

    /// Sends a request of a tenant.
    pub async fn send_as(
        &self,
        tenant: &Tenant,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let bearer = format!("Bearer {}", tenant.key);
        let answer = self.ask(method, path, &[("authorization", &bearer)], body).await;
        (answer.status, answer.body)
    }

    /// Has webhooks of ours asked for these events.
    pub async fn subscribe(&self, events: &[HookEvent]) {
        let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
        let text = "INSERT INTO webhook (workspace_id, flavour, name, url, secret, events, created_at, updated_at)
            VALUES ($1, 'dub', 'test', 'https://example.com', 'whsec_test', $2, now(), now())";
        self.postgres().await.execute(text, &[&self.ours.workspace.row(), &names]).await.unwrap();
    }

    /// What webhooks will be told, as it was noted.
    pub async fn told(&self) -> Vec<(String, Value)> {
        let rows = self.postgres().await.query("SELECT event, body FROM outbox ORDER BY id", &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// In how many customers, remembered answers and posted conversions a text stands, whatever its case.
    pub async fn kept(&self, text: &str) -> Vec<i64> {
        let postgres = self.postgres().await;
        let pattern = format!("%{text}%");
        let mut counts = Vec::new();
        for table in ["customer", "idempotency", "linkly_conversion"] {
            let sql = format!("SELECT count(*) FROM {table} WHERE to_jsonb({table})::text ILIKE $1");
            counts.push(postgres.query_one(&sql, &[&pattern]).await.unwrap().get(0));
        }
        counts
    }

    async fn postgres(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.database, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A key with these scopes of a new person with this role in our workspace.
    pub async fn key(&self, role: Role, scopes: &[&str]) -> String {
        let email = format!("{}.{}@example.com", role.name(), scopes.join("."));
        let place = Some((self.ours.workspace, role));
        let user = self.app.catalog.add_user(&email, "no password", place, NOW_MS).await.unwrap().id;
        key(&self.app, user, scopes).await
    }
}

/// The surfaces over these services.
pub fn router(app: &App) -> Router {
    dub::routes().merge(linkly::routes()).with_state(app.clone())
}

/// Sends a request with these headers.
pub async fn ask(
    router: &Router,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let response = router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn tenant(app: &App, email: &str, domain: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(email, NOW_MS).await.unwrap().id;
    // Hashing a password takes its time, and none is used here.
    let place = Some((workspace, Role::Owner));
    let user = app.catalog.add_user(email, "no password", place, NOW_MS).await.unwrap().id;
    app.holdings.add_domain(workspace, domain, false, Default::default()).await.unwrap();
    Tenant { workspace, key: key(app, user, &[]).await }
}

async fn key(app: &App, user: UserId, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(ToString::to_string).collect();
    let grant = KeyGrant { scopes, ..KeyGrant::default() };
    app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned()
}
