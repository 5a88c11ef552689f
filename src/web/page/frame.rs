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

/// Of pages that ask for a password, behind the look that all have.
pub(super) const FORM_STYLE: &str = "<style>
form{margin:1.5rem 0 0;display:grid;gap:.5rem}label{font-weight:600}
input,button{font:inherit;padding:.625rem .75rem;border-radius:.5rem}
input{border:1px solid var(--line);background:transparent;color:inherit}
button{margin-top:.5rem;border:0;background:var(--deed);color:var(--on-deed);font-weight:600;cursor:pointer}
input:focus-visible,button:focus-visible{outline:3px solid var(--deed);outline-offset:2px}
.problem{color:var(--bad)}
</style>
";

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
            "main{max-width:30rem;padding:2rem;overflow-wrap:anywhere}h1{font-size:1.75rem;line-height:1.25;margin:0 0 .75rem}\n",
            "p{margin:0;color:var(--soft)}a{color:var(--deed)}",
            "a:focus-visible{outline:3px solid var(--deed);outline-offset:2px}\n",
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

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    /// The relative luminance of a colour such as `#1c2430` or `#fff` (WCAG 2.2).
    fn luminance(colour: &str) -> f64 {
        let digits = colour.strip_prefix('#').unwrap();
        let full =
            if digits.len() == 3 { digits.chars().flat_map(|digit| [digit; 2]).collect() } else { digits.to_owned() };
        let part = |place: usize| {
            let value = f64::from(u8::from_str_radix(&full[place..place + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    }

    /// The contrast of two colours, 1 to 21.
    pub(in crate::web::page) fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    /// The colours of a `:root` rule by name.
    fn colours(rule: &str) -> HashMap<&str, &str> {
        let rule = rule.split_once(":root{").unwrap().1.split_once('}').unwrap().0;
        rule.split(';').filter_map(|line| line.strip_prefix("--")?.split_once(':')).collect()
    }

    #[test]
    fn contrasts_are_those_of_wcag_aa() {
        assert!((contrast("#000", "#ffffff") - 21.0).abs() < 1e-9);
        let (light, dark) = after_title!().split_once("@media(prefers-color-scheme:dark)").unwrap();
        for (look, rule) in [("light", light), ("dark", dark)] {
            let colours = colours(rule);
            assert_eq!(colours.len(), 7, "{look}");
            for (front, back, least) in [
                ("ink", "paper", 4.5),
                ("soft", "paper", 4.5),
                ("deed", "paper", 4.5),
                ("bad", "paper", 4.5),
                ("on-deed", "deed", 4.5),
                // What is no text: the edge of a field.
                ("line", "paper", 3.0),
            ] {
                let found = contrast(colours[front], colours[back]);
                assert!(found >= least, "{look}: {front} on {back} is {found:.2}, needs {least}");
            }
        }
    }

    #[test]
    fn pages_speak_and_adapt() {
        for part in ["<html lang=\"en\">", "name=\"viewport\"", "name=\"color-scheme\" content=\"light dark\""] {
            assert!(before_title!().contains(part), "{part}");
        }
    }
}
