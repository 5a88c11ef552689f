//! The two stores, wherever they run: servers of the user's, engines of our own, or the engines of the Linktrail that is
//! running on the same data folder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::catalog::Catalog;
use crate::config::PlacesConfig;
use crate::engines::{DataDir, DataDirError, Engines, EnginesOptions};
use crate::warehouse::migrate::MIGRATIONS;
use crate::warehouse::{Warehouse, WarehouseOptions};

/// Connections to both stores, and what keeps them up.
pub struct Stores {
    /// Postgres.
    pub catalog: Catalog,
    /// ClickHouse.
    pub warehouse: Warehouse,
    /// The data folder, when this process holds its lock.
    pub data_dir: Option<Arc<DataDir>>,
    engines: Option<Engines>,
}

/// Migrations that have not run yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// In Postgres.
    pub postgres: usize,
    /// In ClickHouse.
    pub clickhouse: usize,
    /// Nothing has run yet in either.
    pub fresh: bool,
}

/// Whether a command may work beside a server that runs on the same data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// The folder must be ours alone.
    Alone,
    /// A server's engines will do.
    Beside,
}

impl Stores {
    /// Opens the data folder, starts the engines that no URL stands for, and connects. `launcher` is the program that runs
    /// the embedded ClickHouse; by default this one.
    ///
    /// # Errors
    /// When the folder is in use, an engine does not start, or a URL cannot be read.
    pub async fn open(places: &PlacesConfig, sharing: Sharing, launcher: Option<PathBuf>) -> anyhow::Result<Self> {
        let given = &places.stores;
        if given.clickhouse_reader_url.is_some() && given.clickhouse_url.is_none() {
            bail!(
                "a reader of ClickHouse is named, but no writer: set CLICKHOUSE_URL too, or take CLICKHOUSE_READER_URL away"
            );
        }
        let data_dir = match DataDir::open(&places.data_dir) {
            Ok(data_dir) => Arc::new(data_dir),
            Err(DataDirError::Locked { .. }) if sharing == Sharing::Beside => return Self::beside(places).await,
            Err(error) => return Err(error.into()),
        };
        let stores = &places.stores;
        let engines = Engines::start(EnginesOptions {
            data_dir: Arc::clone(&data_dir),
            engines_dir: places.engines_dir.clone(),
            launcher,
            clickhouse: stores.clickhouse_url.is_none(),
            postgres: stores.database_url.is_none(),
        })
        .await?;
        let embedded = Urls {
            database: engines.database_url(),
            clickhouse: engines.clickhouse_url(),
            reader: engines.clickhouse_reader_url(),
        };
        data_dir.write(URLS_FILE, &embedded.to_json()?)?;
        let (catalog, warehouse) = embedded.or_given(places).connect(places)?;
        Ok(Self { catalog, warehouse, data_dir: Some(data_dir), engines: Some(engines) })
    }

    /// Connects to the engines of the server that holds the folder.
    async fn beside(places: &PlacesConfig) -> anyhow::Result<Self> {
        let file = places.data_dir.join(URLS_FILE);
        let embedded = match tokio::fs::read(&file).await {
            Ok(text) => Urls::from_json(&text).with_context(|| format!("cannot read {}", file.display()))?,
            Err(_) => Urls::default(),
        };
        let (catalog, warehouse) = embedded.or_given(places).connect(places)?;
        Ok(Self { catalog, warehouse, data_dir: None, engines: None })
    }

    /// Migrations that wait, of Postgres and of ClickHouse, and whether both stores are quite empty.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn pending_migrations(&self) -> anyhow::Result<Pending> {
        let (catalog, warehouse) = tokio::join!(self.catalog.schema_state(), self.warehouse.migrations_applied());
        let (applied, known) = catalog.context("Postgres schema")?;
        let files = warehouse.context("ClickHouse schema")?;
        Ok(Pending {
            postgres: known.saturating_sub(applied),
            clickhouse: MIGRATIONS.len().saturating_sub(files),
            fresh: applied == 0 && files == 0,
        })
    }

    /// Makes the schemas of empty stores. What has data is brought up to date by `serve` and `migrate` alone, so that a
    /// command of a newer program never changes the stores under a server that runs.
    ///
    /// # Errors
    /// When migrations wait, or a store does not answer.
    pub async fn migrate_if_fresh(&self) -> anyhow::Result<()> {
        let pending = self.pending_migrations().await?;
        if pending.fresh {
            return self.migrate().await;
        }
        if pending.postgres + pending.clickhouse > 0 {
            bail!("the schemas are older than this program: run `linktrail migrate`, or start the server with it");
        }
        Ok(())
    }

    /// Brings both schemas up to date.
    ///
    /// # Errors
    /// When a store does not answer or refuses.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        let (catalog, warehouse) = tokio::join!(self.catalog.migrate(), self.warehouse.migrate());
        let steps = catalog.context("Postgres schema")?;
        let files = warehouse.context("ClickHouse schema")?;
        if steps > 0 || !files.is_empty() {
            tracing::info!(postgres = steps, clickhouse = files.len(), "schema migrations applied");
        }
        Ok(())
    }

    /// Ends the engines in order, if they are ours.
    pub async fn close(self) {
        // Before Postgres ends, so that no connection is cut off and complains.
        self.catalog.close();
        if let Some(engines) = self.engines {
            engines.stop().await;
        }
    }
}

/// Where a server's own engines are, for the commands that are run beside it. Mode 0600: it holds their passwords.
const URLS_FILE: &str = "stores.json";

#[derive(Default)]
struct Urls {
    database: Option<SecretString>,
    clickhouse: Option<SecretString>,
    reader: Option<SecretString>,
}

impl Urls {
    fn to_json(&self) -> anyhow::Result<Vec<u8>> {
        let shown = |url: &Option<SecretString>| url.as_ref().map(|url| url.expose_secret().to_owned());
        let urls = json!({
            "database": shown(&self.database),
            "clickhouse": shown(&self.clickhouse),
            "reader": shown(&self.reader),
        });
        Ok(serde_json::to_vec(&urls)?)
    }

    fn from_json(text: &[u8]) -> anyhow::Result<Self> {
        let urls: serde_json::Value = serde_json::from_slice(text)?;
        let read = |name: &str| urls.get(name).and_then(|url| url.as_str()).map(SecretString::from);
        Ok(Self { database: read("database"), clickhouse: read("clickhouse"), reader: read("reader") })
    }

    /// The user's own servers where they are named; their writer also reads unless they name a reader.
    fn or_given(self, places: &PlacesConfig) -> Self {
        let given = places.stores.clone();
        let reader = given.clickhouse_reader_url.or_else(|| given.clickhouse_url.clone()).or(self.reader);
        Self {
            database: given.database_url.or(self.database),
            clickhouse: given.clickhouse_url.or(self.clickhouse),
            reader,
        }
    }

    fn connect(self, places: &PlacesConfig) -> anyhow::Result<(Catalog, Warehouse)> {
        let missing = "the server that uses this data folder has not started its engines yet; try again in a moment";
        let stores = &places.stores;
        let catalog = Catalog::connect(&self.database.context(missing)?, stores.postgres_pool)?;
        let warehouse = Warehouse::new(&WarehouseOptions {
            writer_url: self.clickhouse.context(missing)?,
            reader_url: self.reader.context(missing)?,
            cluster: stores.clickhouse_cluster.clone(),
            queries: stores.queries.clone(),
        })?;
        Ok((catalog, warehouse))
    }
}
