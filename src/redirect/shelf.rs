//! What is known of links, within a bound of bytes: where it is full, what was not asked for lately makes room.
//!
//! Every visit asks, so asking is one look-up under the lock of a shard and a mark. A hand goes round over the entries of
//! a shard: one with a mark loses it and stays, one without goes.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::source::LinkPlace;
use crate::domain::id::DomainId;

const SHARDS: usize = 64;

/// A [`LinkPlace`] that owns nothing.
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
pub(super) struct PlaceRef<'a> {
    pub domain: DomainId,
    pub slug: &'a str,
}

impl LinkPlace {
    pub(super) fn borrowed(&self) -> PlaceRef<'_> {
        PlaceRef { domain: self.domain, slug: &self.slug_key }
    }
}

/// Values by place.
pub(super) struct Shelf<V> {
    shards: Vec<Mutex<Shard<V>>>,
    hasher: RandomState,
    /// Of one shard.
    max_bytes: usize,
}

struct Shard<V> {
    /// Hashes of 64 keyed bits; should two places ever share one, the later takes it over.
    numbers: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    slots: Vec<Option<Slot<V>>>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
}

struct Slot<V> {
    hash: u64,
    place: LinkPlace,
    value: V,
    bytes: usize,
    was_asked: bool,
}

impl<V: Clone> Shelf<V> {
    /// One that holds values of so many bytes together, and a few less where they are spread unevenly.
    pub fn new(max_bytes: u64) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX) / SHARDS,
        }
    }

    pub fn get(&self, place: PlaceRef<'_>) -> Option<V> {
        let hash = self.hasher.hash_one(place);
        let mut shard = self.shard(hash);
        let slot = shard.find(hash, place)?;
        slot.was_asked = true;
        Some(slot.value.clone())
    }

    pub fn contains(&self, place: PlaceRef<'_>) -> bool {
        let hash = self.hasher.hash_one(place);
        self.shard(hash).find(hash, place).is_some()
    }

    /// Puts a value there that takes so many bytes, instead of the one before.
    pub fn insert(&self, place: LinkPlace, value: V, bytes: usize) {
        let hash = self.hasher.hash_one(place.borrowed());
        let mut shard = self.shard(hash);
        shard.take(hash);
        shard.put(Slot { hash, place, value, bytes, was_asked: false });
        let gone = shard.make_room(self.max_bytes);
        drop(shard);
        // What it takes to free them nobody waits for.
        drop(gone);
    }

    pub fn remove(&self, place: PlaceRef<'_>) {
        let hash = self.hasher.hash_one(place);
        let mut shard = self.shard(hash);
        if shard.find(hash, place).is_some() {
            shard.take(hash);
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<V>> {
        // The map goes by the upper bits, too. Nothing under the lock can leave it half changed.
        self.shards[hash as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), slots: Vec::new(), free: Vec::new(), hand: 0, bytes: 0 }
    }
}

impl<V> Shard<V> {
    fn find(&mut self, hash: u64, place: PlaceRef<'_>) -> Option<&mut Slot<V>> {
        let number = *self.numbers.get(&hash)?;
        self.slots[number].as_mut().filter(|slot| slot.place.borrowed() == place)
    }

    fn put(&mut self, slot: Slot<V>) {
        self.bytes += slot.bytes;
        let number = self.free.pop().unwrap_or(self.slots.len());
        self.numbers.insert(slot.hash, number);
        match self.slots.get_mut(number) {
            Some(place) => *place = Some(slot),
            None => self.slots.push(Some(slot)),
        }
    }

    fn take(&mut self, hash: u64) -> Option<Slot<V>> {
        let number = self.numbers.remove(&hash)?;
        let slot = self.slots[number].take()?;
        self.bytes -= slot.bytes;
        self.free.push(number);
        Some(slot)
    }

    /// Takes out what has to go.
    fn make_room(&mut self, max_bytes: usize) -> Vec<Slot<V>> {
        let mut gone = Vec::new();
        while self.bytes > max_bytes {
            self.hand = (self.hand + 1) % self.slots.len();
            let Some(slot) = &mut self.slots[self.hand] else { continue };
            if !std::mem::take(&mut slot.was_asked) {
                let hash = slot.hash;
                gone.extend(self.take(hash));
            }
        }
        gone
    }
}

/// A number that is a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The lowest bits chose the shard.
        self.0 = number.rotate_right(SHARDS.trailing_zeros());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn place(number: usize) -> LinkPlace {
        LinkPlace { domain: DomainId(number as u64 % 3), slug_key: format!("s{number}").into() }
    }

    fn bytes(shelf: &Shelf<usize>) -> usize {
        shelf.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum()
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_makes_room() {
        let shelf = Shelf::new(64 * 1_000);
        for number in 0..10_000 {
            shelf.insert(place(number), number, 100);
            for kept in (0..100).take_while(|kept| *kept <= number) {
                assert_eq!(shelf.get(place(kept).borrowed()), Some(kept), "after {number}");
            }
            assert!(bytes(&shelf) <= 64 * 1_000);
        }
        let there = (0..10_000).filter(|number| shelf.contains(place(*number).borrowed())).count();
        assert!((500..=640).contains(&there), "{there}");
        shelf.insert(place(1), 1, 100_000);
        assert_eq!(shelf.get(place(1).borrowed()), None, "larger than all room");
    }

    proptest! {
        #[test]
        fn a_shelf_with_room_is_a_map(
            steps in prop::collection::vec((0_usize..40, prop::option::of((any::<usize>(), 0_usize..200))), 0..300),
        ) {
            let (shelf, mut map) = (Shelf::new(u64::MAX), HashMap::new());
            for (number, step) in steps {
                let place = place(number);
                match step {
                    Some((value, size)) => {
                        shelf.insert(place.clone(), value, size);
                        map.insert(number, (value, size));
                    }
                    None => {
                        shelf.remove(place.borrowed());
                        map.remove(&number);
                    }
                }
                prop_assert_eq!(shelf.get(place.borrowed()), map.get(&number).map(|(value, _)| *value));
                prop_assert_eq!(bytes(&shelf), map.values().map(|(_, size)| size).sum::<usize>());
            }
            for number in 0..40 {
                prop_assert_eq!(shelf.contains(place(number).borrowed()), map.contains_key(&number));
            }
        }
    }
}
