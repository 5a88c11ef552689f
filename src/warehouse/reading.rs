//! Analytics queries: each has a place among its workspace's and everybody's, is capped, and shares its answer with the
//! same one in flight.
//!
//! Three ways lead to the reader, and none goes around its rule:
//! - [`Warehouse::collect`] for answers that fit in memory: a place for as long as ClickHouse takes;
//! - [`Warehouse::long_reading`] for those that are read at somebody's pace: places of their own, so that whoever downloads
//!   slowly holds up nobody's dashboard;
//! - [`Warehouse::collect_at_once`] for what visits and conversions wait for: no place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clickhouse::query::{BytesCursor, RowCursor};
use clickhouse::{Row, RowOwned, RowRead};
use futures_util::FutureExt;

use super::explain::{self, Told};
use super::failure::{Caps, Error, within};
use super::flights::Flights;
use super::{Sql, Warehouse};
use crate::config::QueriesConfig;
use crate::domain::id::WorkspaceId;
use crate::throttle::{Admission, AdmissionOptions, Bounds, Permit};

/// ClickHouse ends a query by itself at its cap; past it by this much it is taken for silent.
const QUERY_SLACK: Duration = Duration::from_secs(5);
/// A file that is read at its client's pace may take this long, and ClickHouse may be silent for so long meanwhile.
const FILE_MAX_SECS: u32 = 3_600;
const FILE_SILENCE: Duration = Duration::from_secs(120);

/// The rule of readings. Clones share it.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) caps: Caps,
    queries: Admission<WorkspaceId>,
    long: Admission<WorkspaceId>,
    flights: Flights,
}

impl Rule {
    pub(super) fn new(config: &QueriesConfig) -> Self {
        let (waiting, waiting_each) = config.queues();
        let admission = |class, (running, running_each)| {
            let bounds = Bounds { running, running_each, waiting, waiting_each };
            Admission::new(AdmissionOptions { class, bounds, patience: Duration::from_secs(config.queue_secs.into()) })
        };
        Self {
            caps: Caps { secs: config.max_secs, rows: config.max_rows, memory_bytes: config.max_memory_bytes },
            queries: admission("query", config.places()),
            long: admission("long", config.export_places()),
            flights: Flights::default(),
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.caps.secs.into()) + QUERY_SLACK
    }
}

/// The rows of an answer, as they come.
pub struct Rows<T> {
    cursor: RowCursor<T>,
    limit: Duration,
    caps: Caps,
    told: Option<Told>,
    _place: Option<Arc<Permit<WorkspaceId>>>,
}

impl<T: RowOwned + RowRead> Rows<T> {
    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the query fails or hits a cap, also after some rows, or the server falls silent.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        let row = within(self.limit, self.cursor.next()).await.map_err(|error| error.under(self.caps))?;
        if let Some(told) = &mut self.told {
            told.row(row.is_some(), self.cursor.summary());
        }
        Ok(row)
    }

    async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut collected = Vec::new();
        while let Some(row) = self.next().await? {
            collected.push(row);
        }
        Ok(collected)
    }
}

/// An answer that ClickHouse writes itself, as it comes.
pub struct Written {
    cursor: BytesCursor,
    caps: Caps,
    told: Option<Told>,
    _place: Arc<Permit<WorkspaceId>>,
}

impl Written {
    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// When the query fails or hits a cap, also after some bytes, or the server falls silent.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = within(FILE_SILENCE, self.cursor.next()).await.map_err(|error| error.under(self.caps))?;
        if let Some(told) = &mut self.told {
            told.bytes(bytes.as_ref().map(Bytes::len));
        }
        Ok(bytes)
    }
}

impl Warehouse {
    /// Runs an analytics query and collects its rows. The same query that is asked meanwhile gets the same answer.
    ///
    /// # Errors
    /// When it cannot be answered within its caps, or finds no place in time.
    pub async fn collect<T>(&self, sql: &Sql) -> Result<Vec<T>, Error>
    where
        T: RowOwned + RowRead + Clone + Send + Sync + 'static,
    {
        let workspace = sql.workspace().ok_or_else(unscoped)?;
        if explain::is_wanted() {
            // What another's query took explains nothing.
            let _place = self.rule.queries.permit(workspace).await?;
            return self.rows(sql)?.all().await;
        }
        let warehouse = self.clone();
        let answer = self.rule.flights.join(sql, move |sql| {
            async move {
                let _place = warehouse.rule.queries.permit(workspace).await?;
                warehouse.rows(&sql)?.all().await.map(Arc::new)
            }
            .boxed()
        });
        Ok(Arc::unwrap_or_clone(answer.await?))
    }

