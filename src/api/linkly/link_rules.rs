//! Rules of a link: `{what, matches, percentage, url}`, tried in order (Linkly contract, 1.3).
//!
//! `what` is `country` (alpha-2), `platform` (a system such as iOS, or a class of devices), `device` (desktop, mobile,
//! tablet) or `rotator` (a share of all visitors). `matches` is a value, several with commas between them, or a list. A
//! rotator takes its `percentage` of visitors; any other rule may have one too.

use serde_json::{Map, Value};

use super::faults::{BLANK, INVALID};
use super::link_fields::{Fields, Said};
use crate::domain::country;
use crate::domain::destination;
use crate::domain::device::DeviceClass;
use crate::domain::link::{Rule, RuleOn};
use crate::domain::platform;
use crate::hooks::linkly_link::RULES;
use crate::web::error::quoted;

const FIELD: &str = "rules";
/// Most rules of a link.
const MAX_RULES: usize = 300;
/// Most values of a rule.
const MAX_VALUES: usize = 300;
/// What rotators are called elsewhere.
const ROTATORS: [&str; 4] = ["percentage", "split", "rotation", "random"];

/// Why a rule will not do: which of its fields, in short, and what would do.
type Fault = (&'static str, &'static str, String);

/// Reads `rules`; null removes them all.
pub(super) fn read(fields: &mut Fields<'_>) -> Said<Vec<Rule>> {
    let Some(items) = fields.list(FIELD)? else { return Some(None) };
    if items.len() > MAX_RULES {
        fields.faults.add(
            FIELD,
            &format!("should have at most {MAX_RULES} item(s)"),
            format!("given are {}", items.len()),
        );
        return None;
    }
    let (mut rules, mut shares, mut most, mut faulty) = (Vec::with_capacity(items.len()), 0.0, 0.0_f64, false);
    for (place, item) in items.iter().enumerate() {
        match rule(item) {
            Ok(rule) => {
                // Rotators that follow each other share one draw.
                shares = if rule.on == RuleOn::Split { shares + rule.percent.unwrap_or(0.0) } else { 0.0 };
                most = shares.max(most);
                rules.push(rule);
            }
            Err((part, short, advice)) => {
                let path = if part.is_empty() { format!("{FIELD}.{place}") } else { format!("{FIELD}.{place}.{part}") };
                fields.faults.add(path, short, advice);
                faulty = true;
            }
        }
    }
    // Thirds and the like add up as far as their writer cared.
    if most > 100.2 {
        let advice = format!("the percentages of rotators in a row add up to {most}, expected at most 100");
        fields.faults.add(FIELD, INVALID, advice);
        faulty = true;
    }
    (!faulty).then_some(Some(rules))
}

fn rule(item: &Value) -> Result<Rule, Fault> {
    let Value::Object(object) = item else {
        return Err(("", INVALID, "expected an object with what, matches, percentage and url".to_owned()));
    };
    let on = what(object)?;
    let percent = percentage(object)?;
    if on == RuleOn::Split && percent.is_none() {
        return Err(("percentage", BLANK, "a rotator takes a share of visitors, such as 50".to_owned()));
    }
    let values = if on == RuleOn::Split { Vec::new() } else { values(object, on)? };
    Ok(Rule { on, values, percent, url: url(object)? })
}

fn what(object: &Map<String, Value>) -> Result<RuleOn, Fault> {
    let names = RULES.map(|(name, _)| name).join(", ");
    let given = match object.get("what") {
        None | Some(Value::Null) => return Err(("what", BLANK, format!("expected one of {names}"))),
        Some(value) => value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned()),
    };
    let name = if ROTATORS.iter().any(|name| name.eq_ignore_ascii_case(&given)) { "rotator" } else { given.as_str() };
    let found = RULES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found
        .map(|(_, on)| *on)
        .ok_or_else(|| ("what", INVALID, format!("expected one of {names}. Given: {}", quoted(&given))))
}

fn percentage(object: &Map<String, Value>) -> Result<Option<f64>, Fault> {
    let value = match object.get("percentage") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(value) => value,
    };
    let number = match value {
        Value::String(text) => text.trim().trim_end_matches('%').parse().ok(),
        other => other.as_f64(),
    };
    match number {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(Some(percent)),
        _ => Err((
            "percentage",
            INVALID,
            format!("expected a number above 0, and at most 100. Given: {}", quoted(&value.to_string())),
        )),
    }
}

fn values(object: &Map<String, Value>, on: RuleOn) -> Result<Vec<String>, Fault> {
    let texts: Vec<String> = match object.get("matches") {
        Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        None | Some(Value::Null) => Vec::new(),
        Some(other) => {
            return Err((
                "matches",
                INVALID,
                format!("expected a text or a list. Given: {}", quoted(&other.to_string())),
            ));
        }
    };
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let values = texts.map(|text| value(on, text)).collect::<Result<Vec<_>, _>>()?;
    match values.len() {
        0 => Err(("matches", BLANK, format!("expected {}", expected(on)))),
        1..=MAX_VALUES => Ok(values),
        count => Err(("matches", INVALID, format!("expected at most {MAX_VALUES} values. Given: {count}"))),
    }
}

