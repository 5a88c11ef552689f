//! Workspaces, their domains and their settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::domain_fields::DomainFields;
use super::exclusion::Exclusions;
use super::id::{DomainId, WorkspaceId};

pub use super::rotation::VisitorRotation;

/// A workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// Its row.
    pub id: WorkspaceId,
    /// Shown to people.
    pub name: String,
    /// How its events are collected and counted.
    pub settings: WorkspaceSettings,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
}

/// How a workspace's events are collected and counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkspaceSettings {
    /// A second click of the same visitor on the same link within this many seconds is a repeat. Default 3,600; 0 for
    /// never.
    pub repeat_window_secs: u32,
    /// When the key of visitor hashes changes; default never.
    pub visitor_rotation: VisitorRotation,
    /// What is stored of addresses; default nothing.
    pub address_storage: AddressStorage,
    /// Leave visitors unrecorded who ask for it with `DNT: 1` or `Sec-GPC: 1`. Default false.
    pub honor_do_not_track: bool,
    /// Days after which events are deleted; default never.
    pub retention_days: Option<u32>,
    /// Whose events are not recorded; default nobody's.
    pub exclude: Exclusions,
    /// Hosts whose pages may report clicks without a key; `*.example.com` stands for every host below `example.com`. Empty,
    /// the default, for all.
    pub allowed_hostnames: Vec<String>,
}

impl Default for WorkspaceSettings {
    fn default() -> Self {
        Self {
            repeat_window_secs: 3_600,
            visitor_rotation: VisitorRotation::Never,
            address_storage: AddressStorage::None,
            honor_do_not_track: false,
            retention_days: None,
            exclude: Exclusions::default(),
            allowed_hostnames: Vec::new(),
        }
    }
}

/// What is stored of a visitor's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressStorage {
    /// Nothing.
    #[default]
    None,
    /// Its network: the first 24 bits of IPv4, the first 48 of IPv6.
    Truncated,
    /// All of it.
    Full,
}

impl AddressStorage {
    /// Every setting.
    pub const ALL: [Self; 3] = [Self::None, Self::Truncated, Self::Full];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Truncated => "truncated",
            Self::Full => "full",
        }
    }

    /// The setting of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|storage| storage.name() == name)
    }

    /// What is stored of an address: text, empty for nothing.
    pub fn keep(self, address: IpAddr) -> String {
        match (self, address.to_canonical()) {
            (Self::None, _) => String::new(),
            (Self::Full, address) => address.to_string(),
            (Self::Truncated, IpAddr::V4(address)) => Ipv4Addr::from_bits(address.to_bits() & !0xff).to_string(),
            (Self::Truncated, IpAddr::V6(address)) => {
                Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 48)).to_string()
            }
        }
    }
}

/// A short domain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Domain {
    /// Its row.
    pub id: DomainId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Lower case, without `www.` and without a port.
    pub name: String,
    /// Slugs that differ in case are different links. Default false.
    pub case_sensitive: bool,
    /// The one that new links get when none is named.
    pub primary: bool,
    /// How it is shown and what it answers.
    pub fields: DomainFields,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: i64,
    /// Since when it is known to be the workspace's, in milliseconds; while it is not, it answers no visits and takes no
    /// links, and others may claim it.
    pub verified_at_ms: Option<i64>,
}

impl Domain {
    /// Whether it is known to be the workspace's.
    pub fn is_verified(&self) -> bool {
        self.verified_at_ms.is_some()
    }

    /// The form of a slug by which it is looked up on this domain.
    pub fn slug_key(&self, slug: &str) -> String {
        slug_key(slug, self.case_sensitive)
    }
}

/// The name of a short domain that `text` means: lower case, without `www.` and without a dot at its end, foreign scripts as
/// `xn--...`. `None` for what no `Host` header would name: with a scheme, a port, a path, or malformed.
pub fn parse_domain_name(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > 253 || text.contains(['/', ':', '@', '?', '#', '\\', '%', '*']) {
        return None;
    }
    let host = url::Host::parse(text.trim_end_matches('.')).ok()?.to_string();
    let name = host.strip_prefix("www.").unwrap_or(&host);
    let fits = |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-');
    (!name.is_empty() && name.split('.').all(fits)).then(|| name.to_owned())
}

/// The form of a slug by which it is looked up.
pub fn slug_key(slug: &str, case_sensitive: bool) -> String {
    if case_sensitive { slug.to_owned() } else { slug.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_domain_names() {
        let table = [
            ("Go.Example.com", Some("go.example.com")),
            ("www.example.com.", Some("example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("localhost", Some("localhost")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("", None),
            ("https://example.com", None),
            ("example.com:80", None),
            ("a-b.xn--p1ai", Some("a-b.xn--p1ai")),
            ("-a.example", None),
            ("a.b-.example", None),
            ("www.-a.example", None),
            ("a..b", None),
            ("exa mple.com", None),
            ("*.example.com", None),
            ("user@example.com", None),
            ("example.com\0", None),
        ];
        for (text, name) in table {
            assert_eq!(parse_domain_name(text).as_deref(), name, "{text:?}");
        }
    }
}
