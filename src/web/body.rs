//! JSON bodies: one object, whose fields are absent, null or a value.
//!
//! Too large is 413, not JSON is 400 (so is nesting deeper than 64), a field of the wrong type is 422 with its name. A NUL
//! anywhere is refused, because Postgres cannot store it. Fields that nobody asks for are ignored.

use std::fmt;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::error::{ApiError, quoted};
use super::instant;
use super::state::App;

/// A request's body.
#[derive(Clone, Default, PartialEq)]
pub struct Body {
    fields: Map<String, Value>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Passwords come in bodies.
        f.debug_set().entries(self.fields.keys()).finish()
    }
}

impl From<Map<String, Value>> for Body {
    /// Of fields that Postgres can store.
    fn from(fields: Map<String, Value>) -> Self {
        Self { fields }
    }
}

/// A field: `None` absent, `Some(None)` null, `Some(Some(_))` a value.
pub type Field<T> = Result<Option<Option<T>>, ApiError>;

impl Body {
    /// Parses the bytes of a body.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        match parse_storable(bytes)? {
            Value::Object(fields) => Ok(Self { fields }),
            other => Err(ApiError::invalid("invalid_type", "body", expected("object", &other))),
        }
    }

    /// An object inside, to be read as a body of its own.
    pub fn nested(&self, name: &str) -> Field<Self> {
        Ok(self.object(name)?.map(|object| object.map(|fields| Self { fields })))
    }

    /// The body as it came.
    pub fn into_value(self) -> Value {
        Value::Object(self.fields)
    }

    /// Text.
    pub fn text(&self, name: &str) -> Field<String> {
        self.field(name, |value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(expected("string", other)),
        })
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Field<bool> {
        self.field(name, |value| value.as_bool().ok_or_else(|| expected("boolean", value)))
    }

    /// A whole number of at least 0.
    pub fn count(&self, name: &str) -> Field<u64> {
        let read = |value: &Value| whole(value).and_then(|number| u64::try_from(number).ok());
        self.field(name, |value| read(value).ok_or_else(|| expected("non-negative integer", value)))
    }

    /// An instant as RFC 3339, or a date, in milliseconds since the epoch; an empty text counts as null.
    pub fn instant(&self, name: &str) -> Field<i64> {
        let Some(Some(text)) = self.text(name)? else { return Ok(self.fields.get(name).map(|_| None)) };
        if text.is_empty() {
            return Ok(Some(None));
        }
        match instant::parse(&text) {
            Some(at) => Ok(Some(Some(at))),
            None => Err(ApiError::invalid(
                "invalid_date",
                name,
                format!("Invalid date: expected ISO 8601 such as 2026-01-31T09:30:00Z. Given: {}", quoted(&text)),
            )),
        }
    }

    /// A list of texts; one text with commas counts as a list.
    pub fn texts(&self, name: &str) -> Field<Vec<String>> {
        if let Some(Value::Array(items)) = self.fields.get(name) {
            let read = |(place, item): (usize, &Value)| match item {
                Value::String(text) => Ok(text.clone()),
                other => Err(ApiError::invalid("invalid_type", format!("{name}.{place}"), expected("string", other))),
            };
            return Ok(Some(Some(items.iter().enumerate().map(read).collect::<Result<_, _>>()?)));
        }
        self.field(name, |value| match value {
            Value::String(text) => {
                Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            other => Err(expected("array of strings", other)),
        })
    }

    /// An object whose values are all texts; fields that are null are left out.
    pub fn text_map(&self, name: &str) -> Field<Vec<(String, String)>> {
        if let Some(Value::Object(object)) = self.fields.get(name) {
            let mut pairs = Vec::with_capacity(object.len());
            for (key, value) in object {
                match value {
                    Value::String(text) => pairs.push((key.clone(), text.clone())),
                    Value::Null => {}
                    other => {
                        let path: String = format!("{name}.{key}").chars().take(100).collect();
                        return Err(ApiError::invalid("invalid_type", path, expected("string", other)));
                    }
                }
            }
            return Ok(Some(Some(pairs)));
        }
        self.field(name, |value| Err(expected("object", value)))
    }

    /// A field as it came; null counts as absent.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A field as it came, null included.
    pub fn field_value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A list of anything.
    pub fn list(&self, name: &str) -> Field<Vec<Value>> {
        self.field(name, |value| match value {
            Value::Array(items) => Ok(items.clone()),
            other => Err(expected("array", other)),
        })
    }

    /// An object.
    pub fn object(&self, name: &str) -> Field<Map<String, Value>> {
        self.field(name, |value| match value {
            Value::Object(object) => Ok(object.clone()),
            other => Err(expected("object", other)),
        })
    }

    /// A [`whole`] number.
    pub fn integer(&self, name: &str) -> Field<i64> {
        if let Some(Value::Number(number)) = self.fields.get(name)
            && let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() > EXACT as f64)
        {
            let (code, message) = if float > 0.0 {
                ("too_big", format!("Too big: expected int to be <={EXACT}. Given: {number}"))
            } else {
                ("too_small", format!("Too small: expected int to be >=-{EXACT}. Given: {number}"))
            };
            return Err(ApiError::invalid(code, name, message));
        }
        self.field(name, |value| whole(value).ok_or_else(|| expected("int", value)))
    }

    /// Whether a field is there with anything but null, `false`, or an empty list.
    pub fn asks_for(&self, name: &str) -> bool {
        match self.fields.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    fn field<T>(&self, name: &str, read: impl Fn(&Value) -> Result<T, String>) -> Field<T> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => match read(value) {
                Ok(found) => Ok(Some(Some(found))),
                Err(message) => Err(ApiError::invalid("invalid_type", name, message)),
            },
        }
    }
}

