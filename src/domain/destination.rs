//! Where a link leads: targets that passed the checks, and campaign parameters in them.
//!
//! A checked target is one line of visible ASCII without blanks, quotes or backslashes, at most [`MAX_LENGTH`] bytes; its
//! scheme is `http`, `https`, `mailto`, `tel` or `sms`; a web address has a host and no user name or password. It is kept as it was given where
//! that is so already, otherwise in the form that browsers make of it (so a foreign-script host shows as `xn--...`).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::link::{LinkKind, LinkUtm};

/// In bytes, of the checked form.
pub const MAX_LENGTH: usize = 4_096;

/// What a parameter's value keeps as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What [`is_plain`] refuses.
const TROUBLE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'\\').add(b'"').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Why a target is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_LENGTH`] bytes.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// A control character, such as a line break or NUL.
    #[error("it holds a control character")]
    Control,
    /// Another scheme, such as `javascript:` or `data:`.
    #[error("only http, https, mailto, tel and sms addresses are allowed")]
    Scheme,
    /// Not an address at all.
    #[error("it is not an address such as https://example.com/page")]
    Malformed,
    /// `https://user:password@host` shows secrets and hides the host.
    #[error("it holds a user name or a password")]
    Credentials,
}

/// A target that passed the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// What it is.
    pub kind: LinkKind,
    /// The address.
    pub url: String,
}

/// Checks `text`, which may leave out `https://` where it has a dot (`example.com/page`).
pub fn parse(text: &str) -> Result<Destination, DestinationError> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Err(DestinationError::Empty);
    }
    if text.len() > MAX_LENGTH {
        return Err(DestinationError::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(DestinationError::Control);
    }
    let destination = match scheme(text) {
        Some("http" | "https") => web_address(text)?,
        Some("mailto") => contact(text, LinkKind::Mailto)?,
        Some("tel") => contact(text, LinkKind::Tel)?,
        Some("sms") => contact(text, LinkKind::Sms)?,
        Some(_) => return Err(DestinationError::Scheme),
        // `//host`, `\\host` and paths are not addresses; `example` alone is more likely a slip.
        None if text.starts_with(['/', '\\', '.', '?', '#']) || !text.contains('.') => {
            return Err(DestinationError::Malformed);
        }
        None => web_address(&format!("https://{text}"))?,
    };
    if destination.url.len() > MAX_LENGTH {
        return Err(DestinationError::TooLong);
    }
    Ok(destination)
}

/// The scheme in lower case where it is one of the known ones; `Some("")` for any other; `None` when there is none. A port is
/// no scheme: `example.com:8080` and `localhost:3000/x` have none.
fn scheme(text: &str) -> Option<&'static str> {
    const KNOWN: [&str; 5] = ["http", "https", "mailto", "tel", "sms"];
    let end = text.find([':', '/', '?', '#', '\\'])?;
    if !text[end..].starts_with(':') {
        return None;
    }
    let (name, after) = (&text[..end], &text[end + 1..]);
    if let Some(known) = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Some(known);
    }
    let port = after.split(['/', '?', '#']).next().unwrap_or(after);
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
    // `user:password@host.com` falls under "another scheme" too, which is as well.
    if is_port && name.contains('.') { None } else { Some("") }
}

fn web_address(text: &str) -> Result<Destination, DestinationError> {
    let url = Url::parse(text).map_err(|_| DestinationError::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(DestinationError::Malformed);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DestinationError::Credentials);
    }
    // `https:example.com` and `https:///example.com` are put right by browsers; so the form that they make is kept.
    let usual = ["http://", "https://"].iter().any(|start| {
        text.strip_prefix(start).is_some_and(|rest| !rest.starts_with(['/', '\\', '@']) && is_plain(rest))
    });
    let authority_end = |text: &str| text.find("://").map(|at| at + 3).unwrap_or(0);
    let has_at = text[authority_end(text)..].split(['/', '?', '#']).next().is_some_and(|host| host.contains('@'));
    if !url.host_str().is_some_and(is_plain) {
        return Err(DestinationError::Malformed);
    }
    let kept = if usual && !has_at { text.to_owned() } else { plain(url.as_str()) };
    Ok(Destination { kind: LinkKind::Url, url: kept })
}

