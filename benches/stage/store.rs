//! The embedded ClickHouse of a data folder, asked directly.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// The driver, as the user that may write.
pub fn writer(data: &Path) -> anyhow::Result<clickhouse::Client> {
    client(data, "clickhouse")
}

/// The driver, as the user that may read only.
pub fn reader(data: &Path) -> anyhow::Result<clickhouse::Client> {
    client(data, "reader")
}

fn client(data: &Path, user: &str) -> anyhow::Result<clickhouse::Client> {
    let stores: Value = serde_json::from_slice(&std::fs::read(data.join("stores.json"))?)?;
    let url = stores[user].as_str().with_context(|| format!("no {user} in stores.json"))?;
    let url = url::Url::parse(url)?;
    Ok(clickhouse::Client::default()
        .with_url(format!("http://{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default()))
        .with_user(url.username())
        .with_password(url.password().unwrap_or_default())
        .with_database(url.path().trim_matches('/')))
}

/// How many events are stored.
pub async fn count(client: &clickhouse::Client) -> anyhow::Result<u64> {
    Ok(client.query_raw("SELECT count() FROM events").fetch_one().await?)
}
