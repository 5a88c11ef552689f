//! Cookies: those that a request shows, and one for a response to set.
//!
//! Every cookie of ours is `HttpOnly` and `SameSite=Lax`: nothing but this server reads it, and it comes along when a link is
//! followed from another site.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a name takes of RFC 6265's tokens without being written otherwise.
const IN_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What would end a path, or is no ASCII.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS.add(b' ').add(b';').add(b',').add(b'"').add(b'\\');

/// The values of all cookies of this name; several paths may each have one, the longest path's comes first.
pub fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

/// A text in the form in which it may be part of a cookie's name: letters, digits and `-._~`, the rest percent-encoded.
pub fn name_part(text: &str) -> String {
    utf8_percent_encode(text, IN_NAMES).to_string()
}

/// A cookie to set.
#[derive(Clone, Copy, Debug)]
pub struct Cookie<'a> {
    /// A token, see [`name_part`].
    pub name: &'a str,
    /// Letters, digits, and what else needs no quotes.
    pub value: &'a str,
    /// As the request has it, so that the browser shows the cookie there again; slashes at its end do not matter.
    pub path: &'a str,
    /// Seconds that it lives.
    pub max_age_secs: u32,
    /// Shown over https only.
    pub secure: bool,
}

impl Cookie<'_> {
    /// The `Set-Cookie` header; `None` when name or value have letters that no header takes.
    pub fn header(&self) -> Option<HeaderValue> {
        let path = utf8_percent_encode(self.path.trim_end_matches('/'), NOT_IN_PATHS).to_string();
        let path = if path.starts_with('/') { path.as_str() } else { "/" };
        let secure = if self.secure { "; Secure" } else { "" };
        let Self { name, value, max_age_secs, .. } = self;
        let text = format!("{name}={value}; Path={path}; Max-Age={max_age_secs}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; dub_id=x=y;a=2 ;broken; =z"));
        headers.append(COOKIE, HeaderValue::from_static("a=3"));
        headers.append(COOKIE, HeaderValue::from_bytes(b"a=\xff").unwrap());
        for (name, expected) in [("a", vec!["1", "2", "3"]), ("dub_id", vec!["x=y"]), ("broken", vec![]), ("b", vec![])]
        {
            assert_eq!(values(&headers, name).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn cookies_are_one_line_whatever_the_path() {
        for (path, secure, expected) in [
            ("/sale", false, "a=b; Path=/sale; Max-Age=60; HttpOnly; SameSite=Lax"),
            ("/sale//", true, "a=b; Path=/sale; Max-Age=60; HttpOnly; SameSite=Lax; Secure"),
            ("/", false, "a=b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"),
            ("", false, "a=b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"),
            ("/x;Domain=e.com", false, "a=b; Path=/x%3BDomain=e.com; Max-Age=60; HttpOnly; SameSite=Lax"),
            ("/%F0%9F%9A%80\r\n", false, "a=b; Path=/%F0%9F%9A%80%0D%0A; Max-Age=60; HttpOnly; SameSite=Lax"),
        ] {
            let cookie = Cookie { name: "a", value: "b", path, max_age_secs: 60, secure };
            assert_eq!(cookie.header().unwrap(), expected);
        }
        assert_eq!(Cookie { name: "a", value: "b\n", path: "/", max_age_secs: 1, secure: false }.header(), None);
        assert_eq!(name_part("dub_id_go.example_a/b;=🚀"), "dub_id_go.example_a%2Fb%3B%3D%F0%9F%9A%80");
    }
}
