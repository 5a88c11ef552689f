//! Where a query's rows come from: events, the first event of each visitor on each link, or the rollup with events at its
//! edges. The shapes read all three alike.

use crate::domain::event::EventKind;
use crate::plan::{Money, Query, Source};

use super::condition::{TimeColumn, push_where};
use super::sql::{Sql, Value};

/// How a shape reads the rows that [`push_source`] appends.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// The number of events.
    pub count: &'static str,
    /// Seconds since the epoch, as `UInt32`.
    pub seconds: &'static str,
}

/// How to read this query's source.
pub(super) fn reading(query: &Query) -> Reading {
    match query.source {
        Source::Events => Reading { count: "count()", seconds: "toUInt32(toUnixTimestamp(timestamp))" },
        Source::Rollup(inner) if inner == query.range => Reading { count: "sum(events)", seconds: "toUInt32(slot)" },
        Source::Rollup(_) => Reading { count: "sum(events)", seconds: "at" },
    }
}

/// Whether the query adds up what was paid.
pub(super) fn is_of_money(query: &Query) -> bool {
    query.money.is_some() && query.kind == EventKind::Sale
}

/// Appends `... AS counted, ... AS money`: how many events there are, and what was paid, 0 where that is not asked.
pub(super) fn push_measures(sql: &mut Sql, query: &Query) {
    sql.push(reading(query).count).push(" AS counted, ");
    match &query.money {
        Some(Money::In(currency)) if is_of_money(query) => {
            sql.push("sumIf(amount, currency = ").bind(Value::Text(currency.clone())).push(")");
        }
        Some(Money::Own) if is_of_money(query) => {
            sql.push("sum(amount)");
        }
        _ => {
            sql.push("toInt64(0)");
        }
    }
    sql.push(" AS money");
}

/// Appends the order of a breakdown: largest first, equals by value, so that it is the same each time.
pub(super) fn push_order(sql: &mut Sql, query: &Query) {
    sql.push(if is_of_money(query) && matches!(query.money, Some(Money::In(_))) {
        " ORDER BY money DESC, counted DESC, keys"
    } else {
        " ORDER BY counted DESC, keys"
    });
}

/// Appends ` AND ...`: only the first event of each visitor on each link among those that the query means. Rows can then be read
/// in any order as they come, where [`push_source`] sorts them.
pub(super) fn push_firsts(sql: &mut Sql, query: &Query) {
    // ClickHouse: the least of a number is found ten times faster than that of a pair. GLOBAL: on a cluster each shard would
    // else ask all others again.
    sql.push(
        " AND event_id GLOBAL IN (SELECT toUInt64(min(bitShiftLeft(toInt128(toUnixTimestamp64Milli(timestamp)), 64)",
    );
    sql.push(" + event_id)) FROM events");
    push_where(sql, query, query.range, TimeColumn::Timestamp);
    sql.push(" GROUP BY link_id, visitor)");
}

/// Appends ` FROM ...` with scope, range and conditions. `columns` are those that the shape reads beside count and time;
/// they matter only where a visitor's first events have to be found.
pub(super) fn push_source(sql: &mut Sql, query: &Query, columns: &[&'static str]) {
    match query.source {
        Source::Events if query.counting.unique => {
            sql.push(" FROM (SELECT timestamp, event_id");
            let paid: &[&'static str] = if is_of_money(query) { &["amount", "currency"] } else { &[] };
            for column in columns.iter().chain(paid.iter().filter(|&name| !columns.contains(name))) {
                sql.push(", ").push(column);
            }
            sql.push(" FROM events");
            push_where(sql, query, query.range, TimeColumn::Timestamp);
            // ClickHouse: LIMIT 1 BY keeps the first row of each pair in the order just before it.
            sql.push(" ORDER BY timestamp, event_id LIMIT 1 BY link_id, visitor)");
        }
        Source::Events => {
            sql.push(" FROM events");
            push_where(sql, query, query.range, TimeColumn::Timestamp);
        }
        Source::Rollup(inner) if inner == query.range => {
            sql.push(" FROM events_15m");
            push_where(sql, query, inner, TimeColumn::Slot);
        }
        Source::Rollup(inner) => {
            let by_link = columns.contains(&"link_id");
            // ClickHouse: under a UNION the projection without links is read only for what is a sum already.
            sql.push(if by_link {
                " FROM (SELECT toUInt32(slot) AS at, link_id, events FROM events_15m"
            } else {
                " FROM (SELECT toUInt32(slot) AS at, sum(events) AS events FROM events_15m"
            });
            push_where(sql, query, inner, TimeColumn::Slot);
            if !by_link {
                sql.push(" GROUP BY slot");
            }
            sql.push(" UNION ALL SELECT toUInt32(toUnixTimestamp(timestamp)) AS at, ");
            sql.push(if by_link { "link_id, " } else { "" }).push("toUInt64(1) AS events FROM events");
            push_where(sql, query, query.range, TimeColumn::Timestamp);
            // ClickHouse: both edges at once, for each reading of a table is planned for by itself.
            sql.push(" AND (timestamp < fromUnixTimestamp64Milli(").bind(Value::Int(inner.start_ms()));
            sql.push(") OR timestamp >= fromUnixTimestamp64Milli(").bind(Value::Int(inner.end_ms())).push(")))");
        }
    }
}
