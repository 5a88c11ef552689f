//! Sites: pages whose visits are tracked, told apart by the hosts that they are on.

use serde::{Deserialize, Serialize};

use super::exclusion::host_matches;
use super::id::{SiteId, WorkspaceId};
use super::workspace::parse_domain_name;

/// Most hosts of a site.
pub const MAX_HOSTS: usize = 100;
/// The longest slug, in bytes.
const MAX_SLUG: usize = 63;
/// The longest slug of a link of a site, in bytes.
pub const MAX_LINK_SLUG: usize = 100;
/// The first segment of the slugs of links of sites, on the domain that the public address reaches.
pub const LINKS: &str = "l";

/// A site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its row.
    pub id: SiteId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Shown to people.
    pub name: String,
    /// Part of the address of the site's own links; unique in the installation.
    pub slug: String,
    /// Hosts whose pages may report events, as [`parse_host_pattern`] gives them.
    pub hosts: Vec<String>,
    /// How its pages are tracked.
    pub settings: SiteSettings,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
}

/// How the pages of a site are tracked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SiteSettings {
    /// The tracker keeps a visitor's id in a first-party cookie. Default false: nothing is kept.
    pub cookies: bool,
    /// Pages of high value, as `high_value::parse` gives them; the default ones when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_value_pages: Option<Vec<String>>,
}

impl Site {
    /// The first host that is one, not all below one.
    pub fn main_host(&self) -> Option<&str> {
        self.hosts.iter().map(String::as_str).find(|host| !host.starts_with("*."))
    }

    /// Whether pages on this host may report events. `www.` before a host makes no difference.
    pub fn allows(&self, host: &str) -> bool {
        allows(self.hosts.iter().map(String::as_str), host)
    }
}

/// Whether one of the patterns means this host, with or without its `www.`.
pub fn allows<'a>(patterns: impl IntoIterator<Item = &'a str>, host: &str) -> bool {
    let bare = without_www(host);
    patterns.into_iter().any(|pattern| host_matches(pattern, host) || host_matches(pattern, bare))
}

/// A host without the `www.` before it.
pub fn without_www(host: &str) -> &str {
    match host.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("www.") => &host[4..],
        _ => host,
    }
}

/// The pattern that `text` means: a host such as `example.com` (its `www.` included), or `*.example.com` for all below it;
/// lower case, foreign scripts as `xn--...`. `None` for anything with a scheme, port or path.
pub fn parse_host_pattern(text: &str) -> Option<String> {
    let (below, name) = match text.trim().strip_prefix("*.") {
        Some(parent) => ("*.", parent),
        None => ("", text),
    };
    let name = parse_domain_name(name)?;
    Some(format!("{below}{name}"))
}

/// A host as browsers name it: lower case, foreign scripts as `xn--...`, its `www.` kept. `None` for what is no host.
pub fn parse_host(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = parse_domain_name(text)?;
    Some(if without_www(text).len() < text.len() { format!("www.{bare}") } else { bare })
}

/// Whether a slug is allowed: 1 to 63 of `a-z`, `0-9` and `-`.
pub fn is_slug(text: &str) -> bool {
    (1..=MAX_SLUG).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether a link of a site may have this slug: 1 to [`MAX_LINK_SLUG`] of `a-z`, `0-9` and `-`.
pub fn is_link_slug(text: &str) -> bool {
    (1..=MAX_LINK_SLUG).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Where a link of a site lives on its domain: `l/<site>/<slug>`.
pub fn link_place(site: &str, slug: &str) -> String {
    format!("{LINKS}/{site}/{slug}")
}

/// The slug of a link of a site, from where it lives; `None` where no link of the site does.
pub fn slug_at<'a>(site: &str, place: &'a str) -> Option<&'a str> {
    place.strip_prefix(LINKS)?.strip_prefix('/')?.strip_prefix(site)?.strip_prefix('/')
}

/// The slug that suits a name or a host: what is neither letter nor digit becomes one dash. Empty when nothing is left.
pub fn slug_for(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == MAX_SLUG {
            break;
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_of_a_site() {
        let patterns = ["example.com", "*.shop.example", "xn--bcher-kva.example"];
        for (host, allowed) in [
            ("example.com", true),
            ("www.example.com", true),
            ("WWW.Example.com", true),
            ("a.example.com", false),
            ("notexample.com", false),
            ("shop.example", false),
            ("www.shop.example", true),
            ("a.b.shop.example", true),
            ("xn--bcher-kva.example", true),
            ("", false),
            ("www.", false),
        ] {
            assert_eq!(allows(patterns, host), allowed, "{host}");
        }
    }

    #[test]
    fn patterns_and_hosts() {
        for (text, pattern) in [
            ("Example.com", Some("example.com")),
            ("www.example.com", Some("example.com")),
            ("*.Example.com", Some("*.example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("localhost", Some("localhost")),
            ("*", None),
            ("*.", None),
            ("*.*.example", None),
            ("https://example.com", None),
            ("example.com:8080", None),
            ("example.com/x", None),
            ("", None),
        ] {
            assert_eq!(parse_host_pattern(text).as_deref(), pattern, "{text}");
        }
        assert_eq!(parse_host("WWW.Example.com").as_deref(), Some("www.example.com"));
        assert_eq!(parse_host("example.com.").as_deref(), Some("example.com"));
        assert_eq!(parse_host("exa mple"), None);
    }

    #[test]
    fn slugs() {
        for (name, slug) in [("Example.com", "example-com"), ("  Our Shop! ", "our-shop"), ("日本", ""), ("a", "a")] {
            assert_eq!(slug_for(name), slug);
        }
        assert_eq!(slug_at("shop", &link_place("shop", "sale")), Some("sale"));
        for elsewhere in ["l/shop", "l/shops/sale", "sale", "x/shop/sale"] {
            assert_eq!(slug_at("shop", elsewhere), None, "{elsewhere}");
        }
        assert!(is_link_slug(&"a".repeat(100)) && !is_link_slug(&"a".repeat(101)) && !is_link_slug("A"));
        assert!(is_slug("our-shop") && !is_slug("") && !is_slug("Our") && !is_slug(&"a".repeat(64)));
    }

    proptest! {
        #[test]
        fn any_name_has_a_slug_or_none(name in ".{0,100}") {
            let slug = slug_for(&name);
            prop_assert!(slug.is_empty() || is_slug(&slug), "{slug}");
        }

        #[test]
        fn any_host_is_answered(host in ".{0,40}", pattern in "(\\*\\.)?.{0,20}") {
            let _ = (allows([pattern.as_str()], &host), parse_host(&host), parse_host_pattern(&pattern));
        }
    }
}