    /// As [`collect`](Self::collect), at once and for this caller alone: for what a visit or a conversion waits for.
    ///
    /// # Errors
    /// When it cannot be answered within its caps.
    pub async fn collect_at_once<T: RowOwned + RowRead>(&self, sql: &Sql) -> Result<Vec<T>, Error> {
        self.rows(sql)?.all().await
    }

    /// A place for a workspace's reading that is taken at somebody's pace.
    ///
    /// # Errors
    /// When none comes free in time.
    pub async fn long_reading(&self, workspace: WorkspaceId) -> Result<LongReading, Error> {
        let place = Arc::new(self.rule.long.permit(workspace).await?);
        Ok(LongReading { warehouse: self.clone(), workspace, place })
    }

    fn rows<T: Row>(&self, sql: &Sql) -> Result<Rows<T>, Error> {
        sql.workspace().ok_or_else(unscoped)?;
        tracing::debug!(sql = sql.text(), "query");
        let (limit, caps) = (self.rule.limit(), self.rule.caps);
        let told = Told::begin(sql, true);
        let mut query = sql.query(&self.reader);
        if told.is_some() {
            // ClickHouse: only then it says what it read.
            query = query.with_setting("wait_end_of_query", "1");
        }
        Ok(Rows { cursor: query.fetch()?, limit, caps, told, _place: None })
    }
}

/// A place for one reading after the other of a workspace, free again when this and what it gave are dropped.
pub struct LongReading {
    warehouse: Warehouse,
    workspace: WorkspaceId,
    place: Arc<Permit<WorkspaceId>>,
}

impl LongReading {
    /// Rows that are handed out as fast as somebody takes them, an hour at most.
    ///
    /// # Errors
    /// When the query cannot be sent; a failure of the server shows with the first row.
    pub fn rows<T: Row>(&self, sql: &Sql) -> Result<Rows<T>, Error> {
        self.check(sql)?;
        tracing::debug!(sql = sql.text(), "long query");
        let query = sql.query(&self.warehouse.reader).with_setting("max_execution_time", FILE_MAX_SECS.to_string());
        let (told, place) = (Told::begin(sql, false), Some(self.place.clone()));
        Ok(Rows { cursor: query.fetch()?, limit: FILE_SILENCE, caps: self.caps(), told, _place: place })
    }

    /// Has ClickHouse write the answer in one of its formats, under the same limits.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub fn written(&self, sql: &Sql, format: &'static str) -> Result<Written, Error> {
        self.check(sql)?;
        tracing::debug!(sql = sql.text(), format, "long query");
        let query = sql.query(&self.warehouse.reader).with_setting("max_execution_time", FILE_MAX_SECS.to_string());
        let told = Told::begin(sql, false).map(|told| told.written(format));
        Ok(Written { cursor: query.fetch_bytes(format)?, caps: self.caps(), told, _place: self.place.clone() })
    }

    /// A part of the whole that fits in memory, under the caps of every query.
    ///
    /// # Errors
    /// When it cannot be answered within its caps.
    pub async fn collect<T: RowOwned + RowRead>(&self, sql: &Sql) -> Result<Vec<T>, Error> {
        self.check(sql)?;
        self.warehouse.rows(sql)?.all().await
    }

    fn caps(&self) -> Caps {
        Caps { secs: FILE_MAX_SECS, ..self.warehouse.rule.caps }
    }

    fn check(&self, sql: &Sql) -> Result<(), Error> {
        if sql.workspace() == Some(self.workspace) { Ok(()) } else { Err(unscoped()) }
    }
}

/// What never happens: a statement that is not held to the rows of the asker's workspace.
fn unscoped() -> Error {
    Error::Unexpected("the query names no workspace, or another one than it is asked for".to_owned())
}
