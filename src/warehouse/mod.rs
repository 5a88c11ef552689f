//! ClickHouse: everything that happened.
//!
//! Two users: the writer stores batches and keeps the schema, the reader answers analytics and can do nothing else. Every
//! analytics query has caps on time and memory.

pub mod audience;
pub mod batch;
pub mod click_file;
pub mod condition;
pub mod conversion;
pub mod count;
pub mod erasure;
pub mod event;
pub mod export;
pub mod fact;
pub mod failure;
pub mod insert;
pub mod link_clicks;
pub mod metadata;
pub mod migrate;
pub mod mutation;
pub mod retention;
pub mod revenue;
pub mod series;
pub mod session;
mod slices;
pub mod source;
pub mod sql;
pub mod visitor;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clickhouse::query::{BytesCursor, RowCursor};
use clickhouse::{Client, Compression, Row, RowOwned, RowRead};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

pub use failure::{Disposition, Error};
pub use sql::Sql;

use failure::within;

/// A batch that takes longer than this is sent again.
const INSERT_LIMIT: Duration = Duration::from_secs(60);
/// The drain's questions about batches.
const BATCH_LIMIT: Duration = Duration::from_secs(60);
/// Schema changes may have to wait for others.
const SCHEMA_LIMIT: Duration = Duration::from_secs(300);
/// A sign of life.
const PING_LIMIT: Duration = Duration::from_secs(3);
/// ClickHouse ends a query by itself at its cap; past it by this much it is taken for silent.
const QUERY_SLACK: Duration = Duration::from_secs(5);

/// A file that is read at its client's pace may take this long, and ClickHouse may be silent for so long meanwhile.
const FILE_MAX_SECS: &str = "3600";
const FILE_SILENCE: Duration = Duration::from_secs(120);

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
    /// The reader, for answers that ClickHouse writes itself.
    scribe: Client,
    database: String,
    cluster: Option<String>,
    query_limit: Duration,
    options: Arc<WarehouseOptions>,
}

/// The rows of an answer, as they come.
pub struct Rows<T> {
    cursor: RowCursor<T>,
    limit: Duration,
}

impl<T: RowOwned + RowRead> Rows<T> {
    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the query fails or hits a cap, also after some rows, or the server falls silent.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        within(self.limit, self.cursor.next()).await
    }
}

/// An answer that ClickHouse writes itself, as it comes.
pub struct Written {
    cursor: BytesCursor,
}

impl Written {
    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// When the query fails or hits a cap, also after some bytes, or the server falls silent.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        within(FILE_SILENCE, self.cursor.next()).await
    }
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
        let query_limit = Duration::from_secs(options.query_max_secs.into()) + QUERY_SLACK;
        // On one machine, packing a long answer takes longer than sending it.
        let packing = if is_near(&options.reader_url) { Compression::None } else { Compression::Lz4 };
        let scribe = reader.clone().with_compression(packing);
        let (cluster, options) = (options.cluster.clone(), Arc::new(options.clone()));
        Ok(Self { writer, reader, scribe, database, cluster, query_limit, options })
    }

    /// The same with connections of its own. A connection is tended by the runtime that opened it: what works on threads
    /// of its own would else send its bytes through those of others.
    ///
    /// # Errors
    /// None in practice: the URLs were read before.
    pub fn apart(&self) -> Result<Self, Error> {
        Self::new(&self.options)
    }

    /// Whether ClickHouse answers, to the reader and to the writer.
    ///
    /// # Errors
    /// When one of them gets no answer.
    pub async fn ping(&self) -> Result<(), Error> {
        within(PING_LIMIT, self.reader.query_raw("SELECT 1").execute()).await?;
        within(PING_LIMIT, self.writer.query_raw("SELECT 1").execute()).await
    }

    /// ClickHouse's clock, in milliseconds.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn now_ms(&self) -> Result<i64, Error> {
        within(PING_LIMIT, self.reader.query_raw("SELECT toUnixTimestamp64Milli(now64(3))").fetch_one::<i64>()).await
    }

    /// Runs an analytics query and hands out its rows as they come.
    ///
    /// # Errors
    /// When it cannot be sent; a failure of the server shows with the first row.
    pub fn rows<T: Row>(&self, sql: &Sql) -> Result<Rows<T>, Error> {
        tracing::debug!(sql = sql.text(), "query");
        Ok(Rows { cursor: sql.query(&self.reader).fetch()?, limit: self.query_limit })
    }

    /// Runs an analytics query whose rows are handed out as fast as somebody takes them, an hour at most.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn long_rows<T: Row>(&self, sql: &Sql) -> Result<Rows<T>, Error> {
        tracing::debug!(sql = sql.text(), "query");
        let query = sql.query(&self.reader).with_setting("max_execution_time", FILE_MAX_SECS);
        Ok(Rows { cursor: query.fetch()?, limit: FILE_SILENCE })
    }

    /// Has ClickHouse write the answer to an analytics query in one of its formats, under the same limits.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn written(&self, sql: &Sql, format: &'static str) -> Result<Written, Error> {
        tracing::debug!(sql = sql.text(), format, "query");
        let query = sql.query(&self.scribe).with_setting("max_execution_time", FILE_MAX_SECS);
        Ok(Written { cursor: query.fetch_bytes(format)? })
    }

    /// Runs an analytics query and collects its rows.
    ///
    /// # Errors
    /// When it cannot be answered within its caps.
    pub async fn collect<T: RowOwned + RowRead>(&self, sql: &Sql) -> Result<Vec<T>, Error> {
        let mut rows = self.rows::<T>(sql)?;
        let mut collected = Vec::new();
        while let Some(row) = rows.next().await? {
            collected.push(row);
        }
        Ok(collected)
    }

    async fn create_database(&self) -> Result<(), Error> {
        // A user with just the rights on its own database may not create it, and need not: then it is there.
        if within(PING_LIMIT, self.writer.query_raw("SELECT 1").execute()).await.is_ok() {
            return Ok(());
        }
        let statement = format!(
            "CREATE DATABASE IF NOT EXISTS {} {}",
            migrate::quoted(&self.database),
            self.cluster.as_deref().map(|name| format!("ON CLUSTER {}", migrate::quoted(name))).unwrap_or_default(),
        );
        let server = self.writer.clone().with_database("default");
        within(SCHEMA_LIMIT, server.query_raw(&statement).execute()).await
    }
}

/// Whether a server is on this machine.
fn is_near(url: &SecretString) -> bool {
    match Url::parse(url.expose_secret()).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
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
