//! The rules of a link: tried in order, the first that matches names the destination (Brevr contract, 3.3).
//!
//! Their form is ours, since Brevr's is not published:
//! - `{"type": "country", "values": ["DE", "AT"], "url": ...}`: ISO 3166-1 alpha-2;
//! - `{"type": "device", "values": ["mobile"], "url": ...}`: desktop, mobile, tablet;
//! - `{"type": "platform", "values": ["iOS"], "url": ...}`: names of systems;
//! - `{"type": "split", "percentage": 30, "url": ...}`: this share of the visitors that come to the rule.
//!
//! One value may stand alone as `value`, and `ab` says the same as `split`.

use serde_json::{Map, Value, json};

use crate::domain::country;
use crate::domain::device::DeviceClass;
use crate::domain::link::{Rule, RuleOn};
use crate::web::body::{Body, expected};
use crate::web::error::{ApiError, quoted};

use super::error::invalid;

const KINDS: [(&str, RuleOn); 5] = [
    ("country", RuleOn::Country),
    ("device", RuleOn::Device),
    ("platform", RuleOn::Platform),
    ("split", RuleOn::Split),
    ("ab", RuleOn::Split),
];
/// Values of one rule at most, and the characters of a system's name.
const MAX_VALUES: usize = 300;
const MAX_NAME: usize = 50;

/// The rules in a body; null is none at all. How many there may be, and where they may lead, is the link service's to know.
pub(super) fn read(body: &Body) -> Result<Option<Vec<Rule>>, ApiError> {
    let Some(items) = body.list("rules")? else { return Ok(None) };
    items
        .unwrap_or_default()
        .iter()
        .enumerate()
        .map(|(place, item)| rule(place, item))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn rule(place: usize, item: &Value) -> Result<Rule, ApiError> {
    let path = |name: &str| format!("rules.{place}.{name}");
    let unreadable =
        |name: &str, wanted, given: &Value| ApiError::invalid("invalid_type", path(name), expected(wanted, given));
    let Some(object) = item.as_object() else {
        return Err(ApiError::invalid("invalid_type", format!("rules.{place}"), expected("object", item)));
    };
    let field = |name: &str| object.get(name).unwrap_or(&Value::Null);
    let text = |name: &str| field(name).as_str().ok_or_else(|| unreadable(name, "string", field(name)));
    let name = text("type")?;
    let Some((_, on)) = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        let message = format!("expected country, device, platform or split. Given: {}", quoted(name));
        return Err(invalid(path("type"), message));
    };
    let url = text("url")?.to_owned();
    if *on == RuleOn::Split {
        let given = field("percentage");
        let percent = given.as_f64().ok_or_else(|| unreadable("percentage", "number", given))?;
        if !(percent > 0.0 && percent <= 100.0) {
            return Err(invalid(path("percentage"), format!("expected more than 0 and at most 100. Given: {percent}")));
        }
        return Ok(Rule { on: *on, values: Vec::new(), percent: Some(percent), url });
    }
    let values = values(object).ok_or_else(|| unreadable("values", "array of strings", field("values")))?;
    if values.is_empty() || values.len() > MAX_VALUES {
        let message = format!("expected 1 to {MAX_VALUES} values. Given: {}", values.len());
        return Err(invalid(path("values"), message));
    }
    let known = |value: &&str| {
        known_value(*on, value).ok_or_else(|| {
            let wanted = match on {
                RuleOn::Country => "a country code of ISO 3166-1, such as US",
                RuleOn::Device => "desktop, mobile or tablet",
                RuleOn::Platform | RuleOn::Split => "the name of a system, such as iOS",
            };
            invalid(path("values"), format!("expected {wanted}. Given: {}", quoted(value)))
        })
    };
    let values = values.iter().map(known).collect::<Result<Vec<String>, _>>()?;
    Ok(Rule { on: *on, values, percent: None, url })
}

/// `values`, else the one `value`.
fn values(object: &Map<String, Value>) -> Option<Vec<&str>> {
    match (object.get("values"), object.get("value")) {
        (Some(Value::Array(values)), _) => values.iter().map(Value::as_str).collect(),
        (None | Some(Value::Null), Some(Value::String(value))) => Some(vec![value]),
        _ => None,
    }
}

