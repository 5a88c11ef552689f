//! Linkly's envelope: `{"error", "code"}`. What Linkly's validation refuses is a 400 that names the parameter, never a 422.

use axum::Json;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::throttle::Standing;
use crate::web::error::ApiError;

/// Linkly's status and code of an error.
fn status_and_code(error: &ApiError) -> (StatusCode, &'static str) {
    match error {
        ApiError::BadRequest(_)
        | ApiError::Invalid { .. }
        | ApiError::Unprocessable(_)
        | ApiError::TooExpensive(_)
        // A value that is in use.
        | ApiError::Conflict(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        ApiError::Unauthorized(_) => (error.status(), "unauthorized"),
        ApiError::Forbidden(_) => (error.status(), "forbidden"),
        ApiError::NotFound(_) => (error.status(), "not_found"),
        ApiError::RateLimited { .. } | ApiError::Crowded { .. } => (error.status(), "rate_limit_exceeded"),
        ApiError::Internal => (error.status(), "internal_error"),
        // Statuses that Linkly has no code for.
        ApiError::TooLarge(_) => (error.status(), "payload_too_large"),
        ApiError::MethodNotAllowed(_) => (error.status(), "method_not_allowed"),
        ApiError::Unavailable(_) => (error.status(), "service_unavailable"),
    }
}

fn body(error: &ApiError, code: &str, standing: Option<Standing>) -> Value {
    match error {
        ApiError::Invalid { field, message, .. } => json!({ "error": format!("{field}: {message}"), "code": code }),
        // Clients read one or the other.
        ApiError::RateLimited { .. } => {
            let mut body = json!({ "error": code, "code": code, "message": error.to_string() });
            if let Some(standing) = standing {
                body["current_usage"] = json!(standing.limit - standing.remaining);
                body["limit"] = json!(standing.limit);
            }
            body
        }
        ApiError::Crowded { .. } => json!({ "error": code, "code": code, "message": error.to_string() }),
        _ => json!({ "error": error.to_string(), "code": code }),
    }
}

/// Puts the envelope around a failed response; leaves every other one alone. Headers such as `Retry-After` and `Allow` stay.
pub fn dress(mut response: Response) -> Response {
    let Some(error) = ApiError::of(&response) else { return response };
    let (status, code) = status_and_code(&error);
    let standing = response.extensions().get::<Standing>().copied();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.status_mut() = status;
    *response.body_mut() = Json(body(&error, code, standing)).into_response().into_body();
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
    async fn failures_have_linklys_shape() {
        for (error, status, expected) in [
            (
                ApiError::invalid("too_big", "limit", "at most 1000. Given: \"2000\""),
                400,
                json!({"error": "limit: at most 1000. Given: \"2000\"", "code": "bad_request"}),
            ),
            (ApiError::NotFound("gone".into()), 404, json!({"error": "gone", "code": "not_found"})),
            (ApiError::Internal, 500, json!({"error": "an internal error occurred", "code": "internal_error"})),
            (
                ApiError::RateLimited { retry_after_secs: 3 },
                429,
                json!({"error": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "Too many requests."}),
            ),
        ] {
            let dressed = dress(error.into_response());
            assert_eq!(dressed.status(), status);
            let body = dressed.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
        }
        let limited = dress(ApiError::RateLimited { retry_after_secs: 3 }.into_response());
        assert_eq!(limited.headers()["retry-after"], "3");
    }
}
