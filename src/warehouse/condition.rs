//! Conditions of a query -> `WHERE`. Workspace, kind and time come first, always, and are joined to the rest by `AND`: no
//! filter can widen them.

use crate::calendar::Range;
use crate::domain::dimension::{Dimension, Matching};
use crate::domain::event::EventKind;
use crate::domain::id::CustomerId;
use crate::filter::{List, SaleType, Sense};
use crate::plan::{Bots, Condition, Query};

use super::metadata::push_metadata;
use super::sql::{Sql, Value};

/// The column that says when.
#[derive(Clone, Copy)]
pub(super) enum TimeColumn {
    /// `events.timestamp`
    Timestamp,
    /// `events_15m.slot`
    Slot,
}

/// Appends ` WHERE ...` for the events of `query` within `range`.
pub(super) fn push_where(sql: &mut Sql, query: &Query, range: Range, time: TimeColumn) {
    push_where_of(sql, query, &[query.kind], range, time);
}

/// As [`push_where`], for events of these kinds, of all of which every condition must say the same.
pub(super) fn push_where_of(sql: &mut Sql, query: &Query, kinds: &[EventKind], range: Range, time: TimeColumn) {
    sql.carry_out(query).push(" WHERE ").scope(query.workspace).push(" AND ");
    match kinds {
        [kind] => sql.push("kind = ").bind(Value::Text(kind.name().to_owned())),
        _ => sql.push("kind IN ").bind(Value::Texts(kinds.iter().map(|kind| kind.name().to_owned()).collect())),
    };
    push_range(sql, range, time);
    match query.counting.bots {
        Bots::Exclude => sql.push(" AND bot = ''"),
        Bots::Only => sql.push(" AND bot != ''"),
        Bots::Include => sql,
    };
    if !query.counting.repeats {
        sql.push(" AND NOT repeat");
    }
    for condition in &query.conditions {
        sql.push(" AND ");
        match condition {
            Condition::Dimension { dimension, list } => push_dimension(sql, *dimension, list),
            Condition::ReferrerDomain { list } => push_referrer_domain(sql, list),
            Condition::Links { sense, ids } => {
                sql.push(match sense {
                    Sense::Is => "link_id IN ",
                    Sense::IsNot => "link_id NOT IN ",
                });
                sql.bind(Value::UInts(ids.iter().map(|id| id.0).collect()));
            }
            Condition::Customers { sense, ids } => push_customers(sql, query, *sense, ids),
            Condition::SaleType(sale_type) => push_sale_type(sql, query, *sale_type),
            Condition::Metadata(expression) => push_metadata(sql, expression),
        }
    }
}

/// A lead and a sale know their customer; a click is a customer's when one of their leads names it.
fn push_customers(sql: &mut Sql, query: &Query, sense: Sense, ids: &[CustomerId]) {
    if sense == Sense::IsNot {
        sql.push("NOT ");
    }
    let ids = Value::UInts(ids.iter().map(|id| id.0).collect());
    if query.kind != EventKind::Click {
        sql.push("(customer_id IN ").bind(ids).push(")");
        return;
    }
    sql.push("(event_id IN (SELECT click_event_id FROM events WHERE ").scope(query.workspace);
    sql.push(" AND kind = 'lead' AND customer_id IN ").bind(ids).push("))");
}

/// Whether a sale is the first of its customer and link over all time. What comes after the query's range cannot be before a
/// sale in it.
fn push_sale_type(sql: &mut Sql, query: &Query, sale_type: SaleType) {
    if sale_type == SaleType::Recurring {
        sql.push("NOT ");
    }
    sql.push("(customer_id = 0 OR event_id IN (SELECT argMin(event_id, (timestamp, event_id)) FROM events");
    sql.push(" WHERE ").scope(query.workspace);
    sql.push(" AND kind = 'sale' AND NOT repeat AND customer_id != 0");
    sql.push(" AND timestamp < fromUnixTimestamp64Milli(").bind(Value::Int(query.range.end_ms()));
    sql.push(") GROUP BY link_id, customer_id))");
}

fn push_range(sql: &mut Sql, range: Range, time: TimeColumn) {
    match time {
        TimeColumn::Timestamp => {
            sql.push(" AND timestamp >= fromUnixTimestamp64Milli(").bind(Value::Int(range.start_ms()));
            sql.push(") AND timestamp < fromUnixTimestamp64Milli(").bind(Value::Int(range.end_ms())).push(")");
        }
        TimeColumn::Slot => {
            sql.push(" AND slot >= fromUnixTimestamp(").bind(Value::Int(range.start_ms().div_euclid(1_000)));
            sql.push(") AND slot < fromUnixTimestamp(").bind(Value::Int(range.end_ms().div_euclid(1_000))).push(")");
        }
    }
}

pub(super) fn push_dimension(sql: &mut Sql, dimension: Dimension, list: &List) {
    let info = dimension.info();
    if list.sense == Sense::IsNot {
        sql.push("NOT ");
    }
    match info.matching {
        Matching::Exact | Matching::Upper | Matching::AddressBase | Matching::LinkId => {
            sql.push("(").push(info.column).push(" IN ").bind(Value::Texts(list.values.clone())).push(")");
        }
        Matching::AnyCase => {
            sql.push("(lower(").push(info.column).push(") IN ").bind(Value::Texts(list.values.clone())).push(")");
        }
        Matching::Address => {
            let (exact, base): (Vec<_>, Vec<_>) = list.values.iter().cloned().partition(|value| value.contains('?'));
            sql.push("(base_url IN ").bind(Value::Texts(base));
            sql.push(" OR url IN ").bind(Value::Texts(exact)).push(")");
        }
        Matching::Region => push_region(sql, &list.values),
    }
}

fn push_referrer_domain(sql: &mut Sql, list: &List) {
    if list.sense == Sense::IsNot {
        sql.push("NOT ");
    }
    sql.push("(lower(referrer_host) IN ").bind(Value::Texts(list.values.clone()));
    sql.push(" OR arrayExists(domain -> endsWith(lower(referrer_host), concat('.', domain)), ");
    sql.bind(Value::Texts(list.values.clone())).push("))");
}

/// `us-ca` is the whole region, `ca` the part after the country, `us-unknown` the visitors of a country whose region is not
/// known, and the empty text those of whom not even the country is. Without regard to case, for a region that has no code
/// goes by its name.
fn push_region(sql: &mut Sql, values: &[String]) {
    let mut codes = Vec::new();
    let mut parts = Vec::new();
    let mut countries = Vec::new();
    for value in values {
        match value.split_once('-') {
            Some((country, "unknown")) => countries.push(country.to_owned()),
            Some(_) => codes.push(value.clone()),
            None if value.is_empty() => countries.push(String::new()),
            None => parts.push(value.clone()),
        }
    }
    sql.push("(lower(region) IN ").bind(Value::Texts(codes));
    sql.push(" OR (region != '' AND substring(lower(region), 4) IN ").bind(Value::Texts(parts));
    sql.push(") OR (region = '' AND lower(country) IN ").bind(Value::Texts(countries)).push("))");
}