/// A request's body that is a list of objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bodies(pub Vec<Body>);

impl Bodies {
    /// Parses the bytes of a body.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let items = match parse_storable(bytes)? {
            Value::Array(items) => items,
            other => return Err(ApiError::invalid("invalid_type", "body", expected("array", &other))),
        };
        let read = |(place, item): (usize, Value)| match item {
            Value::Object(fields) => Ok(Body { fields }),
            other => Err(ApiError::invalid("invalid_type", place.to_string(), expected("object", &other))),
        };
        Ok(Self(items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?))
    }
}

impl FromRequest<App> for Bodies {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        Self::parse(&read(request.into_body(), app.max_body_bytes).await?)
    }
}

/// JSON that Postgres can store.
fn parse_storable(bytes: &[u8]) -> Result<Value, ApiError> {
    let value = parse_json(bytes)?;
    match find_nul(&value) {
        Some(path) => Err(ApiError::invalid("invalid_format", path, "Invalid character: NUL is not allowed")),
        None => Ok(value),
    }
}

/// The bytes of a body as JSON.
///
/// # Errors
/// 400 for anything else; so is nesting deeper than 64.
pub fn parse_json(bytes: &[u8]) -> Result<Value, ApiError> {
    let value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::BadRequest(format!("Invalid JSON format in request body. Please ensure it is well-formed: {error}"))
    })?;
    if is_deeper(&value, MOST_LEVELS) {
        let message = format!("Invalid JSON format in request body: it is nested in more than {MOST_LEVELS} levels");
        return Err(ApiError::BadRequest(message));
    }
    Ok(value)
}

/// Levels of lists and objects in each other. What is stored has some more around it, and JSON is read back to 128.
const MOST_LEVELS: usize = 64;

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels == 0 || values.iter().any(|value| is_deeper(value, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|value| is_deeper(value, levels - 1)),
        _ => false,
    }
}

/// Beyond it JSON's numbers are not exact.
const EXACT: i64 = (1 << 53) - 1;

/// A whole number: an integer, or one with nothing behind its point, as clients write that know one kind of number only.
pub fn whole(value: &Value) -> Option<i64> {
    let whole = value.as_i64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT as f64)?;
        Some(float as i64)
    });
    whole.filter(|number| number.abs() <= EXACT)
}

