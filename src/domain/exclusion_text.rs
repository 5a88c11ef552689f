//! What a person writes to leave somebody out, read into what [`Exclusions`](super::exclusion::Exclusions) compares with.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Longest path of an exclusion, in bytes.
const MAX_PATH_BYTES: usize = 1_024;

/// An address or a network in CIDR form. Bits behind the prefix are cleared, and an IPv4 network in IPv6 clothes is
/// undressed, as the addresses are that it is compared with.
///
/// # Errors
/// What would do instead.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let read = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let network = read.ok_or("allowed are addresses and networks such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32")?;
    if let IpNet::V6(wide) = network
        && let Some(address) = wide.addr().to_ipv4_mapped()
        && let Some(prefix) = wide.prefix_len().checked_sub(96)
        && let Ok(narrow) = Ipv4Net::new(address, prefix)
    {
        return Ok(IpNet::V4(narrow.trunc()));
    }
    Ok(network.trunc())
}

/// A country: ISO 3166-1 alpha-2, upper case.
///
/// # Errors
/// What would do instead.
pub fn country(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    match code.as_str() {
        "UK" => Err("the code of the United Kingdom is GB".to_owned()),
        "EU" => Err("the European Union is no country; name its countries".to_owned()),
        _ if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(code),
        _ => Err("allowed are country codes of two letters (ISO 3166-1), such as DE or US".to_owned()),
    }
}

/// A host, lower case, foreign scripts as `xn--...`; `*.example.com` for every host below it.
///
/// # Errors
/// What would do instead.
pub fn host(text: &str) -> Result<String, String> {
    let wrong =
        || "allowed are hosts such as staging.example.com, and *.example.com for every host below it".to_owned();
    let (star, name) = match text.trim().strip_prefix("*.") {
        Some(parent) => ("*.", parent),
        None => ("", text.trim()),
    };
    let strange =
        |letter: char| matches!(letter, '*' | '/' | ':' | '@' | '?' | '#' | '\\' | '%') || letter.is_whitespace();
    if name.is_empty() || name.len() > 253 || name.contains(strange) {
        return Err(wrong());
    }
    let name = url::Host::parse(name.trim_end_matches('.')).map_err(|_| wrong())?.to_string();
    if name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(wrong());
    }
    Ok(format!("{star}{name}"))
}

/// A path; `*` at its end stands for whatever follows.
///
/// # Errors
/// What would do instead.
pub fn path(text: &str) -> Result<String, String> {
    let text = text.trim();
    let star = text.find('*').is_none_or(|place| place + 1 == text.len());
    if !text.starts_with('/') || !star || text.contains(['?', '#']) || text.chars().any(char::is_control) {
        return Err(
            "allowed are paths that begin with a slash, such as /admin, with at most one * at the end, such as /admin/*"
                .to_owned(),
        );
    }
    if text.len() > MAX_PATH_BYTES {
        return Err(format!("it has {} bytes, allowed are {MAX_PATH_BYTES}", text.len()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read() {
        for (text, expected) in [
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            (" 203.0.113.7 ", Some("203.0.113.7/32")),
            ("2001:DB8::1", Some("2001:db8::1/128")),
            ("2001:db8::9/32", Some("2001:db8::/32")),
            ("::ffff:10.1.2.3/104", Some("10.0.0.0/8")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("10.0.0/8", None),
            ("10.0.0.0/33", None),
            ("example.com", None),
            ("", None),
        ] {
            assert_eq!(network(text).ok().map(|network| network.to_string()).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn countries_are_read() {
        for (text, expected) in [
            ("de", Some("DE")),
            (" US ", Some("US")),
            ("GB", Some("GB")),
            ("UK", None),
            ("EU", None),
            ("DEU", None),
            ("Germany", None),
            ("D1", None),
            ("ß", None),
            ("", None),
        ] {
            assert_eq!(country(text).ok().as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn hosts_are_read() {
        for (text, expected) in [
            ("Staging.Example.com", Some("staging.example.com")),
            ("www.example.com.", Some("www.example.com")),
            ("*.example.com", Some("*.example.com")),
            ("*.bücher.example", Some("*.xn--bcher-kva.example")),
            ("localhost", Some("localhost")),
            ("*", None),
            ("*.", None),
            ("a.*.com", None),
            ("https://example.com", None),
            ("example.com:80", None),
            ("example.com/x", None),
            ("a..b", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(host(text).ok().as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn paths_are_read() {
        for (text, expected) in [
            ("/", true),
            ("/admin", true),
            ("/admin/*", true),
            ("/*", true),
            ("admin", false),
            ("/a*b", false),
            ("/a?b", false),
            ("/a\nb", false),
            ("", false),
        ] {
            assert_eq!(path(text).is_ok(), expected, "{text:?}");
        }
        assert!(path(&format!("/{}", "a".repeat(2_000))).is_err());
    }
}
