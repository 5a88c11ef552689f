//! Dub's envelope: `{"error": {"code", "message", "doc_url"}}`.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::web::error::ApiError;

const DOCUMENTATION: &str = "https://dub.co/docs/api-reference/errors";

/// Dub's code of an error. Each goes with exactly one status, which its clients check.
pub(super) fn code(error: &ApiError) -> &'static str {
    match error {
        ApiError::BadRequest(_) => "bad_request",
        ApiError::Unauthorized(_) => "unauthorized",
        ApiError::Forbidden(_) => "forbidden",
        ApiError::NotFound(_) => "not_found",
        ApiError::Conflict(_) => "conflict",
        ApiError::Invalid { .. } | ApiError::Unprocessable(_) | ApiError::TooExpensive(_) => "unprocessable_entity",
        ApiError::RateLimited { .. } | ApiError::Crowded { .. } => "rate_limit_exceeded",
        ApiError::Internal => "internal_server_error",
        // Statuses that Dub has no code for.
        ApiError::TooLarge(_) => "payload_too_large",
        ApiError::MethodNotAllowed(_) => "method_not_allowed",
        ApiError::Unavailable(_) => "service_unavailable",
    }
}

/// The body of an error.
pub fn envelope(code: &str, message: &str) -> Value {
    json!({
        "error": {
            "code": code,
            "message": message,
            "doc_url": format!("{DOCUMENTATION}#{}", code.replacen('_', "-", 1)),
        }
    })
}

/// Puts the envelope around a failed response; leaves every other one alone. Headers such as `Retry-After` and `Allow` stay.
pub fn dress(mut response: Response) -> Response {
    let Some(error) = ApiError::of(&response) else { return response };
    let body = envelope(code(&error), &error.to_string());
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.status_mut() = error.status();
    *response.body_mut() = Json(body).into_response().into_body();
    response
}

/// The answer of a handler that panicked. What it said is logged by the panic hook, not shown.
pub fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    dress(ApiError::Internal.into_response())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn dresses_failures_and_keeps_their_headers() {
        let dressed = dress(ApiError::Unavailable("later").into_response());
        assert_eq!(dressed.status(), 503);
        assert_eq!(dressed.headers()["retry-after"], "5");
        assert_eq!(dressed.headers()["content-type"], "application/json");
        let body = dressed.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            json!({"error": {
                "code": "service_unavailable",
                "message": "later",
                "doc_url": "https://dub.co/docs/api-reference/errors#service-unavailable",
            }})
        );
    }
    #[tokio::test]
    async fn a_panic_wears_the_envelope_and_tells_nothing() {
        let response = panicked(Box::new("secret"));
        assert_eq!(response.status(), 500);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["code"], "internal_server_error");
        assert!(!body.to_string().contains("secret"), "{body}");
    }
}
