//! THE query engine: a [`Query`] in, a [`Table`] or a stream of events out.
//!
//! Links are resolved first (what they are now is known to the catalog alone), then the query is rewritten, turned into
//! SQL, run, and its gaps filled.

mod audience;
pub mod click_file;
mod compare;
pub mod events;
mod link_clicks;
pub mod names;
mod page;
mod revenue;
pub mod sessions;
mod sizes;
mod tally;

use std::collections::HashMap;
use std::time::Instant;

use crate::catalog::{self, Catalog};
use crate::domain::click_id::EventId;
use crate::domain::dimension::{Dimension, LinkAttribute};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::filter::Sense;
use crate::plan::{Condition, Query, Shape, rewrite};
use crate::table::{Cell, Table};
use crate::telemetry::name::QUERY_SECONDS;
use crate::warehouse::count::{GroupRow, PlaceRow, TotalRow};
use crate::warehouse::series::{PivotRow, SeriesRow};
use crate::warehouse::{self, Warehouse, count, series};

pub use click_file::ClickFile;
pub use compare::{Comparison, METRICS, number};
pub use link_clicks::{LinkClicks, Spans};
pub use revenue::Revenue;
use sizes::Sizes;
use tally::{By, Key, Measures, Tally};

/// Column of the number of events in the tables of [`Analytics::run`].
pub const EVENTS: &str = "events";
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
    sizes: Sizes,
}

impl Analytics {
    /// Over these two stores.
    pub fn new(warehouse: Warehouse, catalog: Catalog) -> Self {
        Self { warehouse, catalog, sizes: Sizes::default() }
    }

    /// Answers a query of counts:
    /// - a total: one row, [`EVENTS`];
    /// - a series: [`START_MS`] and [`EVENTS`], every bucket, ascending;
    /// - groups: what the dimension lies in, the dimension, [`EVENTS`], under the columns' stored names;
    /// - attributes: `value` and [`EVENTS`]. A link with several values counts for each;
    /// - a pivot: [`START_MS`], `link_id` and [`EVENTS`], ascending; pairs without events are left out;
    /// - parameters: `value` and [`EVENTS`].
    ///
    /// Events have their own way, [`events`](Self::events); asked for here, the table is empty.
    ///
    /// # Errors
    /// When a store does not answer, or the query costs more than it may.
    pub async fn run(&self, query: Query) -> Result<Table, Error> {
        let query = self.with_links(query).await?;
        let mut table = Table::new(&columns(&query.shape, &[EVENTS]));
        for (key, measures) in self.tally(query).await? {
            let mut row = key.cells();
            row.push(Cell::from(measures.counts[0]));
            table.push(row);
        }
        Ok(table)
    }

