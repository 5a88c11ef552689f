//! A whole server with two workspaces, over the tests' stores.

use std::net::SocketAddr;
use std::sync::Arc;

use linktrail::calendar::Clock;
use linktrail::config::http::GeoHeaders;
use linktrail::config::{
    Config, DomainsConfig, HooksConfig, HttpConfig, IngestConfig, LimitsConfig, PlacesConfig, QueriesConfig,
    SignInConfig, StoresConfig,
};
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, EventKind, Place, Referrer, Utm};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::server::Server;
use linktrail::warehouse::{Warehouse, WarehouseOptions};
use linktrail::web::state::App;
use serde_json::json;

use crate::reading::scene::tenant;
use crate::wire::{Reply, exchange, get, request};
use crate::world::{self, PROGRAM};

/// A word in all that is theirs: it must never be in an answer to us.
pub const SECRET: &str = "their-secret";
/// Events of each workspace.
pub const EVENTS: u64 = 40;

pub struct Side {
    pub workspace: WorkspaceId,
    pub key: String,
    pub link: LinkId,
}

pub struct Running {
    server: Server,
    pub address: SocketAddr,
    pub warehouse: Warehouse,
    pub ours: Side,
    pub theirs: Side,
    _folder: tempfile::TempDir,
}

impl Running {
    pub async fn start(test: &str) -> Self {
        let folder = world::folder();
        let clickhouse = world::clickhouse(test).await;
        let stores = StoresConfig {
            database_url: Some(world::database_url(test).await.into()),
            clickhouse_url: Some(clickhouse.writer.clone().into()),
            clickhouse_reader_url: Some(clickhouse.reader.clone().into()),
            clickhouse_cluster: None,
            postgres_pool: 8,
            queries: QueriesConfig::default(),
        };
        let places =
            PlacesConfig { data_dir: folder.path().join("data"), engines_dir: None, geo_files: Vec::new(), stores };
        let http = HttpConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            public_url: None,
            default_domain: None,
            trusted_proxies: Vec::new(),
            geo_headers: GeoHeaders::None,
            header_timeout_secs: 5,
            body_timeout_secs: 2,
            max_body_bytes: 100_000,
            max_connections: 1_000,
            miss_limit: 1_000,
        };
        let config = Config {
            places,
            http,
            limits: LimitsConfig::off(),
            sign_in: SignInConfig::default(),
            ingest: IngestConfig::default(),
            hooks: HooksConfig::default(),
            domains: DomainsConfig::default(),
        };
        let server = Server::start(config, Clock::system(), Some(PROGRAM.into())).await.unwrap();
        let options = WarehouseOptions {
            writer_url: clickhouse.writer.into(),
            reader_url: clickhouse.reader.into(),
            cluster: None,
            queries: QueriesConfig::default(),
        };
        let address = server.address;
        let app = &server.app;
        let (workspace, _, key) = tenant(app, "ours@example.com", &["go.example.com"]).await;
        let (foreign, _, foreign_key) = tenant(app, "theirs@example.com", &["go.their-secret.example"]).await;
        let ours = Side { workspace, link: link(address, &key, "ours").await, key };
        let theirs = Side { workspace: foreign, link: link(address, &foreign_key, SECRET).await, key: foreign_key };
        let warehouse = Warehouse::new(&options).unwrap();
        for (node, side, name) in [(1_001, &ours, "ours"), (1_002, &theirs, SECRET)] {
            let events: Vec<Event> = (1..=EVENTS)
                .map(|number| {
                    event(side.workspace, side.link, EventId::new(node, number), app.clock.now_ms() - 1_000, name)
                })
                .collect();
            warehouse.insert(name, &events).await.unwrap();
        }
        Self { address, warehouse, ours, theirs, server, _folder: folder }
    }

    pub fn app(&self) -> &App {
        &self.server.app
    }

    pub async fn get(&self, target: &str) -> Reply {
        get(self.address, target, &self.ours.key).await
    }

    pub async fn send(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Reply {
        exchange(self.address, &request(method, target, &self.ours.key, headers, body), false).await
    }

    /// The count of a query that must be answered.
    pub async fn count(&self, query: &str) -> u64 {
        let reply = self.get(&format!("/analytics?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        reply.json()["clicks"].as_u64().unwrap()
    }

    /// Sees that the server goes on, and that what is theirs is as it was.
    pub async fn assert_well(&self, after: &str) {
        assert_eq!(get(self.address, "/health", "").await.status, 200, "{after}");
        assert_eq!(get(self.address, "/ready", "").await.status, 200, "{after}");
        let theirs = get(self.address, "/analytics?interval=all", &self.theirs.key).await;
        assert_eq!(theirs.json()["clicks"], EVENTS, "{after}");
        let links = get(self.address, "/links", &self.theirs.key).await.json();
        assert_eq!(links[0]["id"], self.theirs.link.to_string(), "{after}");
        assert_eq!((links.as_array().unwrap().len(), &links[0]["title"]), (1, &json!(SECRET)), "{after}");
    }

    pub fn click(&self, event: EventId) -> String {
        self.server.app.clicks.public(event)
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn link(address: SocketAddr, key: &str, name: &str) -> LinkId {
    let body = json!({"url": format!("https://{name}.example/"), "key": name, "title": name, "externalId": name});
    let reply = exchange(address, &request("POST", "/links", key, "", body.to_string().as_bytes()), false).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    LinkId::parse(reply.json()["id"].as_str().unwrap()).unwrap()
}

/// A click whose every text is `text`.
pub fn event(workspace: WorkspaceId, link: LinkId, id: EventId, at_ms: i64, text: &str) -> Event {
    let owned = || text.to_owned();
    Event {
        workspace,
        kind: EventKind::Click,
        at_ms,
        id,
        link,
        visitor: id.0,
        place: Place {
            continent: text.to_ascii_uppercase(),
            country: text.to_ascii_uppercase(),
            region: String::new(),
            city: owned(),
        },
        agent: Arc::new(Agent {
            user_agent: owned(),
            device: owned(),
            browser: owned(),
            browser_version: owned(),
            os: owned(),
            os_version: owned(),
            ..Agent::default()
        }),
        referrer: Referrer { host: owned(), url: owned(), name: owned() },
        url: owned(),
        utm: Utm { source: owned(), medium: owned(), campaign: owned(), term: owned(), content: owned() },
        params: owned(),
        language: owned(),
        ..Event::default()
    }
}
