//! The fields of a row, each read and checked.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use chrono::DateTime;
use foldhash::fast::RandomState;
use serde::de::IgnoredAny;

use super::column::Column;
use super::row::{Row, shown};
use crate::calendar::{EARLIEST_MS, LATEST_MS};
use crate::domain::customer::MAX_CUSTOMER_TEXT;
use crate::domain::event::{Agent, Channel, Conversion, Coordinates, EventKind, PageEvent};
use crate::domain::hit::{PlaceHint, Trigger};

/// Bytes of a text at most; exported rows may have more.
const MAX_TEXT: usize = 4_096;
/// Bytes of properties and metadata at most; exported rows may have more.
const MAX_JSON: usize = 65_536;

const TRIGGERS: [Trigger; 4] = [Trigger::Link, Trigger::Qr, Trigger::Pageview, Trigger::Deeplink];
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/// Columns that are written over what was read from the others.
const OVER: [Column; 22] = [
    Column::Language,
    Column::Continent,
    Column::Country,
    Column::Region,
    Column::City,
    Column::Device,
    Column::Browser,
    Column::BrowserVersion,
    Column::Os,
    Column::OsVersion,
    Column::Bot,
    Column::BotCategory,
    Column::Isp,
    Column::ReferrerHost,
    Column::ReferrerUrl,
    Column::ReferrerName,
    Column::UtmSource,
    Column::UtmMedium,
    Column::UtmCampaign,
    Column::UtmTerm,
    Column::UtmContent,
    Column::UserAgent,
];

/// Columns that together are an agent.
const AGENT: [Column; 8] = [
    Column::UserAgent,
    Column::Device,
    Column::Browser,
    Column::BrowserVersion,
    Column::Os,
    Column::OsVersion,
    Column::Bot,
    Column::BotCategory,
];

/// Agents as rows say them, each made once.
#[derive(Default)]
pub struct Agents {
    known: HashMap<Vec<u8>, Arc<Agent>, RandomState>,
    key: Vec<u8>,
}

impl Agents {
    /// The agent of a row that says everything itself.
    pub(super) fn get(&mut self, row: &Row<'_>) -> Arc<Agent> {
        self.key.clear();
        for column in AGENT {
            self.key.extend_from_slice(row.text(column).unwrap_or_default().as_bytes());
            // Which is in no text.
            self.key.push(0xff);
        }
        if let Some(agent) = self.known.get(&self.key) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(Agent {
            user_agent: owned(row, Column::UserAgent),
            device: owned(row, Column::Device),
            browser: owned(row, Column::Browser),
            browser_version: owned(row, Column::BrowserVersion),
            os: owned(row, Column::Os),
            os_version: owned(row, Column::OsVersion),
            bot: owned(row, Column::Bot),
            bot_category: owned(row, Column::BotCategory),
        });
        self.known.insert(self.key.clone(), Arc::clone(&agent));
        agent
    }
}

/// Columns that make a custom event one of a customer's.
pub(super) const OF_CONVERSIONS: [Column; 5] =
    [Column::Customer, Column::Amount, Column::Currency, Column::PaymentProcessor, Column::InvoiceId];

/// A value that is wrong.
pub(super) fn wrong(column: Column, given: &str, allowed: &str) -> String {
    format!("{}: {} is not {allowed}", column.name(), shown(given))
}

pub(super) fn owned(row: &Row<'_>, column: Column) -> String {
    row.text(column).unwrap_or_default().to_owned()
}

pub(super) fn some(row: &Row<'_>, column: Column) -> Option<String> {
    row.text(column).map(str::to_owned)
}

pub(super) fn customer(row: &Row<'_>) -> Result<Option<String>, String> {
    let Some(name) = row.text(Column::Customer) else { return Ok(None) };
    if name.contains('\0') || name.chars().count() > MAX_CUSTOMER_TEXT {
        return Err(wrong(
            Column::Customer,
            name,
            &format!("of at most {MAX_CUSTOMER_TEXT} characters, none of them NUL"),
        ));
    }
    Ok(Some(name.to_owned()))
}

pub(super) fn kind(row: &Row<'_>) -> Result<EventKind, String> {
    let Some(text) = row.text(Column::Kind) else { return Ok(EventKind::Click) };
    EventKind::parse(text).ok_or_else(|| wrong(Column::Kind, text, "click, pageview, custom, lead or sale"))
}

