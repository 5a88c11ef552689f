//! Event identity and its public, unforgeable form.
//!
//! An [`EventId`] is known before a redirect answers: node number above, spool sequence below. A [`ClickKey`] turns it
//! into 16 characters `[0-9A-Za-z]`, which hold the 64 bits and 31 more of a keyed check, so that a made-up click id is
//! refused without asking the warehouse, and a true one names its event without an index table.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::id::LinkId;

/// Names under which the id of a click may stand in the query of the page that it led to.
pub const PARAMETERS: [&str; 3] = ["dub_id", "linkly_cid", "lt_cid"];

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Letters of a public click id.
pub const LENGTH: usize = 16;
/// Letters that are worked out together in 64 bits, and how many texts they make; the other six take the rest of the 95.
const BACK_LETTERS: usize = 10;
const BACK: u128 = 62_u128.pow(10);
const CHECK_BITS: u32 = 31;
const SEQUENCE_BITS: u32 = 48;

/// The identity of an event: node number (16 bits) and spool sequence (48 bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

impl EventId {
    /// Joins a node number and a spool sequence (below 2^48).
    pub fn new(node: u16, sequence: u64) -> Self {
        debug_assert!(sequence < 1 << SEQUENCE_BITS);
        Self(u64::from(node) << SEQUENCE_BITS | sequence)
    }

    /// The node that recorded the event.
    pub fn node(self) -> u16 {
        (self.0 >> SEQUENCE_BITS) as u16
    }

    /// The spool sequence of the event on its node.
    pub fn sequence(self) -> u64 {
        self.0 & ((1 << SEQUENCE_BITS) - 1)
    }
}

/// Signs event identities; one per installation.
#[derive(Clone)]
pub struct ClickKey {
    key: [u8; 16],
}

impl ClickKey {
    /// A key of 16 secret bytes.
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    fn check(&self, id: EventId) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u64(id.0);
        hasher.finish() >> (64 - CHECK_BITS)
    }

    /// The click id of a click on this link, with a check that it is so: what a visitor's cookie keeps. An id from another
    /// link's cookie is no good in its place.
    pub fn bound(&self, id: EventId, link: LinkId) -> String {
        format!("{}.{:016x}", self.public(id), self.binding(id, link))
    }

    /// The identity behind what [`bound`](Self::bound) made for this link; `None` for anything else.
    pub fn parse_bound(&self, text: &str, link: LinkId) -> Option<EventId> {
        let (id, binding) = text.split_once('.')?;
        let id = self.parse(id)?;
        let is_whole = binding.len() == 16 && u64::from_str_radix(binding, 16) == Ok(self.binding(id, link));
        is_whole.then_some(id)
    }

    /// Twice as long as what [`check`](Self::check) reads, so that the one never tells the other.
    fn binding(&self, id: EventId, link: LinkId) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u64(id.0);
        hasher.write_u64(link.0);
        hasher.finish()
    }

    /// The public click id: always 16 characters.
    pub fn public(&self, id: EventId) -> String {
        self.letters(id).iter().map(|&letter| char::from(letter)).collect()
    }

    /// The same as bytes.
    pub fn letters(&self, id: EventId) -> [u8; LENGTH] {
        let joined = u128::from(id.0) << CHECK_BITS | u128::from(self.check(id));
        let mut text = [b'0'; LENGTH];
        let (front, back) = text.split_at_mut(LENGTH - BACK_LETTERS);
        // Two short divisions a letter instead of two long ones: exports write a million of these a second.
        for (part, number) in [(front, joined / BACK), (back, joined % BACK)] {
            let mut rest = number as u64;
            for place in part.iter_mut().rev() {
                *place = ALPHABET[(rest % 62) as usize];
                rest /= 62;
            }
        }
        text
    }

    /// The identity behind a public click id; `None` when it was not made with this key.
    pub fn parse(&self, text: &str) -> Option<EventId> {
        if text.len() != LENGTH {
            return None;
        }
        let mut joined: u128 = 0;
        for letter in text.bytes() {
            joined = joined * 62 + ALPHABET.iter().position(|&known| known == letter)? as u128;
        }
        let id = EventId(u64::try_from(joined >> CHECK_BITS).ok()?);
        (self.check(id) == (joined as u64 & ((1 << CHECK_BITS) - 1))).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bound_id_is_good_for_its_link() {
        let key = ClickKey::new([7; 16]);
        let (id, link) = (EventId::new(1, 5), LinkId(9));
        let text = key.bound(id, link);
        assert!(text.starts_with(&key.public(id)) && text.len() == 33, "{text}");
        assert_eq!(key.parse_bound(&text, link), Some(id));
        assert_eq!(key.parse_bound(&text, LinkId(10)), None);
        assert_eq!(ClickKey::new([8; 16]).parse_bound(&text, link), None);
        let other = format!("{}{}", key.public(EventId::new(1, 6)), &text[16..]);
        for wrong in [&key.public(id), "", ".", &text[..32], &other] {
            assert_eq!(key.parse_bound(wrong, link), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn found_again_and_not_forged(node: u16, sequence in 0u64..1 << 48, place in 0usize..16) {
            let key = ClickKey::new([7; 16]);
            let id = EventId::new(node, sequence);
            let text = key.public(id);
            prop_assert_eq!(text.len(), 16);
            prop_assert_eq!(key.parse(&text), Some(id));
            prop_assert_eq!(ClickKey::new([8; 16]).parse(&text), None);
            let mut forged = text.into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap_or_default();
            prop_assert_ne!(key.parse(&forged), Some(id));
        }
    }
}
