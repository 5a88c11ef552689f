//! Wire names of `/analytics` and `/events` -> parts of a query. What is wrong is refused with Dub's words
//! (Dub contract, sections 1 and 2), followed by what was given.

use crate::calendar::{Bound, Bucket, Buckets, Interval, Range, Span, Zone};
use crate::domain::dimension::{ATTRIBUTES, DIMENSIONS, Dimension, LinkAttribute};
use crate::domain::event::EventKind;
use crate::encode::Format;
use crate::filter::metadata::{Expression, MAX_CHARACTERS, QueryError};
use crate::filter::{Field, Filter, List, SaleType, Separator};
use crate::plan::{Bots, Counting};
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;

/// Buckets in a series at most: a year of hours.
const MAX_BUCKETS: usize = 8_784;

/// What `groupBy` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// One number.
    Count,
    /// Numbers over time.
    Timeseries,
    /// Numbers by a dimension of the events.
    Dimension(Dimension),
    /// Numbers by what the links are now.
    Attribute(LinkAttribute),
}

/// The link that a caller names without its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedLink {
    /// `domain` and `key`.
    At {
        /// The first of the domains given.
        domain: String,
        /// The slug.
        key: String,
    },
    /// `externalId`, with its prefix.
    External(String),
}

/// What both endpoints read alike.
#[derive(Clone, Debug)]
pub struct Reading {
    /// As written.
    pub filters: Vec<Filter>,
    /// Where no `linkId` is given: a link named otherwise.
    pub link: Option<NamedLink>,
    /// `root`
    pub root: Option<bool>,
    /// `bots`, `repeats`, `unique`
    pub counting: Counting,
    /// `timezone`
    pub zone: Zone,
    /// `start`, `end`, `interval`
    pub when: When,
    /// `format` or the `Accept` header
    pub format: Format,
    /// `spreadsheetSafe`
    pub spreadsheet_safe: bool,
}

/// A span of time as the caller names it.
#[derive(Clone, Debug)]
pub enum When {
    /// `interval`, by default `24h`.
    Interval(Interval),
    /// `start`, and `end` or the end of today.
    Bounds(Bound, Option<Bound>),
}

impl When {
    /// The span meant at `now_ms`. `beginning_ms` is when the workspace's events begin.
    ///
    /// # Errors
    /// When it starts after it ends.
    pub fn resolve(&self, now_ms: i64, zone: &Zone, beginning_ms: i64) -> Result<Span, ApiError> {
        match self {
            Self::Interval(interval) => Ok(interval.resolve(now_ms, zone, beginning_ms)),
            Self::Bounds(start, end) => Span::between(start, end.as_ref(), now_ms, zone).map_err(|reversed| {
                let message = format!("The start date must not be after the end date: {reversed}");
                ApiError::invalid("custom", "start", message)
            }),
        }
    }

    /// Whether the answer depends on when the workspace's events begin.
    pub fn needs_beginning(&self) -> bool {
        matches!(self, Self::Interval(Interval::All | Interval::AllUnfiltered))
    }
}

/// Reads what both endpoints share.
///
/// # Errors
/// The first parameter that is wrong.
pub fn read(params: &Params, accept: &str) -> Result<Reading, ApiError> {
    let zone = match params.text("timezone") {
        Some(name) => Zone::parse(name).map_err(|error| wrong("timezone", &error))?,
        None => Zone::utc(),
    };
    let link = named_link(params)?;
    let filters = filters(params, matches!(link, Some(NamedLink::At { .. })))?;
    Ok(Reading {
        filters,
        link,
        root: params.boolean("root")?,
        counting: counting(params)?,
        when: when(params)?,
        zone,
        format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(accept)),
        spreadsheet_safe: params.boolean("spreadsheetSafe")?.unwrap_or(false),
    })
}

/// Reads the `event` of `/analytics`, by default clicks.
///
/// # Errors
/// For a name that is not known.
pub fn kinds(params: &Params) -> Result<&'static [EventKind], ApiError> {
    match params.text("event") {
        None | Some("clicks") => Ok(&[EventKind::Click]),
        Some("leads") => Ok(&[EventKind::Lead]),
        Some("sales") => Ok(&[EventKind::Sale]),
        Some("composite") => Ok(&[EventKind::Click, EventKind::Lead, EventKind::Sale]),
        Some(other) => {
            let message = "Invalid event type. Valid event types are: clicks, leads, sales";
            let message = format!("{message}, composite. Given: {}", quoted(other));
            Err(ApiError::invalid("invalid_value", "event", message))
        }
    }
}

/// What `groupBy` takes beside `count`, by name.
pub fn groupings() -> impl Iterator<Item = (&'static str, GroupBy)> {
    let dimensions = DIMENSIONS.iter().filter_map(|line| Some((line.dub_group?, GroupBy::Dimension(line.dimension))));
    let attributes = ATTRIBUTES.iter().filter_map(|line| Some((line.dub_group?, GroupBy::Attribute(line.attribute))));
    [("timeseries", GroupBy::Timeseries)].into_iter().chain(dimensions).chain(attributes)
}

