//! `/api/links` is a path of this surface and of Dub's, which answers below `/api` as it does at the root. Which of them a
//! request means:
//! - one without an `Authorization` header is ours, where we have such an endpoint: Dub's API knows nothing but keys, and
//!   says so on its own;
//! - one that says `siteId`, in the query or the body, or names a link as `lnk_...`, is ours;
//! - `/api/links/check-slug` is ours;
//! - every other one that shows a key is Dub's.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, Uri};
use serde_json::Value;

use super::link_shape::PREFIX;
use crate::web::params::Params;

const PATH: &str = "/api/links";

/// Which surface a request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// This one.
    Ours,
    /// Another.
    Another,
    /// This one when [`body_is_ours`].
    ByBody,
}

/// Which surface a request means, as far as its head tells.
pub fn meant(method: &Method, uri: &Uri, headers: &HeaderMap) -> Meant {
    let Some(rest) = uri.path().strip_prefix(PATH).filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return Meant::Another;
    };
    let rest = rest.trim_matches('/');
    let says_site =
        || Params::parse(uri.query().unwrap_or_default()).is_ok_and(|params| params.raw("siteId").is_some());
    if rest == "check-slug" || rest.starts_with(PREFIX) || says_site() {
        return Meant::Ours;
    }
    if !headers.contains_key(AUTHORIZATION) {
        let is_ours = match rest {
            "" => matches!(*method, Method::GET | Method::HEAD | Method::POST),
            "bulk" | "count" | "info" | "upsert" => false,
            _ => matches!(*method, Method::PUT | Method::DELETE) && !rest.contains('/'),
        };
        return if is_ours { Meant::Ours } else { Meant::Another };
    }
    if rest.is_empty() && *method == Method::POST { Meant::ByBody } else { Meant::Another }
}

/// Whether a body says whose link it asks for: Dub's has no such fields.
pub fn body_is_ours(body: &[u8]) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return false };
    fields.contains_key("siteId") || fields.contains_key("destinationUrl")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn requests_find_their_surface() {
        let none = HeaderMap::new();
        let key = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer lt_x"))]);
        for (method, uri, headers, expected) in [
            (Method::GET, "/api/links", &none, Meant::Ours),
            (Method::POST, "/api/links/", &none, Meant::Ours),
            (Method::PUT, "/api/links/other", &none, Meant::Ours),
            (Method::GET, "/api/links/count", &none, Meant::Another),
            (Method::PATCH, "/api/links/link_1", &none, Meant::Another),
            (Method::POST, "/api/links/bulk", &none, Meant::Another),
            (Method::PUT, "/api/links/upsert", &none, Meant::Another),
            (Method::GET, "/links", &none, Meant::Another),
            (Method::GET, "/api/linksx", &none, Meant::Another),
            (Method::GET, "/api/links", &key, Meant::Another),
            (Method::GET, "/api/links?domain=a&siteId=4", &key, Meant::Ours),
            (Method::GET, "/api/links/check-slug?slug=a", &key, Meant::Ours),
            (Method::PUT, "/api/links/lnk_1", &key, Meant::Ours),
            (Method::PUT, "/api/links/link_1", &key, Meant::Another),
            (Method::GET, "/api/links/info", &key, Meant::Another),
            (Method::POST, "/api/links", &key, Meant::ByBody),
            (Method::POST, "/api/links/bulk", &key, Meant::Another),
        ] {
            assert_eq!(meant(&method, &uri.parse().unwrap(), headers), expected, "{method} {uri}");
        }
        for (body, ours) in [
            (r#"{"siteId": 4}"#, true),
            (r#"{"destinationUrl": "https://a.b"}"#, true),
            (r#"{"url": "https://a.b"}"#, false),
            ("[]", false),
            ("{", false),
        ] {
            assert_eq!(body_is_ours(body.as_bytes()), ours, "{body}");
        }
    }
}
