//! One reported event, read strictly: every key is known, every value is of its type and within its limit, or the event is
//! refused with everything that is wrong with it.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::error::{Faults, Refusal};
use crate::domain::id::SiteId;
use crate::domain::site::parse_host;
use crate::web::body::{expected, find_nul};
use crate::web::error::quoted;
use crate::web::instant;

/// Every type of event. The last two are ours: a page that is left, with the time spent on it, and a visitor made known.
const TYPES: [&str; 11] = [
    PAGEVIEW,
    "custom_event",
    "performance",
    "outbound",
    "error",
    "button_click",
    "copy",
    "form_submit",
    "input_change",
    "page_leave",
    IDENTIFY,
];
const PAGEVIEW: &str = "pageview";
const IDENTIFY: &str = "identify";
/// The type of what a picture reports; no sender can give it.
pub const PIXEL: &str = "pixel";
const COMMON_KEYS: [&str; 17] = [
    "site_id",
    "hostname",
    "pathname",
    "querystring",
    "page_title",
    "referrer",
    "language",
    "screenWidth",
    "screenHeight",
    "user_id",
    "visitor_id",
    "ip_address",
    "user_agent",
    // Ours: a name that makes retries harmless, and when it happened.
    "event_id",
    "age_ms",
    "timestamp",
    "duration_ms",
];
const TRACK_KEYS: [&str; 3] = ["type", "event_name", "properties"];
const IDENTIFY_KEYS: [&str; 2] = ["traits", "is_new_identify"];
/// What a `performance` event may measure besides, as numbers; they become properties.
const VITALS: [&str; 5] = ["lcp", "cls", "inp", "fcp", "ttfb"];

/// Longest path, query, or referrer, in characters.
pub const MAX_PATH: usize = 2_048;
/// Longest title, in characters.
pub const MAX_TITLE: usize = 512;
const MAX_LANGUAGE: usize = 35;
/// Longest name of an event, in characters.
pub const MAX_NAME: usize = 256;
/// Longest name of a person, visitor or event, in characters.
pub const MAX_ID: usize = 255;
const MAX_USER_AGENT: usize = 512;
const MAX_PROPERTIES: usize = 2_048;
const MAX_ERROR_PROPERTIES: usize = 4_096;

/// What an event says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The site.
    pub site: SiteId,
    /// One of [`TYPES`], or that of the pixel.
    pub kind: &'static str,
    /// Host of the page, lower case; `None` when it was not said.
    pub host: Option<String>,
    /// Path of the page.
    pub path: String,
    /// Query of the page without its `?`.
    pub query: String,
    /// Title of the page.
    pub title: String,
    /// Where the visitor came from.
    pub referrer: String,
    /// The browser's language.
    pub language: String,
    /// Width and height of the screen in CSS pixels; 0 when unknown.
    pub screen: (u16, u16),
    /// The site's own name of the person.
    pub user_id: String,
    /// The visitor's first-party id.
    pub visitor_id: String,
    /// Name of a custom event.
    pub name: String,
    /// JSON object as text; empty for none.
    pub props: String,
    /// Whose event it is, when a server reports it.
    pub address: Option<IpAddr>,
    /// With what, when a server reports it; empty for none.
    pub user_agent: String,
    /// The name that makes a retry harmless; empty for none.
    pub event_id: String,
    /// When it happened.
    pub at: At,
    /// Time spent on a page that is left, in milliseconds.
    pub duration_ms: u32,
}

impl Report {
    /// Whether it is the view of a page; a picture's is one unless it names an event.
    pub fn is_pageview(&self) -> bool {
        self.kind == PAGEVIEW || (self.kind == PIXEL && self.name.is_empty())
    }
}

/// When an event happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// When it arrived.
    #[default]
    Now,
    /// So many milliseconds before it arrived, by the sender's clock.
    Ago(u64),
    /// Milliseconds since the epoch.
    Instant(i64),
}

/// Reads an event of `POST /api/track`.
pub fn track(value: &Value) -> Result<Report, Refusal> {
    let mut fields = Fields::of(value)?;
    let kind = fields.kind();
    let vitals: &[&str] = if kind == "performance" { &VITALS } else { &[] };
    fields.know_only(&[&COMMON_KEYS, &TRACK_KEYS, vitals]);
    let mut report = fields.report(kind);
    report.name = fields.text("event_name", MAX_NAME);
    if kind == "custom_event" && report.name.is_empty() {
        fields.faults.field("event_name", "Required for type custom_event, 1 to 256 characters");
    }
    let limit = if kind == "error" { MAX_ERROR_PROPERTIES } else { MAX_PROPERTIES };
    report.props = fields.properties("properties", limit, vitals);
    fields.end(report)
}

