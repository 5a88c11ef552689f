//! THE parser of query strings, for every surface.
//!
//! `+` is a space, percent-encoding is undone, the last of a repeated parameter wins (all of them stay reachable), names
//! that nobody asks for are ignored. Broken UTF-8, NUL and too much of anything are refused with the parameter's name;
//! so are values that the typed getters cannot take, with what was given and what is allowed.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode;
use serde_json::Value;

use super::body;
use super::error::{ApiError, quoted};

/// Most parameters of a request.
pub const MAX_COUNT: usize = 1_000;
/// Most bytes of a query string.
pub const MAX_BYTES: usize = 1 << 20;

/// The decoded parameters of one request, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

/// What an integer parameter may be, with the words for what is not.
#[derive(Clone, Copy, Debug)]
pub struct IntegerRule<'a> {
    /// What it is called in messages, such as `Page`.
    pub label: &'a str,
    /// The smallest allowed.
    pub min: i64,
    /// Said of smaller ones.
    pub too_small: &'a str,
    /// The largest allowed.
    pub max: i64,
    /// Said of larger ones.
    pub too_big: &'a str,
}

impl Params {
    /// Parses a query string without its question mark.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        if query.len() > MAX_BYTES {
            let message = format!("Too big: expected at most {MAX_BYTES} bytes, given {}", query.len());
            return Err(ApiError::invalid("too_big", "query string", message));
        }
        let mut params = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).map_err(|fault| fault.refuse(&name.chars().take(50).collect::<String>()))?;
            let value = decode(value).map_err(|fault| fault.refuse(&name))?;
            params.push(name, value)?;
        }
        Ok(params)
    }

    /// Adds a parameter after the others.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn push(&mut self, name: String, value: String) -> Result<(), ApiError> {
        if self.pairs.len() == MAX_COUNT {
            let message = format!("Too many parameters: expected at most {MAX_COUNT}");
            return Err(ApiError::invalid("too_big", "query string", message));
        }
        self.pairs.push((name, value));
        Ok(())
    }

    /// These, and then `more`.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.pairs.extend(more.pairs);
        self
    }

    /// The same with one parameter more, which wins over others of its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The last value of `name`, empty ones included.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The last value of `name`; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// As [`text`](Self::text), with a limit in characters.
    pub fn text_within(&self, name: &str, limit: usize) -> Result<Option<&str>, ApiError> {
        match self.text(name) {
            Some(value) if value.chars().count() > limit => Err(ApiError::invalid(
                "too_big",
                name,
                format!("Too big: expected string to have <={limit} characters. Given: {}", quoted(value)),
            )),
            value => Ok(value),
        }
    }

    /// Every value of `name`, in the order given.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every parameter, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An integer. A parameter that is given and empty counts as 0.
    pub fn integer(&self, name: &str, rule: IntegerRule<'_>) -> Result<Option<i64>, ApiError> {
        let Some(given) = self.raw(name) else { return Ok(None) };
        let refuse =
            |code, message: &str| Err(ApiError::invalid(code, name, format!("{message} Given: {}", quoted(given))));
        let text = given.trim();
        let number = if text.is_empty() { Some(0) } else { whole(text) };
        match number {
            Some(number) if number < rule.min => refuse("too_small", rule.too_small),
            Some(number) if number > rule.max => refuse("too_big", rule.too_big),
            Some(number) => Ok(Some(number)),
            None => match text.parse::<f64>() {
                Ok(number) if number.is_finite() && number.fract() != 0.0 => {
                    refuse("invalid_type", &format!("{} must be an integer.", rule.label))
                }
                Ok(number) if number.is_finite() && number > 0.0 => refuse("too_big", rule.too_big),
                Ok(number) if number.is_finite() => refuse("too_small", rule.too_small),
                _ => refuse("invalid_type", &format!("{} must be a number.", rule.label)),
            },
        }
    }

    /// `true` or `false`, in whatever case.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name) {
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(value) => Err(not_an_option(name, &["true", "false"], value)),
            None => Ok(None),
        }
    }

    /// One of the allowed values, exactly as written.
    pub fn one_of<T: Copy>(&self, name: &str, allowed: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match allowed.iter().find(|(known, _)| *known == value) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(not_an_option(name, &allowed.iter().map(|(known, _)| *known).collect::<Vec<_>>(), value)),
        }
    }
}

/// An integer, or a number with nothing behind its point: Dub's client for Python writes `2.0`.
fn whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| body::whole(&Value::from(text.parse::<f64>().ok()?)))
}

/// The parameter is none of the allowed ones.
fn not_an_option(name: &str, allowed: &[&str], given: &str) -> ApiError {
    let options: Vec<String> = allowed.iter().map(|option| format!("\"{option}\"")).collect();
    let allowed = match options.as_slice() {
        [only] => format!("Invalid input: expected {only}"),
        _ => format!("Invalid option: expected one of {}", options.join("|")),
    };
    let message = format!("{allowed}. Given: {}", quoted(given));
    ApiError::invalid("invalid_value", name, message)
}

enum Fault {
    NotUtf8,
    Nul,
}

