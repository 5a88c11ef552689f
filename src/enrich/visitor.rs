//! Who it was, without keeping who it was: a keyed 64-bit hash of address and user agent.
//!
//! - The key belongs to one workspace and one epoch: HMAC-SHA256 of both under the installation's secret. So visitors
//!   cannot be followed from one workspace to another, nor across epochs, and the secret is needed to test a guess.
//! - Of an IPv6 address only the first 64 bits count: the rest is chosen by the device and changes daily, while a home keeps
//!   its prefix, as it keeps its one IPv4 address.
//! - 0 means "nobody" and is never given out.

use std::collections::HashMap;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use siphasher::sip::SipHasher24;

use crate::domain::id::WorkspaceId;

/// Keys kept; when more are in use at once, all are derived anew.
const KEPT_KEYS: usize = 16_384;

type VisitorKey = [u8; 16];

/// Hashes visitors; one per installation.
pub struct VisitorHasher {
    secret: [u8; 32],
    keys: RwLock<HashMap<(WorkspaceId, u32), VisitorKey>>,
}

impl VisitorHasher {
    /// A hasher under the installation's secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, keys: RwLock::default() }
    }

    /// The visitor behind an address and a user agent (as sent) in one workspace and epoch; never 0.
    pub fn visitor(&self, workspace: WorkspaceId, epoch: u32, address: IpAddr, user_agent: &str) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key(workspace, epoch));
        match address.to_canonical() {
            IpAddr::V4(address) => {
                hasher.write_u8(4);
                hasher.write(&address.octets());
            }
            IpAddr::V6(address) => {
                hasher.write_u8(6);
                hasher.write(&address.octets()[..8]);
            }
        }
        hasher.write(user_agent.as_bytes());
        hasher.finish().max(1)
    }

    /// The visitor behind a first-party id, or behind the site's own name of a person, in one workspace and epoch; never 0.
    pub fn named(&self, workspace: WorkspaceId, epoch: u32, name: &str) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key(workspace, epoch));
        // No address begins so.
        hasher.write_u8(0);
        hasher.write(name.as_bytes());
        hasher.finish().max(1)
    }

    fn key(&self, workspace: WorkspaceId, epoch: u32) -> VisitorKey {
        // A panic while a key was inserted leaves the map whole: it holds nothing but finished keys.
        if let Some(key) = self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&(workspace, epoch)) {
            return *key;
        }
        let key = self.derive(workspace, epoch);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEPT_KEYS {
            keys.clear();
        }
        keys.insert((workspace, epoch), key);
        key
    }

    fn derive(&self, workspace: WorkspaceId, epoch: u32) -> VisitorKey {
        // HMAC fills a short key up with zeros to the block of its hash.
        let mut block = [0; 64];
        block[..self.secret.len()].copy_from_slice(&self.secret);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(b"visitor");
        mac.update(&workspace.0.to_be_bytes());
        mac.update(&epoch.to_be_bytes());
        let mut key = VisitorKey::default();
        for (place, byte) in key.iter_mut().zip(mac.finalize().into_bytes()) {
            *place = byte;
        }
        key
    }
}

/// The secret stays out of logs.
impl std::fmt::Debug for VisitorHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VisitorHasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(secret: u8, workspace: u64, epoch: u32, address: &str, user_agent: &str) -> u64 {
        let hasher = VisitorHasher::new([secret; 32]);
        hasher.visitor(WorkspaceId(workspace), epoch, address.parse().unwrap(), user_agent)
    }

    #[test]
    fn everything_that_makes_a_visitor_counts() {
        let base = visitor(1, 1, 0, "81.2.69.142", "Firefox");
        assert_eq!(base, visitor(1, 1, 0, "81.2.69.142", "Firefox"));
        assert_ne!(base, visitor(2, 1, 0, "81.2.69.142", "Firefox"));
        assert_ne!(base, visitor(1, 2, 0, "81.2.69.142", "Firefox"));
        assert_ne!(base, visitor(1, 1, 1, "81.2.69.142", "Firefox"));
        assert_ne!(base, visitor(1, 1, 0, "81.2.69.143", "Firefox"));
        assert_ne!(base, visitor(1, 1, 0, "81.2.69.142", "Firefox "));
    }

    #[test]
    fn the_hash_does_not_change_with_the_program() {
        // SipHash-2-4 of 04, the four octets and `Firefox`, computed apart from this code.
        assert_eq!(visitor(7, 42, 3, "81.2.69.142", "Firefox"), 0x9232_2D65_1110_6D00);
    }

    #[test]
    fn addresses_are_taken_as_networks_give_them() {
        assert_eq!(visitor(1, 1, 0, "81.2.69.142", ""), visitor(1, 1, 0, "::ffff:81.2.69.142", ""));
        assert_eq!(visitor(1, 1, 0, "2a02:1:2:3::1", ""), visitor(1, 1, 0, "2a02:1:2:3:ffff::9", ""));
        assert_ne!(visitor(1, 1, 0, "2a02:1:2:3::1", ""), visitor(1, 1, 0, "2a02:1:2:4::1", ""));
    }

    #[test]
    fn kept_keys_are_bounded() {
        let hasher = VisitorHasher::new([1; 32]);
        let address = "81.2.69.142".parse().unwrap();
        let first = hasher.visitor(WorkspaceId(0), 0, address, "");
        for epoch in 1..=KEPT_KEYS as u32 + 10 {
            hasher.visitor(WorkspaceId(0), epoch, address, "");
        }
        assert!(hasher.keys.read().unwrap().len() <= KEPT_KEYS);
        assert_eq!(hasher.visitor(WorkspaceId(0), 0, address, ""), first);
    }
}
