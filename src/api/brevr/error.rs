//! Brevr's failures: `{"error": text}`, where 400 is a request that cannot be read (Brevr contract, 3.1: bad body or
//! parameters) and 422 one that can, and holds a value that will not do.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::destination::DestinationError;
use crate::domain::id::TagId;
use crate::links;
use crate::web::error::{ApiError, quoted};

/// Codes of faults by which a body or a parameter cannot be read.
const UNREADABLE: [&str; 2] = ["invalid_type", "invalid_format"];

/// A wrong field that can be read.
pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::invalid("custom", field, message)
}

/// A field that must be there, and is not.
pub(super) fn missing(field: &str) -> ApiError {
    ApiError::invalid("invalid_type", field, "it is required")
}

/// Why the link service refused, with the names that the fields have here.
pub(super) fn refusal(error: links::Error) -> ApiError {
    match error {
        links::Error::ForeignDomain => {
            invalid("domain", "it must be a domain that is verified in this workspace: GET /api/v1/domains lists them")
        }
        links::Error::SlugTaken => {
            ApiError::Conflict("customSlug: this short code is in use on this domain already.".to_owned())
        }
        links::Error::Slug(reason) => invalid("customSlug", reason.to_string()),
        links::Error::ReservedSlug => invalid("customSlug", "it is reserved: something of ours answers there"),
        links::Error::NoDestination => missing("url"),
        links::Error::Destination { field: "url", reason: DestinationError::Empty, .. } => missing("url"),
        links::Error::Destination { field, given, reason } => {
            invalid(named(field), format!("{reason}. Given: {}", quoted(&given)))
        }
        links::Error::Loop { field, host } => {
            invalid(named(field), format!("{host} is a short domain itself, so a visit could go round and round"))
        }
        links::Error::UnknownTags { unknown, .. } => {
            let shown = |id: &String| quoted(&TagId::parse(id).map_or_else(|| id.clone(), TagId::cuid));
            let unknown: Vec<String> = unknown.iter().take(10).map(shown).collect();
            invalid("tagIds", format!("there are no such tags in this workspace: {}", unknown.join(", ")))
        }
        links::Error::RootLink => invalid("id", "the link of a domain's own page cannot be deleted"),
        links::Error::Invalid { code, field, message } => ApiError::invalid(code, named(field), message),
        other => other.into(),
    }
}

/// The name here of a field that the link service names otherwise.
fn named(field: &'static str) -> &'static str {
    match field {
        "utm_source" => "utmSource",
        "utm_medium" => "utmMedium",
        "utm_campaign" => "utmCampaign",
        "utm_term" => "utmTerm",
        "utm_content" => "utmContent",
        "key" => "customSlug",
        other => other,
    }
}

/// Brevr's status and text of an error.
fn status_and_text(error: &ApiError, method: &Method) -> (StatusCode, String) {
    match error {
        ApiError::Invalid { code, field, message } => {
            // Of a question nothing but its parameters can be wrong.
            let unreadable = UNREADABLE.contains(code) || matches!(*method, Method::GET | Method::HEAD);
            let status = if unreadable { StatusCode::BAD_REQUEST } else { error.status() };
            (status, format!("{field}: {message}"))
        }
        _ => (error.status(), error.to_string()),
    }
}

/// Puts Brevr's shape around failed responses; leaves every other one alone. Headers such as `Retry-After` and `Allow` stay.
pub(super) async fn dress(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    dressed(next.run(request).await, &method)
}

fn dressed(mut response: Response, method: &Method) -> Response {
    let Some(error) = ApiError::of(&response) else { return response };
    let (status, text) = status_and_text(&error, method);
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.status_mut() = status;
    *response.body_mut() = Json(json!({ "error": text })).into_response().into_body();
    response
}

/// The answer of a handler that panicked. What it said is logged by the panic hook, not shown.
pub fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    dressed(ApiError::Internal.into_response(), &Method::GET)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn failures_have_one_text() {
        for (error, method, status, text) in [
            (missing("url"), Method::POST, 400, "url: it is required"),
            (invalid("url", "no"), Method::POST, 422, "url: no"),
            (invalid("limit", "no"), Method::GET, 400, "limit: no"),
            (ApiError::Conflict("taken".to_owned()), Method::POST, 409, "taken"),
            (ApiError::RateLimited { retry_after_secs: 3 }, Method::GET, 429, "Too many requests."),
            (ApiError::Internal, Method::GET, 500, "an internal error occurred"),
        ] {
            let dressed = dressed(error.into_response(), &method);
            assert_eq!(dressed.status(), status);
            assert_eq!(dressed.headers().contains_key("retry-after"), status == 429);
            let body = dressed.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "error": text }));
        }
    }

    #[test]
    fn fields_have_their_names_here() {
        let given = |error| status_and_text(&refusal(error), &Method::POST);
        let (status, text) = given(links::Error::Destination {
            field: "url",
            given: "javascript:x".to_owned(),
            reason: DestinationError::Scheme,
        });
        assert_eq!(status, 422);
        assert!(text.starts_with("url: only http") && text.ends_with("Given: \"javascript:x\""), "{text}");
        let (_, text) = given(links::Error::UnknownTags { field: "tagIds", unknown: vec![TagId(3).to_string()] });
        assert!(text.contains(&TagId(3).cuid()), "{text}");
        assert_eq!(given(links::Error::SlugTaken).0, 409);
        assert_eq!(given(links::Error::ForeignDomain).0, 422);
    }
}