impl Fault {
    fn refuse(self, name: &str) -> ApiError {
        let message = match self {
            Self::NotUtf8 => "Invalid encoding: expected percent-encoded UTF-8",
            Self::Nul => "Invalid character: NUL is not allowed",
        };
        let name: String = name.chars().take(50).flat_map(char::escape_debug).collect();
        ApiError::invalid("invalid_format", name, message)
    }
}

fn decode(text: &str) -> Result<String, Fault> {
    let bytes: Vec<u8> = if text.contains(['+', '%']) {
        let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
        percent_decode(&spaced).collect()
    } else {
        text.as_bytes().to_vec()
    };
    let text = String::from_utf8(bytes).map_err(|_| Fault::NotUtf8)?;
    if text.contains('\0') { Err(Fault::Nul) } else { Ok(text) }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: IntegerRule<'_> = IntegerRule {
        label: "Page",
        min: 1,
        too_small: "Page must be greater than 0.",
        max: 1_000,
        too_big: "Page is too big.",
    };

    fn refusal<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> String {
        outcome.unwrap_err().to_string()
    }

    #[test]
    fn decodes_and_lets_the_last_win() {
        let params = Params::parse("a=1&b=x+y%2Bz&a=2&c&=d&&e=%C3%A9=f").unwrap();
        assert_eq!(params.text("a"), Some("2"));
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(params.text("b"), Some("x y+z"));
        assert_eq!((params.text("c"), params.raw("c")), (None, Some("")));
        assert_eq!(params.text("e"), Some("é=f"));
        assert_eq!(params.text("nothing"), None);
        assert_eq!(params.iter().count(), 6);
    }

    #[test]
    fn names_what_it_refuses() {
        assert_eq!(
            refusal(Params::parse("country=%ff")),
            "invalid_format: country: Invalid encoding: expected percent-encoded UTF-8"
        );
        assert_eq!(
            refusal(Params::parse("country=a%00b")),
            "invalid_format: country: Invalid character: NUL is not allowed"
        );
        assert!(refusal(Params::parse(&"a=1&".repeat(1_001))).contains("Too many parameters"));
        assert!(refusal(Params::parse(&"a".repeat(MAX_BYTES + 1))).contains("Too big"));
        assert!(Params::parse(&format!("a={}", "x,".repeat(10_000))).is_ok());
    }

    #[test]
    fn typed_getters() {
        let integer = |query: &str| Params::parse(query).unwrap().integer("page", PAGE);
        assert_eq!(integer("").unwrap(), None);
        assert_eq!(integer("page=7").unwrap(), Some(7));
        assert_eq!(integer("page=7.0").unwrap(), Some(7));
        let table = [
            ("page=0", "too_small: page: Page must be greater than 0. Given: \"0\""),
            ("page=", "too_small: page: Page must be greater than 0. Given: \"\""),
            ("page=x", "invalid_type: page: Page must be a number. Given: \"x\""),
            ("page=NaN", "invalid_type: page: Page must be a number. Given: \"NaN\""),
            ("page=1.5", "invalid_type: page: Page must be an integer. Given: \"1.5\""),
            ("page=1001", "too_big: page: Page is too big. Given: \"1001\""),
            ("page=99999999999999999999", "too_big: page: Page is too big. Given: \"99999999999999999999\""),
            (
                "page=-99999999999999999999",
                "too_small: page: Page must be greater than 0. Given: \"-99999999999999999999\"",
            ),
        ];
        for (query, message) in table {
            assert_eq!(refusal(integer(query)), message);
        }
        let params = Params::parse("root=TRUE&bad=maybe&order=asc&long=abcd").unwrap();
        assert_eq!(params.boolean("root").unwrap(), Some(true));
        assert_eq!(
            refusal(params.boolean("bad")),
            "invalid_value: bad: Invalid option: expected one of \"true\"|\"false\". Given: \"maybe\""
        );
        assert_eq!(params.one_of("order", &[("asc", 1), ("desc", 2)]).unwrap(), Some(1));
        assert!(refusal(params.one_of("bad", &[("asc", 1)])).contains("Invalid input: expected \"asc\". Given"));
        assert!(refusal(params.text_within("long", 3)).contains("<=3 characters"));
    }

    #[test]
    fn quotes_only_the_beginning() {
        let query = format!("page={}", "x".repeat(5_000));
        let message = refusal(Params::parse(&query).unwrap().integer("page", PAGE));
        assert!(message.len() < 250, "{message}");
    }

    proptest! {
        #[test]
        fn any_query_is_answered(query in "([a-z]{0,3}=?[%+&a-f0-9=\\x00-\\x7f]{0,8}&?){0,20}|.*") {
            if let Ok(params) = Params::parse(&query) {
                for (name, value) in params.iter() {
                    prop_assert!(!name.contains('\0') && !value.contains('\0'));
                    let _ = params.integer(name, PAGE);
                    let _ = params.boolean(name);
                }
            }
        }

        #[test]
        fn what_was_encoded_is_decoded(value in "[^\\x00]*") {
            let query = format!("v={}", percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC));
            let params = Params::parse(&query).unwrap();
            prop_assert_eq!(params.raw("v"), Some(value.as_str()));
        }
    }
}
