//! A whole server on a day that is always the same, with a workspace for each script.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use linktrail::auth::KeyGrant;
use linktrail::calendar::Clock;
use linktrail::config::{
    Config, DomainsConfig, HooksConfig, HttpConfig, IngestConfig, LimitsConfig, PlacesConfig, QueriesConfig,
    SignInConfig, StoresConfig,
};
use linktrail::domain::id::WorkspaceId;
use linktrail::server::Server;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::past;
use super::scripts::Script;
use crate::reading::scene::tenant;
use crate::world::{self, ClickHouseUrls, PROGRAM};

/// When the scripts begin: 2026-09-21T14:13:20Z, a Monday. From then on time passes as it does.
pub const NOW_MS: i64 = 1_790_000_000_000;
const NOW: &str = "2026-09-21T14:13:20.000Z";
/// Low enough for a script to meet it, under an address of its own.
const WRONG_KEYS_PER_MINUTE: u32 = 30;

/// A server that listens, over fresh stores.
pub struct Listening {
    pub server: Server,
    pub urls: ClickHouseUrls,
    pub folder: tempfile::TempDir,
}

/// Starts a server on a port of its own, with databases named after the test.
pub async fn listen(test: &str, clock: Clock) -> Listening {
    let folder = world::folder();
    let urls = world::clickhouse(test).await;
    let stores = StoresConfig {
        database_url: Some(world::database_url(test).await.into()),
        clickhouse_url: Some(urls.writer.clone().into()),
        clickhouse_reader_url: Some(urls.reader.clone().into()),
        clickhouse_cluster: None,
        postgres_pool: 8,
        queries: QueriesConfig::default(),
    };
    let places =
        PlacesConfig { data_dir: folder.path().join("data"), engines_dir: None, geo_files: Vec::new(), stores };
    let http = HttpConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..crate::visits::http_config(&["--geo-headers", "vercel"])
    };
    let limits = LimitsConfig { wrong_keys_per_minute: WRONG_KEYS_PER_MINUTE, ..LimitsConfig::off() };
    let config = Config {
        places,
        http,
        ingest: IngestConfig::default(),
        hooks: HooksConfig::default(),
        domains: DomainsConfig::default(),
        limits,
        sign_in: SignInConfig::default(),
    };
    let server = Server::start(config, clock, Some(PROGRAM.into())).await.unwrap();
    Listening { server, urls, folder }
}

pub struct Running {
    server: Server,
    /// What each script is told of its world, by the script's name.
    worlds: BTreeMap<String, Value>,
    time: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Starts a server that listens, and makes a workspace for each of the scripts.
    pub async fn start(test: &str, scripts: &[Script]) -> Self {
        let clock = Clock::fixed(NOW_MS);
        let Listening { server, urls, folder } = listen(test, clock.clone()).await;
        let time = tokio::spawn(pass_time(clock));
        let mut running = Self { server, worlds: BTreeMap::new(), time, _folder: folder };
        let warehouse = world::warehouse_at(&urls);
        for (number, script) in (1_000..).zip(scripts) {
            let (workspace, world) = running.furnish(&script.name).await;
            if script.name.starts_with(past::SUBJECT) {
                let key = world["key"].as_str().unwrap();
                past::store(&running.server, &warehouse, workspace, key, number).await;
            }
            running.worlds.insert(script.name.clone(), world);
        }
        running
    }

    /// A workspace with a domain, a key, a key that may only read links, and somebody else's key.
    async fn furnish(&self, script: &str) -> (WorkspaceId, Value) {
        let app = &self.server.app;
        let name = script.replace('.', "-");
        let domain = format!("{name}.example.com");
        let (workspace, user, key) = tenant(app, &format!("{name}@example.com"), &[&domain]).await;
        let foreign = format!("not-{name}.example.com");
        let (_, _, other) = tenant(app, &format!("not-{name}@example.com"), &[&foreign]).await;
        let weak =
            KeyGrant { workspace: Some(workspace), scopes: vec!["links.read".to_owned()], ..KeyGrant::default() };
        let weak = app.auth.create_key(user, &weak).await.unwrap().1;
        let world = json!({
            "url": format!("http://{}", self.server.address),
            "now": NOW,
            "key": key,
            "domain": domain,
            "weakKey": weak.expose_secret(),
            "otherKey": other,
            "otherDomain": foreign,
            "workspaceId": workspace.to_string(),
        });
        (workspace, world)
    }

    /// What a script is told.
    pub fn world_of(&self, script: &str) -> &Value {
        &self.worlds[script]
    }

    pub async fn stop(self) {
        self.server.stop().await;
        self.time.abort();
    }
}

async fn pass_time(clock: Clock) {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(1)).await;
        clock.set(NOW_MS + i64::try_from(begun.elapsed().as_millis()).unwrap());
    }
}
