//! Bodies that are JSON or a form (`application/x-www-form-urlencoded`).
//!
//! A form's values are texts; a name that ends in `[]` makes a list of all its values.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::body::Body;
use super::error::ApiError;
use super::params::Params;

/// Whether a request says that its body is a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Reads a body in the form that its request says it has; what says nothing is JSON.
///
/// # Errors
/// As for JSON bodies and for parameters.
pub fn parse(headers: &HeaderMap, bytes: &Bytes) -> Result<Body, ApiError> {
    if !is_form(headers) {
        return Body::parse(bytes);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ApiError::BadRequest("The form in the request body is not UTF-8.".to_owned()))?;
    Ok(Body::from(fields(&Params::parse(text)?)))
}

fn fields(params: &Params) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in params.iter() {
        match name.strip_suffix("[]") {
            Some(name) => {
                let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = list {
                    items.push(Value::from(value));
                }
            }
            None => drop(fields.insert(name.to_owned(), Value::from(value))),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use serde_json::json;

    fn read(content_type: &'static str, body: &'static str) -> Result<Value, u16> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        parse(&headers, &Bytes::from(body)).map(Body::into_value).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn forms_and_json_are_told_apart() {
        const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
        let expected = json!({"url": "https://a.b/?c=d", "name": "ä b", "hooks": ["x", "y"], "note": ""});
        let form = "url=https%3A%2F%2Fa.b%2F%3Fc%3Dd&name=old&name=%C3%A4+b&hooks[]=x&hooks%5B%5D=y&note=";
        assert_eq!(read(FORM, form), Ok(expected));
        assert_eq!(read(FORM, ""), Ok(json!({})));
        assert_eq!(read("application/json", r#"{"a": [1]}"#), Ok(json!({"a": [1]})));
        assert_eq!(read("", "{}"), Ok(json!({})));
        assert_eq!(read("application/json", "a=b"), Err(400));
        assert_eq!(read(FORM, "a=%ff"), Err(422));
        assert_eq!(read(FORM, "a=%00"), Err(422));
    }
}