    /// The number of events that a query of whatever shape means, for a visit that waits for it: at once, however many
    /// queries others have.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn total_for_visit(&self, query: Query) -> Result<u64, Error> {
        let query = self.prepare(Query { shape: Shape::Total, ..query }).await?;
        let rows: Vec<TotalRow> = self.warehouse.collect_at_once(&count::total(&query)).await?;
        Ok(rows.first().map_or(0, |row| row.counted))
    }

    /// The cities of a query of whatever shape, the most first, with where they are.
    ///
    /// # Errors
    /// When a store does not answer, or the query costs more than it may.
    pub async fn places(&self, query: Query, unknown: bool) -> Result<Vec<PlaceRow>, Error> {
        let shape = Shape::Groups { by: Dimension::City, unknown, limit: None };
        let query = self.prepare(Query { shape, ..query }).await?;
        Ok(self.warehouse.collect(&count::places(&query, unknown)).await?)
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
        Ok(self.planned(self.with_links(query).await?))
    }

    /// The query on the shortest way; links are resolved already.
    fn planned(&self, query: Query) -> Query {
        let about = self.sizes.about(&query);
        let query = rewrite(query, about);
        tracing::debug!(plan = %query, "query plan");
        query
    }

    /// Counts by key what a query asks for, in the order of the plan. Links are resolved already.
    async fn tally(&self, query: Query) -> Result<Vec<(Key, Measures)>, Error> {
        let (workspace, shape, began) = (query.workspace, query.shape.clone(), Instant::now());
        let counts = self.count(0, query).await?;
        self.arranged(workspace, &shape, counts, By::Count, began).await
    }

    /// Counts by key -> the rows of a shape, in order; `began` is when they were asked for.
    async fn arranged(
        &self,
        workspace: WorkspaceId,
        shape: &Shape,
        counts: impl IntoIterator<Item = (Key, Measures)>,
        by: By,
        began: Instant,
    ) -> Result<Vec<(Key, Measures)>, Error> {
        let mut tally = Tally::default();
        for (key, measures) in counts {
            tally.add(key, measures);
        }
        let (kind, rows) = match shape {
            Shape::Total => ("total", tally.whole()),
            Shape::Series(buckets) => ("series", tally.series(buckets)),
            Shape::Groups { limit, .. } => ("groups", tally.ordered(by, *limit)),
            Shape::Params { limit } => ("params", tally.ordered(by, Some(*limit))),
            Shape::Pivot(_) => ("pivot", tally.by_key()),
            Shape::Attributes(attribute) => {
                ("attributes", self.by_attribute(workspace, tally, *attribute).await?.ordered(by, None))
            }
            Shape::Events { .. } => return Ok(Vec::new()),
        };
        metrics::histogram!(QUERY_SECONDS, "kind" => kind).record(began.elapsed());
        Ok(rows)
    }

    /// Counts one kind of events, which stands at `place` among those asked for. An attribute's are counted by link.
    async fn count(&self, place: usize, query: Query) -> Result<Vec<(Key, Measures)>, Error> {
        let query = self.planned(query);
        let measured = |counted: u64, money: i64| {
            let mut measures = Measures { money, ..Measures::default() };
            measures.counts[place] = counted;
            measures
        };
        let grouped = |row: GroupRow| (Key::Values(row.keys), measured(row.counted, row.money));
        Ok(match &query.shape {
            Shape::Total => {
                let rows: Vec<TotalRow> = self.warehouse.collect(&count::total(&query)).await?;
                self.sizes.learn(&query, rows.iter().map(|row| row.counted).sum());
                rows.into_iter().map(|row| (Key::Whole, measured(row.counted, row.money))).collect()
            }
            Shape::Series(buckets) if buckets.is_empty() => Vec::new(),
            Shape::Series(buckets) => {
                let rows: Vec<SeriesRow> = self.warehouse.collect(&series::series(&query, buckets)).await?;
                self.sizes.learn(&query, rows.iter().map(|row| row.counted).sum());
                let start_ms = |row: &SeriesRow| row.start_secs.cast_signed().saturating_mul(1_000);
                rows.into_iter().map(|row| (Key::Start(start_ms(&row)), measured(row.counted, row.money))).collect()
            }
            Shape::Pivot(buckets) if buckets.is_empty() => Vec::new(),
            Shape::Pivot(buckets) => {
                let rows: Vec<PivotRow> = self.warehouse.collect(&series::pivot(&query, buckets)).await?;
                let key = |row: &PivotRow| {
                    Key::StartOf(row.start_secs.cast_signed().saturating_mul(1_000), LinkId(row.link_id))
                };
                rows.into_iter().map(|row| (key(&row), measured(row.counted, row.money))).collect()
            }
            Shape::Params { limit } => {
                self.warehouse.collect(&count::params(&query, *limit)).await?.into_iter().map(grouped).collect()
            }
            // What these events do not have is unknown of all of them, and shown only where that is asked for.
            Shape::Groups { by, unknown: false, .. } if !by.info().of.includes(query.kind) => Vec::new(),
            Shape::Groups { by, unknown, limit } => {
                let sql = count::groups(&query, *by, *unknown, *limit);
                self.warehouse.collect(&sql).await?.into_iter().map(grouped).collect()
            }
            Shape::Attributes(_) => {
                let sql = count::groups(&query, Dimension::Link, true, None);
                self.warehouse.collect(&sql).await?.into_iter().map(grouped).collect()
            }
            Shape::Events { .. } => Vec::new(),
        })
    }

    /// Counts by link -> counts by what the links are now.
    async fn by_attribute(
        &self,
        workspace: WorkspaceId,
        tally: Tally,
        attribute: LinkAttribute,
    ) -> Result<Tally, Error> {
        let id_of = |key: &Key| match key {
            Key::Values(values) => Some(LinkId(values.first()?.parse().ok()?)),
            Key::Whole | Key::Start(_) | Key::StartOf(..) => None,
        };
        let ids: Vec<LinkId> = tally.keys().filter_map(id_of).collect();
        let links: HashMap<LinkId, Link> =
            self.links(workspace, &ids).await?.into_iter().map(|link| (link.id, link)).collect();
        Ok(tally.regroup(|key| {
            let link = id_of(key).and_then(|id| links.get(&id));
            let values = link.map(|link| names::values_of(link, attribute)).unwrap_or_default();
            values.into_iter().map(|value| Key::Values(vec![value])).collect()
        }))
    }
}

/// The columns of a shape's table: of its keys, then of its measures.
fn columns(shape: &Shape, measures: &[&'static str]) -> Vec<&'static str> {
    let mut columns = match shape {
        Shape::Total | Shape::Events { .. } => Vec::new(),
        Shape::Series(_) => vec![START_MS],
        Shape::Groups { by, .. } => {
            let info = by.info();
            info.within.iter().map(|outer| outer.info().column).chain([info.column]).collect()
        }
        Shape::Pivot(_) => vec![START_MS, Dimension::Link.info().column],
        Shape::Attributes(_) | Shape::Params { .. } => vec!["value"],
    };
    columns.extend(measures);
    columns
}
