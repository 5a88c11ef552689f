//! Which link an address followed last on a domain, for apps that were installed meanwhile and ask what led to them.
//!
//! Noted are clicks of links with a target for iOS or Android, for an hour; bounded, and in this process only. Addresses are
//! not kept, but a hash under a key that is made at start and told to nobody.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::domain::click_id::EventId;
use crate::domain::id::{DomainId, LinkId};

/// Dub contract, 6.2.
const KEPT_FOR: Duration = Duration::from_secs(3_600);
const KEPT: u64 = 100_000;

/// The last clicks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RecentVisits {
    known: Cache<u64, Followed>,
    keys: RandomState,
}

/// A link that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The link.
    pub link: LinkId,
    /// The click.
    pub click: EventId,
    /// The path at which it was found, as the visitor wrote it.
    pub path: Arc<str>,
}

impl Default for RecentVisits {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(KEPT).time_to_live(KEPT_FOR).build();
        Self { known, keys: RandomState::new() }
    }
}

impl RecentVisits {
    /// Notes a click from this address.
    pub fn note(&self, domain: DomainId, client: IpAddr, followed: Followed) {
        self.known.insert(self.keys.hash_one((domain, client)), followed);
    }

    /// The last one within the hour.
    pub fn last(&self, domain: DomainId, client: IpAddr) -> Option<Followed> {
        self.known.get(&self.keys.hash_one((domain, client)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_click_of_an_address_on_a_domain() {
        let recent = RecentVisits::default();
        let client = |text: &str| text.parse::<IpAddr>().unwrap();
        let followed = |link| Followed { link: LinkId(link), click: EventId(link), path: "/app".into() };
        recent.note(DomainId(1), client("192.0.2.1"), followed(7));
        recent.note(DomainId(1), client("192.0.2.1"), followed(8));
        recent.note(DomainId(2), client("192.0.2.1"), followed(9));
        for (domain, address, expected) in [
            (1, "192.0.2.1", Some(followed(8))),
            (2, "192.0.2.1", Some(followed(9))),
            (3, "192.0.2.1", None),
            (1, "192.0.2.2", None),
        ] {
            assert_eq!(recent.last(DomainId(domain), client(address)), expected, "{domain} {address}");
        }
    }
}