fn expected(on: RuleOn) -> String {
    let one = match on {
        RuleOn::Country => "a country of ISO 3166-1 in two letters, such as US".to_owned(),
        RuleOn::Device => "desktop, mobile or tablet".to_owned(),
        RuleOn::Platform | RuleOn::Split => format!("a system: {}", platform::known()),
    };
    format!("{one}, or several with commas between them")
}

fn value(on: RuleOn, text: &str) -> Result<String, Fault> {
    let fits = match on {
        RuleOn::Country => country::name(&text.to_ascii_uppercase()).is_some(),
        RuleOn::Device => DeviceClass::parse(text).is_some(),
        RuleOn::Platform => platform::is_known(text),
        RuleOn::Split => true,
    };
    if !fits {
        return Err(("matches", INVALID, format!("expected {}. Given: {}", expected(on), quoted(text))));
    }
    Ok(match on {
        RuleOn::Country => text.to_ascii_uppercase(),
        RuleOn::Device => text.to_ascii_lowercase(),
        RuleOn::Platform | RuleOn::Split => text.to_owned(),
    })
}

fn url(object: &Map<String, Value>) -> Result<String, Fault> {
    let given = object.get("url").and_then(Value::as_str).unwrap_or_default();
    if given.trim().is_empty() {
        return Err(("url", BLANK, "where visitors go who match, such as https://example.com".to_owned()));
    }
    match destination::parse(given) {
        Ok(found) => Ok(found.url),
        Err(reason) => Err(("url", INVALID, format!("{reason}. Given: {}", quoted(given)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::web::body::Body;

    fn read_of(rules: &Value) -> Result<Option<Vec<Rule>>, String> {
        let body = Body::parse(json!({ "rules": rules }).to_string().as_bytes()).unwrap();
        let mut fields = Fields::new(&body);
        match read(&mut fields) {
            Some(rules) => Ok(rules),
            None => Err(format!("{:?}", fields.faults)),
        }
    }

    #[test]
    fn rules_come_in_many_ways() {
        let url = "https://a.b";
        let rules = read_of(&json!([
            {"what": "country", "matches": "us, GB", "url": url},
            {"what": "Platform", "matches": ["iOS", "Android"], "percentage": "", "url": "a.b"},
            {"what": "device", "matches": "Mobile", "percentage": 50, "url": url},
            {"what": "rotator", "matches": null, "percentage": "33.3%", "url": url},
            {"what": "percentage", "percentage": 66.7, "url": url},
        ]))
        .unwrap()
        .unwrap();
        let brief: Vec<_> = rules.iter().map(|rule| (rule.on, rule.values.join("|"), rule.percent)).collect();
        assert_eq!(
            brief,
            [
                (RuleOn::Country, "US|GB".to_owned(), None),
                (RuleOn::Platform, "iOS|Android".to_owned(), None),
                (RuleOn::Device, "mobile".to_owned(), Some(50.0)),
                (RuleOn::Split, String::new(), Some(33.3)),
                (RuleOn::Split, String::new(), Some(66.7)),
            ]
        );
        assert_eq!(rules[1].url, "https://a.b");
        // A form holds them as text.
        assert_eq!(read_of(&json!(r#"[{"what":"country","matches":"DE","url":"a.b"}]"#)).unwrap().unwrap().len(), 1);
        assert_eq!(read_of(&Value::Null), Ok(None));
        assert_eq!(read_of(&json!([])), Ok(Some(Vec::new())));
    }

    #[test]
    fn faults_name_their_place() {
        let url = "https://a.b";
        for (rule, place) in [
            (json!("x"), "rules.0"),
            (json!({"what": "weather", "matches": "rain", "url": url}), "country, platform, device, rotator"),
            (json!({"matches": "US", "url": url}), "rules.0.what"),
            (json!({"what": "country", "matches": "Germany", "url": url}), "rules.0.matches"),
            (json!({"what": "country", "matches": "", "url": url}), "rules.0.matches"),
            (json!({"what": "device", "matches": "fridge", "url": url}), "rules.0.matches"),
            (json!({"what": "platform", "matches": "iOS, fridge", "url": url}), "rules.0.matches"),
            (json!({"what": "platform", "matches": "fridge", "url": url}), "Linux, Mac, NetBSD"),
            (json!({"what": "rotator", "url": url}), "rules.0.percentage"),
            (json!({"what": "rotator", "percentage": 0, "url": url}), "rules.0.percentage"),
            (json!({"what": "rotator", "percentage": 101, "url": url}), "rules.0.percentage"),
            (json!({"what": "country", "matches": "US"}), "rules.0.url"),
            (json!({"what": "country", "matches": "US", "url": "javascript:alert(1)"}), "rules.0.url"),
        ] {
            let faults = read_of(&json!([rule])).unwrap_err();
            assert!(faults.contains(place), "{rule}: {faults}");
        }
        let half = json!({"what": "rotator", "percentage": 60, "url": url});
        assert!(read_of(&json!([half, half])).unwrap_err().contains("add up to 120"));
        assert!(read_of(&json!("[{")).unwrap_err().contains("JSON"));
    }
}
