//! Time series: events by the bucket that they fall in. Buckets come as instants; the store knows no time zone.

use clickhouse::Row;
use serde::Deserialize;

use crate::calendar::Buckets;
use crate::plan::Query;

use super::source::{push_measures, push_source, reading};
use super::sql::{Sql, Value};

/// One bucket that has events.
#[derive(Clone, Copy, Debug, PartialEq, Row, Deserialize)]
pub struct SeriesRow {
    /// Start of the bucket in seconds since the epoch.
    pub start_secs: u64,
    /// Events that count.
    pub counted: u64,
    /// What was paid.
    pub money: i64,
}

/// One link in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Row, Deserialize)]
pub struct PivotRow {
    /// Start of the bucket in seconds since the epoch.
    pub start_secs: u64,
    /// The link.
    pub link_id: u64,
    /// Events that count.
    pub counted: u64,
    /// What was paid.
    pub money: i64,
}

/// SQL of [`Shape::Pivot`](crate::plan::Shape::Pivot).
pub fn pivot(query: &Query, buckets: &Buckets) -> Sql {
    let mut sql = Sql::new("SELECT ");
    push_start(&mut sql, query, buckets);
    sql.push(", link_id, ");
    push_measures(&mut sql, query);
    push_source(&mut sql, query, &["link_id"]);
    sql.push(" GROUP BY start_secs, link_id ORDER BY start_secs, link_id");
    sql
}

/// The events of a day.
#[derive(Clone, Copy, Debug, PartialEq, Row, Deserialize)]
pub struct DayRow {
    /// Days since the epoch, in UTC.
    pub day: u32,
    /// Events that count.
    pub events: u64,
}

/// SQL of how many events that a query means each day of UTC has, in order; days without have no row.
pub fn days(query: &Query) -> Sql {
    let mut sql = Sql::new("SELECT toUInt32(intDiv(");
    sql.push(reading(query).seconds).push(", 86400)) AS day, ").push(reading(query).count).push(" AS events");
    push_source(&mut sql, query, &[]);
    sql.push(" GROUP BY day ORDER BY day");
    sql
}

fn push_start(sql: &mut Sql, query: &Query, buckets: &Buckets) {
    let starts = buckets.starts().iter().map(|start| start.div_euclid(1_000).cast_unsigned()).collect();
    sql.push("toUInt64(roundDown(toUInt64(").push(reading(query).seconds).push("), ");
    sql.bind(Value::UInts(starts)).push(")) AS start_secs");
}

/// SQL of [`Shape::Series`](crate::plan::Shape::Series). Buckets without events have no row.
pub fn series(query: &Query, buckets: &Buckets) -> Sql {
    let mut sql = Sql::new("SELECT ");
    push_start(&mut sql, query, buckets);
    sql.push(", ");
    push_measures(&mut sql, query);
    push_source(&mut sql, query, &[]);
    sql.push(" GROUP BY start_secs ORDER BY start_secs");
    sql
}
