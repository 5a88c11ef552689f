//! The parameters of a request whose lists may be too long for an address, which holds 64 KB: besides its query they may
//! stand in a body, form-encoded or as a JSON object. What the body says counts where both do.
//!
//! In JSON a list may be an array, which means its items with commas between them.

use axum::extract::{FromRequest, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::web::body::{self, expected, find_nul, parse_json};
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;

/// What was asked.
pub(super) struct Asked(pub Params);

impl FromRequest<App> for Asked {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let params = Params::parse(request.uri().query().unwrap_or_default())?;
        if request.method() != Method::POST {
            return Ok(Self(params));
        }
        let content_type =
            request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default().to_owned());
        let bytes = body::read(request.into_body(), app.max_body_bytes).await?;
        if bytes.is_empty() {
            return Ok(Self(params));
        }
        let said = content_type.as_deref().unwrap_or_default();
        let more = match said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => from_json(&bytes)?,
            "application/x-www-form-urlencoded" => {
                let text = std::str::from_utf8(&bytes).map_err(|_| not_utf8())?;
                Params::parse(text)?
            }
            _ => {
                let message = "The parameters in a body must be application/json or application/x-www-form-urlencoded.";
                return Err(ApiError::BadRequest(format!("{message} Content-Type: {}", quoted(said))));
            }
        };
        Ok(Self(params.and(more)))
    }
}

fn not_utf8() -> ApiError {
    ApiError::invalid("invalid_format", "body", "Invalid encoding: expected percent-encoded UTF-8")
}

fn from_json(bytes: &[u8]) -> Result<Params, ApiError> {
    let value = parse_json(bytes)?;
    if let Some(path) = find_nul(&value) {
        return Err(ApiError::invalid("invalid_format", path, "Invalid character: NUL is not allowed"));
    }
    let Value::Object(fields) = value else {
        return Err(ApiError::invalid("invalid_type", "body", expected("object", &value)));
    };
    let wrong = |name: &str, wanted, value: &Value| {
        let name: String = name.chars().take(50).flat_map(char::escape_debug).collect();
        ApiError::invalid("invalid_type", name, expected(wanted, value))
    };
    let mut params = Params::default();
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(plain).collect();
                match texts {
                    Some(texts) => params.push(name, texts.join(","))?,
                    None => return Err(wrong(&name, "array of strings", &Value::Array(items))),
                }
            }
            value => match plain(&value) {
                Some(text) => params.push(name, text)?,
                None => return Err(wrong(&name, "string", &value)),
            },
        }
    }
    Ok(params)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_as_a_query() {
        let params =
            from_json(br#"{"linkId": ["a", "b"], "page": 2, "unique": true, "country": "-DE,FR", "os": null}"#);
        assert_eq!(params.unwrap(), Params::parse("country=-DE,FR&linkId=a,b&page=2&unique=true").unwrap());
        for (body, message) in [
            (r#"{"country": {"a": 1}}"#, "invalid_type: country: Invalid input: expected string, received object"),
            (
                r#"{"country": [["DE"]]}"#,
                "invalid_type: country: Invalid input: expected array of strings, received array",
            ),
            (r#"["country"]"#, "invalid_type: body: Invalid input: expected object, received array"),
            (r#"{"country": "\u0000"}"#, "invalid_format: country: Invalid character: NUL is not allowed"),
            ("country=DE", "Invalid JSON format in request body"),
        ] {
            let refused = from_json(body.as_bytes()).unwrap_err().to_string();
            assert!(refused.starts_with(message), "{refused}");
        }
    }
}
