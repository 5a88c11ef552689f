//! Whose events a workspace does not want: its own people, some countries, some hosts and paths.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Why an event that arrived is not recorded. The names are metric labels and part of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// A robot, where only people count.
    Bot,
    /// The visitor asked not to be tracked, and the workspace honours that.
    DoNotTrack,
    /// One of the workspace's own addresses.
    ExcludedAddress,
    /// From a country that is left out.
    ExcludedCountry,
    /// On a host that is left out.
    ExcludedHost,
    /// On a page that is left out.
    ExcludedPath,
    /// On a host that is not the site's.
    ForeignHost,
    /// Too old or too far ahead to be believed.
    Time,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Bot,
        Self::DoNotTrack,
        Self::ExcludedAddress,
        Self::ExcludedCountry,
        Self::ExcludedHost,
        Self::ExcludedPath,
        Self::ForeignHost,
        Self::Time,
    ];

    /// Its name in metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::DoNotTrack => "do_not_track",
            Self::ExcludedAddress => "excluded_address",
            Self::ExcludedCountry => "excluded_country",
            Self::ExcludedHost => "excluded_host",
            Self::ExcludedPath => "excluded_path",
            Self::ForeignHost => "foreign_host",
            Self::Time => "time",
        }
    }
}

/// What a workspace leaves out. Empty lists leave nothing out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exclusions {
    /// Networks in CIDR form.
    pub addresses: Vec<IpNet>,
    /// ISO 3166-1 alpha-2, upper case.
    pub countries: Vec<String>,
    /// Hosts, lower case; `*.example.com` stands for every host below `example.com`. Of a page its own host, of a click the
    /// short domain's.
    pub hosts: Vec<String>,
    /// Paths such as `/admin`; `/admin/*` stands for every path that begins so. Of a page its path, of a click the slug's.
    pub paths: Vec<String>,
}

impl Exclusions {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.countries.is_empty() && self.hosts.is_empty() && self.paths.is_empty()
    }

    /// Why this is left out; `None` when it is wanted. `country` is asked only where countries are left out.
    pub fn reason(
        &self,
        address: IpAddr,
        country: impl FnOnce() -> String,
        host: &str,
        path: &str,
    ) -> Option<DropReason> {
        self.place_reason(host, path).or_else(|| self.client_reason(address, country))
    }

    /// Why whatever happens at this place is left out.
    pub fn place_reason(&self, host: &str, path: &str) -> Option<DropReason> {
        if self.hosts.iter().any(|pattern| host_matches(pattern, host)) {
            return Some(DropReason::ExcludedHost);
        }
        self.paths.iter().any(|pattern| path_matches(pattern, path)).then_some(DropReason::ExcludedPath)
    }

    /// Why whatever this client does is left out.
    pub fn client_reason(&self, address: IpAddr, country: impl FnOnce() -> String) -> Option<DropReason> {
        let address = address.to_canonical();
        if self.addresses.iter().any(|network| network.contains(&address)) {
            return Some(DropReason::ExcludedAddress);
        }
        if self.countries.is_empty() {
            return None;
        }
        self.countries.contains(&country()).then_some(DropReason::ExcludedCountry)
    }
}

/// Whether a host is meant by a pattern: `example.com`, or `*.example.com` for all below it.
pub fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => {
            host.len() > parent.len() + 1
                && host.is_char_boundary(host.len() - parent.len())
                && host[host.len() - parent.len()..].eq_ignore_ascii_case(parent)
                && host.as_bytes()[host.len() - parent.len() - 1] == b'.'
        }
        None => host.eq_ignore_ascii_case(pattern),
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusions() -> Exclusions {
        Exclusions {
            addresses: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            countries: vec!["DE".into()],
            hosts: vec!["staging.example.com".into(), "*.test".into()],
            paths: vec!["/admin".into(), "/private/*".into()],
        }
    }

    #[test]
    fn each_list_leaves_out_what_it_names() {
        let cases = [
            ("81.2.69.142", "GB", "example.com", "/", None),
            ("10.1.2.3", "GB", "example.com", "/", Some(DropReason::ExcludedAddress)),
            ("::ffff:10.1.2.3", "GB", "example.com", "/", Some(DropReason::ExcludedAddress)),
            ("2001:db8::1", "GB", "example.com", "/", Some(DropReason::ExcludedAddress)),
            ("81.2.69.142", "DE", "example.com", "/", Some(DropReason::ExcludedCountry)),
            ("81.2.69.142", "", "Staging.Example.com", "/", Some(DropReason::ExcludedHost)),
            ("81.2.69.142", "", "a.b.test", "/", Some(DropReason::ExcludedHost)),
            ("81.2.69.142", "", "test", "/", None),
            ("81.2.69.142", "", "atest", "/", None),
            ("81.2.69.142", "", "é.test", "/", Some(DropReason::ExcludedHost)),
            ("81.2.69.142", "", "tést", "/", None),
            ("81.2.69.142", "", "example.com", "/admin", Some(DropReason::ExcludedPath)),
            ("81.2.69.142", "", "example.com", "/admin/users", None),
            ("81.2.69.142", "", "example.com", "/private/x", Some(DropReason::ExcludedPath)),
        ];
        for (address, country, host, path, expected) in cases {
            let reason = exclusions().reason(address.parse().unwrap(), || country.to_owned(), host, path);
            assert_eq!(reason, expected, "{address} {country} {host} {path}");
            let nothing = Exclusions::default();
            assert!(nothing.is_empty());
            assert_eq!(nothing.reason(address.parse().unwrap(), || country.to_owned(), host, path), None);
        }
    }

    #[test]
    fn names_of_reasons_are_unique() {
        for (place, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(DropReason::ALL.iter().position(|other| other.name() == reason.name()), Some(place));
        }
    }
}