/// Reads `groupBy`, by default `count`.
///
/// # Errors
/// For a name that is not known.
pub fn group_by(params: &Params) -> Result<GroupBy, ApiError> {
    let name = params.text("groupBy").unwrap_or("count");
    match name {
        "count" => Ok(GroupBy::Count),
        "trigger" => Ok(GroupBy::Dimension(Dimension::Trigger)),
        _ => groupings().find(|(known, _)| *known == name).map(|(_, group_by)| group_by).ok_or_else(|| {
            let names: Vec<&str> = ["count"].into_iter().chain(groupings().map(|(name, _)| name)).collect();
            let message =
                format!("Invalid type value. Valid values are: {}. Given: {}", names.join(", "), quoted(name));
            ApiError::invalid("invalid_value", "groupBy", message)
        }),
    }
}

/// Cuts a span into buckets, of the length that `granularity` names or else of its own.
///
/// # Errors
/// For an unknown name, or more buckets than allowed.
pub fn buckets(params: &Params, span: Span, zone: &Zone) -> Result<Buckets, ApiError> {
    let bucket = match params.text("granularity") {
        Some(name) => Bucket::parse(name).map_err(|error| wrong("granularity", &error))?,
        None => span.bucket,
    };
    cover(bucket, span.range, zone)
}

fn cover(bucket: Bucket, range: Range, zone: &Zone) -> Result<Buckets, ApiError> {
    Buckets::cover(bucket, range, zone, MAX_BUCKETS)
        .map_err(|error| ApiError::invalid("too_big", "granularity", error.to_string()))
}

/// A text that a type of ours refused, in that type's words.
fn wrong(name: &'static str, error: &impl std::error::Error) -> ApiError {
    ApiError::invalid("invalid_value", name, error.to_string())
}

fn named_link(params: &Params) -> Result<Option<NamedLink>, ApiError> {
    if params.text("linkId").is_some() {
        return Ok(None);
    }
    if let Some(id) = params.text("externalId") {
        return Ok(Some(NamedLink::External(id.to_owned())));
    }
    let domains = params.text("domain").map(|text| List::parse(text, Separator::Comma)).transpose();
    let domains = domains.map_err(|error| ApiError::invalid("too_big", "domain", error.to_string()))?.flatten();
    let domain = domains.and_then(|list| list.values.into_iter().next());
    Ok(match (domain, params.text("key")) {
        (Some(domain), Some(key)) => Some(NamedLink::At { domain, key: key.to_owned() }),
        // A key says nothing without its domain (Dub contract, section 2).
        _ => None,
    })
}

fn filters(params: &Params, domain_is_spoken_for: bool) -> Result<Vec<Filter>, ApiError> {
    let mut filters = Vec::new();
    let dimensions = DIMENSIONS.iter().filter_map(|line| Some((Field::Dimension(line.dimension), line.dub_filter?)));
    let attributes = ATTRIBUTES
        .iter()
        .map(|line| (Field::Attribute(line.attribute), line.dub_filter))
        .filter(|&(_, name)| !(domain_is_spoken_for && name == "domain"));
    for (field, name) in dimensions.chain(attributes).chain([(Field::Customer, "customerId")]) {
        let given = [Some(name), old_name(name)].into_iter().flatten();
        let Some((name, text)) = given.filter_map(|name| Some((name, params.text(name)?))).next() else { continue };
        let filter = Filter::parse(field, text, Separator::Comma)
            .map_err(|error| ApiError::invalid("too_big", name, error.to_string()))?;
        filters.extend(filter);
    }
    let trigger = Field::Dimension(Dimension::Trigger);
    let has_trigger = filters.iter().any(|filter| filter.list_of(trigger).is_some());
    if params.boolean("qr")? == Some(true) && !has_trigger {
        filters.push(Filter::Among { field: trigger, list: List::of(["qr"]) });
    }
    let sale_type = params.one_of("saleType", &[("new", SaleType::New), ("recurring", SaleType::Recurring)])?;
    filters.extend(sale_type.map(Filter::SaleType));
    if let Some(text) = params.text_within("query", MAX_CHARACTERS)?.filter(|text| !text.trim().is_empty()) {
        let expression = Expression::parse(text).map_err(|error| {
            let code = if matches!(error, QueryError::Unexpected { .. }) { "custom" } else { "too_big" };
            ApiError::invalid(code, "query", format!("{error}. Given: {}", quoted(text)))
        })?;
        filters.push(Filter::Metadata(expression));
    }
    Ok(filters)
}

/// The deprecated name of a parameter.
fn old_name(name: &str) -> Option<&'static str> {
    match name {
        "tagId" => Some("tagIds"),
        _ => None,
    }
}

fn counting(params: &Params) -> Result<Counting, ApiError> {
    let bots =
        params.one_of("bots", &[("exclude", Bots::Exclude), ("include", Bots::Include), ("only", Bots::Only)])?;
    Ok(Counting {
        bots: bots.unwrap_or(Bots::Exclude),
        repeats: params.one_of("repeats", &[("exclude", false), ("include", true)])?.unwrap_or(false),
        unique: params.boolean("unique")?.unwrap_or(false),
    })
}

fn when(params: &Params) -> Result<When, ApiError> {
    let bound = |name| {
        params
            .text(name)
            .map(|text| {
                Bound::parse(text).map_err(|error| ApiError::invalid("custom", name, format!("Invalid date: {error}")))
            })
            .transpose()
    };
    let (start, end) = (bound("start")?, bound("end")?);
    let intervals: Vec<(&str, Interval)> = Interval::NAMES.into_iter().zip(Interval::ALL).collect();
    let interval = params.one_of("interval", &intervals)?.unwrap_or(Interval::LastDay);
    // An end alone says nothing (Dub contract, section 3).
    Ok(match start {
        Some(start) => When::Bounds(start, end),
        None => When::Interval(interval),
    })
}
