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

/// SQL of [`Shape::Series`](crate::plan::Shape::Series). Buckets without events have no row.
pub fn series(query: &Query, buckets: &Buckets) -> Sql {
    let reading = reading(query);
    let starts = buckets.starts().iter().map(|start| start.div_euclid(1_000).cast_unsigned()).collect();
    let mut sql = Sql::new("SELECT toUInt64(roundDown(toUInt64(");
    sql.push(reading.seconds).push("), ").bind(Value::UInts(starts)).push(")) AS start_secs, ");
    push_measures(&mut sql, query);
    push_source(&mut sql, query, &[]);
    sql.push(" GROUP BY start_secs ORDER BY start_secs");
    sql
}
