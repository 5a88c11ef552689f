//! Where the servers are.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The address of a fresh, empty database, on the Postgres that `LINKTRAIL_TEST_DATABASE_URL` names.
pub async fn database_url(name: &str) -> String {
    let server = std::env::var("LINKTRAIL_TEST_DATABASE_URL").expect("LINKTRAIL_TEST_DATABASE_URL names no Postgres");
    let (client, connection) = tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let count = DATABASES.fetch_add(1, Ordering::Relaxed);
    let database = format!("linktrail_test_{name}_{}_{count}", std::process::id());
    client.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
    driver.abort();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{database}")
}