pub(super) fn timestamp(row: &Row<'_>) -> Result<i64, String> {
    let text = row.text(Column::Timestamp).ok_or("timestamp: an event needs one")?;
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| wrong(Column::Timestamp, text, "RFC 3339, such as 2026-03-08T14:30:00Z"))?;
    let at_ms = at.timestamp_millis();
    if !(EARLIEST_MS..LATEST_MS).contains(&at_ms) {
        return Err(wrong(Column::Timestamp, text, "in the years 1970 to 2099"));
    }
    Ok(at_ms)
}

pub(super) fn check_lengths(row: &Row<'_>) -> Result<(), String> {
    for (column, text) in row.texts() {
        let limit = if matches!(column, Column::Props | Column::Metadata) { MAX_JSON } else { MAX_TEXT };
        if text.len() > limit {
            return Err(format!("{}: it has {} bytes, at most {limit} are allowed", column.name(), text.len()));
        }
    }
    Ok(())
}

/// What would be lost is refused; a plain zero is nothing to lose.
pub(super) fn check_columns(kind: EventKind, row: &Row<'_>) -> Result<(), String> {
    for (column, text) in row.texts() {
        if !column.of().includes(kind) && text != "0" {
            return Err(format!("{}: it is for {}, and this is a {}", column.name(), column.of().name(), kind.name()));
        }
    }
    Ok(())
}

pub(super) fn trigger(kind: EventKind, row: &Row<'_>) -> Result<Trigger, String> {
    match row.text(Column::Trigger) {
        Some(text) => TRIGGERS
            .into_iter()
            .find(|trigger| trigger.name() == text)
            .ok_or_else(|| wrong(Column::Trigger, text, "link, qr, pageview or deeplink")),
        None if matches!(kind, EventKind::Pageview | EventKind::Custom) => Ok(Trigger::Pageview),
        None => Ok(Trigger::Link),
    }
}

/// Host, name and channel can be read from what is stored of a referrer, too.
pub(super) fn referrer(row: &Row<'_>) -> String {
    if let Some(text) = row.text(Column::Referrer).or_else(|| row.text(Column::ReferrerUrl)) {
        return text.to_owned();
    }
    row.text(Column::ReferrerHost).map(|host| format!("https://{host}/")).unwrap_or_default()
}

/// Whether continent and country are codes, in capitals or not.
pub(super) fn check_place(row: &Row<'_>) -> Result<(), String> {
    if let Some(code) = row.text(Column::Continent)
        && !CONTINENTS.iter().any(|known| known.eq_ignore_ascii_case(code))
    {
        return Err(wrong(Column::Continent, &code.to_ascii_uppercase(), "AF, AN, AS, EU, NA, OC or SA"));
    }
    match row.text(Column::Country) {
        Some(code) if code.len() != 2 || !code.bytes().all(|letter| letter.is_ascii_alphabetic()) => {
            Err(wrong(Column::Country, code, "a country code of two letters"))
        }
        _ => Ok(()),
    }
}

pub(super) fn place(row: &Row<'_>) -> Option<PlaceHint> {
    let country = row.text(Column::Country)?.to_ascii_uppercase();
    let continent = row.text(Column::Continent).unwrap_or_default().to_ascii_uppercase();
    let region = row.text(Column::Region).unwrap_or_default();
    let region = region.strip_prefix(&format!("{country}-")).unwrap_or(region).to_owned();
    let city = owned(row, Column::City);
    Some(PlaceHint { country, region, city, continent })
}

/// What is written over: in a row that says everything itself the blanks, too, are what it says, and they are there
/// already; of its agent the [`Agents`] know.
pub(super) fn over(row: &Row<'_>, is_enriched: bool) -> Vec<(Column, String)> {
    let mut over = Vec::with_capacity(if is_enriched { OVER.len() } else { 0 });
    for column in OVER {
        // A user agent is what the others are read from, and cut on the way.
        let is_left = if is_enriched { AGENT.contains(&column) } else { column == Column::UserAgent };
        let Some(text) = row.given(column).filter(|_| !is_left) else { continue };
        let value = match column {
            Column::Country | Column::Continent => text.to_ascii_uppercase(),
            Column::Bot if text == "1" => "true".to_owned(),
            Column::Bot if text == "0" => "false".to_owned(),
            _ => text.to_owned(),
        };
        over.push((column, value));
    }
    over
}

