//! The world the tests live in: one ClickHouse and one Postgres a test process, a database a test.
//!
//! The engines start with the first test that asks and end with the process. With `LINKTRAIL_TEST_DATABASE_URL` or
//! `LINKTRAIL_TEST_CLICKHOUSE_URL` the servers there are used instead; their user must be allowed to create databases, and
//! `LINKTRAIL_TEST_CLICKHOUSE_READER_URL` may name a second ClickHouse user that can only read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use linktrail::analytics::Analytics;
use linktrail::auth::Auth;
use linktrail::calendar::Clock;
use linktrail::catalog::Catalog;
use linktrail::config::{DomainsConfig, IngestConfig, LimitsConfig, QueriesConfig};
use linktrail::conversions::{Conversions, Parts};
use linktrail::domain::click_id::ClickKey;
use linktrail::engines::{DataDir, DataDirError, Engines, EnginesOptions};
use linktrail::enrich::{EnrichOptions, Enricher, Geo};
use linktrail::holdings::Holdings;
use linktrail::hooks::Hooks;
use linktrail::hooks::guard::Policy;
use linktrail::ingest::{Drain, DrainOptions, Ingest};
use linktrail::links::LinkService;
use linktrail::redirect::{Resolver, ResolverOptions};
use linktrail::server::CatalogSource;
use linktrail::sites::Sites;
use linktrail::warehouse::{Warehouse, WarehouseOptions};
use linktrail::web::client::ClientRules;
use linktrail::web::client_clicks::ClientClicks;
use linktrail::web::kept_answers::KeptAnswers;
use linktrail::web::limits::Limits;
use linktrail::web::places::Places;
use linktrail::web::recent_visits::RecentVisits;
use linktrail::web::state::{App, EXPORTS_PER_WORKSPACE};
use linktrail::web::streams::Streams;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_linktrail");

/// A ClickHouse database as its two users see it.
#[derive(Clone, Debug)]
pub struct ClickHouseUrls {
    /// May do everything in the database.
    pub writer: String,
    /// May only read it.
    pub reader: String,
}

struct Servers {
    /// Postgres for a user that may create databases, and the user they shall belong to with its URL.
    postgres_admin: String,
    postgres: String,
    clickhouse: ClickHouseUrls,
    // Ends with the process: the engines' threads and children do.
    _engines: Option<Engines>,
}

/// The URL of a fresh, empty Postgres database named after the test.
pub async fn database_url(test: &str) -> String {
    let servers = servers();
    let name = database_name(test);
    let (client, connection) = tokio_postgres::connect(&servers.postgres_admin, tokio_postgres::NoTls)
        .await
        .expect("the test's postgres answers");
    let connection = tokio::spawn(connection);
    let url = Url::parse(&servers.postgres).unwrap();
    // Two statements: neither may run in a transaction.
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    client.batch_execute(&format!("CREATE DATABASE {name} OWNER \"{}\"", url.username())).await.unwrap();
    drop(client);
    let _ = connection.await;
    with_database(&servers.postgres, &name)
}

/// A fresh, empty ClickHouse database named after the test.
pub async fn clickhouse(test: &str) -> ClickHouseUrls {
    let servers = servers();
    let name = database_name(test);
    let client = clickhouse_client(&servers.clickhouse.writer);
    client.query(&format!("DROP DATABASE IF EXISTS {name} SYNC")).execute().await.unwrap();
    client.query(&format!("CREATE DATABASE {name}")).execute().await.unwrap();
    ClickHouseUrls {
        writer: with_database(&servers.clickhouse.writer, &name),
        reader: with_database(&servers.clickhouse.reader, &name),
    }
}

/// A fresh ClickHouse database named after the test, with our schema.
pub async fn warehouse(test: &str) -> Warehouse {
    let warehouse = warehouse_at(&clickhouse(test).await);
    warehouse.migrate().await.unwrap();
    warehouse
}

/// The warehouse of these users, as it is.
pub fn warehouse_at(urls: &ClickHouseUrls) -> Warehouse {
    Warehouse::new(&WarehouseOptions {
        writer_url: urls.writer.clone().into(),
        reader_url: urls.reader.clone().into(),
        cluster: None,
        queries: QueriesConfig::default(),
    })
    .unwrap()
}

