//! Wire names of `/analytics` and `/events` -> parts of a query. What is wrong is refused with Dub's words
//! (Dub contract, sections 1 and 2), followed by what was given.

use crate::calendar::{Bound, Bucket, Buckets, Interval, Range, Span, Zone};
use crate::domain::dimension::{DIMENSIONS, Dimension, LinkAttribute};
use crate::encode::Format;
use crate::filter::{Field, Filter, List, Separator};
use crate::plan::{Bots, Counting};
use crate::web::error::ApiError;
use crate::web::params::Params;

/// Buckets in a series at most: a year of hours.
const MAX_BUCKETS: usize = 8_784;
/// Characters in a metadata query at most.
const MAX_QUERY_CHARACTERS: usize = 10_000;

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
            Self::Bounds(start, end) => Span::between(start, end.as_ref(), now_ms, zone)
                .map_err(|_| ApiError::invalid("custom", "start", "The start date must not be after the end date")),
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
    let zone = match given(params, "timezone") {
        Some(name) => Zone::parse(name).map_err(|error| ApiError::invalid("custom", "timezone", error.to_string()))?,
        None => Zone::utc(),
    };
    let link = named_link(params)?;
    let filters = filters(params, matches!(link, Some(NamedLink::At { .. })))?;
    Ok(Reading {
        filters,
        link,
        root: boolean(params, "root")?,
        counting: counting(params)?,
        when: when(params)?,
        zone,
        format: match given(params, "format") {
            Some(name) => Format::parse(name).ok_or_else(|| not_among("format", &Format::NAMES, name))?,
            None => Format::from_accept(accept),
        },
        spreadsheet_safe: boolean(params, "spreadsheetSafe")?.unwrap_or(false),
    })
}

/// Checks `event`, which is clicks: the only kind that is collected so far.
///
/// # Errors
/// For any other kind.
pub fn check_event(params: &Params, message: &str) -> Result<(), ApiError> {
    match given(params, "event") {
        None | Some("clicks") => Ok(()),
        Some(other) => Err(ApiError::invalid("invalid_value", "event", format!("{message}{}", received(other)))),
    }
}

/// Reads `groupBy`, by default `count`.
///
/// # Errors
/// For a name that is not known.
pub fn group_by(params: &Params) -> Result<GroupBy, ApiError> {
    let name = given(params, "groupBy").unwrap_or("count");
    match name {
        "count" => Ok(GroupBy::Count),
        "timeseries" => Ok(GroupBy::Timeseries),
        "top_domains" => Ok(GroupBy::Attribute(LinkAttribute::Domain)),
        "trigger" => Ok(GroupBy::Dimension(Dimension::Trigger)),
        _ => DIMENSIONS
            .iter()
            .find(|line| line.dub_group == name)
            .map(|line| GroupBy::Dimension(line.dimension))
            .ok_or_else(|| {
                let mut names = vec!["count", "timeseries", "top_domains"];
                names.extend(DIMENSIONS.iter().map(|line| line.dub_group));
                let message =
                    format!("Invalid type value. Valid values are: {}.{}", names.join(", "), received(name));
                ApiError::invalid("invalid_value", "groupBy", message)
            }),
    }
}

/// Cuts a span into buckets, of the length that `granularity` names or else of its own.
///
/// # Errors
/// For an unknown name, or more buckets than allowed.
pub fn buckets(params: &Params, span: Span, zone: &Zone) -> Result<Buckets, ApiError> {
    let bucket = match given(params, "granularity") {
        Some(name) => Bucket::parse(name).map_err(|_| not_among("granularity", &Bucket::NAMES, name))?,
        None => span.bucket,
    };
    cover(bucket, span.range, zone)
}

fn cover(bucket: Bucket, range: Range, zone: &Zone) -> Result<Buckets, ApiError> {
    Buckets::cover(bucket, range, zone, MAX_BUCKETS)
        .map_err(|error| ApiError::invalid("too_big", "granularity", error.to_string()))
}

/// A number from `least` to `most`; an empty text counts as 0, as it does in Dub.
///
/// # Errors
/// With Dub's words for pages and limits.
pub fn whole_number(
    params: &Params,
    name: &'static str,
    noun: &str,
    default: u64,
    most: u64,
) -> Result<u64, ApiError> {
    let Some(text) = params.last(name) else { return Ok(default) };
    let wrong = |code, message: String| Err(ApiError::invalid(code, name, format!("{message}{}", received(text))));
    let number: f64 = match text.trim() {
        "" => 0.0,
        digits => match digits.parse() {
            Ok(number) => number,
            Err(_) => return wrong("invalid_type", format!("{noun} must be a number.")),
        },
    };
    if !number.is_finite() {
        return wrong("invalid_type", format!("{noun} must be a number."));
    }
    if number.fract() != 0.0 {
        return wrong("invalid_type", format!("{noun} must be an integer."));
    }
    if number < 1.0 {
        return wrong("too_small", format!("{noun} must be greater than 0."));
    }
    if number > most as f64 {
        return wrong("too_big", format!("Max {} is {most}.", noun.to_lowercase()));
    }
    Ok(number as u64)
}

