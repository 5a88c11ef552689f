//! What a question says of metadata: made here and only written for the program, so that this side need not read it.

use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::Value;

/// What leads, sales and custom events carry.
pub const METADATA: &[&str] = &[
    "",
    "{}",
    r#"{"plan":"pro","seats":5,"price":19.99}"#,
    r#"{"plan":"pro","seats":10,"price":20}"#,
    r#"{"plan":"free","seats":1,"trial":true}"#,
    r#"{"plan":"Rock AND Roll","seats":"12","trial":false}"#,
    r#"{"plan":{"name":"pro","price":1.5},"seats":null}"#,
    r#"{"plan":{"name":"it's","price":"1.50"},"tags":["a","b"]}"#,
    r#"{"plan":{"name":{"first":"deep"}},"price":1000.0}"#,
    r#"{"seats":9007199254740993,"price":-0.5,"plan":""}"#,
    r#"{"ünï":"tab\tnew\nline","plan":"back\\slash \"`"}"#,
    r#"{"plan":"pro""#,
    "not JSON",
];

const PATHS: &[&[&str]] = &[
    &["plan"],
    &["plan"],
    &["seats"],
    &["seats"],
    &["price"],
    &["trial"],
    &["plan", "name"],
    &["plan", "price"],
    &["plan", "name", "first"],
    &["ünï"],
    &["tags"],
    &["nothing"],
];
const TEXTS: &[&str] = &[
    "pro",
    "pro",
    "free",
    "Pro",
    "Rock AND Roll",
    "it's",
    "deep",
    "",
    "true",
    "false",
    "null",
    "tab\tnew\nline",
    "back\\slash \"`",
    "'; DROP TABLE events; --",
    "{p0:String}",
];
const NUMBERS: &[&str] = &[
    "5",
    "5.0",
    "1",
    "12",
    "10",
    "1.5",
    "1.50",
    "15e-1",
    "1000",
    "1e3",
    "-0.5",
    "19.99",
    "9007199254740992",
    "9007199254740993",
];
const SIGNS: &[&str] = &["=", ":", "!=", ">", "<", ">=", "<="];

/// Conditions on metadata.
#[derive(Clone, Debug)]
pub enum Said {
    All(Vec<Said>),
    Any(Vec<Said>),
    One { path: &'static [&'static str], sign: &'static str, value: &'static str },
}

impl Said {
    pub fn random(rng: &mut SmallRng, depth: usize) -> Self {
        if depth > 0 && rng.random_bool(0.5) {
            let parts = (0..rng.random_range(2..4)).map(|_| Self::random(rng, depth - 1)).collect();
            return if rng.random() { Self::All(parts) } else { Self::Any(parts) };
        }
        let sign = SIGNS.choose(rng).unwrap();
        let is_order = sign.starts_with(['<', '>']);
        let values = if rng.random_bool(if is_order { 0.9 } else { 0.3 }) { NUMBERS } else { TEXTS };
        Self::One { path: PATHS.choose(rng).unwrap(), sign, value: values.choose(rng).unwrap() }
    }

    /// As a caller may write it, with no more parentheses than are needed, now and then.
    pub fn written(&self, rng: &mut SmallRng) -> String {
        match self {
            Self::All(parts) => {
                let parts = parts.iter().map(|part| match part {
                    Self::Any(_) => format!("({})", part.written(rng)),
                    _ => part.written(rng),
                });
                parts.collect::<Vec<_>>().join([" AND ", " and ", "\n AND\t"].choose(rng).unwrap())
            }
            Self::Any(parts) => {
                let parts = parts.iter().map(|part| match rng.random_range(0..4) {
                    0 => format!("( {} )", part.written(rng)),
                    _ => part.written(rng),
                });
                parts.collect::<Vec<_>>().join([" OR ", " or "].choose(rng).unwrap())
            }
            Self::One { path, sign, value } => {
                let keys = path.iter().map(|key| match rng.random_range(0..2) {
                    0 => format!("['{key}']"),
                    _ => format!("[\"{key}\"]"),
                });
                let keys: String = keys.collect();
                let quotes = ['\'', '"', '`'].into_iter().filter(|quote| !value.contains(*quote));
                let quotes: Vec<char> = quotes.collect();
                let is_plain =
                    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
                let value = match quotes.choose(rng) {
                    Some(_) if is_plain && rng.random() => (*value).to_owned(),
                    Some(quote) => format!("{quote}{value}{quote}"),
                    None => (*value).to_owned(),
                };
                let space = ["", " "].choose(rng).unwrap();
                format!("metadata{keys}{space}{sign}{space}{value}")
            }
        }
    }

    /// Whether it is true of a metadata text.
    pub fn lets(&self, metadata: &str) -> bool {
        let json: Value = serde_json::from_str(metadata).unwrap_or_default();
        self.holds(&json)
    }

    fn holds(&self, json: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(json)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(json)),
            Self::One { path, sign, value } => {
                let found = path.iter().try_fold(json, |inner, key| inner.as_object()?.get(*key));
                match *sign {
                    "=" | ":" => found.is_some_and(|found| is(found, value)),
                    "!=" => !found.is_some_and(|found| is(found, value)),
                    sign => match (found.and_then(number), value.parse::<f64>()) {
                        (Some(found), Ok(wanted)) => match sign {
                            ">" => found > wanted,
                            "<" => found < wanted,
                            ">=" => found >= wanted,
                            _ => found <= wanted,
                        },
                        _ => false,
                    },
                }
            }
        }
    }
}

fn is(found: &Value, wanted: &str) -> bool {
    match found {
        Value::String(text) => text == wanted,
        Value::Bool(boolean) => boolean.to_string() == wanted,
        Value::Number(found) => match (found.to_string().parse::<i64>(), wanted.parse::<i64>()) {
            (Ok(found), Ok(wanted)) => found == wanted,
            _ => wanted.parse::<f64>().ok() == found.as_f64(),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn number(found: &Value) -> Option<f64> {
    match found {
        Value::String(text) => text.parse().ok(),
        Value::Number(found) => found.as_f64(),
        _ => None,
    }
}
