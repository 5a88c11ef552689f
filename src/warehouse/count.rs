//! Totals and breakdowns.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::dimension::{Blank, Dimension};
use crate::domain::event::EventKind;
use crate::plan::Query;

use super::condition::{TimeColumn, push_where, push_where_of};
use super::source::{is_of_money, push_measures, push_order, push_source};
use super::sql::{Sql, Value};

/// A total.
#[derive(Clone, Copy, Debug, PartialEq, Row, Deserialize)]
pub struct TotalRow {
    /// Events that count.
    pub counted: u64,
    /// What was paid.
    pub money: i64,
}

/// One value of a breakdown.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct GroupRow {
    /// What the value lies in, then the value; empty where unknown.
    pub keys: Vec<String>,
    /// Events that count.
    pub counted: u64,
    /// What was paid.
    pub money: i64,
}

/// SQL of [`Shape::Total`](crate::plan::Shape::Total).
pub fn total(query: &Query) -> Sql {
    if query.counting.unique && !is_of_money(query) {
        // As many as there are pairs of link and visitor: which event was the first need not be known. ClickHouse: groups of
        // numbers take a third of the time of uniqExact over pairs, and go to disk where they do not fit in memory.
        let mut sql = Sql::new("SELECT count() AS counted, toInt64(0) AS money FROM (SELECT 1 FROM events");
        push_where(&mut sql, query, query.range, TimeColumn::Timestamp);
        sql.push(" GROUP BY link_id, visitor)");
        return sql;
    }
    let mut sql = Sql::new("SELECT ");
    push_measures(&mut sql, query);
    push_source(&mut sql, query, &[]);
    sql
}

/// SQL of [`Shape::Groups`](crate::plan::Shape::Groups), in the order of the plan.
pub fn groups(query: &Query, by: Dimension, unknown: bool, limit: Option<u64>) -> Sql {
    let columns = columns(by);
    let mut sql = Sql::new("SELECT ");
    push_keys(&mut sql, &columns);
    sql.push(", ");
    push_measures(&mut sql, query);
    push_source(&mut sql, query, &columns);
    sql.push(" GROUP BY ");
    push_list(&mut sql, &columns);
    if !unknown && hides(by) {
        sql.push(" HAVING ");
        push_known(&mut sql, by);
    }
    push_order(&mut sql, query);
    if let Some(limit) = limit {
        sql.push(" LIMIT ").bind(Value::UInt(limit));
    }
    sql
}

/// One value of a breakdown of several kinds of events.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct KindGroupRow {
    /// The kind.
    pub of_kind: String,
    /// Of a sale; empty where no amount was told.
    pub in_currency: String,
    /// What the value lies in, then the value; empty where unknown.
    pub keys: Vec<String>,
    /// Events that count.
    pub counted: u64,
    /// What was paid.
    pub money: i64,
    /// Whether the breakdown shows it. Sales that it does not show are there all the same: which currency most sales have
    /// goes by all of them.
    pub shown: bool,
}

/// SQL of the groups of several kinds of events in one reading, each kind and currency by itself; `query` asks for the first
/// kind, and `limit` is for its groups alone. All conditions must say the same of every kind, and all count.
pub fn groups_of_kinds(query: &Query, kinds: &[EventKind], by: Dimension, unknown: bool, limit: Option<u64>) -> Sql {
    let columns = columns(by);
    let mut sql = Sql::new("SELECT toString(kind) AS of_kind, toString(currency) AS in_currency, ");
    push_keys(&mut sql, &columns);
    sql.push(", count() AS counted, sum(amount) AS money, ");
    if unknown || !hides(by) {
        sql.push("true");
    } else {
        push_known(&mut sql, by);
    }
    sql.push(" AS shown FROM events");
    push_where_of(&mut sql, query, kinds, query.range, TimeColumn::Timestamp);
    sql.push(" GROUP BY kind, currency, ");
    push_list(&mut sql, &columns);
    sql.push(" HAVING shown OR of_kind = ").bind(Value::Text(EventKind::Sale.name().to_owned()));
    push_order(&mut sql, query);
    if let Some(limit) = limit {
        // ClickHouse: a group of its own has one row, and keeps it.
        sql.push(" LIMIT ").bind(Value::UInt(limit)).push(" BY if(of_kind = ");
        sql.bind(Value::Text(query.kind.name().to_owned())).push(", [], arrayConcat([of_kind, in_currency], keys))");
    }
    sql
}

