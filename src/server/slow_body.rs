//! A time limit for the whole body of a request: a client that sends a byte now and then must not hold a handler.
//!
//! When the time is over the body ends in an error, and whatever the handler makes of that, the client is told 408 and the
//! connection ends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::api::dub;

/// The body took too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request body took too long")]
struct TooSlow;

/// Layer for routes that read bodies: `from_fn_with_state(limit, slow_body::limit)`.
pub async fn limit(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let late = Arc::new(AtomicBool::new(false));
    let deadline = Box::pin(tokio::time::sleep(limit));
    let request = request.map(|body| Body::new(Timed { body, deadline, late: Arc::clone(&late) }));
    let response = next.run(request).await;
    if late.load(Ordering::Relaxed) { too_slow(limit) } else { response }
}

/// The answer to a body that took too long.
pub(super) fn too_slow(limit: Duration) -> Response {
    let message = format!("the request body was not complete after {} seconds", limit.as_secs_f64());
    let body = dub::envelope("request_timeout", &message);
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body with a deadline.
struct Timed {
    body: Body,
    deadline: Pin<Box<Sleep>>,
    late: Arc<AtomicBool>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        // The deadline first: a client that always has a byte ready is late all the same.
        if self.deadline.as_mut().poll(context).is_ready() {
            self.late.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
