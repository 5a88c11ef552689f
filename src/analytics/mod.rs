//! THE query engine: a [`Query`] in, a [`Table`] or a stream of events out.
//!
//! Links are resolved first (what they are now is known to the catalog alone), then the query is rewritten, turned into
//! SQL, run, and its gaps filled.

pub mod events;
pub mod names;
pub mod sessions;

use std::collections::HashMap;

use crate::calendar::Buckets;
use crate::catalog::{self, Catalog};
use crate::domain::click_id::EventId;
use crate::domain::dimension::{Dimension, LinkAttribute};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::filter::Sense;
use crate::plan::{Condition, Query, Shape, rewrite};
use crate::table::{Cell, Table};
use crate::telemetry::name::QUERY_SECONDS;
use crate::warehouse::count::{GroupRow, TotalRow};
use crate::warehouse::series::SeriesRow;
use crate::warehouse::{self, Warehouse, count, series};

/// Column of the number of events in every table.
pub const CLICKS: &str = "clicks";
/// Column of a bucket's start in milliseconds.
pub const START_MS: &str = "start_ms";

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// ClickHouse.
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
    /// Postgres.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
}

/// Answers queries. Cheap to clone.
#[derive(Clone)]
pub struct Analytics {
    warehouse: Warehouse,
    catalog: Catalog,
}

impl Analytics {
    /// Over these two stores.
    pub fn new(warehouse: Warehouse, catalog: Catalog) -> Self {
        Self { warehouse, catalog }
    }

    /// Answers a query of counts:
    /// - a total: one row, [`CLICKS`];
    /// - a series: [`START_MS`] and [`CLICKS`], every bucket, ascending;
    /// - groups: what the dimension lies in, the dimension, [`CLICKS`], under the columns' stored names;
    /// - attributes: `value` and [`CLICKS`]. A link with several values counts for each.
    ///
    /// Events have their own way, [`events`](Self::events); asked for here, the table is empty.
    ///
    /// # Errors
    /// When a store does not answer, or the query costs more than it may.
    pub async fn run(&self, query: Query) -> Result<Table, Error> {
        let query = self.prepare(query).await?;
        let began = std::time::Instant::now();
        let (kind, table) = match &query.shape {
            Shape::Total => ("total", self.total(&query).await?),
            Shape::Series(buckets) => ("series", self.series(&query, buckets).await?),
            Shape::Groups { by, unknown, limit } => ("groups", self.groups(&query, *by, *unknown, *limit).await?),
            Shape::Attributes(attribute) => ("attributes", self.attributes(&query, *attribute).await?),
            Shape::Events { .. } => return Ok(Table::default()),
        };
        metrics::histogram!(QUERY_SECONDS, "kind" => kind).record(began.elapsed());
        Ok(table)
    }

    /// Whether ClickHouse answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.warehouse.ping().await?)
    }

    /// When the workspace's events begin, in milliseconds; `None` when it has none.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn beginning_ms(&self, workspace: WorkspaceId) -> Result<Option<i64>, Error> {
        Ok(self.warehouse.beginning_ms(workspace).await?)
    }

    /// The time of one of the workspace's events in milliseconds; `None` when it has no such event.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn event_time_ms(&self, workspace: WorkspaceId, event: EventId) -> Result<Option<i64>, Error> {
        Ok(self.warehouse.event_time_ms(workspace, event).await?)
    }

    /// The query with what must be true of links turned into the links of which it is true now.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn with_links(&self, mut query: Query) -> Result<Query, Error> {
        if !query.links.is_empty() {
            let wanted = names::link_filter(&query.links);
            let ids = self.catalog.link_ids_where(query.workspace, &wanted).await?;
            query.conditions.push(Condition::Links { sense: Sense::Is, ids });
            query.links.clear();
        }
        Ok(query)
    }

    /// The query as it will be run: links resolved, rewritten.
    async fn prepare(&self, query: Query) -> Result<Query, Error> {
        let query = rewrite(self.with_links(query).await?);
        tracing::debug!(plan = %query, "query plan");
        Ok(query)
    }

    async fn total(&self, query: &Query) -> Result<Table, Error> {
        let rows: Vec<TotalRow> = self.warehouse.collect(&count::total(query)).await?;
        let mut table = Table::new(&[CLICKS]);
        table.push(vec![Cell::from(rows.first().map_or(0, |row| row.clicks))]);
        Ok(table)
    }

    async fn series(&self, query: &Query, buckets: &Buckets) -> Result<Table, Error> {
        let mut table = Table::new(&[START_MS, CLICKS]);
        if buckets.is_empty() {
            return Ok(table);
        }
        let rows: Vec<SeriesRow> = self.warehouse.collect(&series::series(query, buckets)).await?;
        let counts: HashMap<i64, u64> =
            rows.iter().map(|row| (row.start_secs.cast_signed().saturating_mul(1_000), row.clicks)).collect();
        for start in buckets.starts() {
            table.push(vec![Cell::from(*start), Cell::from(counts.get(start).copied().unwrap_or(0))]);
        }
        Ok(table)
    }

    async fn groups(&self, query: &Query, by: Dimension, unknown: bool, limit: Option<u64>) -> Result<Table, Error> {
        let rows: Vec<GroupRow> = self.warehouse.collect(&count::groups(query, by, unknown, limit)).await?;
        let info = by.info();
        let columns: Vec<&'static str> =
            info.within.iter().map(|outer| outer.info().column).chain([info.column, CLICKS]).collect();
        let mut table = Table::new(&columns);
        for row in rows {
            let mut cells: Vec<Cell> = row.keys.into_iter().map(Cell::from).collect();
            cells.push(Cell::from(row.clicks));
            table.push(cells);
        }
        Ok(table)
    }

    async fn attributes(&self, query: &Query, attribute: LinkAttribute) -> Result<Table, Error> {
        let rows: Vec<GroupRow> = self.warehouse.collect(&count::groups(query, Dimension::Link, true, None)).await?;
        let clicks: HashMap<LinkId, u64> =
            rows.iter().filter_map(|row| Some((LinkId(row.keys.first()?.parse().ok()?), row.clicks))).collect();
        let ids: Vec<LinkId> = clicks.keys().copied().collect();
        let mut sums: HashMap<String, u64> = HashMap::new();
        for link in self.links(query.workspace, &ids).await? {
            for value in names::values_of(&link, attribute) {
                *sums.entry(value).or_default() += clicks.get(&link.id).copied().unwrap_or(0);
            }
        }
        let mut sums: Vec<(String, u64)> = sums.into_iter().collect();
        sums.sort_unstable_by(|(left, fewer), (right, more)| more.cmp(fewer).then_with(|| left.cmp(right)));
        let mut table = Table::new(&["value", CLICKS]);
        for (value, clicks) in sums {
            table.push(vec![Cell::from(value), Cell::from(clicks)]);
        }
        Ok(table)
    }
}
