//! What all pages have in common: the head, the look, the headers.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::X_ROBOTS_TAG;

/// For pages that show nothing but themselves.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Up to the title's text.
macro_rules! before_title {
    () => {
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
        )
    };
}

/// From behind the title's text to the body's begin.
macro_rules! after_title {
    () => {
        concat!(
            "</title>\n<style>\n",
            ":root{color-scheme:light dark;--ink:#1c2430;--soft:#566173;--paper:#f7f8fa;--line:#77839a;--deed:#1f4fd8;",
            "--on-deed:#fff;--bad:#b3261e}\n",
            "@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--soft:#a3adbd;--paper:#14181f;--line:#77839a;",
            "--deed:#8fb0ff;--on-deed:#0d1526;--bad:#ffb4ab}}\n",
            "body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);",
            "font:1.0625rem/1.6 system-ui,sans-serif}\n",
            "main{max-width:30rem;padding:2rem}h1{font-size:1.75rem;line-height:1.25;margin:0 0 .75rem}\n",
            "p{margin:0;color:var(--soft);overflow-wrap:anywhere}a{color:var(--deed)}\n",
            "</style>\n"
        )
    };
}

pub(super) use {after_title, before_title};

/// A page with its headers. No cache keeps it: the link may be made, change or come back at any time.
pub(super) fn respond(status: StatusCode, html: impl Into<Body>, policy: HeaderValue, index: bool) -> Response {
    let mut response = Response::new(html.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !index {
        headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    }
    response
}
