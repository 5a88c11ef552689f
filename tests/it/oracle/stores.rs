//! Where the oracle's databases come from: a fresh one in each store, named after the test.

use linktrail::analytics::Analytics;
use linktrail::catalog::Catalog;
use linktrail::warehouse::{Warehouse, WarehouseOptions};
use secrecy::SecretString;
use url::Url;

/// The two stores of one test, both migrated.
pub struct Stores {
    pub warehouse: Warehouse,
    pub catalog: Catalog,
    pub analytics: Analytics,
    /// For what the program itself never does, such as losing rows of the rollup.
    pub clickhouse: clickhouse::Client,
}

/// Fresh stores for the test of this name.
pub async fn fresh(test: &str) -> Stores {
    let writer_url = clickhouse_url(test).await;
    let options = WarehouseOptions {
        writer_url: SecretString::from(writer_url.clone()),
        reader_url: SecretString::from(writer_url.clone()),
        cluster: None,
        query_max_secs: 60,
        query_max_memory_bytes: 2 << 30,
    };
    let warehouse = Warehouse::new(&options).unwrap();
    assert!(!warehouse.migrate().await.unwrap().is_empty(), "the ClickHouse database is not fresh");
    let catalog = Catalog::connect(&SecretString::from(database_url(test).await), 8).unwrap();
    assert!(catalog.migrate().await.unwrap() > 0, "the Postgres database is not fresh");
    let analytics = Analytics::new(warehouse.clone(), catalog.clone());
    Stores { warehouse, catalog, analytics, clickhouse: clickhouse_client(&writer_url) }
}

/// The URL of a fresh ClickHouse database.
async fn clickhouse_url(test: &str) -> String {
    let server = given("LINKTRAIL_TEST_CLICKHOUSE_URL");
    let name = format!("{test}_{}", std::process::id());
    let client = clickhouse_client(&server);
    client.query(&format!("DROP DATABASE IF EXISTS {name} SYNC")).execute().await.unwrap();
    client.query(&format!("CREATE DATABASE {name}")).execute().await.unwrap();
    with_database(&server, &name)
}

/// The URL of a fresh Postgres database.
async fn database_url(test: &str) -> String {
    let server = given("LINKTRAIL_TEST_DATABASE_URL");
    let name = format!("{test}_{}", std::process::id());
    let (client, connection) = tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    drop(client);
    let _ = connection.await;
    with_database(&server, &name)
}

fn clickhouse_client(url: &str) -> clickhouse::Client {
    let mut url = Url::parse(url).unwrap();
    let user = url.username().to_owned();
    let password = url.password().unwrap_or_default().to_owned();
    let database = url.path().trim_matches('/').to_owned();
    url.set_username("").unwrap();
    url.set_password(None).unwrap();
    url.set_path("");
    let mut client = clickhouse::Client::default().with_url(url.as_str()).with_database(database);
    if !user.is_empty() {
        client = client.with_user(user).with_password(password);
    }
    client
}

fn with_database(url: &str, name: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.set_path(name);
    url.to_string()
}

fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("this test needs a server: set {name}"))
}
