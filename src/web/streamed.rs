//! Lengths and parts of answers that are made while they are sent, for readers of remote files: DuckDB asks `HEAD` for the
//! length and then for parts of it.
//!
//! Neither is known before the answer is made, so it is made and not sent: `HEAD` counts its bytes, and a part is what
//! comes after the bytes before it. Nothing of it is kept but the part.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE};
use axum::http::response::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;

use super::error::ApiError;
use super::whole::Span;

/// Most bytes of a part; who asks for more is sent the whole.
const MOST_BYTES: u64 = 16 << 20;

/// The answer to a method and perhaps a range, of a good one that is streamed.
pub(super) async fn answer(method: &Method, range: Option<Span>, mut parts: Parts, body: Body) -> Response {
    parts.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if method == Method::HEAD {
        return match read(body, 0, 0).await {
            Ok(read) => {
                parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(read.passed));
                Response::from_parts(parts, Body::empty())
            }
            Err(refusal) => refusal,
        };
    }
    let Some((first, end)) = range.and_then(Span::bounds).filter(|(first, end)| end - first <= MOST_BYTES) else {
        return Response::from_parts(parts, body);
    };
    let read = match read(body, first, end).await {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    let length = read.bytes.len() as u64;
    // Its length is known where it came to its end.
    let total = if read.is_over { read.passed.to_string() } else { "*".to_owned() };
    let place = if length == 0 { "*".to_owned() } else { format!("{first}-{}", first + length - 1) };
    parts.status = if length == 0 { StatusCode::RANGE_NOT_SATISFIABLE } else { StatusCode::PARTIAL_CONTENT };
    if let Ok(place) = HeaderValue::try_from(format!("bytes {place}/{total}")) {
        parts.headers.insert(CONTENT_RANGE, place);
    }
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Response::from_parts(parts, Body::from(read.bytes))
}

/// What was read of a body.
#[derive(Debug, Default)]
struct Read {
    /// The part that was asked for, as far as there is one.
    bytes: Vec<u8>,
    /// Bytes that went by, the part's included.
    passed: u64,
    /// The body came to its end.
    is_over: bool,
}

/// Reads until `end`, or to the end where `end` is 0, and keeps what begins at `first`.
async fn read(body: Body, first: u64, end: u64) -> Result<Read, Response> {
    let mut chunks = body.into_data_stream();
    let mut read = Read::default();
    loop {
        let chunk = chunks.try_next().await.map_err(|error| {
            tracing::error!(%error, "part of an answer not made");
            ApiError::Unavailable("The answer could not be made to its end. Try again.").into_response()
        })?;
        let Some(chunk) = chunk else {
            read.is_over = true;
            return Ok(read);
        };
        let begins = read.passed;
        read.passed += chunk.len() as u64;
        let place = |at: u64| usize::try_from(at.saturating_sub(begins)).unwrap_or(usize::MAX).min(chunk.len());
        read.bytes.extend_from_slice(&chunk[place(first)..place(end).max(place(first))]);
        if end > 0 && read.passed > end {
            return Ok(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    const TEXT: &str = "0123456789abcdefghij";

    /// The text in pieces of three bytes; the fourth fails where that is wanted.
    async fn ask(method: Method, range: &str, fails: bool) -> (u16, String, String, String) {
        let pieces: Vec<Result<Bytes, std::io::Error>> = TEXT
            .as_bytes()
            .chunks(3)
            .enumerate()
            .map(|(number, piece)| match number {
                3 if fails => Err(std::io::Error::other("gone")),
                _ => Ok(Bytes::from_static(piece)),
            })
            .collect();
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        let response = answer(&method, Span::parse(range), parts, Body::from_stream(stream::iter(pieces))).await;
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (status, length, place) = (response.status().as_u16(), header(CONTENT_LENGTH), header(CONTENT_RANGE));
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        (status, length, place, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn parts_are_cut_wherever_pieces_end() {
        for (range, status, length, place, body) in [
            ("bytes=0-0", 206, "1", "bytes 0-0/*", "0"),
            ("bytes=0-2", 206, "3", "bytes 0-2/*", "012"),
            ("bytes=2-6", 206, "5", "bytes 2-6/*", "23456"),
            ("bytes=3-5", 206, "3", "bytes 3-5/*", "345"),
            ("bytes=18-19", 206, "2", "bytes 18-19/20", "ij"),
            ("bytes=15-1000", 206, "5", "bytes 15-19/20", "fghij"),
            ("bytes=0-19", 206, "20", "bytes 0-19/20", TEXT),
            ("bytes=20-30", 416, "0", "bytes */20", ""),
            // The end is not known, and too much is too much.
            ("bytes=5-", 200, "", "", TEXT),
            ("bytes=-5", 200, "", "", TEXT),
            ("bytes=0-99999999", 200, "", "", TEXT),
            ("", 200, "", "", TEXT),
        ] {
            let expected = (status, length.to_owned(), place.to_owned(), body.to_owned());
            assert_eq!(ask(Method::GET, range, false).await, expected, "{range}");
        }
        assert_eq!(ask(Method::HEAD, "", false).await, (200, "20".to_owned(), String::new(), String::new()));
    }

    #[tokio::test]
    async fn what_cannot_be_made_is_refused() {
        for (method, range) in [(Method::HEAD, ""), (Method::GET, "bytes=0-19")] {
            assert_eq!(ask(method, range, true).await.0, 503);
        }
        assert_eq!(ask(Method::GET, "bytes=0-4", true).await.0, 206);
    }
}
