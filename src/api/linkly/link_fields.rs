//! The typed fields of a link's body. What is wrong is noted, and reading goes on, so that all faults are told at once.
//!
//! Forms know nothing but texts, so a text that reads as a number or as yes or no is one. An empty text is null.

use serde_json::Value;

use super::faults::{BLANK, Faults, INVALID};
use crate::domain::destination;
use crate::domain::link::LinkKind;
use crate::web::body::{Body, whole};
use crate::web::error::quoted;
use crate::web::instant;

/// A field: absent, null or a value.
pub(super) type Said<T> = Option<Option<T>>;

/// Reads fields and notes what is wrong with them.
pub(super) struct Fields<'a> {
    body: &'a Body,
    pub faults: Faults,
}

impl<'a> Fields<'a> {
    pub(super) fn new(body: &'a Body) -> Self {
        Self { body, faults: Faults::default() }
    }

    /// A field as it came; null and the empty text are null.
    pub(super) fn raw(&self, name: &str) -> Said<&'a Value> {
        let value = self.body.field_value(name)?;
        let is_empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        Some((!is_empty).then_some(value))
    }

    /// Notes that a field is not what was expected; what is there is as if it were not.
    pub(super) fn refuse<T>(&mut self, name: &str, expected: &str, given: &Value) -> Said<T> {
        let given = match given {
            Value::String(text) => quoted(text),
            other => other.to_string().chars().take(100).collect(),
        };
        self.faults.add(name, INVALID, format!("expected {expected}. Given: {given}"));
        None
    }

    /// Text of at most `limit` characters, as it came.
    pub(super) fn text(&mut self, name: &str, limit: usize) -> Said<String> {
        let Some(value) = self.raw(name)? else { return Some(None) };
        let text = match value {
            Value::String(text) => text.clone(),
            // Spreadsheets and some clients make numbers of texts that look like ones.
            Value::Number(number) => number.to_string(),
            other => return self.refuse(name, "a text", other),
        };
        let length = text.chars().count();
        if length > limit {
            self.faults.add(name, &format!("should be at most {limit} character(s)"), format!("given are {length}"));
            return None;
        }
        Some(Some(text))
    }

    /// Yes or no: `true`, `false`, `1`, `0`; of forms also `on` and `off`.
    pub(super) fn boolean(&mut self, name: &str) -> Said<bool> {
        let Some(value) = self.raw(name)? else { return Some(None) };
        let read = match value {
            Value::Bool(yes) => Some(*yes),
            Value::Number(number) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "on" => Some(true),
                "false" | "0" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        };
        match read {
            Some(yes) => Some(Some(yes)),
            None => self.refuse(name, "true or false", value),
        }
    }

    /// A whole number of at least 1.
    pub(super) fn count(&mut self, name: &str) -> Said<u64> {
        let Some(value) = self.raw(name)? else { return Some(None) };
        match number(value).filter(|number| *number > 0) {
            Some(number) => Some(Some(number)),
            None => self.refuse(name, "a whole number of at least 1", value),
        }
    }

    /// An instant as ISO 8601, in milliseconds since the epoch; without a zone it is one of UTC.
    pub(super) fn instant(&mut self, name: &str) -> Said<i64> {
        let Some(value) = self.raw(name)? else { return Some(None) };
        match value.as_str().and_then(instant::parse) {
            Some(at_ms) => Some(Some(at_ms)),
            None => self.refuse(name, "ISO 8601 such as 2026-01-31T09:30:00Z", value),
        }
    }

    /// A web address in its checked form.
    pub(super) fn address(&mut self, name: &str) -> Said<String> {
        let text = match self.address_text(name)? {
            Some(text) => text,
            None => return Some(None),
        };
        match destination::parse(&text) {
            Ok(found) if found.kind == LinkKind::Url => Some(Some(found.url)),
            Ok(_) => self.refuse(name, "an address of the web, http or https", &Value::String(text)),
            Err(reason) => {
                self.faults.add(name, INVALID, format!("{reason}. Given: {}", quoted(&text)));
                None
            }
        }
    }

    /// The destination, of whatever kind, in its checked form. It cannot be taken away.
    pub(super) fn destination(&mut self, name: &str) -> Option<String> {
        let Some(text) = self.address_text(name)? else {
            self.faults.add(name, BLANK, "where the link leads, such as https://example.com");
            return None;
        };
        match destination::parse(&text) {
            Ok(found) => Some(found.url),
            Err(reason) => {
                self.faults.add(name, INVALID, format!("{reason}. Given: {}", quoted(&text)));
                None
            }
        }
    }

    /// The text of an address. A number would be read as that of a machine.
    fn address_text(&mut self, name: &str) -> Said<String> {
        match self.raw(name)? {
            Some(number @ Value::Number(_)) => self.refuse(name, "an address such as https://example.com", number),
            _ => self.text(name, destination::MAX_LENGTH),
        }
    }

    /// A list. A text is one in JSON, else one with commas, or lines, between its items.
    pub(super) fn list(&mut self, name: &str) -> Said<Vec<Value>> {
        let Some(value) = self.raw(name)? else { return Some(None) };
        match value {
            Value::Array(items) => Some(Some(items.clone())),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(Value::Array(items)) => Some(Some(items)),
                _ if text.trim_start().starts_with(['[', '{']) => self.refuse(name, "a list in JSON", value),
                _ => {
                    let items = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
                    Some(Some(items.map(Value::from).collect()))
                }
            },
            other => self.refuse(name, "a list", other),
        }
    }

    /// Anything at all.
    pub(super) fn anything(&mut self, name: &str, limit: usize) -> Said<Value> {
        let Some(value) = self.raw(name)? else { return Some(None) };
        let length = value.to_string().chars().count();
        if length > limit {
            self.faults.add(
                name,
                &format!("should be at most {limit} character(s)"),
                format!("given are {length} in JSON"),
            );
            return None;
        }
        Some(Some(value.clone()))
    }
}

/// A whole number of at least 0, also as text.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok().filter(|number| i64::try_from(*number).is_ok()),
        other => whole(other).and_then(|number| u64::try_from(number).ok()),
    }
}
