//! A server with one site, the site's pages on a server of their own, and a gate between browser and collection that can be
//! shut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Html;
use linktrail::calendar::Clock;
use linktrail::catalog::NewSite;
use linktrail::config::http::GeoHeaders;
use linktrail::config::{
    Config, DomainsConfig, HooksConfig, HttpConfig, IngestConfig, LimitsConfig, PlacesConfig, QueriesConfig,
    SignInConfig, StoresConfig,
};
use linktrail::domain::site::SiteSettings;
use linktrail::server::Server;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::driver::{Browser, PATIENCE};
use crate::world::{self, PROGRAM};

/// The host of the site's pages.
pub const HOST: &str = "shop.example";

pub struct Scene {
    pub browser: Browser,
    pub gate: Gate,
    server: Server,
    /// Where the pages are.
    pages: SocketAddr,
    clickhouse: clickhouse::Client,
    _folder: tempfile::TempDir,
}

/// What a page holds: the tracker's line, and more of the page.
#[derive(Clone)]
struct Page {
    head: Arc<str>,
}

impl Scene {
    /// The scene, whose pages hold `before` and then the tracker with these attributes.
    pub async fn start(test: &str, before: &str, attributes: &str) -> Self {
        let folder = world::folder();
        let urls = world::clickhouse(test).await;
        let stores = StoresConfig {
            database_url: Some(world::database_url(test).await.into()),
            clickhouse_url: Some(urls.writer.clone().into()),
            clickhouse_reader_url: Some(urls.reader.clone().into()),
            clickhouse_cluster: None,
            postgres_pool: 4,
            queries: QueriesConfig::default(),
        };
        let places =
            PlacesConfig { data_dir: folder.path().join("data"), engines_dir: None, geo_files: Vec::new(), stores };
        let http = HttpConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            geo_headers: GeoHeaders::None,
            ..crate::visits::http_config(&[])
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
        let workspace = server.app.catalog.workspaces().await.unwrap().remove(0).id;
        let new = NewSite {
            name: "Shop".to_owned(),
            slug: "shop".to_owned(),
            hosts: vec![HOST.to_owned()],
            settings: SiteSettings::default(),
        };
        let site = server.app.catalog.add_site(workspace, &new, server.app.clock.now_ms()).await.unwrap();
        let gate = Gate::open(server.address).await;
        let head = format!(
            "{before}<script defer src=\"http://{}/script.js\" data-site=\"{}\" data-api=\"http://{}\" {attributes}></script>",
            server.address, site.id.0, gate.address
        );
        let pages = serve(Page { head: head.into() }).await;
        let clickhouse = world::clickhouse_client(&urls.writer);
        Self { browser: Browser::start().await, gate, server, pages, clickhouse, _folder: folder }
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.pages.port())
    }

    /// Opens a page.
    pub async fn open(&self, path: &str) {
        self.browser.open(&self.url(path)).await;
    }

    /// Every stored event, in the order in which they happened.
    pub async fn events(&self) -> Vec<Value> {
        self.server.app.ingest.flushed().await;
        let text = "SELECT * FROM events ORDER BY timestamp, event_id";
        let rows = self.clickhouse.query(text).fetch_bytes("JSONEachRow").unwrap().collect().await.unwrap();
        rows.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// The events that count, as soon as there are `count` of this type and name or page.
    pub async fn wait_for(&self, count: usize, event_type: &str, what: &str) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let mut events = self.events().await;
            events.retain(|event| event["repeat"] == false);
            let found = events.iter().filter(|event| {
                event["event_type"] == event_type && (event["event_name"] == what || event["page"] == what)
            });
            if found.count() >= count {
                return events;
            }
            let told =
                events.iter().map(|event| format!("{} {} {}", event["event_type"], event["event_name"], event["page"]));
            assert!(begun.elapsed() < PATIENCE, "no {event_type} {what}: {:?}", told.collect::<Vec<_>>());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    pub async fn end(self) {
        self.browser.end().await;
        self.server.stop().await;
    }
}

/// The events of a type.
pub fn of_type<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event_type"] == event_type).collect()
}

async fn serve(page: Page) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let away = format!("http://away.example:{}/there", address.port());
    let router = Router::new().fallback(async move |State(page): State<Page>, uri: Uri| {
        Html(format!(
            "<!doctype html><html><head><title>Page {path}</title><link rel=icon href=data:,>\
             <script>window.faults = []; onerror = message => faults.push(message);\
             onunhandledrejection = event => faults.push(String(event.reason))</script>{}</head>\
             <body><a id=out href=\"{away}\">Go away</a> <a id=next href=/next>Next</a>\
             <form id=ask name=asking action=\"/answer?token=secret\" method=post><input type=password name=pw value=hunter2>\
             <button id=send>Send</button></form></body></html>",
            page.head,
            path = uri.path(),
        ))
    });
    tokio::spawn(async move { axum::serve(listener, router.with_state(page)).await });
    address
}

/// A way to the server that can be shut: connections end, and new ones end at once.
pub struct Gate {
    pub address: SocketAddr,
    shut: Arc<AtomicBool>,
    under_way: Arc<Mutex<JoinSet<()>>>,
}

impl Gate {
    async fn open(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shut, under_way) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(JoinSet::new())));
        let (closed, connections) = (Arc::clone(&shut), Arc::clone(&under_way));
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                if closed.load(Ordering::SeqCst) {
                    continue;
                }
                connections.lock().unwrap().spawn(async move {
                    if let Ok(mut on) = TcpStream::connect(to).await {
                        let _ = tokio::io::copy_bidirectional(&mut from, &mut on).await;
                    }
                });
            }
        });
        Self { address, shut, under_way }
    }

    pub fn set_shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::SeqCst);
        if shut {
            self.under_way.lock().unwrap().abort_all();
        }
    }
}
