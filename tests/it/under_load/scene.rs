//! Three workspaces, each with a site, and ClickHouse behind a gate.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use linktrail::api::{brevr, dub, ghostid, linkly};
use linktrail::auth::KeyGrant;
use linktrail::catalog::NewSite;
use linktrail::config::QueriesConfig;
use linktrail::domain::id::{SiteId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::site::SiteSettings;
use linktrail::warehouse::{Warehouse, WarehouseOptions};
use linktrail::web::state::App;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use secrecy::ExposeSecret;
use serde_json::Value;
use tower::ServiceExt as _;

use super::gate::{Gate, Trick};

/// 2026-09-21T14:13:20Z
const NOW: i64 = 1_790_000_000_000;

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn retry_after(&self) -> Option<u32> {
        self.headers.get("retry-after").map(|seconds| seconds.to_str().unwrap().parse().unwrap())
    }
}

pub struct Tenant {
    pub workspace: WorkspaceId,
    pub site: SiteId,
    pub key: String,
}

impl Tenant {
    /// A query of counts of each surface: Dub's, Linkly's, Ghost ID's, Brevr's.
    pub fn questions(&self) -> [String; 4] {
        [
            "/analytics?groupBy=countries&start=2026-09-01&end=2026-09-20".to_owned(),
            format!("/api/v1/workspace/{}/clicks/counters/country", self.workspace.0),
            format!("/api/sessions?siteId={}", self.site.0),
            "/api/v1/analytics/geo".to_owned(),
        ]
    }
}

pub struct Scene {
    pub app: App,
    pub warehouse: Warehouse,
    pub gate: Gate,
    pub tenants: [Tenant; 3],
    pub clickhouse: clickhouse::Client,
    router: Router,
}

impl Scene {
    pub async fn start(test: &str, queries: QueriesConfig) -> Self {
        let urls = crate::world::clickhouse(test).await;
        let gate = Gate::before(&urls.reader).await;
        let warehouse = Warehouse::new(&WarehouseOptions {
            writer_url: urls.writer.clone().into(),
            reader_url: gate.url.clone().into(),
            cluster: None,
            queries,
        })
        .unwrap();
        warehouse.migrate().await.unwrap();
        let app = crate::world::app(&crate::world::database_url(test).await, &warehouse, NOW).await;
        let tenants = [tenant(&app, "one").await, tenant(&app, "two").await, tenant(&app, "three").await];
        app.sites.load().await.unwrap();
        let routes = dub::routes().merge(linkly::routes()).merge(ghostid::routes()).merge(brevr::routes());
        let router = routes.with_state(app.clone());
        Self { app, warehouse, gate, tenants, clickhouse: crate::world::clickhouse_client(&urls.writer), router }
    }

    /// Clicks of each tenant, on the days that are asked about; each has the first in another country.
    pub async fn store_clicks(&self, count: u64) {
        for tenant in &self.tenants {
            let sql = "INSERT INTO events (workspace_id, kind, timestamp, event_id, link_id, visitor, country) \
                       SELECT ?, 'click', toDateTime64('2026-09-10 00:00:00', 3, 'UTC') + number % 600000, \
                       ? * 100000000 + number, 1, number, ['DE', 'FR', 'US'][1 + number % 3] FROM numbers(?)";
            let insert = self.clickhouse.query(sql).bind(tenant.workspace.0).bind(tenant.workspace.0).bind(count);
            insert.execute().await.unwrap();
        }
    }

    /// What a GET answers. Nothing of the scene is held, so that it can be left alone.
    pub fn get(&self, tenant: usize, path: &str) -> impl Future<Output = Answer> + Send + 'static {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.tenants[tenant].key));
        let (router, request) = (self.router.clone(), request.body(Body::empty()).unwrap());
        async move {
            let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
            let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            Answer { status: parts.status.as_u16(), headers: parts.headers, text }
        }
    }

    /// Asks all four surfaces while the gate plays its trick.
    pub async fn tricked(&self, trick: Trick) -> Vec<Answer> {
        self.gate.play(trick);
        let mut answers = Vec::new();
        for path in self.tenants[0].questions() {
            answers.push(self.get(0, &path).await);
        }
        self.gate.play(Trick::None);
        answers
    }
}

async fn tenant(app: &App, name: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(name, NOW).await.unwrap().id;
    let email = format!("{name}@example.com");
    let user = app.catalog.add_user(&email, "no password", Some((workspace, Role::Owner)), NOW).await.unwrap().id;
    app.holdings.add_domain(workspace, &format!("{name}.example.com"), false, Default::default()).await.unwrap();
    let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
    let key = app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned();
    let hosts = vec![format!("www.{name}.example.com")];
    let site = NewSite { name: name.to_owned(), slug: name.to_owned(), hosts, settings: SiteSettings::default() };
    let site = app.catalog.add_site(workspace, &site, NOW).await.unwrap().id;
    Tenant { workspace, site, key }
}

/// The metrics of what happens on this thread.
pub struct Metrics(PrometheusHandle);

impl Metrics {
    pub fn new() -> (Self, PrometheusRecorder) {
        let recorder = PrometheusBuilder::new().build_recorder();
        (Self(recorder.handle()), recorder)
    }

    /// The value of a line; 0 without one.
    pub fn value(&self, name: &str) -> f64 {
        let text = self.0.render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}