/// The columns of a breakdown: what its values lie in, then its own.
fn columns(by: Dimension) -> Vec<&'static str> {
    let info = by.info();
    info.within.iter().map(|outer| outer.info().column).chain([info.column]).collect()
}

fn push_keys(sql: &mut Sql, columns: &[&'static str]) {
    sql.push("[");
    for (place, column) in columns.iter().enumerate() {
        // ClickHouse: an array of LowCardinality is another type than an array of String.
        sql.push(if place > 0 { ", CAST(" } else { "CAST(" }).push(column).push(" AS String)");
    }
    sql.push("] AS keys");
}

fn push_list(sql: &mut Sql, columns: &[&'static str]) {
    for (place, column) in columns.iter().enumerate() {
        sql.push(if place > 0 { ", " } else { "" }).push(column);
    }
}

/// Whether a breakdown leaves the unknown out unless it is asked for.
fn hides(by: Dimension) -> bool {
    matches!(by, Dimension::Link | Dimension::Region) || matches!(by.info().blank, Blank::Hidden(_))
}

/// Appends that the dimension is known.
fn push_known(sql: &mut Sql, by: Dimension) {
    match by {
        // The one dimension that is a number: 0 where no link was involved.
        Dimension::Link => sql.push("link_id != 0"),
        // A region that is not known still tells its country (Dub contract, 4.2).
        Dimension::Region => sql.push("country != ''"),
        _ => sql.push(by.info().column).push(" != ''"),
    };
}

/// A city with where it is.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct PlaceRow {
    /// Country code.
    pub country: String,
    /// Region code with its country.
    pub region: String,
    /// City name; empty where it is not known.
    pub city: String,
    /// Events that count.
    pub counted: u64,
    /// In ten-thousandths of a degree: the mean of its events.
    pub latitude: i32,
    /// In ten-thousandths of a degree: the mean of its events.
    pub longitude: i32,
}

/// SQL of the cities of a query, in the order of the plan, with where they are. Two cities of one name are two.
pub fn places(query: &Query, unknown: bool) -> Sql {
    let mut sql = Sql::new(
        "SELECT keys[1] AS country, keys[2] AS region, keys[3] AS city, counted, north AS latitude, east AS longitude \
         FROM (SELECT [CAST(country AS String), CAST(region AS String), CAST(city AS String)] AS keys, ",
    );
    push_measures(&mut sql, query);
    // ClickHouse: the mean of nothing is no number.
    sql.push(
        ", toInt32(round(ifNotFinite(avgIf(latitude, latitude != 0 OR longitude != 0), 0))) AS north, \
         toInt32(round(ifNotFinite(avgIf(longitude, latitude != 0 OR longitude != 0), 0))) AS east",
    );
    push_source(&mut sql, query, &["country", "region", "city", "latitude", "longitude"]);
    sql.push(" GROUP BY country, region, city");
    if !unknown {
        sql.push(" HAVING city != ''");
    }
    push_order(&mut sql, query);
    sql.push(")");
    sql
}

/// SQL of [`Shape::Params`](crate::plan::Shape::Params). What a visitor encodes need not be text.
pub fn params(query: &Query, limit: u64) -> Sql {
    let mut sql = Sql::new(
        "SELECT [arrayJoin(arrayDistinct(arrayMap(pair -> toValidUTF8(decodeURLFormComponent(pair)), \
         arrayFilter(pair -> pair != '', splitByChar('&', params)))))] AS keys, ",
    );
    push_measures(&mut sql, query);
    push_source(&mut sql, query, &["params"]);
    sql.push(" GROUP BY keys");
    push_order(&mut sql, query);
    sql.push(" LIMIT ").bind(Value::UInt(limit));
    sql
}
