//! ClickHouse: everything that happened.
//!
//! Two users: the writer stores batches and keeps the schema, the reader answers analytics and can do nothing else. Every
//! analytics query has a place among so many at once, and caps on time, rows and memory.

pub mod audience;
pub mod batch;
mod block;
pub mod click_file;
pub mod condition;
mod connection;
pub mod conversion;
pub mod count;
pub mod erasure;
pub mod event;
pub mod explain;
pub mod export;
pub mod fact;
pub mod failure;
mod flights;
pub mod insert;
pub mod link_clicks;
pub mod metadata;
pub mod migrate;
pub mod mutation;
mod reading;
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

use clickhouse::{Client, Compression};
use secrecy::SecretString;

pub use failure::{Cap, Disposition, Error};
pub use reading::{LongReading, Rows, Written};
pub use sql::Sql;

use connection::{client, is_near};
use failure::within;
use reading::Rule;

use crate::config::QueriesConfig;

/// A batch that takes longer than this is sent again.
const INSERT_LIMIT: Duration = Duration::from_secs(60);
/// The drain's questions about batches.
const BATCH_LIMIT: Duration = Duration::from_secs(60);
/// Schema changes may have to wait for others.
const SCHEMA_LIMIT: Duration = Duration::from_secs(300);
/// A sign of life.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// How to reach ClickHouse and what a query may cost.
#[derive(Clone, Debug)]
pub struct WarehouseOptions {
    /// `http(s)://user:password@host:port/database` of the writer.
    pub writer_url: SecretString,
    /// The same for the reader.
    pub reader_url: SecretString,
    /// Cluster to create tables on; `None` for a single server.
    pub cluster: Option<String>,
    /// How many queries run at once, and what one may cost.
    pub queries: QueriesConfig,
}

/// ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct Warehouse {
    writer: Client,
    reader: Client,
    rule: Rule,
    database: String,
    cluster: Option<String>,
    options: Arc<WarehouseOptions>,
}

impl Warehouse {
    /// Prepares the two connections; nothing is sent yet.
    ///
    /// # Errors
    /// When a URL cannot be read; the message does not show it.
    pub fn new(options: &WarehouseOptions) -> Result<Self, Error> {
        let (writer, database) = client(&options.writer_url)?;
        let writer = writer.with_compression(packing(&options.writer_url));
        let (reader, _) = client(&options.reader_url)?;
        let rule = Rule::new(&options.queries);
        let spilled = (rule.caps.memory_bytes / 2).to_string();
        let reader = reader
            .with_compression(packing(&options.reader_url))
            .with_setting("max_execution_time", rule.caps.secs.to_string())
            .with_setting("timeout_overflow_mode", "throw")
            .with_setting("max_rows_to_read", rule.caps.rows.to_string())
            .with_setting("read_overflow_mode", "throw")
            .with_setting("max_memory_usage", rule.caps.memory_bytes.to_string())
            // What nobody waits for any more is ended there, too, so that a place that is free is one.
            .with_setting("cancel_http_readonly_queries_on_client_close", "1")
            // Rows that do not fit in memory while they are sorted or grouped go to disk before the cap is hit.
            .with_setting("max_bytes_before_external_group_by", spilled.as_str())
            .with_setting("max_bytes_before_external_sort", spilled);
        let (cluster, options) = (options.cluster.clone(), Arc::new(options.clone()));
        Ok(Self { writer, reader, rule, database, cluster, options })
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

/// On one machine, packing a batch or an answer takes longer than sending it.
fn packing(url: &SecretString) -> Compression {
    if is_near(url) { Compression::None } else { Compression::Lz4 }
}
