//! Dub's envelope: `{"error": {"code", "message", "doc_url"}}`.

use axum::Json;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::web::error::ApiError;

const DOCUMENTATION: &str = "https://dub.co/docs/api-reference/errors";

/// Dub's code of an error. Each goes with exactly one status, which its clients check.
fn code(error: &ApiError) -> &'static str {
    match error {
        ApiError::BadRequest(_) => "bad_request",
        ApiError::Unauthorized(_) => "unauthorized",
        ApiError::Forbidden(_) => "forbidden",
        ApiError::NotFound(_) => "not_found",
        ApiError::Conflict(_) => "conflict",
        ApiError::Invalid { .. } | ApiError::Unprocessable(_) | ApiError::TooExpensive(_) => "unprocessable_entity",
        ApiError::RateLimited { .. } => "rate_limit_exceeded",
        ApiError::Internal => "internal_server_error",
        // Statuses that Dub has no code for.
        ApiError::TooLarge(_) => "payload_too_large",
        ApiError::MethodNotAllowed(_) => "method_not_allowed",
        ApiError::Unavailable(_) => "service_unavailable",
    }
}

/// Puts the envelope around a failed response; leaves every other one alone. Headers such as `Retry-After` and `Allow` stay.
pub async fn dress(mut response: Response) -> Response {
    let Some(error) = response.extensions().get::<ApiError>().cloned() else { return response };
    let code = code(&error);
    let body = json!({
        "error": {
            "code": code,
            "message": error.to_string(),
            "doc_url": format!("{DOCUMENTATION}#{}", code.replacen('_', "-", 1)),
        }
    });
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Json(body).into_response().into_body();
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn dresses_failures_and_keeps_their_headers() {
        let dressed = dress(ApiError::Unavailable("later").into_response()).await;
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
}
