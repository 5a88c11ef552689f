//! The few pages that visitors see: small, self-contained, readable without styles, the same bytes every time. Nothing of a
//! request ever stands in them.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

/// Tells search engines what they may do with an address.
pub const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! page {
    ($title:literal, $text:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<title>",
            $title,
            "</title>\n<style>\n",
            ":root{color-scheme:light dark;--ink:#1c2430;--soft:#566173;--paper:#f7f8fa}\n",
            "@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a3adbd;--paper:#14181f}}\n",
            "body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);",
            "font:1.0625rem/1.6 system-ui,sans-serif}\n",
            "main{max-width:30rem;padding:2rem}h1{font-size:1.75rem;line-height:1.25;margin:0 0 .75rem}\n",
            "p{margin:0;color:var(--soft)}\n",
            "</style>\n</head>\n<body>\n<main>\n<h1>",
            $title,
            "</h1>\n<p>",
            $text,
            "</p>\n</main>\n</body>\n</html>\n"
        )
    };
}

/// A page for visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// 200: the root of a short domain that leads nowhere.
    Root,
    /// 404: no such link, or none that may be seen.
    NotFound,
    /// 410: the link was there and its time is over.
    Expired,
    /// 429: too many visits to links that do not exist.
    TooMany,
    /// 503: try again.
    Unavailable,
}

impl Page {
    /// The status it comes with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Root => StatusCode::OK,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Expired => StatusCode::GONE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn html(self) -> &'static str {
        match self {
            Self::Root => {
                page!(
                    "Nothing at this address",
                    "This domain is for short links. The links on it lead to other places."
                )
            }
            Self::NotFound => page!(
                "Link not found",
                "There is no link at this address. Check it for typing mistakes, or ask whoever shared it."
            ),
            Self::Expired => {
                page!("Link expired", "This link is no longer active. Ask whoever shared it for a new one.")
            }
            Self::TooMany => page!("Too many requests", "Please wait a few seconds, then try again."),
            Self::Unavailable => page!("Temporarily unavailable", "Please try again in a few seconds."),
        }
    }

    fn retry_after(self) -> Option<HeaderValue> {
        match self {
            Self::Root | Self::NotFound | Self::Expired => None,
            Self::TooMany => Some(HeaderValue::from_static("10")),
            Self::Unavailable => Some(HeaderValue::from_static("5")),
        }
    }

    /// The whole answer.
    pub fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.html()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.reserve(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        // The link may be made, or come back, at any time.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_stand_on_their_own() {
        for (page, status, retries) in [
            (Page::Root, 200, false),
            (Page::NotFound, 404, false),
            (Page::Expired, 410, false),
            (Page::TooMany, 429, true),
            (Page::Unavailable, 503, true),
        ] {
            let response = page.response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), retries);
            assert_eq!(response.headers()[X_ROBOTS_TAG], "noindex");
            let html = page.html();
            for outside in ["http:", "https:", "//", "<script", "<img", "<link", "url("] {
                assert!(!html.contains(outside), "{outside}");
            }
            assert!(html.len() < 2_000);
        }
    }
}
