//! Answers that are sent whole, seen from the outside: a tag to ask again with, and parts of them.
//!
//! An answer of known length gets an `ETag`; a caller who names it in `If-None-Match` is told 304 where nothing has changed, and
//! one `Range` of it is answered with 206. An answer that is streamed has no tag; of its length and parts see `streamed`. What
//! DuckDB and other readers of remote files ask.

use std::hash::Hasher;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::streamed;

/// Puts all of that on a good answer to `GET` or `HEAD`.
pub async fn answer(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let asked = Asked::read(request.headers());
    let response = next.run(request).await;
    if !matches!(method, Method::GET | Method::HEAD) || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match body.size_hint().exact() {
        // The body is in memory: this waits for nothing.
        Some(_) => body.collect().await.map(http_body_util::Collected::to_bytes).ok(),
        None => return streamed::answer(&method, asked.range, parts, body).await,
    };
    let bytes = bytes.unwrap_or_default();
    let tag = tag(&bytes);
    parts.headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Kept by nobody else, and asked about each time.
    parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    insert(&mut parts.headers, ETAG, &tag);
    if asked.knows(&tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        return Response::from_parts(parts, Body::empty());
    }
    let (length, body) = match asked.range.filter(|_| method == Method::GET) {
        None => (bytes.len(), bytes),
        Some(range) => match range.within(bytes.len()) {
            Some((first, end)) => {
                parts.status = StatusCode::PARTIAL_CONTENT;
                insert(&mut parts.headers, CONTENT_RANGE, &format!("bytes {first}-{}/{}", end - 1, bytes.len()));
                (end - first, bytes.slice(first..end))
            }
            None => {
                parts.status = StatusCode::RANGE_NOT_SATISFIABLE;
                insert(&mut parts.headers, CONTENT_RANGE, &format!("bytes */{}", bytes.len()));
                (0, Bytes::new())
            }
        },
    };
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Response::from_parts(parts, Body::from(body))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// Weak: compressed or not, the answer has the same.
fn tag(bytes: &[u8]) -> String {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    let hash = hasher.finish128();
    format!("W/\"{:016x}{:016x}\"", hash.h1, hash.h2)
}

/// What a request asks of an answer.
struct Asked {
    known: Option<String>,
    range: Option<Span>,
}

impl Asked {
    fn read(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        // A weak tag never proves that two answers are the same to the byte: then the whole is sent.
        let range = if headers.contains_key(IF_RANGE) { None } else { text(RANGE).and_then(Span::parse) };
        Self { known: text(IF_NONE_MATCH).map(str::to_owned), range }
    }

    fn knows(&self, tag: &str) -> bool {
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let known = self.known.as_deref().unwrap_or_default();
        known.trim() == "*" || known.split(',').any(|one| bare(one) == bare(tag))
    }
}

/// One range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// From the first to the last, or to the end.
    From(usize, Option<usize>),
    /// So many at the end.
    Last(usize),
}

impl Span {
    /// A single range; what is anything else is ignored, as HTTP has it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| {
            let digits = text.trim();
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            // More than there can be is as good as all there is.
            is_number.then(|| digits.parse().unwrap_or(usize::MAX))
        };
        match (first.trim(), last.trim()) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// Its first byte and the one after its last, where it says so itself.
    pub(super) fn bounds(self) -> Option<(u64, u64)> {
        match self {
            Self::From(first, Some(last)) => Some((first as u64, (last as u64).saturating_add(1))),
            Self::From(_, None) | Self::Last(_) => None,
        }
    }

    /// Its first byte and the one after its last; `None` when it holds none of so many.
    fn within(self, length: usize) -> Option<(usize, usize)> {
        let (first, end) = match self {
            Self::From(first, last) => (first, last.map_or(length, |last| last.saturating_add(1).min(length))),
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        (first < end).then_some((first, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (text, expected) in [
            ("bytes=0-9", Some((0, 9 + 1))),
            ("bytes=0-1000", Some((0, 100))),
            ("bytes=90-", Some((90, 100))),
            ("bytes=-10", Some((90, 100))),
            ("bytes=-1000", Some((0, 100))),
            ("bytes=5-99999999999999999999999", Some((5, 100))),
        ] {
            assert_eq!(Span::parse(text).unwrap().within(100), expected, "{text}");
        }
        for text in ["bytes=100-", "bytes=-0", "bytes=100-200"] {
            assert_eq!(Span::parse(text).unwrap().within(100), None, "{text}");
        }
        for text in
            ["", "bytes", "bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b", "bytes=+1-2"]
        {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn tags_are_compared_weakly() {
        let own = tag(b"body");
        assert_eq!(own, tag(b"body"));
        assert_ne!(own, tag(b"other"));
        let asked = |known: &str| Asked { known: Some(known.to_owned()), range: None };
        let strong = own.trim_start_matches("W/").to_owned();
        for known in [own.clone(), strong, format!("\"x\", {own}"), "*".to_owned()] {
            assert!(asked(&known).knows(&own), "{known}");
        }
        assert!(!asked("\"x\"").knows(&own) && !asked("").knows(&own));
    }
}