/// What handlers reach, over these stores, at a time that stands still. What is collected is stored at once: a drain runs
/// until the test's runtime ends.
pub async fn app(database: &str, warehouse: &Warehouse, now_ms: i64) -> App {
    let catalog = Catalog::connect(&SecretString::from(database), 8).unwrap();
    catalog.migrate().await.unwrap();
    let clock = Clock::fixed(now_ms);
    let public_url = Arc::new(Url::parse("http://localhost:8080").unwrap());
    let http = crate::visits::http_config(&[]);
    let enricher = Arc::new(Enricher::new(EnrichOptions { geo: Geo::default(), visitor_secret: [7; 32] }));
    let (ingest, reader) = Ingest::open(&IngestConfig::default(), &folder().keep(), 1, 0).unwrap();
    let enrich = {
        let enricher = Arc::clone(&enricher);
        move |hits| enricher.enrich_batch(hits)
    };
    let store = Arc::new(warehouse.clone());
    let options = DrainOptions { linger: Duration::from_millis(10), ..DrainOptions::default() };
    let drain = Drain::new(ingest.clone(), reader, store, enrich, clock.clone(), options);
    tokio::spawn(drain.run(CancellationToken::new()));
    let clicks = ClickKey::new([7; 16]);
    let conversions = Conversions::new(Parts {
        catalog: catalog.clone(),
        warehouse: warehouse.clone(),
        ingest: ingest.clone(),
        enricher: Arc::clone(&enricher),
        clicks: clicks.clone(),
        clock: clock.clone(),
    });
    let source = Arc::new(CatalogSource::new(catalog.clone()));
    let resolver = Arc::new(Resolver::new(source, ResolverOptions::default()));
    resolver.reload_domains().await.unwrap();
    let memory = Arc::clone(&resolver);
    let hooks = Hooks::new(Policy { allowed: vec!["127.0.0.0/8".parse().unwrap()] });
    App {
        resolver,
        client_clicks: ClientClicks::default(),
        recent_visits: RecentVisits::default(),
        kept_answers: KeptAnswers::default(),
        conversions,
        auth: Auth::new(catalog.clone(), clock.clone()),
        limits: Limits::new(&LimitsConfig::off(), &clock),
        analytics: Analytics::new(warehouse.clone(), catalog.clone()),
        sites: Sites::new(catalog.clone()),
        ingest,
        enricher,
        clients: ClientRules::new(&http),
        clicks,
        hooks: hooks.clone(),
        streams: Streams::new(CancellationToken::new()),
        exports: Places::new(EXPORTS_PER_WORKSPACE),
        holdings: Holdings::new(catalog.clone(), clock.clone()).for_tenants(&public_url, &DomainsConfig::default()),
        links: LinkService::new(catalog.clone(), clock.clone(), Arc::clone(&public_url))
            .with_memory(Arc::new(move |domain, slug: &str| memory.forget_link(domain, slug)))
            .with_hook_policy(hooks.policy()),
        clock,
        catalog,
        public_url,
        max_body_bytes: 100_000,
    }
}

/// The driver for `http://user:password@host:port/database`.
pub fn clickhouse_client(url: &str) -> clickhouse::Client {
    let mut url = Url::parse(url).unwrap();
    let (user, password) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
    let database = url.path().trim_start_matches('/').to_owned();
    url.set_username("").unwrap();
    url.set_password(None).unwrap();
    url.set_path("");
    let client = clickhouse::Client::default().with_url(url.as_str()).with_user(user).with_password(password);
    if database.is_empty() { client } else { client.with_database(database) }
}

/// The folder, once what was stopped in it has let it go: its last task may end a moment after its stop.
fn free_again(folder: &Path) -> DataDir {
    for _ in 0..100 {
        match DataDir::open(folder) {
            Err(DataDirError::Locked { .. }) => std::thread::sleep(Duration::from_millis(50)),
            opened => return opened.unwrap(),
        }
    }
    DataDir::open(folder).unwrap()
}

/// Both engines with their data in `folder`, started by the program under test.
pub fn options(folder: &Path) -> EnginesOptions {
    EnginesOptions {
        data_dir: Arc::new(free_again(folder)),
        engines_dir: None,
        launcher: Some(PathBuf::from(PROGRAM)),
        clickhouse: true,
        postgres: true,
    }
}

/// A new folder below the build folder, removed at its end.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("it-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Result<Servers, String>> = OnceLock::new();
    // On a thread of its own, since the caller may be inside a runtime.
    match SERVERS.get_or_init(|| std::thread::spawn(start).join().unwrap_or_else(|_| Err("see above".to_owned()))) {
        Ok(servers) => servers,
        Err(error) => panic!("the stores for the tests could not be had: {error}"),
    }
}

fn start() -> Result<Servers, String> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let postgres = given("LINKTRAIL_TEST_DATABASE_URL");
    let clickhouse = given("LINKTRAIL_TEST_CLICKHOUSE_URL").map(|writer| {
        let reader = given("LINKTRAIL_TEST_CLICKHOUSE_READER_URL").unwrap_or_else(|| writer.clone());
        ClickHouseUrls { writer, reader }
    });
    if let (Some(postgres), Some(clickhouse)) = (&postgres, &clickhouse) {
        let (postgres_admin, postgres, clickhouse) = (postgres.clone(), postgres.clone(), clickhouse.clone());
        return Ok(Servers { postgres_admin, postgres, clickhouse, _engines: None });
    }
    remove_old_folders();
    let options =
        EnginesOptions { clickhouse: clickhouse.is_none(), postgres: postgres.is_none(), ..options(&folder().keep()) };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let engines = runtime.block_on(Engines::start(options)).map_err(|error| error.to_string())?;
    let url = |own: Option<secrecy::SecretString>| own.map(|url| url.expose_secret().to_owned()).unwrap_or_default();
    Ok(Servers {
        postgres_admin: postgres.clone().unwrap_or_else(|| url(engines.postgres_admin_url())),
        postgres: postgres.unwrap_or_else(|| url(engines.database_url())),
        clickhouse: clickhouse.unwrap_or_else(|| ClickHouseUrls {
            writer: url(engines.clickhouse_url()),
            reader: url(engines.clickhouse_reader_url()),
        }),
        _engines: Some(engines),
    })
}

/// What earlier test processes left: their shared engines end with the process, so nobody removes the data.
fn remove_old_folders() {
    let Ok(entries) = std::fs::read_dir(env!("CARGO_TARGET_TMPDIR")) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with("it-");
        // A process that is alive has written its number under its lock.
        let begun = std::fs::metadata(entry.path().join("lock")).is_ok_and(|lock| lock.len() > 0);
        if ours && begun && DataDir::open(&entry.path()).is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn database_name(test: &str) -> String {
    assert!(
        test.len() <= 40 && test.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
        "{test} is no name for a database"
    );
    format!("linktrail_test_{test}")
}

fn with_database(url: &str, database: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.set_path(database);
    url.into()
}