/// Reads the body of `POST /api/identify`.
pub fn identify(value: &Value) -> Result<Report, Refusal> {
    let mut fields = Fields::of(value)?;
    fields.know_only(&[&COMMON_KEYS, &IDENTIFY_KEYS]);
    let mut report = fields.report(IDENTIFY);
    report.props = fields.properties("traits", MAX_PROPERTIES, &[]);
    if let Some(given) = fields.get("is_new_identify").filter(|given| !given.is_boolean()) {
        fields.faults.field("is_new_identify", expected("boolean", given));
    }
    fields.end(report)
}

/// The fields of one event, with what was found wrong so far.
struct Fields<'a> {
    fields: &'a Map<String, Value>,
    faults: Faults,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let Value::Object(fields) = value else {
            faults.form(expected("object", value));
            return Err(Refusal::Invalid(faults));
        };
        if let Some(path) = find_nul(value) {
            faults.field(&path, "Invalid character: NUL is not allowed");
        }
        Ok(Self { fields, faults })
    }

    fn end(self, report: Report) -> Result<Report, Refusal> {
        if self.faults.is_empty() { Ok(report) } else { Err(Refusal::Invalid(self.faults)) }
    }

    fn know_only(&mut self, known: &[&[&str]]) {
        let is_known = |key: &&String| known.iter().any(|keys| keys.contains(&key.as_str()));
        let strange = self.fields.keys().filter(|key| !is_known(key));
        let mut shown: Vec<String> = strange.map(|key| quoted(key)).collect();
        if shown.len() > 10 {
            shown.truncate(10);
            shown.push("...".to_owned());
        }
        if !shown.is_empty() {
            self.faults.form(format!("Unrecognized key(s) in object: {}", shown.join(", ")));
        }
    }

    /// A field that is there and not null.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn kind(&mut self) -> &'static str {
        let given = self.get("type");
        let kind = given.and_then(Value::as_str).and_then(|given| TYPES.into_iter().find(|kind| *kind == given));
        kind.unwrap_or_else(|| {
            let given = given.map_or_else(|| "Given: nothing".to_owned(), |given| expected("a type", given));
            self.faults.field("type", format!("Expected one of {}. {given}", TYPES.join(", ")));
            ""
        })
    }

    fn report(&mut self, kind: &'static str) -> Report {
        let report = Report {
            site: self.site(),
            kind,
            host: self.host(),
            path: self.text("pathname", MAX_PATH),
            query: self.text("querystring", MAX_PATH).trim_start_matches('?').to_owned(),
            title: self.text("page_title", MAX_TITLE),
            referrer: self.text("referrer", MAX_PATH),
            language: self.text("language", MAX_LANGUAGE),
            screen: (self.pixels("screenWidth"), self.pixels("screenHeight")),
            user_id: self.text("user_id", MAX_ID),
            visitor_id: self.text("visitor_id", MAX_ID),
            address: self.address(),
            user_agent: self.text("user_agent", MAX_USER_AGENT),
            event_id: self.text("event_id", MAX_ID),
            at: self.at(),
            duration_ms: self.whole("duration_ms").map_or(0, |given| u32::try_from(given).unwrap_or(u32::MAX)),
            ..Report::default()
        };
        if kind == IDENTIFY && report.user_id.is_empty() {
            self.faults.field("user_id", "Required to identify a visitor, 1 to 255 characters");
        }
        report
    }

    fn site(&mut self) -> SiteId {
        let given = self.get("site_id");
        let number = match given {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        // A number that no row can have is no site.
        number.map(SiteId).unwrap_or_else(|| {
            let given = given.map_or_else(|| "Required".to_owned(), |given| expected("site number", given));
            self.faults.field("site_id", given);
            SiteId::default()
        })
    }

    fn host(&mut self) -> Option<String> {
        let given = self.text("hostname", 253);
        if given.is_empty() {
            return None;
        }
        let host = parse_host(&given);
        if host.is_none() {
            let message =
                format!("Expected a host such as example.com, without scheme and port. Given: {}", quoted(&given));
            self.faults.field("hostname", message);
        }
        host
    }

    /// Empty when it is absent or wrong.
    fn text(&mut self, name: &str, limit: usize) -> String {
        match self.get(name) {
            None => String::new(),
            // What cannot be too long is not counted.
            Some(Value::String(text)) if text.len() <= limit || text.chars().count() <= limit => text.clone(),
            Some(Value::String(text)) => {
                let message = format!("Too long: expected at most {limit} characters. Given: {}", quoted(text));
                self.faults.field(name, message);
                String::new()
            }
            Some(other) => {
                self.faults.field(name, expected("string", other));
                String::new()
            }
        }
    }

    fn whole(&mut self, name: &str) -> Option<u64> {
        let given = self.get(name)?;
        // JavaScript's clocks tell fractions.
        let number =
            given.as_u64().or_else(|| given.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64));
        if number.is_none() {
            self.faults.field(name, expected("number of at least 0", given));
        }
        number
    }

    fn pixels(&mut self, name: &str) -> u16 {
        let pixels = self.whole(name).unwrap_or(0);
        u16::try_from(pixels).unwrap_or_else(|_| {
            self.faults.field(name, format!("Too big: expected at most 65535. Given: {pixels}"));
            0
        })
    }

    fn address(&mut self) -> Option<IpAddr> {
        let given = self.text("ip_address", 64);
        if given.is_empty() {
            return None;
        }
        let address = given.trim().parse().ok();
        if address.is_none() {
            self.faults.field("ip_address", format!("Expected an IPv4 or IPv6 address. Given: {}", quoted(&given)));
        }
        address
    }

    fn at(&mut self) -> At {
        let age = self.whole("age_ms");
        let Some(given) = self.get("timestamp") else { return age.map_or(At::Now, At::Ago) };
        if age.is_some() {
            self.faults.field("timestamp", "Expected either timestamp or age_ms, not both");
        }
        let at_ms = match given {
            Value::String(text) => instant::parse(text),
            other => other.as_i64(),
        };
        if at_ms.is_none() {
            self.faults.field(
                "timestamp",
                expected("RFC 3339 such as 2026-01-31T09:30:00Z, or milliseconds since the epoch,", given),
            );
        }
        at_ms.map_or(At::Now, At::Instant)
    }

    /// A JSON object, itself or as text; as text. Measurements join it.
    fn properties(&mut self, name: &str, limit: usize, vitals: &[&str]) -> String {
        let measured = self.vitals(vitals);
        let mut as_sent = None;
        let mut object = match self.get(name) {
            None => Map::new(),
            Some(Value::Object(object)) => object.clone(),
            Some(Value::String(text)) if text.trim().is_empty() => Map::new(),
            Some(Value::String(_)) => {
                let text = self.text(name, limit);
                let parsed = serde_json::from_str::<Value>(&text);
                match parsed {
                    // Too long was said already.
                    _ if text.is_empty() => Map::new(),
                    Ok(Value::Object(object)) => {
                        as_sent = Some(text.trim().to_owned());
                        object
                    }
                    Ok(_) | Err(_) => {
                        self.faults.field(name, format!("Expected a JSON object as text. Given: {}", quoted(&text)));
                        Map::new()
                    }
                }
            }
            Some(other) => {
                self.faults.field(name, expected("JSON object as text", other));
                Map::new()
            }
        };
        if measured.is_empty() && object.is_empty() {
            return String::new();
        }
        let is_measured = !measured.is_empty();
        object.extend(measured);
        let object = Value::Object(object);
        if find_nul(&object).is_some() {
            self.faults.field(name, "Invalid character: NUL is not allowed");
        }
        match as_sent.filter(|_| !is_measured) {
            // Numbers stay as they were written.
            Some(text) => text,
            None => {
                let text = object.to_string();
                if text.chars().count() > limit {
                    self.faults.field(name, format!("Too long: expected at most {limit} characters as text"));
                }
                text
            }
        }
    }

    fn vitals(&mut self, names: &[&str]) -> Map<String, Value> {
        let mut measured = Map::new();
        for name in names {
            match self.get(name) {
                None => {}
                Some(number @ Value::Number(_)) => _ = measured.insert((*name).to_owned(), number.clone()),
                Some(other) => self.faults.field(name, expected("number", other)),
            }
        }
        measured
    }
}
