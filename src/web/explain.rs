//! `explain=true`: instead of an answer, how it came about. For owners of the workspace, on every read of analytics.
//!
//! The request is answered as always, with all its checks, and what was asked of ClickHouse meanwhile is collected. The
//! answer is read and dropped, a streamed one up to 16 MiB; what was collected goes out in its place, as JSON
//! whatever the form that was asked for. A refusal goes out as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use serde_json::json;

use super::error::ApiError;
use super::params::Params;
use crate::domain::principal::Role;
use crate::warehouse::explain::Explanation;

/// The parameter of the query string.
const EXPLAIN: &str = "explain";
/// Bytes of an answer that are read; then its making ends.
const MOST_BYTES: u64 = 16 << 20;

tokio::task_local! {
    static WISH: Wish;
}

/// What a request says of `explain`, when it says something other than `false`.
#[derive(Clone, Debug)]
struct Wish {
    /// A value that makes no sense is told once the caller is known, as all that is wrong with a request.
    refused: Option<ApiError>,
    /// An owner asks.
    admitted: Arc<AtomicBool>,
}

impl Wish {
    /// `true` and `1`, `false` and `0`; anything else is refused.
    fn read(query: &str) -> Option<Self> {
        // What is wrong with a query string as a whole is told by who reads it for an answer.
        let params = Params::parse(query).ok()?;
        let refused = match params.text(EXPLAIN)? {
            "1" => None,
            "0" => return None,
            _ => match params.boolean(EXPLAIN) {
                Ok(Some(true)) => None,
                Ok(_) => return None,
                Err(error) => Some(error),
            },
        };
        Some(Self { refused, admitted: Arc::default() })
    }
}

/// Sees that a caller in this role may have the request explained, if that is wished at all. Whoever finds out what a caller
/// is in a workspace says so here.
///
/// # Errors
/// [`ApiError::Forbidden`] for all but owners, [`ApiError::Invalid`] for a value that is neither true nor false.
pub fn admit(role: Role) -> Result<(), ApiError> {
    let Ok(wish) = WISH.try_with(Wish::clone) else { return Ok(()) };
    if let Some(error) = wish.refused {
        return Err(error);
    }
    if role < Role::Owner {
        let message = "explain=true shows the queries behind an answer to owners of the workspace. Your role:";
        return Err(ApiError::Forbidden(format!("{message} {}", role.name())));
    }
    wish.admitted.store(true, Ordering::Relaxed);
    Ok(())
}

/// Explains the answer where that is wished; around the routes that read analytics, inside what dresses errors.
pub async fn answer(request: Request, next: Next) -> Response {
    let Some(wish) = Wish::read(request.uri().query().unwrap_or_default()) else { return next.run(request).await };
    let began = Instant::now();
    let explanation = Explanation::default();
    let work = explanation.of(async {
        let response = next.run(request).await;
        if !response.status().is_success() {
            return Err(response);
        }
        // Nobody was asked who they are: then nobody is an owner.
        if !wish.admitted.load(Ordering::Relaxed) {
            let missing = || ApiError::Unauthorized("explain=true needs an owner's credentials.".to_owned());
            return Err(wish.refused.clone().unwrap_or_else(missing).into_response());
        }
        let status = response.status().as_u16();
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (bytes, whole) = drain(response.into_body()).await.map_err(IntoResponse::into_response)?;
        Ok(json!({ "status": status, "content_type": content_type, "bytes": bytes, "whole": whole }))
    });
    match WISH.scope(wish.clone(), work).await {
        Err(response) => response,
        Ok(answer) => {
            let mut shown = explanation.json();
            shown["answer"] = answer;
            shown["took_ms"] = json!((began.elapsed().as_secs_f64() * 1e6).round() / 1e3);
            let mut response = Json(shown).into_response();
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(VARY, HeaderValue::from_static("authorization"));
            response
        }
    }
}

/// Reads a body, and tells its bytes and whether it came to its end.
async fn drain(body: Body) -> Result<(u64, bool), ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = 0;
    while bytes < MOST_BYTES {
        let chunk = chunks.try_next().await.map_err(|error| {
            tracing::error!(%error, "an answer to explain not made");
            ApiError::Unavailable("The answer could not be made to its end. Try again.")
        })?;
        match chunk {
            Some(chunk) => bytes += chunk.len() as u64,
            None => return Ok((bytes, true)),
        }
    }
    Ok((bytes, false))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    /// What a handler answers after it admitted a caller in this role; `None` asks nobody.
    async fn ask(query: &str, role: Option<Role>, bytes: usize) -> (u16, Value) {
        let handler = move || async move {
            match role.map(admit) {
                Some(Err(error)) => error.into_response(),
                _ if bytes == 0 => StatusCode::NOT_FOUND.into_response(),
                _ => "x".repeat(bytes).into_response(),
            }
        };
        let router = Router::new().route("/", get(handler)).layer(from_fn(answer));
        let request = Request::get(format!("/?{query}")).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    #[tokio::test]
    async fn owners_alone_are_told() {
        for query in ["explain=true", "explain=1", "explain=TRUE", "a=b&explain=false&explain=true"] {
            let (status, told) = ask(query, Some(Role::Owner), 5).await;
            assert_eq!((status, &told["answer"]["bytes"]), (200, &json!(5)), "{query}");
            assert_eq!((&told["queries"], &told["answer"]["whole"]), (&json!([]), &json!(true)), "{query}");
            for (role, expected) in [(Some(Role::Member), 403), (Some(Role::Viewer), 403), (None, 401)] {
                assert_eq!(ask(query, role, 5).await.0, expected, "{query} {role:?}");
            }
        }
        let (_, told) = ask("explain=true", Some(Role::Member), 5).await;
        assert!(told["error"].as_str().unwrap().ends_with("Your role: member"), "{told}");
    }

    #[tokio::test]
    async fn others_are_answered_as_always() {
        for query in ["", "explain", "explain=", "explain=false", "explain=0", "Explain=true", "explain=True&explain=0"]
        {
            assert_eq!(ask(query, Some(Role::Viewer), 5).await, (200, Value::Null), "{query}");
        }
        assert_eq!(ask("explain=true", Some(Role::Owner), 0).await, (404, Value::Null));
        for query in ["explain=yes", "explain=2", "explain=true%20"] {
            for role in [Some(Role::Owner), Some(Role::Viewer), None] {
                let (status, told) = ask(query, role, 5).await;
                assert_eq!(status, 422, "{query} {role:?}");
                let message = told["error"].as_str().unwrap();
                assert!(message.contains("explain") && message.contains("\"true\"|\"false\""), "{message}");
            }
        }
    }

    #[tokio::test]
    async fn long_answers_are_not_read_to_their_end() {
        let most = usize::try_from(MOST_BYTES).unwrap();
        let piece = || Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 1 << 20]));
        let pieces = |count: usize| Body::from_stream(futures_util::stream::iter((0..count).map(move |_| piece())));
        assert_eq!(drain(pieces(3)).await, Ok((3 << 20, true)));
        assert_eq!(drain(pieces(40)).await, Ok((most as u64, false)));
        let broken = futures_util::stream::iter([piece(), Err(std::io::Error::other("gone"))]);
        assert_eq!(drain(Body::from_stream(broken)).await.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
