//! The two stores of one test, fresh and migrated.

use linktrail::analytics::Analytics;
use linktrail::catalog::Catalog;
use linktrail::config::QueriesConfig;
use linktrail::warehouse::{Warehouse, WarehouseOptions};
use secrecy::SecretString;

use crate::world;

pub struct Stores {
    pub warehouse: Warehouse,
    pub catalog: Catalog,
    pub analytics: Analytics,
    /// For what the program itself never does, such as losing rows of the rollup.
    pub clickhouse: clickhouse::Client,
    /// Where the catalog is.
    pub database: String,
}

/// Stores for the test of this name.
pub async fn fresh(test: &str) -> Stores {
    let urls = world::clickhouse(test).await;
    let options = WarehouseOptions {
        writer_url: SecretString::from(urls.writer.clone()),
        reader_url: SecretString::from(urls.reader),
        cluster: None,
        queries: QueriesConfig { max_secs: 60, max_memory_bytes: 2 << 30, ..QueriesConfig::default() },
    };
    let warehouse = Warehouse::new(&options).unwrap();
    assert!(!warehouse.migrate().await.unwrap().is_empty(), "the ClickHouse database is not fresh");
    let database = world::database_url(test).await;
    let catalog = Catalog::connect(&SecretString::from(database.as_str()), 8).unwrap();
    assert!(catalog.migrate().await.unwrap() > 0, "the Postgres database is not fresh");
    let analytics = Analytics::new(warehouse.clone(), catalog.clone());
    Stores { warehouse, catalog, analytics, clickhouse: world::clickhouse_client(&urls.writer), database }
}
