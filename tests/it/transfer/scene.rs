//! An installation with one workspace, its short domain, some links and a site; and what is stored in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use linktrail::calendar::{Clock, EARLIEST_MS, LATEST_MS, Range};
use linktrail::catalog::{Catalog, NewSite};
use linktrail::domain::id::{LinkId, SiteId};
use linktrail::domain::link::{Link, LinkPatch};
use linktrail::domain::site::SiteSettings;
use linktrail::domain::workspace::Workspace;
use linktrail::enrich::{EnrichOptions, Enricher, Geo};
use linktrail::ingest::EventStore;
use linktrail::links::{LinkChange, LinkService, SlugChoice};
use linktrail::transfer::{
    BATCH_LINES, ExportEvents, Format, Import, ImportError, ImportOptions, Out, Outcome, Progress, Setting, Source,
    Summary,
};
use linktrail::warehouse::Warehouse;
use linktrail::warehouse::export::Wanted;
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use url::Url;

use crate::world::{self, ClickHouseUrls, PROGRAM};

/// 2026-03-01T00:00:00Z
pub const MARCH_MS: i64 = 1_772_323_200_000;

pub struct Scene {
    pub catalog: Catalog,
    pub warehouse: Warehouse,
    pub workspace: Workspace,
    pub links: Vec<Link>,
    pub site: SiteId,
    pub folder: TempDir,
    pub batch_lines: u64,
    clickhouse: ClickHouseUrls,
    database: String,
}

impl Scene {
    /// The short domain is `go.example.com`; its links are `l0`, `l1` and `l2`, its site is `shop` on `shop.example`.
    pub async fn new(test: &str) -> Self {
        let database = world::database_url(test).await;
        let clickhouse = world::clickhouse(test).await;
        let warehouse = world::warehouse_at(&clickhouse);
        warehouse.migrate().await.unwrap();
        let catalog = Catalog::connect(&SecretString::from(database.as_str()), 4).unwrap();
        catalog.migrate().await.unwrap();
        let workspace = catalog.add_workspace("one", MARCH_MS).await.unwrap();
        catalog.add_domain(workspace.id, "go.example.com", false, MARCH_MS).await.unwrap();
        let site = NewSite {
            name: "Shop".to_owned(),
            slug: "shop".to_owned(),
            hosts: vec!["shop.example".to_owned()],
            settings: SiteSettings::default(),
        };
        let site = catalog.add_site(workspace.id, &site, MARCH_MS).await.unwrap().id;
        let folder = world::folder();
        let mut scene = Self {
            catalog,
            warehouse,
            workspace,
            links: Vec::new(),
            site,
            folder,
            batch_lines: BATCH_LINES,
            clickhouse,
            database,
        };
        for slug in ["l0", "l1", "l2"] {
            let link = scene.add_link(slug).await;
            scene.links.push(link);
        }
        scene
    }

    pub fn service(&self) -> LinkService {
        let url = Arc::new(Url::parse("http://localhost:8080").unwrap());
        LinkService::new(self.catalog.clone(), Clock::fixed(MARCH_MS), url)
    }

