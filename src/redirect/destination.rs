//! A destination, prepared once so that a visit only copies it.
//!
//! What the owner wrote is sent as it stands when every client reads it the same way; otherwise in the form that the WHATWG
//! URL rules give it (`https:\\host` and `https:host` become `https://host/`, a name outside ASCII becomes punycode).
//! Only schemes that cannot run script are let through; anything else is no destination.

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::{Url, form_urlencoded};

use super::forward;
use crate::domain::link::LinkUtm;

/// No `Location` is longer than this many bytes.
pub const MAX_LOCATION_BYTES: usize = 8_192;

const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "sms"];

/// What may not stand in a header's address, beside all that is not ASCII.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// What may not stand in one parameter of it.
const UNSAFE_IN_PAIR: &AsciiSet = &UNSAFE.add(b'#');

/// Where a link leads: checked, encoded, campaign fields included.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    location: HeaderValue,
    web: bool,
}

impl Destination {
    /// Prepares an address and writes the campaign fields into it that it does not have (web addresses only). `None` when
    /// it is empty, malformed, of a scheme that is not allowed, or longer than [`MAX_LOCATION_BYTES`].
    pub fn prepare(url: &str, utm: &LinkUtm) -> Option<Self> {
        let written = url.trim();
        // The parser would only make a too long address longer.
        if written.is_empty() || written.len() > MAX_LOCATION_BYTES {
            return None;
        }
        let parsed = Url::parse(written).ok()?;
        if !SCHEMES.contains(&parsed.scheme()) {
            return None;
        }
        let web = parsed.scheme().starts_with("http");
        let clean = if unambiguous(written, web) {
            written.to_owned()
        } else {
            utf8_percent_encode(parsed.as_str(), UNSAFE).to_string()
        };
        let text = if web { with_campaign(clean, utm) } else { clean };
        Self::from_text(text, web)
    }

    fn from_text(text: String, web: bool) -> Option<Self> {
        let fits = text.len() <= MAX_LOCATION_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        let location = if fits { HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()? } else { return None };
        Some(Self { location, web })
    }

    /// With a parameter instead of others of its name; as it is where that would be too long, and where addresses take none.
    pub(super) fn with_parameter(self, name: &str, value: &str) -> Self {
        if !self.web {
            return self;
        }
        let parts = Parts::of(self.as_str());
        let query = parts.query.unwrap_or_default();
        let mut growing = Growing::base(parts, query.len() + name.len() + value.len());
        for pair in forward::pairs(query).filter(|pair| *pair.key != *name.as_bytes()) {
            growing.add_written(pair.written);
        }
        growing.add(name, value);
        Self::from_text(growing.finish(), true).unwrap_or(self)
    }

    /// The header; a copy shares its bytes.
    pub fn location(&self) -> &HeaderValue {
        &self.location
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        // Checked to be ASCII when it was made.
        self.location.to_str().unwrap_or_default()
    }

    /// Whether it is `http:` or `https:`; only those take parameters.
    pub fn is_web(&self) -> bool {
        self.web
    }

    /// Bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        self.location.len()
    }
}

/// An address in its three parts: up to the query, the query without `?`, and the fragment with its `#`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parts<'a> {
    pub(super) base: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) fragment: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(address: &'a str) -> Self {
        let (before, fragment) = address.split_at(address.find('#').unwrap_or(address.len()));
        match before.split_once('?') {
            Some((base, query)) => Self { base, query: Some(query), fragment },
            None => Self { base: before, query: None, fragment },
        }
    }
}

/// An address under construction: parameters are added to its query, the fragment comes last.
pub(super) struct Growing<'a> {
    text: String,
    fragment: &'a str,
    next_separator: Option<char>,
}

impl<'a> Growing<'a> {
    /// Begins with everything before the fragment.
    pub(super) fn whole(parts: Parts<'a>, more: usize) -> Self {
        let mut growing = Self::base(parts, parts.query.map_or(0, str::len) + more);
        if let Some(query) = parts.query {
            growing.text.push('?');
            growing.text.push_str(query);
            growing.next_separator = if query.is_empty() || query.ends_with('&') { None } else { Some('&') };
        }
        growing
    }

    /// Begins with everything before the query.
    pub(super) fn base(parts: Parts<'a>, more: usize) -> Self {
        let mut text = String::with_capacity(parts.base.len() + parts.fragment.len() + more + 2);
        text.push_str(parts.base);
        Self { text, fragment: parts.fragment, next_separator: Some('?') }
    }

    fn separate(&mut self) {
        if let Some(separator) = self.next_separator {
            self.text.push(separator);
        }
        self.next_separator = Some('&');
    }

    /// Adds a parameter as it was written; what a header cannot hold is encoded.
    pub(super) fn add_written(&mut self, pair: &str) {
        self.separate();
        self.text.extend(utf8_percent_encode(pair, UNSAFE_IN_PAIR));
    }

    /// Adds a parameter of plain text.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.separate();
        self.text.push_str(name);
        self.text.push('=');
        self.text.extend(form_urlencoded::byte_serialize(value.as_bytes()));
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str(self.fragment);
        self.text
    }
}

