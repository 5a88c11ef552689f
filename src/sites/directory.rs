//! All sites by id, and the hosts they are on: read without a lock and replaced as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::id::SiteId;
use crate::domain::site::{Site, without_www};
use crate::domain::workspace::WorkspaceSettings;

use super::KnownSite;

/// The directory.
#[derive(Debug, Default)]
pub(super) struct Directory {
    sites: HashMap<SiteId, Arc<KnownSite>>,
    /// `example.com`
    hosts: HashSet<Box<str>>,
    /// The `example.com` of `*.example.com`.
    parents: HashSet<Box<str>>,
}

impl Directory {
    pub(super) fn new(sites: Vec<(Site, WorkspaceSettings)>) -> Self {
        let mut directory = Self::default();
        for (site, settings) in sites {
            for pattern in &site.hosts {
                match pattern.strip_prefix("*.") {
                    Some(parent) => directory.parents.insert(parent.into()),
                    None => directory.hosts.insert(pattern.as_str().into()),
                };
            }
            directory.sites.insert(site.id, Arc::new(KnownSite { site, settings }));
        }
        directory
    }

    pub(super) fn len(&self) -> usize {
        self.sites.len()
    }

    pub(super) fn get(&self, id: SiteId) -> Option<Arc<KnownSite>> {
        self.sites.get(&id).cloned()
    }

    /// As [`Site::allows`], for all of them at once. `host` is in lower case.
    pub(super) fn any_on(&self, host: &str) -> bool {
        self.hosts.contains(host)
            || self.hosts.contains(without_www(host))
            || host.match_indices('.').any(|(dot, _)| dot > 0 && self.parents.contains(&host[dot + 1..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn directory(patterns: &[Vec<&str>]) -> (Vec<Site>, Directory) {
        let site = |(number, hosts): (usize, &Vec<&str>)| Site {
            id: SiteId(number as u64 + 1),
            workspace: Default::default(),
            name: String::new(),
            slug: String::new(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            settings: Default::default(),
            created_at_ms: 0,
        };
        let sites: Vec<Site> = patterns.iter().enumerate().map(site).collect();
        let directory = Directory::new(sites.iter().map(|site| (site.clone(), Default::default())).collect());
        (sites, directory)
    }

    #[test]
    fn sites_are_found_by_id() {
        let (sites, directory) = directory(&[vec!["a.example"], vec!["b.example"]]);
        assert_eq!(directory.get(SiteId(2)).map(|known| known.site.clone()), Some(sites[1].clone()));
        assert_eq!((directory.get(SiteId(3)), directory.len()), (None, 2));
    }

    proptest! {
        #[test]
        fn a_host_is_known_when_a_site_allows_it(
            patterns in proptest::collection::vec("(\\*\\.)?(a\\.)?(b\\.)?c", 1..4),
            host in "(www\\.)?(a\\.)?(b\\.)?(c|d)?",
        ) {
            let (sites, directory) = directory(&[patterns.iter().map(String::as_str).collect()]);
            prop_assert_eq!(directory.any_on(&host), sites[0].allows(&host));
        }
    }
}