    pub async fn add_link(&self, slug: &str) -> Link {
        let change = LinkChange {
            slug: SlugChoice::Fixed(slug.to_owned()),
            patch: LinkPatch { url: Some("https://example.com/".to_owned()), ..LinkPatch::default() },
            ..LinkChange::default()
        };
        self.service().create(self.workspace.id, None, change).await.unwrap()
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    pub async fn import(&self, path: &Path) -> Result<Outcome, ImportError> {
        self.import_into(Arc::new(self.warehouse.clone()), path, false).await
    }

    pub async fn import_into<S: EventStore>(
        &self,
        store: Arc<S>,
        path: &Path,
        dry_run: bool,
    ) -> Result<Outcome, ImportError> {
        let import = Import {
            catalog: self.catalog.clone(),
            store,
            enricher: Arc::new(Enricher::new(EnrichOptions { geo: Geo::default(), visitor_secret: [7; 32] })),
            clock: Clock::fixed(MARCH_MS),
            options: ImportOptions {
                setting: Setting { workspace: self.workspace.id, settings: self.workspace.settings.clone() },
                rejects: self.folder.path().join("rejects"),
                dry_run,
                batch_lines: self.batch_lines,
            },
        };
        import.run(&Source::open(path, None)?, &Progress::default()).await
    }

    /// The summary of an import that does something.
    pub async fn imported(&self, name: &str, text: impl AsRef<[u8]>) -> Summary {
        match self.import(&self.file(name, text)).await.unwrap() {
            Outcome::Done(summary) => summary,
            before => panic!("{before:?}"),
        }
    }

    pub async fn export(&self, format: Format, link: Option<LinkId>) -> String {
        let wanted = Wanted {
            workspace: self.workspace.id,
            kinds: Vec::new(),
            range: Range::new(EARLIEST_MS, LATEST_MS).unwrap(),
            link,
            site: None,
            dimensions: Vec::new(),
        };
        let export = ExportEvents { catalog: &self.catalog, warehouse: &self.warehouse, wanted };
        let mut out = Out::new(Vec::new(), format, &ExportEvents::columns()).unwrap();
        export.write(&mut out, |_| ()).await.unwrap();
        String::from_utf8(out.finish().unwrap()).unwrap()
    }

    fn client(&self) -> clickhouse::Client {
        world::clickhouse_client(&self.clickhouse.writer)
    }

    /// The stored events, each with all its columns, in the order of their identities.
    pub async fn stored(&self) -> Vec<Value> {
        let text = self
            .client()
            .query("SELECT * FROM events ORDER BY event_id")
            .fetch_bytes("JSONEachRow")
            .unwrap()
            .collect()
            .await
            .unwrap();
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    pub async fn number(&self, query: &str) -> u64 {
        self.client().query(query).fetch_one().await.unwrap()
    }

    /// Every event is stored once, and the rollup says the same.
    pub async fn assert_exactly(&self, events: u64) {
        assert_eq!(self.number("SELECT count() FROM events").await, events);
        assert_eq!(self.number("SELECT uniqExact(event_id) FROM events").await, events);
        assert_eq!(self.number("SELECT sum(events) FROM events_15m").await, events);
        let of_events = "SELECT workspace_id, toString(kind) AS kind, toStartOfFifteenMinutes(timestamp) AS slot, link_id, \
                         toString(bot) AS bot, repeat, toInt64(count()) AS events FROM events \
                         GROUP BY workspace_id, kind, slot, link_id, bot, repeat";
        let of_rollup = "SELECT workspace_id, toString(kind) AS kind, slot, link_id, toString(bot) AS bot, repeat, \
                         toInt64(sum(events)) AS events FROM events_15m \
                         GROUP BY workspace_id, kind, slot, link_id, bot, repeat";
        let difference = format!("SELECT count() FROM (({of_events}) EXCEPT ({of_rollup}))");
        assert_eq!(self.number(&difference).await, 0, "the rollup differs");
    }

    /// The program with these stores.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LINKTRAIL_") {
                command.env_remove(name);
            }
        }
        command
            .env("DATABASE_URL", &self.database)
            .env("CLICKHOUSE_URL", &self.clickhouse.writer)
            .env("CLICKHOUSE_READER_URL", &self.clickhouse.reader)
            .env("LINKTRAIL_DATA_DIR", self.folder.path().join("data"))
            .env("LINKTRAIL_LOG", "info")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Exit status and both outputs of the program.
    pub async fn said(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.program(arguments).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// So many clicks as CSV, one a line from line 2 on, over two months. Every tenth is of the visitor before.
pub fn clicks(count: u64) -> String {
    let mut text = "timestamp,link,ip,user_agent\n".to_owned();
    for number in 0..count {
        let at_ms = MARCH_MS - 3_600_000 + i64::try_from(number).unwrap() * 7_200_000 / i64::try_from(count).unwrap();
        let at = chrono::DateTime::from_timestamp_millis(at_ms).unwrap().to_rfc3339();
        let visitor = if number % 10 == 9 { number - 1 } else { number };
        let address = std::net::Ipv4Addr::from_bits(0x5000_0000 + u32::try_from(visitor).unwrap());
        text.push_str(&format!("{at},go.example.com/l{},{address},Firefox/130.0\n", visitor % 3));
    }
    text
}