/// A value in the form in which it is kept.
fn known_value(on: RuleOn, value: &str) -> Option<String> {
    let value = value.trim();
    match on {
        RuleOn::Country => {
            let code = value.to_ascii_uppercase();
            country::name(&code).is_some().then_some(code)
        }
        RuleOn::Device => DeviceClass::parse(value).map(|class| class.name().to_owned()),
        RuleOn::Platform | RuleOn::Split => {
            (!value.is_empty() && value.chars().count() <= MAX_NAME).then(|| value.to_owned())
        }
    }
}

/// A rule as it is shown.
pub(super) fn shown(rule: &Rule) -> Value {
    let kind = KINDS.iter().find(|(_, on)| *on == rule.on).map(|(name, _)| *name);
    match rule.percent {
        Some(percent) if rule.on == RuleOn::Split => {
            let percentage = if percent.fract() == 0.0 { json!(percent as u64) } else { json!(percent) };
            json!({ "type": kind, "percentage": percentage, "url": rule.url })
        }
        _ => json!({ "type": kind, "values": rule.values, "url": rule.url }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> Result<Rule, String> {
        let body = Body::parse(format!("{{\"rules\": [{text}]}}").as_bytes()).unwrap();
        read(&body).map(|rules| rules.unwrap().remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_shown_as_they_are_read() {
        for (given, expected) in [
            (
                r#"{"type": "country", "values": ["de", " AT "], "url": "u"}"#,
                json!({"type": "country", "values": ["DE", "AT"], "url": "u"}),
            ),
            (
                r#"{"type": "Device", "value": "MOBILE", "url": "u"}"#,
                json!({"type": "device", "values": ["mobile"], "url": "u"}),
            ),
            (
                r#"{"type": "platform", "values": ["iOS"], "url": "u"}"#,
                json!({"type": "platform", "values": ["iOS"], "url": "u"}),
            ),
            (r#"{"type": "ab", "percentage": 30, "url": "u"}"#, json!({"type": "split", "percentage": 30, "url": "u"})),
            (
                r#"{"type": "split", "percentage": 12.5, "url": "u"}"#,
                json!({"type": "split", "percentage": 12.5, "url": "u"}),
            ),
        ] {
            let rule = read_one(given).unwrap();
            assert_eq!(shown(&rule), expected);
            assert_eq!(read_one(&expected.to_string()).unwrap(), rule);
        }
    }

    #[test]
    fn wrong_rules_are_named() {
        for (given, message) in [
            ("5", "invalid_type: rules.0: Invalid input: expected object"),
            ("{}", "invalid_type: rules.0.type: Invalid input: expected string, received null"),
            (r#"{"type": "moon", "url": "u"}"#, "custom: rules.0.type: expected country, device"),
            (r#"{"type": "split", "percentage": 0, "url": "u"}"#, "custom: rules.0.percentage: expected more than 0"),
            (r#"{"type": "split", "url": "u"}"#, "invalid_type: rules.0.percentage: "),
            (r#"{"type": "country", "values": [], "url": "u"}"#, "custom: rules.0.values: expected 1 to 300"),
            (r#"{"type": "country", "values": ["XX"], "url": "u"}"#, "custom: rules.0.values: expected a country code"),
            (r#"{"type": "device", "values": ["tv"], "url": "u"}"#, "custom: rules.0.values: expected desktop, mobile"),
            (r#"{"type": "device", "values": "mobile", "url": "u"}"#, "invalid_type: rules.0.values: "),
            (r#"{"type": "device", "values": ["mobile"]}"#, "invalid_type: rules.0.url: "),
        ] {
            let refused = read_one(given).unwrap_err();
            assert!(refused.starts_with(message), "{refused}");
        }
        assert_eq!(read(&Body::parse(b"{}").unwrap()).unwrap(), None);
        assert_eq!(read(&Body::parse(br#"{"rules": null}"#).unwrap()).unwrap(), Some(Vec::new()));
    }
}
