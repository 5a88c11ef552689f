//! Totals and breakdowns.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::dimension::{Blank, Dimension};
use crate::plan::Query;

use super::condition::{TimeColumn, push_where};
use super::source::{push_source, reading};
use super::sql::{Sql, Value};

/// A total.
#[derive(Clone, Copy, Debug, PartialEq, Row, Deserialize)]
pub struct TotalRow {
    /// Events that count.
    pub clicks: u64,
}

/// One value of a breakdown.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct GroupRow {
    /// What the value lies in, then the value; empty where unknown.
    pub keys: Vec<String>,
    /// Events that count.
    pub clicks: u64,
}

/// SQL of [`Shape::Total`](crate::plan::Shape::Total).
pub fn total(query: &Query) -> Sql {
    if query.counting.unique {
        // As many as there are pairs of link and visitor: which event was the first need not be known.
        let mut sql = Sql::new("SELECT uniqExact(link_id, visitor) AS clicks FROM events");
        push_where(&mut sql, query, query.range, TimeColumn::Timestamp);
        return sql;
    }
    let mut sql = Sql::new("SELECT ");
    sql.push(reading(query).count).push(" AS clicks");
    push_source(&mut sql, query, &[]);
    sql
}

/// SQL of [`Shape::Groups`](crate::plan::Shape::Groups): largest first, equals by value, so that the order is the same
/// each time.
pub fn groups(query: &Query, by: Dimension, unknown: bool, limit: Option<u64>) -> Sql {
    let info = by.info();
    let columns: Vec<&'static str> = info.within.iter().map(|outer| outer.info().column).chain([info.column]).collect();
    let mut sql = Sql::new("SELECT [");
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            sql.push(", ");
        }
        // ClickHouse: an array of LowCardinality is another type than an array of String.
        sql.push("CAST(").push(column).push(" AS String)");
    }
    sql.push("] AS keys, ").push(reading(query).count).push(" AS clicks");
    push_source(&mut sql, query, &columns);
    sql.push(" GROUP BY ");
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            sql.push(", ");
        }
        sql.push(column);
    }
    match by {
        // The one dimension that is a number: 0 where no link was involved.
        Dimension::Link if !unknown => {
            sql.push(" HAVING link_id != 0");
        }
        Dimension::Link => {}
        // A region that is not known still tells its country (Dub contract, 4.2).
        Dimension::Region if !unknown => {
            sql.push(" HAVING country != ''");
        }
        _ if !unknown && matches!(info.blank, Blank::Hidden(_)) => {
            sql.push(" HAVING ").push(info.column).push(" != ''");
        }
        _ => {}
    }
    sql.push(" ORDER BY clicks DESC, keys");
    if let Some(limit) = limit {
        sql.push(" LIMIT ").bind(Value::UInt(limit));
    }
    sql
}