pub(super) fn channel(row: &Row<'_>) -> Result<Option<Channel>, String> {
    let Some(text) = row.text(Column::Channel) else { return Ok(None) };
    let channel = Channel::parse(text).ok_or_else(|| {
        let names: Vec<&str> = Channel::ALL.iter().map(|channel| channel.name()).collect();
        wrong(Column::Channel, text, &format!("one of {}", names.join(", ")))
    })?;
    Ok(Some(channel))
}

pub(super) fn asn(row: &Row<'_>) -> Result<Option<u32>, String> {
    let Some(text) = row.text(Column::Asn) else { return Ok(None) };
    let digits = text.strip_prefix("AS").unwrap_or(text);
    digits.parse().map(Some).map_err(|_| wrong(Column::Asn, text, "a number, such as 64496"))
}

/// Both or neither.
pub(super) fn coordinates(row: &Row<'_>) -> Result<Option<Coordinates>, String> {
    let degrees = |column: Column, most: f64| {
        let Some(text) = row.text(column) else { return Ok(None) };
        let degrees = text.parse::<f64>().ok().filter(|degrees| degrees.abs() <= most);
        degrees.map(Some).ok_or_else(|| wrong(column, text, &format!("degrees from -{most} to {most}")))
    };
    match (degrees(Column::Latitude, 90.0)?, degrees(Column::Longitude, 180.0)?) {
        (Some(latitude), Some(longitude)) => Ok(Some(Coordinates::of_degrees(latitude, longitude))),
        (None, None) => Ok(None),
        (Some(_), None) => Err("longitude: it is missing beside latitude".to_owned()),
        (None, Some(_)) => Err("latitude: it is missing beside longitude".to_owned()),
    }
}

pub(super) fn boolean(row: &Row<'_>, column: Column) -> Result<Option<bool>, String> {
    match row.text(column) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(other) => Err(wrong(column, other, "true or false")),
    }
}

pub(super) fn number<N: FromStr + Default>(row: &Row<'_>, column: Column) -> Result<N, String> {
    let Some(text) = row.text(column) else { return Ok(N::default()) };
    text.parse().map_err(|_| wrong(column, text, "a whole number that is small enough"))
}

pub(super) fn json(row: &Row<'_>, column: Column, is_enriched: bool) -> Result<String, String> {
    let Some(text) = row.text(column) else { return Ok(String::new()) };
    let is_object = || text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_enriched || is_object() { Ok(text.to_owned()) } else { Err(wrong(column, text, "a JSON object")) }
}

pub(super) fn page_event(kind: EventKind, row: &Row<'_>, is_enriched: bool) -> Result<PageEvent, String> {
    let plain = if kind == EventKind::Pageview { "pageview" } else { "custom_event" };
    let event_type = match row.text(Column::EventType) {
        Some(given) => given,
        None if is_enriched => "",
        None => plain,
    };
    Ok(PageEvent {
        event_type: event_type.to_owned(),
        name: owned(row, Column::EventName),
        page: owned(row, Column::Page),
        title: owned(row, Column::PageTitle),
        user_id: owned(row, Column::UserId),
        props: json(row, Column::Props, is_enriched)?,
        screen_width: number(row, Column::ScreenWidth)?,
        screen_height: number(row, Column::ScreenHeight)?,
        duration_ms: number(row, Column::DurationMs)?,
        ..PageEvent::default()
    })
}

pub(super) fn conversion(kind: EventKind, row: &Row<'_>, is_enriched: bool) -> Result<Conversion, String> {
    if kind == EventKind::Sale && !is_enriched {
        for needed in [Column::Amount, Column::Currency] {
            if row.text(needed).is_none() {
                return Err(format!("{}: a sale needs one", needed.name()));
            }
        }
    }
    let currency = owned(row, Column::Currency);
    let is_code =
        currency.is_empty() || (currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_alphabetic()));
    if !is_enriched && !is_code {
        return Err(wrong(Column::Currency, &currency, "a currency code of three letters"));
    }
    Ok(Conversion {
        name: owned(row, Column::EventName),
        amount: match row.text(Column::Amount) {
            Some(text) => text.parse().map_err(|_| wrong(Column::Amount, text, "a whole number of smallest units"))?,
            None => 0,
        },
        currency: currency.to_ascii_lowercase(),
        payment_processor: owned(row, Column::PaymentProcessor),
        invoice_id: owned(row, Column::InvoiceId),
        metadata: json(row, if kind == EventKind::Custom { Column::Props } else { Column::Metadata }, is_enriched)?,
        ..Conversion::default()
    })
}
