//! `GET /script.js`: our own tracker, as its source says it, without comments and indentation.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const SOURCE: &str = include_str!("script.js");
/// Pages that isolate themselves may load it.
pub(super) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

struct Script {
    text: String,
    tag: HeaderValue,
}

static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    let text = tightened(SOURCE);
    let mut tag = String::from("W/\"");
    for byte in &Sha256::digest(&text)[..8] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    Script { text, tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"0\"")) }
});

/// The source without comments of their own lines, indentation and empty lines. It holds no texts of several lines.
fn tightened(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::new(), |text, line| if text.is_empty() { line.to_owned() } else { text + "\n" + line })
}

/// The script; 304 for whoever has it.
pub async fn serve(headers: HeaderMap) -> Response {
    let Script { text, tag } = &*SCRIPT;
    let has_it = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        list.split(',').any(|known| known.trim() == "*" || tag.to_str().is_ok_and(|tag| bare(tag) == bare(known)))
    });
    let mut response = if has_it { StatusCode::NOT_MODIFIED.into_response() } else { text.as_str().into_response() };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(ETAG, tag.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_is_served() {
        assert_eq!(tightened("// a\n\n  b();\n  // c\n\td();\n"), "b();\nd();");
        assert!(!SCRIPT.text.contains("//") || SCRIPT.text.contains("://"));
        assert!(SCRIPT.tag.to_str().unwrap().starts_with("W/\""));
    }
}
