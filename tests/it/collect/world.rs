//! Two workspaces with a site each, the surfaces of one server over them, and a look at what was stored and counted.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use linktrail::api::{collect, dub, linkly};
use linktrail::auth::KeyGrant;
use linktrail::catalog::NewSite;
use linktrail::domain::id::{SiteId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::site::SiteSettings;
use linktrail::domain::workspace::WorkspaceSettings;
use linktrail::telemetry::name::EVENTS_DROPPED_TOTAL;
use linktrail::web::client::{ClientRules, Peer};
use linktrail::web::state::App;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;

use crate::world;

pub const NOW_MS: i64 = 1_790_000_000_000;
pub const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
pub const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
/// Who our requests come from, behind a proxy that is trusted.
pub const CLIENT: &str = "81.2.69.142";

/// One of the two.
pub struct Side {
    pub workspace: WorkspaceId,
    pub site: SiteId,
    pub key: String,
}

pub struct Scene {
    pub app: App,
    pub ours: Side,
    pub theirs: Side,
    router: Router,
    clickhouse: clickhouse::Client,
    metrics: PrometheusHandle,
    _recorder: metrics::LocalRecorderGuard<'static>,
}

/// An answer as it went out.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Scene {
    pub async fn start(test: &str) -> Self {
        // The test's own thread does all the work, so it alone is counted.
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let metrics = recorder.handle();
        let recorder = metrics::set_default_local_recorder(recorder);
        let urls = world::clickhouse(test).await;
        let warehouse = world::warehouse_at(&urls);
        warehouse.migrate().await.unwrap();
        let mut app = world::app(&world::database_url(test).await, &warehouse, NOW_MS).await;
        app.clients = ClientRules::new(&crate::visits::http_config(&["--geo-headers", "cloudflare"]));
        let ours = side(&app, "ours", &["shop.example", "*.shop.example"]).await;
        let theirs = side(&app, "theirs", &["other.example"]).await;
        app.sites.load().await.unwrap();
        let surfaces = dub::routes().merge(linkly::routes()).merge(collect::routes());
        let router = surfaces.layer(CompressionLayer::new()).with_state(app.clone());
        let clickhouse = world::clickhouse_client(&urls.writer);
        Self { app, ours, theirs, router, clickhouse, metrics, _recorder: recorder }
    }

    /// Sends a request as a person's browser does, unless the headers say otherwise.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let given = |name: &str| headers.iter().any(|(known, _)| *known == name);
        for (name, value) in [("user-agent", FIREFOX), ("x-forwarded-for", CLIENT), ("content-type", "text/plain")] {
            if !given(name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        request.extensions_mut().insert(Peer(SocketAddr::from(([127, 0, 0, 1], 9))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn track(&self, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.ask(Method::POST, "/api/track", headers, body.to_string()).await
    }

    /// A pageview of our site, with these fields instead of its own.
    pub fn view(&self, more: Value) -> Value {
        let mut event =
            json!({ "site_id": self.ours.site.0, "type": "pageview", "hostname": "shop.example", "pathname": "/" });
        if let Value::Object(more) = more {
            event.as_object_mut().unwrap().extend(more);
        }
        event
    }

    /// What is stored and counts, in the order of arrival.
    pub async fn events(&self) -> Vec<Value> {
        let mut events = self.stored().await;
        events.retain(|event| event["repeat"] == false);
        events
    }

    /// What is stored, in the order of arrival.
    pub async fn stored(&self) -> Vec<Value> {
        self.app.ingest.flushed().await;
        let query = self.clickhouse.query("SELECT * FROM events ORDER BY event_id");
        let rows = query.fetch_bytes("JSONEachRow").unwrap().collect().await.unwrap();
        let lines = rows.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    /// How many events were dropped for this reason.
    pub fn dropped(&self, reason: &str) -> u64 {
        let page = self.metrics.render();
        let label = format!("reason=\"{reason}\"");
        let lines = page.lines().filter(|line| line.starts_with(EVENTS_DROPPED_TOTAL) && line.contains(&label));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    }

    /// Changes our workspace's settings.
    pub async fn set(&self, change: impl FnOnce(&mut WorkspaceSettings)) {
        let mut settings = WorkspaceSettings::default();
        change(&mut settings);
        assert!(self.app.catalog.set_workspace_settings(self.ours.workspace, &settings).await.unwrap());
        self.app.sites.load().await.unwrap();
    }
}

async fn side(app: &App, name: &str, hosts: &[&str]) -> Side {
    let workspace = app.catalog.add_workspace(name, NOW_MS).await.unwrap().id;
    let place = Some((workspace, Role::Owner));
    let user = app.catalog.add_user(&format!("{name}@example.com"), "no password", place, NOW_MS).await.unwrap().id;
    let site = NewSite {
        name: name.to_owned(),
        slug: name.to_owned(),
        hosts: hosts.iter().map(ToString::to_string).collect(),
        settings: SiteSettings::default(),
    };
    let site = app.catalog.add_site(workspace, &site, NOW_MS).await.unwrap().id;
    let key = app.auth.create_key(user, &KeyGrant::default()).await.unwrap().1.expose_secret().to_owned();
    Side { workspace, site, key }
}