fn named_link(params: &Params) -> Result<Option<NamedLink>, ApiError> {
    if given(params, "linkId").is_some() {
        return Ok(None);
    }
    if let Some(id) = given(params, "externalId") {
        return Ok(Some(NamedLink::External(id.to_owned())));
    }
    let domains = given(params, "domain").map(|text| List::parse(text, Separator::Comma)).transpose();
    let domains = domains.map_err(|error| ApiError::invalid("too_big", "domain", error.to_string()))?.flatten();
    let domain = domains.and_then(|list| list.values.into_iter().next());
    Ok(match (domain, given(params, "key")) {
        (Some(domain), Some(key)) => Some(NamedLink::At { domain, key: key.to_owned() }),
        // A key says nothing without its domain (Dub contract, section 2).
        _ => None,
    })
}

fn filters(params: &Params, domain_is_spoken_for: bool) -> Result<Vec<Filter>, ApiError> {
    let mut filters = Vec::new();
    let dimensions = DIMENSIONS
        .iter()
        .filter_map(|line| Some((Field::Dimension(line.dimension), line.dub_filter?)));
    let attributes = LinkAttribute::DUB_FILTERS
        .iter()
        .map(|&(attribute, name)| (Field::Attribute(attribute), name))
        .filter(|&(_, name)| !(domain_is_spoken_for && name == "domain"));
    for (field, name) in dimensions.chain(attributes).chain([(Field::Customer, "customerId")]) {
        let text = given(params, name).or_else(|| old_name(name).and_then(|old| given(params, old)));
        let Some(text) = text else { continue };
        let filter = Filter::parse(field, text, Separator::Comma)
            .map_err(|error| ApiError::invalid("too_big", name, error.to_string()))?;
        filters.extend(filter);
    }
    let has_trigger = filters.iter().any(|filter| filter.field == Field::Dimension(Dimension::Trigger));
    if boolean(params, "qr")? == Some(true) && !has_trigger {
        filters.push(Filter { field: Field::Dimension(Dimension::Trigger), list: List::of(["qr"]) });
    }
    // These narrow leads and sales only; a click is none. They are read so that a mistake is told.
    if let Some(kind) = given(params, "saleType").filter(|kind| !["new", "recurring"].contains(kind)) {
        return Err(not_among("saleType", &["new", "recurring"], kind));
    }
    if given(params, "query").is_some_and(|query| query.chars().count() > MAX_QUERY_CHARACTERS) {
        let message = format!("Too big: expected string to have <={MAX_QUERY_CHARACTERS} characters");
        return Err(ApiError::invalid("too_big", "query", message));
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
    let bots = match given(params, "bots") {
        None | Some("exclude") => Bots::Exclude,
        Some("include") => Bots::Include,
        Some("only") => Bots::Only,
        Some(other) => return Err(not_among("bots", &["exclude", "include", "only"], other)),
    };
    let repeats = match given(params, "repeats") {
        None | Some("exclude") => false,
        Some("include") => true,
        Some(other) => return Err(not_among("repeats", &["exclude", "include"], other)),
    };
    Ok(Counting { bots, repeats, unique: boolean(params, "unique")?.unwrap_or(false) })
}

fn when(params: &Params) -> Result<When, ApiError> {
    let bound = |name| {
        given(params, name)
            .map(|text| Bound::parse(text).map_err(|error| ApiError::invalid("custom", name, format!("Invalid date: {error}"))))
            .transpose()
    };
    let (start, end) = (bound("start")?, bound("end")?);
    let interval = match given(params, "interval") {
        Some(name) => Interval::parse(name).map_err(|_| not_among("interval", &Interval::NAMES, name))?,
        None => Interval::LastDay,
    };
    // An end alone says nothing (Dub contract, section 3).
    Ok(match start {
        Some(start) => When::Bounds(start, end),
        None => When::Interval(interval),
    })
}

/// `true` or `false`, in any case.
///
/// # Errors
/// For any other text.
pub fn boolean(params: &Params, name: &'static str) -> Result<Option<bool>, ApiError> {
    match given(params, name) {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(other) => Err(not_among(name, &["true", "false"], other)),
    }
}

/// The last value of a parameter; an empty one is as good as none.
pub fn given<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.last(name).filter(|text| !text.is_empty())
}

/// A value that is none of those allowed.
pub fn not_among(name: &'static str, allowed: &[&str], value: &str) -> ApiError {
    let allowed: Vec<String> = allowed.iter().map(|option| format!("\"{option}\"")).collect();
    let message = format!("Invalid option: expected one of {}{}", allowed.join("|"), received(value));
    ApiError::invalid("invalid_value", name, message)
}

/// What was given, shortened and made visible.
fn received(value: &str) -> String {
    let shown: String = value.chars().take(64).flat_map(char::escape_debug).collect();
    let more = if value.chars().nth(64).is_some() { "..." } else { "" };
    format!(" (received \"{shown}{more}\")")
}