/// What was expected of a value, and what is there.
pub fn expected(wanted: &str, given: &Value) -> String {
    let kind = match given {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match given {
        Value::String(text) => format!("Invalid input: expected {wanted}, received {kind} {}", quoted(text)),
        Value::Number(_) | Value::Bool(_) => format!("Invalid input: expected {wanted}, received {kind} {given}"),
        _ => format!("Invalid input: expected {wanted}, received {kind}"),
    }
}

/// The path of the first text or name with a NUL, empty for the value itself. The parser's limit on nesting bounds the recursion.
pub fn find_nul(value: &Value) -> Option<String> {
    let inside = |name: String, value: &Value| {
        find_nul(value).map(|rest| if rest.is_empty() { name.clone() } else { format!("{name}.{rest}") })
    };
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(place, item)| inside(place.to_string(), item)),
        Value::Object(fields) => fields.iter().find_map(|(name, item)| {
            let shown: String = name.chars().take(50).flat_map(char::escape_debug).collect();
            if name.contains('\0') { Some(shown) } else { inside(shown, item) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
    .map(|path| path.chars().take(200).collect())
}

impl FromRequest<App> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        Self::parse(&read(request.into_body(), app.max_body_bytes).await?)
    }
}

/// The bytes of a body of at most `limit`.
///
/// # Errors
/// 413 for a longer one, 400 for one that does not come to its end.
pub async fn read(body: axum::body::Body, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || Err(ApiError::TooLarge(format!("The request body is larger than {limit} bytes.")));
    // One that says so itself is not read first.
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > limit) {
        return too_large();
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_large(error.as_ref()) => too_large(),
        Err(_) => Err(ApiError::BadRequest("The request body could not be read to its end.".to_owned())),
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if inner.is::<LengthLimitError>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(text: &str) -> Body {
        Body::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn tells_absent_null_and_value_apart() {
        let body = body(r#"{"a": "x", "b": null, "n": 5, "f": true, "t": ["x","y"], "c": "x, y,", "d": "2024-01-31"}"#);
        assert_eq!(body.text("a").unwrap(), Some(Some("x".to_owned())));
        assert_eq!(body.text("b").unwrap(), Some(None));
        assert_eq!(body.text("z").unwrap(), None);
        assert_eq!(body.count("n").unwrap(), Some(Some(5)));
        assert_eq!(super::Body::parse(b"{\"n\": 12.0}").unwrap().count("n").unwrap(), Some(Some(12)));
        assert_eq!(body.boolean("f").unwrap(), Some(Some(true)));
        assert_eq!(body.texts("t").unwrap(), body.texts("c").unwrap());
        assert_eq!(body.instant("d").unwrap(), Some(Some(1_706_659_200_000)));
        assert_eq!((body.instant("b").unwrap(), body.instant("z").unwrap()), (Some(None), None));
        assert!(body.asks_for("a") && !body.asks_for("b") && !body.asks_for("z"));
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let body = body(r#"{"a": 5, "t": ["x", 7], "geo": {"DE": 1}, "d": "soon", "n": -1}"#);
        let table = [
            (body.text("a").unwrap_err(), "invalid_type: a: Invalid input: expected string, received number 5"),
            (body.texts("t").unwrap_err(), "invalid_type: t.1: Invalid input: expected string, received number 7"),
            (
                body.text_map("geo").unwrap_err(),
                "invalid_type: geo.DE: Invalid input: expected string, received number 1",
            ),
            (
                body.count("n").unwrap_err(),
                "invalid_type: n: Invalid input: expected non-negative integer, received number -1",
            ),
        ];
        for (error, message) in table {
            assert_eq!(error.to_string(), message);
        }
        assert!(body.instant("d").unwrap_err().to_string().starts_with("invalid_date: d: Invalid date"));
    }

    #[test]
    fn refuses_broken_bodies() {
        let bomb = "[".repeat(10_000);
        let broken: [&[u8]; 7] =
            [b"", b"{", b"{\"a\": 1e999}", b"\xff", b"{\"a\": \"\\ud800\"}", bomb.as_bytes(), b"{} {}"];
        for bytes in broken {
            assert!(matches!(Body::parse(bytes), Err(ApiError::BadRequest(_))), "{:?}", &bytes[..bytes.len().min(20)]);
        }
        assert!(matches!(Body::parse(b"[]"), Err(ApiError::Invalid { .. })));
        let nul = Body::parse(br#"{"geo": {"DE": ["a", "b\u0000"]}}"#).unwrap_err();
        assert_eq!(nul.to_string(), "invalid_format: geo.DE.1: Invalid character: NUL is not allowed");
        assert!(Body::parse(br#"{"a\u0000": 1}"#).is_err());
    }

    #[test]
    fn lists_name_the_entry_that_is_wrong() {
        let list = Bodies::parse(br#"[{"a": "x"}, {"b": {"c": 1}}]"#).unwrap().0;
        assert_eq!(list[0].text("a").unwrap(), Some(Some("x".to_owned())));
        assert_eq!(list[1].nested("b").unwrap().flatten().unwrap().count("c").unwrap(), Some(Some(1)));
        assert_eq!(
            list[0].count("a").unwrap_err().within(0).to_string(),
            "invalid_type: 0.a: Invalid input: expected non-negative integer, received string \"x\""
        );
        for (bad, message) in [
            ("{}", "invalid_type: body: Invalid input: expected array, received object"),
            ("[{}, 5]", "invalid_type: 1: Invalid input: expected object, received number 5"),
            (r#"[{"a": "\u0000"}]"#, "invalid_format: 0.a: Invalid character: NUL is not allowed"),
        ] {
            assert_eq!(Bodies::parse(bad.as_bytes()).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Body::parse(&bytes);
        }
    }
}