fn contact(text: &str, kind: LinkKind) -> Result<Destination, DestinationError> {
    let url = Url::parse(text).map_err(|_| DestinationError::Malformed)?;
    let kept = if is_plain(text) { text.to_owned() } else { plain(url.as_str()) };
    let somebody = kept.split_once(':').is_some_and(|(_, rest)| !rest.trim_matches('/').is_empty());
    if somebody { Ok(Destination { kind, url: kept }) } else { Err(DestinationError::Malformed) }
}

/// Browsers leave some characters alone that are trouble elsewhere; these and blanks are encoded.
fn plain(url: &str) -> String {
    utf8_percent_encode(url, TROUBLE).to_string()
}

/// Visible ASCII that means the same everywhere.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| {
        byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
    })
}

/// The host and port that a web address leads to: host in lower case without `www.` and without a dot at its end, port
/// only where it is not the scheme's own. `None` for other kinds.
pub fn host_of(url: &str) -> Option<(String, Option<u16>)> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    let bare = host.strip_prefix("www.").unwrap_or(&host).to_owned();
    Some((bare, url.port()))
}

/// `url` with the parameter `name` set to `value`, or without it. All other text stays as it is.
pub fn with_parameter(url: &str, name: &str, value: Option<&str>) -> String {
    let (address, fragment) = url.split_once('#').map_or((url, None), |(before, after)| (before, Some(after)));
    let (base, query) = address.split_once('?').map_or((address, None), |(before, after)| (before, Some(after)));
    if value.is_none() && !query.is_some_and(|query| query.split('&').any(|pair| parameter_name(pair) == name)) {
        return url.to_owned();
    }
    let mut written = value.map(|value| format!("{}={}", name, utf8_percent_encode(value, KEPT)));
    let mut pairs: Vec<Cow<'_, str>> = Vec::new();
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        if parameter_name(pair) != name {
            pairs.push(Cow::Borrowed(pair));
        } else if let Some(pair) = written.take() {
            pairs.push(Cow::Owned(pair));
        }
    }
    pairs.extend(written.map(Cow::Owned));
    // `?&` and a question mark before nothing are not worth keeping in a query that is rewritten.
    pairs.retain(|pair| !pair.is_empty());
    let mut result = base.to_owned();
    if !pairs.is_empty() {
        result.push('?');
        result.push_str(&pairs.join("&"));
    }
    if let Some(fragment) = fragment {
        result.push('#');
        result.push_str(fragment);
    }
    result
}

