//! ClickHouse: everything that happened.
//!
//! Two users: the writer stores batches and keeps the schema, the reader answers analytics and can do nothing else. Every
//! analytics query has caps on time and memory.

pub mod batch;
pub mod condition;
pub mod count;
pub mod event;
pub mod failure;
pub mod insert;
pub mod migrate;
pub mod series;
pub mod source;
pub mod sql;

use std::time::Duration;

use clickhouse::error::Error as DriverError;
use clickhouse::query::RowCursor;
use clickhouse::{Client, Row, RowOwned, RowRead};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use failure::{Disposition, Error};
pub use sql::Sql;

/// A batch that takes longer than this is sent again.
const INSERT_TIMEOUT: Duration = Duration::from_secs(60);
/// A query of the drain that takes longer than this is asked again.
const WRITER_LIMIT: Duration = Duration::from_secs(300);
/// ClickHouse ends a query that takes too long, and says so; one that stays silent for so much longer is away: frozen,
/// or behind a broken network.
const SILENCE: Duration = Duration::from_secs(3);

/// How to reach ClickHouse and what a query may cost.
#[derive(Clone, Debug)]
pub struct WarehouseOptions {
    /// `http(s)://user:password@host:port/database` of the writer.
    pub writer_url: SecretString,
    /// The same for the reader.
    pub reader_url: SecretString,
    /// Cluster to create tables on; `None` for a single server.
    pub cluster: Option<String>,
    /// Seconds a query may run.
    pub query_max_secs: u32,
    /// Bytes a query may take.
    pub query_max_memory_bytes: u64,
}

/// ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct Warehouse {
    writer: Client,
    reader: Client,
    database: String,
    cluster: Option<String>,
    query_limit: Duration,
}

impl Warehouse {
    /// Prepares the two connections; nothing is sent yet.
    ///
    /// # Errors
    /// When a URL cannot be read; the message does not show it.
    pub fn new(options: &WarehouseOptions) -> Result<Self, Error> {
        let (writer, database) = client(&options.writer_url)?;
        let (reader, _) = client(&options.reader_url)?;
        let reader = reader
            .with_setting("max_execution_time", options.query_max_secs.to_string())
            .with_setting("timeout_overflow_mode", "throw")
            .with_setting("max_memory_usage", options.query_max_memory_bytes.to_string())
            // Rows that do not fit in memory while they are sorted or grouped go to disk before the cap is hit.
            .with_setting("max_bytes_before_external_group_by", (options.query_max_memory_bytes / 2).to_string())
            .with_setting("max_bytes_before_external_sort", (options.query_max_memory_bytes / 2).to_string());
        let query_limit = Duration::from_secs(options.query_max_secs.into()) + SILENCE;
        Ok(Self { writer, reader, database, cluster: options.cluster.clone(), query_limit })
    }

    /// Whether ClickHouse answers, to the reader and to the writer.
    ///
    /// # Errors
    /// When one of them gets no answer within three seconds.
    pub async fn ping(&self) -> Result<(), Error> {
        in_time(SILENCE, async {
            self.reader.query_raw("SELECT 1").execute().await?;
            self.writer.query_raw("SELECT 1").execute().await
        })
        .await
    }

    /// ClickHouse's clock, in milliseconds.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn now_ms(&self) -> Result<i64, Error> {
        let answer = self.reader.query_raw("SELECT toUnixTimestamp64Milli(now64(3))").fetch_one::<i64>();
        in_time(self.query_limit, answer).await
    }

    /// Runs an analytics query and hands out its rows as they come; [`next_rows`](Self::next_rows) takes them.
    ///
    /// # Errors
    /// When it cannot be sent; a failure of the server shows with the first row.
    pub fn rows<T: Row>(&self, sql: &Sql) -> Result<RowCursor<T>, Error> {
        tracing::debug!(sql = sql.text(), "query");
        Ok(sql.query(&self.reader).fetch()?)
    }

    /// Runs an analytics query and collects its rows.
    ///
    /// # Errors
    /// When it cannot be answered within its caps.
    pub async fn collect<T: RowOwned + RowRead>(&self, sql: &Sql) -> Result<Vec<T>, Error> {
        let mut cursor = self.rows::<T>(sql)?;
        let all = async {
            let mut rows = Vec::new();
            while let Some(row) = cursor.next().await? {
                rows.push(row);
            }
            Ok(rows)
        };
        in_time(self.query_limit, all).await
    }

    /// At most `count` further rows; fewer at the end only.
    ///
    /// # Errors
    /// When the query fails on its way, or ClickHouse is silent for longer than a query may take.
    pub async fn next_rows<T: RowOwned + RowRead>(
        &self,
        cursor: &mut RowCursor<T>,
        count: usize,
    ) -> Result<Vec<T>, Error> {
        let some = async {
            let mut rows = Vec::with_capacity(count);
            while rows.len() < count {
                match cursor.next().await? {
                    Some(row) => rows.push(row),
                    None => break,
                }
            }
            Ok(rows)
        };
        in_time(self.query_limit, some).await
    }

    async fn create_database(&self) -> Result<(), Error> {
        // A user with just the rights on its own database may not create it, and need not: then it is there.
        if self.writer.query_raw("SELECT 1").execute().await.is_ok() {
            return Ok(());
        }
        let statement = format!(
            "CREATE DATABASE IF NOT EXISTS {} {}",
            migrate::quoted(&self.database),
            self.cluster.as_deref().map(|name| format!("ON CLUSTER {}", migrate::quoted(name))).unwrap_or_default(),
        );
        Ok(self.writer.clone().with_database("default").query_raw(&statement).execute().await?)
    }
}

/// An answer within `limit`, or the store counts as away.
async fn in_time<T>(limit: Duration, answer: impl Future<Output = Result<T, DriverError>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Unavailable(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// A client for `http(s)://user:password@host:port/database`, and the database's name.
fn client(url: &SecretString) -> Result<(Client, String), Error> {
    let bad = |what: &str| Error::Misconfigured(format!("CLICKHOUSE_URL {what}"));
    let mut url = Url::parse(url.expose_secret()).map_err(|error| bad(&format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("must begin with http:// or https://"));
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = decode(url.username());
    let password = url.password().map(decode);
    let database = match decode(url.path().trim_matches('/')) {
        name if name.is_empty() => "default".to_owned(),
        name => name,
    };
    url.set_path("/");
    url.set_query(None);
    // An http(s) address always has a host, so its user can be taken off.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mut client = Client::default().with_url(url.as_str()).with_database(&database);
    if !user.is_empty() {
        client = client.with_user(user);
    }
    if let Some(password) = password {
        client = client.with_password(password);
    }
    Ok((client, database))
}