/// Whether all clients read a parsable address alike: printable ASCII without characters that some rewrite, and, on the
/// web, an authority in its usual place.
fn unambiguous(written: &str, web: bool) -> bool {
    let plain = written.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'));
    let authority = || written.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
    plain && (!web || authority())
}

fn with_campaign(address: String, utm: &LinkUtm) -> String {
    let parts = Parts::of(&address);
    let has = |name: &str| forward::pairs(parts.query.unwrap_or_default()).any(|pair| *pair.key == *name.as_bytes());
    let missing: Vec<(&str, &str)> = utm
        .pairs()
        .into_iter()
        .filter_map(|(name, value)| value.filter(|value| !value.is_empty() && !has(name)).map(|value| (name, value)))
        .collect();
    if missing.is_empty() {
        return address;
    }
    let mut growing = Growing::whole(parts, 64);
    for (name, value) in missing {
        growing.add(name, value);
    }
    growing.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prepared(url: &str) -> Option<String> {
        Destination::prepare(url, &LinkUtm::default()).map(|destination| destination.as_str().to_owned())
    }

    #[test]
    fn addresses_are_kept_made_plain_or_refused() {
        for (url, location) in [
            ("https://example.com", Some("https://example.com")),
            ("https://example.com/a?b=c#d", Some("https://example.com/a?b=c#d")),
            ("HTTP://Example.com/A", Some("HTTP://Example.com/A")),
            ("  https://example.com/a b ", Some("https://example.com/a%20b")),
            ("https://bücher.example/ä?ö=ü#ß", Some("https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC#%C3%9F")),
            ("https:\\\\example.com\\a", Some("https://example.com/a")),
            ("https:example.com", Some("https://example.com/")),
            ("https:///example.com", Some("https://example.com/")),
            ("https://example.com/\r\nSet-Cookie: a=b", Some("https://example.com/Set-Cookie:%20a=b")),
            ("mailto:a@example.com?subject=Hi there", Some("mailto:a@example.com?subject=Hi%20there")),
            ("tel:+15551234", Some("tel:+15551234")),
            ("sms:+15551234", Some("sms:+15551234")),
            ("javascript:alert(1)", None),
            ("JaVaScRiPt:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("\u{1}javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("file:///etc/passwd", None),
            ("//example.com", None),
            ("\\\\example.com", None),
            ("/path", None),
            ("example.com", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(prepared(url).as_deref(), location, "{url:?}");
        }
        assert!(prepared(&format!("https://example.com/{}", "x".repeat(8_000))).is_some());
        assert_eq!(prepared(&format!("https://example.com/{}", "x".repeat(8_192))), None);
        assert_eq!(prepared(&format!("https://example.com/{}", "é".repeat(3_000))), None);
    }

    #[test]
    fn campaign_fields_are_written_where_missing() {
        let utm = LinkUtm {
            source: Some("news letter".to_owned()),
            medium: Some(String::new()),
            campaign: Some("a&b#c".to_owned()),
            ..LinkUtm::default()
        };
        for (url, location) in [
            ("https://e.com", "https://e.com?utm_source=news+letter&utm_campaign=a%26b%23c"),
            ("https://e.com/?a=1#f", "https://e.com/?a=1&utm_source=news+letter&utm_campaign=a%26b%23c#f"),
            ("https://e.com/?", "https://e.com/?utm_source=news+letter&utm_campaign=a%26b%23c"),
            ("https://e.com/?utm%5Fsource=x&utm_campaign", "https://e.com/?utm%5Fsource=x&utm_campaign"),
            ("mailto:a@e.com", "mailto:a@e.com"),
        ] {
            let destination = Destination::prepare(url, &utm).unwrap();
            assert_eq!(destination.as_str(), location);
        }
    }

    #[test]
    fn a_parameter_replaces_its_namesakes() {
        for (url, location) in [
            ("https://e.com#f", "https://e.com?via=a%2F%C3%A9#f"),
            ("https://e.com/?via=x&a=%20&v%69a=y", "https://e.com/?a=%20&via=a%2F%C3%A9"),
            ("mailto:a@e.com", "mailto:a@e.com"),
        ] {
            let destination = Destination::prepare(url, &LinkUtm::default()).unwrap();
            assert_eq!(destination.with_parameter("via", "a/é").as_str(), location);
        }
        let long = Destination::prepare(&format!("https://e.com/{}", "x".repeat(8_170)), &LinkUtm::default()).unwrap();
        assert_eq!(long.clone().with_parameter("via", "partner"), long);
    }

    proptest! {
        #[test]
        fn a_location_is_one_line_of_an_allowed_scheme(
            scheme in "(https?:|mailto:|tel:|sms:|javascript:|data:|)", rest in "(//|\\\\|[\r\n\t#?&%]|.){0,40}"
        ) {
            if let Some(location) = prepared(&format!("{scheme}{rest}")) {
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
                let parsed = Url::parse(&location);
                prop_assert!(parsed.is_ok_and(|parsed| SCHEMES.contains(&parsed.scheme())), "{}", location);
            }
        }
    }
}
