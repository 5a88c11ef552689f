//! Which host is which short domain: a map that is read without a lock and replaced as a whole.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::manners::Manners;
use crate::domain::id::{DomainId, WorkspaceId};
use crate::domain::workspace::Domain;

/// A short domain, as far as a look-up needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The domain.
    pub domain: DomainId,
    /// Slugs that differ in case are different links.
    pub case_sensitive: bool,
    /// The workspace that the domain belongs to.
    pub owner: WorkspaceId,
}

/// All short domains by name.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    places: HashMap<Box<str>, Place>,
    /// Of the domains that say something.
    manners: HashMap<DomainId, Arc<Manners>>,
    default: Option<Place>,
}

impl Hosts {
    /// The map of these domains. The default is the one called `default_name`; when there is none of that name, the oldest.
    pub(super) fn new(domains: &[Domain], default_name: Option<&str>) -> Self {
        let place = |domain: &Domain| Place {
            domain: domain.id,
            case_sensitive: domain.case_sensitive,
            owner: domain.workspace,
        };
        let named = default_name.and_then(|name| domains.iter().find(|domain| domain.name == name));
        let default = named.or_else(|| domains.iter().min_by_key(|domain| domain.id)).map(place);
        let places = domains.iter().map(|domain| (host_name(&domain.name).into(), place(domain))).collect();
        let manners = |domain: &Domain| Some((domain.id, Arc::new(Manners::prepare(&domain.fields)?)));
        Self { places, manners: domains.iter().filter_map(manners).collect(), default }
    }

    /// The domain of a name that went through [`host_name`].
    pub(super) fn get(&self, name: &str) -> Option<Place> {
        self.places.get(name).copied()
    }

    /// Whether any domain says something for itself; most installations are done here.
    pub(super) fn have_manners(&self) -> bool {
        !self.manners.is_empty()
    }

    /// What the domain of a name says for itself.
    pub(super) fn manners(&self, name: &str) -> Option<Arc<Manners>> {
        let domain = self.places.get(name)?.domain;
        self.manners.get(&domain).cloned()
    }

    /// The domain whose slugs answer on hosts that are no short domain.
    pub(super) fn default_place(&self) -> Option<Place> {
        self.default
    }
}

/// The name of a host as domains are registered: lower case, without port, trailing dot and leading `www.`. Borrows where
/// nothing has to change.
pub fn host_name(host: &str) -> Cow<'_, str> {
    let host = host.trim();
    let name = match host.rsplit_once(':') {
        // Inside brackets a colon belongs to an IPv6 address.
        Some((name, port)) if !port.contains(']') && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let name = match name.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("www.") && name.len() > 4 => &name[4..],
        _ => name,
    };
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) || !name.is_ascii() {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::id::WorkspaceId;

    #[test]
    fn names_of_hosts() {
        for (host, name) in [
            ("go.example", "go.example"),
            ("GO.Example:8080", "go.example"),
            ("www.go.example", "go.example"),
            ("WWW.go.example.", "go.example"),
            ("go.example.:443", "go.example"),
            ("www.", "www"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("", ""),
            (":", ""),
        ] {
            assert_eq!(host_name(host), name, "{host}");
        }
    }

    #[test]
    fn default_is_the_named_or_the_oldest() {
        let domain = |id, name: &str| Domain {
            id: DomainId(id),
            workspace: WorkspaceId(1),
            name: name.to_owned(),
            case_sensitive: false,
            primary: false,
            ..Domain::default()
        };
        let domains = [domain(9, "b.example"), domain(4, "a.example")];
        let id = |hosts: Hosts| hosts.default_place().map(|place| place.domain.0);
        assert_eq!(id(Hosts::new(&domains, Some("b.example"))), Some(9));
        assert_eq!(id(Hosts::new(&domains, Some("c.example"))), Some(4));
        assert_eq!(id(Hosts::new(&domains, None)), Some(4));
        assert_eq!(id(Hosts::new(&[], Some("b.example"))), None);
        assert_eq!(Hosts::new(&domains, None).get("a.example").map(|place| place.domain), Some(DomainId(4)));
    }

    proptest! {
        #[test]
        fn any_host_is_answered(host in ".{0,60}") {
            let name = host_name(&host).into_owned();
            prop_assert_eq!(name.to_lowercase(), name);
        }
    }
}
