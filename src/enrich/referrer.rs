//! `Referer` -> host, address and name of the source.
//!
//! The address keeps scheme, host, port and path; user and password, query and fragment are left behind, for they may
//! name people. What is no address of the web or of an app (`about:client`, `file:`, a bare word) counts as a direct visit.

use url::Host;

use super::source;
use crate::domain::event::Referrer;

/// The longest address that is kept, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// The longest host of the domain name system.
const MAX_HOST_BYTES: usize = 253;

/// Schemes that name where a visitor came from, with their default port.
const SCHEMES: &[(&str, &str)] = &[("https", "443"), ("http", "80"), ("android-app", ""), ("ios-app", "")];

/// Where the visitor came from; empty for direct visits.
pub fn referrer(header: &str) -> Referrer {
    parse(header.trim()).unwrap_or_default()
}

/// Where the visitor of the page at `url` came from; empty when it was another page of the same host.
pub fn referrer_of_page(header: &str, url: &str) -> Referrer {
    let found = referrer(header);
    if !found.host.is_empty() && parse(url.trim()).is_some_and(|page| page.host == found.host) {
        return Referrer::default();
    }
    found
}

fn parse(header: &str) -> Option<Referrer> {
    let (scheme, rest) = header.split_once("://")?;
    let &(scheme, default_port) = SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme))?;
    let (authority, rest) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    // A password may hold an unescaped `@`; a host never does.
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = split_port(authority)?;
    let host = host_name(host)?;

    let mut url = String::with_capacity(scheme.len() + 3 + host.len() + path.len() + 1);
    url.push_str(scheme);
    url.push_str("://");
    url.push_str(&host);
    if !port.is_empty() && port != default_port {
        url.push(':');
        url.push_str(port);
    }
    if path.starts_with(['/', '\\']) {
        url.push('/');
        url.extend(path[1..].chars().filter(|letter| !letter.is_control()));
    } else {
        url.push('/');
    }
    url.truncate(url.floor_char_boundary(MAX_URL_BYTES));

    let host = match host.strip_prefix("www.") {
        Some(bare) if bare.contains('.') => bare.to_owned(),
        _ => host,
    };
    let name = source::of_host(&host).map_or("", |source| source.name).to_owned();
    Some(Referrer { host, url, name })
}

/// Host (an IPv6 address in its brackets) and port digits; `None` when there is a port that is none.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let port = if port.is_empty() { port } else { port.strip_prefix(':')? };
    (port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit())).then_some((host, port))
}

/// Lower case, without the root's dot; names in other scripts become punycode.
fn host_name(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || host.len() > MAX_HOST_BYTES {
        return None;
    }
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'.' | b'-' | b'_');
    let name = if host.bytes().all(plain) {
        host.to_ascii_lowercase()
    } else {
        match Host::parse(host).ok()? {
            Host::Domain(name) if name.len() <= MAX_HOST_BYTES && name.bytes().all(plain) => name,
            Host::Domain(_) => return None,
            address => address.to_string(),
        }
    };
    (name.bytes().any(|letter| letter.is_ascii_alphanumeric()) && !name.contains("..")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_and_addresses() {
        for (header, host, url) in [
            ("https://www.google.com/", "google.com", "https://www.google.com/"),
            ("https://t.co", "t.co", "https://t.co/"),
            ("HTTPS://News.YCombinator.com/item?id=1#top", "news.ycombinator.com", "https://news.ycombinator.com/item"),
            ("http://example.com:8080/a/b", "example.com", "http://example.com:8080/a/b"),
            ("http://example.com:80/a", "example.com", "http://example.com/a"),
            ("https://user:p@ss@example.com/private", "example.com", "https://example.com/private"),
            ("https://example.com?token=secret", "example.com", "https://example.com/"),
            ("https://example.com./x", "example.com", "https://example.com/x"),
            ("https://www.com/x", "www.com", "https://www.com/x"),
            ("https://xn--bcher-kva.example/x", "xn--bcher-kva.example", "https://xn--bcher-kva.example/x"),
            ("https://Bücher.example/x", "xn--bcher-kva.example", "https://xn--bcher-kva.example/x"),
            ("http://[2001:DB8::1]:3000/x?y", "[2001:db8::1]", "http://[2001:db8::1]:3000/x"),
            ("http://192.0.2.7/x", "192.0.2.7", "http://192.0.2.7/x"),
            ("http://localhost:3000/", "localhost", "http://localhost:3000/"),
            ("android-app://com.google.android.gm/", "com.google.android.gm", "android-app://com.google.android.gm/"),
            ("android-app://com.Slack", "com.slack", "android-app://com.slack/"),
            ("ios-app://544007664/x", "544007664", "ios-app://544007664/x"),
            (" https://example.com/a\tb ", "example.com", "https://example.com/ab"),
            ("https://example.com/caf\u{e9}", "example.com", "https://example.com/café"),
        ] {
            let found = referrer(header);
            assert_eq!((found.host.as_str(), found.url.as_str()), (host, url), "{header}");
        }
    }

    #[test]
    fn pages_of_the_same_host_are_no_source() {
        for (header, host) in [
            ("https://www.example.com/before", ""),
            ("http://example.com:8080/", ""),
            ("https://app.example.com/", "app.example.com"),
            ("https://t.co/x", "t.co"),
            ("", ""),
        ] {
            assert_eq!(referrer_of_page(header, "https://example.com/?a=b").host, host, "{header}");
        }
        assert_eq!(referrer_of_page("https://t.co/x", "/").name, "X");
    }

    #[test]
    fn anything_else_is_a_direct_visit() {
        for header in [
            "",
            "-",
            "direct",
            "example.com",
            "about:client",
            "about:blank",
            "file:///home/me/x.html",
            "data:text/html,x",
            "chrome-extension://abcdef/popup.html",
            "javascript://x",
            "https://",
            "https:///path",
            "http://:80/",
            "http://a b/",
            "http://exa%00mple.com/",
            "http://example.com:port/",
            "http://example.com:123456/",
            "http://[::1",
            "http://[not]/",
            "http://../",
            "http://-/",
            "http://user@/",
            "://example.com",
        ] {
            assert_eq!(referrer(header), Referrer::default(), "{header}");
        }
    }

    #[test]
    fn long_addresses_are_cut_between_letters() {
        let found = referrer(&format!("https://example.com/{}", "é".repeat(4_000)));
        assert_eq!(found.host, "example.com");
        assert!(found.url.len() <= MAX_URL_BYTES && found.url.len() > MAX_URL_BYTES - 4);
        assert_eq!(referrer(&format!("https://{}.com/", "a".repeat(300))), Referrer::default());
    }

    proptest! {
        #[test]
        fn any_header_is_answered_and_keeps_no_secret(header in "(https?://)?.{0,80}") {
            let found = referrer(&header);
            prop_assert_eq!(found.host.is_empty(), found.url.is_empty());
            prop_assert!(!found.url.contains(['?', '#']) && !found.host.contains(['@', '/', ' ']));
        }
    }
}