/// The campaign fields that a web address carries; blank ones count as absent.
pub fn utm_of(url: &str) -> LinkUtm {
    let address = url.split('#').next().unwrap_or(url);
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let find = |name: &str| {
        let pair = query.split('&').find(|pair| parameter_name(pair) == name)?;
        let value = decoded(pair.split_once('=').map_or("", |(_, value)| value));
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    LinkUtm {
        source: find("utm_source"),
        medium: find("utm_medium"),
        campaign: find("utm_campaign"),
        term: find("utm_term"),
        content: find("utm_content"),
    }
}

fn parameter_name(pair: &str) -> String {
    decoded(pair.split_once('=').map_or(pair, |(name, _)| name))
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    // Parameters of someone else's address: what is not UTF-8, or a NUL, is not a campaign name.
    percent_decode_str(&spaced).decode_utf8_lossy().replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_good_addresses() {
        let table = [
            ("https://example.com", "https://example.com"),
            (" https://example.com/a?b=c#d ", "https://example.com/a?b=c#d"),
            ("example.com", "https://example.com"),
            ("example.com:8080/x", "https://example.com:8080/x"),
            ("HTTPS://Example.com/A", "https://example.com/A"),
            ("http://localhost:3000/x", "http://localhost:3000/x"),
            ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
            ("https://раураl.com/", "https://xn--l-7sba6dbr.com/"),
            ("https://example.com/a b", "https://example.com/a%20b"),
            ("https:\\\\example.com\\x", "https://example.com/x"),
            ("https:example.com", "https://example.com/"),
            ("https://example.com/?u=https://a@b.com", "https://example.com/?u=https://a@b.com"),
        ];
        for (text, url) in table {
            assert_eq!(parse(text).map(|found| found.url), Ok(url.to_owned()), "{text}");
        }
        for (text, kind) in [
            ("mailto:a@b.co?subject=Hi%20there", LinkKind::Mailto),
            ("tel:+15551234", LinkKind::Tel),
            ("sms:+15551234?body=x", LinkKind::Sms),
        ] {
            assert_eq!(parse(text), Ok(Destination { kind, url: text.to_owned() }));
        }
    }

    #[test]
    fn refuses_hostile_addresses() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_LENGTH));
        let table = [
            ("", DestinationError::Empty),
            (" \t", DestinationError::Empty),
            ("javascript:alert(1)", DestinationError::Scheme),
            ("JaVaScRiPt:alert(1)//.", DestinationError::Scheme),
            ("data:text/html,<script>", DestinationError::Scheme),
            ("vbscript:x.y", DestinationError::Scheme),
            ("file:///etc/passwd", DestinationError::Scheme),
            ("ftp://example.com", DestinationError::Scheme),
            ("java\tscript:alert(1)", DestinationError::Control),
            ("https://example.com/\r\nSet-Cookie: a=b", DestinationError::Control),
            ("https://example.com/\0", DestinationError::Control),
            ("https://example.com/\u{85}x", DestinationError::Control),
            ("//evil.example", DestinationError::Malformed),
            ("\\\\evil.example", DestinationError::Malformed),
            ("/path.html", DestinationError::Malformed),
            ("nodot", DestinationError::Malformed),
            ("https://", DestinationError::Malformed),
            ("https://exa mple.com", DestinationError::Malformed),
            ("https://user@example.com", DestinationError::Credentials),
            ("https://example.com:x@evil.example/", DestinationError::Credentials),
            ("https:\\\\user:pw@example.com", DestinationError::Credentials),
            ("mailto:", DestinationError::Malformed),
            ("tel://", DestinationError::Malformed),
            (long.as_str(), DestinationError::TooLong),
        ];
        for (text, error) in table {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn writes_parameters_and_leaves_the_rest() {
        let set = |url, value| with_parameter(url, "utm_source", value);
        assert_eq!(set("https://a.b", Some("x y&z")), "https://a.b?utm_source=x%20y%26z");
        assert_eq!(set("https://a.b/?q=a+b%20c#f", Some("x")), "https://a.b/?q=a+b%20c&utm_source=x#f");
        assert_eq!(set("https://a.b/?utm_source=1&q&utm%5fsource=2", Some("x")), "https://a.b/?utm_source=x&q");
        assert_eq!(set("https://a.b/?utm_source=1&q=2", None), "https://a.b/?q=2");
        assert_eq!(set("https://a.b/?utm_source=1#f", None), "https://a.b/#f");
        assert_eq!(set("https://a.b/", None), "https://a.b/");
        let utm = utm_of("https://a.b/?utm_source=x%20y+z&utm_medium=&utm_term=%ff#?utm_content=no");
        assert_eq!(utm.source.as_deref(), Some("x y z"));
        assert_eq!((utm.medium, utm.content), (None, None));
        assert_eq!(utm.term.as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn names_hosts() {
        assert_eq!(host_of("https://WWW.Example.com./x"), Some(("example.com".to_owned(), None)));
        assert_eq!(host_of("http://localhost:3000"), Some(("localhost".to_owned(), Some(3000))));
        assert_eq!(host_of("mailto:a@b.co"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(https?:)?[/\\\\@:.?#a-z \\x00-\\x20]{0,12}.*") {
            if let Ok(found) = parse(&text) {
                prop_assert!(is_plain(&found.url), "{}", found.url);
                prop_assert!(found.url.len() <= MAX_LENGTH);
                let again = parse(&found.url);
                prop_assert_eq!(again, Ok(found));
            }
        }

        #[test]
        fn what_was_written_is_read_back(query in "[a-z0-9=&%+]{0,30}", value in "[^\\x00]{1,20}") {
            prop_assume!(!value.trim().is_empty());
            let url = with_parameter(&format!("https://a.b/?{query}#x"), "utm_term", Some(&value));
            let term = utm_of(&url).term;
            prop_assert_eq!(term.as_deref(), Some(value.trim()));
            prop_assert_eq!(with_parameter(&url, "utm_term", Some(&value)), url);
        }
    }
}
