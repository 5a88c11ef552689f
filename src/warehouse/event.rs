//! Pages of events.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::event::Event;
use crate::plan::{Condition, From, Order, Page, Query};

use super::condition::{TimeColumn, push_where};
use super::source::{push_firsts, push_source};
use super::sql::{Sql, Value};

macro_rules! event_row {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $expression:literal,)*) => {
        /// One event as a list shows it. Unknown dimensions are empty.
        #[derive(Clone, Debug, Default, PartialEq, Row, Deserialize)]
        pub struct EventRow { $($(#[$doc])* pub $name: $type,)* }

        const SELECTED: &[(&str, &str)] = &[$((stringify!($name), $expression),)*];
    };
}

event_row! {
    /// Identity.
    event_id: u64 = "event_id",
    /// Milliseconds since the epoch.
    at_ms: i64 = "toUnixTimestamp64Milli(timestamp)",
    /// The link.
    link_id: u64 = "link_id",
    /// Who it was.
    visitor: u64 = "visitor",
    /// Final destination.
    url: String = "url",
    /// Continent code.
    continent: String = "continent",
    /// Country code.
    country: String = "country",
    /// Region code with its country.
    region: String = "region",
    /// City name.
    city: String = "city",
    /// Where the city is, in ten-thousandths of a degree.
    latitude: i32 = "latitude",
    /// Where the city is, in ten-thousandths of a degree.
    longitude: i32 = "longitude",
    /// Device class.
    device: String = "device",
    /// Browser name.
    browser: String = "browser",
    /// System name.
    os: String = "os",
    /// How the link was reached.
    trigger: String = "trigger",
    /// Referrer host.
    referrer_host: String = "referrer_host",
    /// Referrer without its query.
    referrer_url: String = "referrer_url",
    /// As sent by the client.
    user_agent: String = "user_agent",
    /// Robot name, empty for humans.
    bot: String = "bot",
    /// Campaign source.
    utm_source: String = "utm_source",
    /// Campaign medium.
    utm_medium: String = "utm_medium",
    /// Campaign name.
    utm_campaign: String = "utm_campaign",
    /// Campaign term.
    utm_term: String = "utm_term",
    /// Campaign content.
    utm_content: String = "utm_content",
    /// The click that a lead or a sale follows; 0 when none is known.
    click_event_id: u64 = "click_event_id",
    /// The customer of a lead or a sale; 0 for nobody.
    customer_id: u64 = "customer_id",
    /// Name of a lead or a sale.
    event_name: String = "event_name",
    /// In the smallest unit of the currency.
    amount: i64 = "amount",
    /// Lower case; empty when no amount was told.
    currency: String = "currency",
    /// Who took the payment.
    payment_processor: String = "payment_processor",
    /// The invoice.
    invoice_id: String = "invoice_id",
    /// JSON text; empty for none.
    metadata: String = "metadata",
}

/// An event that was just stored, as a list shows it later.
impl std::convert::From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let (place, agent, utm) = (&event.place, &event.agent, &event.utm);
        let conversion = event.conversion.as_deref().cloned().unwrap_or_default();
        Self {
            event_id: event.id.0,
            at_ms: event.at_ms,
            link_id: event.link.0,
            visitor: event.visitor,
            url: event.url.clone(),
            continent: place.continent.clone(),
            country: place.country.clone(),
            region: place.region.clone(),
            city: place.city.clone(),
            latitude: event.coordinates.latitude,
            longitude: event.coordinates.longitude,
            device: agent.device.clone(),
            browser: agent.browser.clone(),
            os: agent.os.clone(),
            trigger: event.trigger.name().to_owned(),
            referrer_host: event.referrer.host.clone(),
            referrer_url: event.referrer.url.clone(),
            user_agent: agent.user_agent.clone(),
            bot: agent.bot.clone(),
            utm_source: utm.source.clone(),
            utm_medium: utm.medium.clone(),
            utm_campaign: utm.campaign.clone(),
            utm_term: utm.term.clone(),
            utm_content: utm.content.clone(),
            click_event_id: event.follows().0,
            customer_id: conversion.customer.0,
            event_name: event.name().to_owned(),
            amount: conversion.amount,
            currency: conversion.currency,
            payment_processor: conversion.payment_processor,
            invoice_id: conversion.invoice_id,
            metadata: event.metadata().to_owned(),
        }
    }
}

/// What is known of how many events the range of a query holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Perhaps many more than a page.
    Unknown,
    /// So few that all of them are soon read.
    Few,
}

/// SQL of [`Shape::Events`](crate::plan::Shape::Events).
pub fn events(query: &Query, order: Order, page: Page, extent: Extent) -> Sql {
    let mut sql = select();
    let columns: Vec<&'static str> =
        SELECTED.iter().map(|&(name, _)| name).filter(|&name| name != "event_id" && name != "at_ms").collect();
    push_source(&mut sql, query, &columns);
    if let From::After { at_ms, id } = page.from {
        // A visitor's first event is found over the whole range, not over what the cursor leaves.
        sql.push(if query.counting.unique { " WHERE " } else { " AND " });
        let (before_or_at, beyond) = match order {
            Order::Descending => ("timestamp <= ", "(timestamp, event_id) < "),
            Order::Ascending => ("timestamp >= ", "(timestamp, event_id) > "),
        };
        // ClickHouse: the first half alone lets the primary key skip what the cursor has passed.
        sql.push(before_or_at).push("fromUnixTimestamp64Milli(").bind(Value::Int(at_ms)).push(") AND ");
        sql.push(beyond).push("(fromUnixTimestamp64Milli(").bind(Value::Int(at_ms)).push("), ");
        sql.bind(Value::UInt(id.0)).push(")");
    }
    push_order(&mut sql, order);
    sql.push(" LIMIT ").bind(Value::UInt(page.limit));
    if let From::Offset(offset @ 1..) = page.from {
        sql.push(" OFFSET ").bind(Value::UInt(offset));
    }
    if extent == Extent::Few || query.conditions.iter().any(|condition| matches!(condition, Condition::Links { .. })) {
        // ClickHouse: reading in key order looks into every part of the table, however few rows there are, and keeps the
        // planner from the projection that is sorted by link.
        sql.set("optimize_read_in_order", "0");
    } else {
        // ClickHouse: else it reads ahead in every part, five times the rows that a page needs.
        sql.set("read_in_order_use_buffering", "0");
    }
    sql
}

/// SQL of the first event of each visitor on each link, all of them, in rows that come as they are read.
pub fn firsts(query: &Query, order: Order) -> Sql {
    let mut sql = select();
    sql.push(" FROM events");
    push_where(&mut sql, query, query.range, TimeColumn::Timestamp);
    push_firsts(&mut sql, query);
    push_order(&mut sql, order);
    sql
}

fn select() -> Sql {
    let mut sql = Sql::new("SELECT ");
    for (place, (name, expression)) in SELECTED.iter().enumerate() {
        if place > 0 {
            sql.push(", ");
        }
        sql.push(expression);
        if name != expression {
            sql.push(" AS ").push(name);
        }
    }
    sql
}

fn push_order(sql: &mut Sql, order: Order) {
    sql.push(match order {
        Order::Ascending => " ORDER BY timestamp, event_id",
        Order::Descending => " ORDER BY timestamp DESC, event_id DESC",
    });
}
