//! Ghost ID's errors: `{"error": "..."}`, with 400 for everything that is wrong with a request (contract, D13).

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::web::error::ApiError;

/// What is said to whoever shows no credentials, or wrong ones (contract, D13).
const UNAUTHORIZED: &str = "Unauthorized";

/// Re-dresses a failed response where this surface differs from the plain one; leaves every other alone.
pub(super) fn dress(mut response: Response) -> Response {
    let (status, message) = match response.extensions().get::<ApiError>() {
        Some(ApiError::Invalid { field, message, .. }) => (StatusCode::BAD_REQUEST, format!("{field}: {message}")),
        Some(ApiError::Unprocessable(message) | ApiError::TooExpensive(message)) => {
            (StatusCode::BAD_REQUEST, message.clone())
        }
        // Clients compare this text.
        Some(ApiError::Unauthorized(message)) if message.starts_with(UNAUTHORIZED) => {
            (StatusCode::UNAUTHORIZED, UNAUTHORIZED.to_owned())
        }
        _ => return response,
    };
    let body = Json(json!({ "error": message })).into_response().into_body();
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.status_mut() = status;
    *response.body_mut() = body;
    response
}

/// The answer of a handler that panicked. What it said is logged by the panic hook, not shown.
pub fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::Internal.into_response()
}
