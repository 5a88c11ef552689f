//! The clicks of one workspace that are no repeats, packed: 24 bytes each, plus the table's slack.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::domain::id::LinkId;

/// Times outside 1970..2096 are moved to the nearer end: a window's number must fit 32 bits.
pub(super) const LATEST_MS: i64 = 4_000_000_000_000;

/// Link, visitor and number of the window since the epoch, packed: with the time's offset in it an entry has 24 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u32; 5]);

impl Key {
    fn new(link: LinkId, visitor: u64, window: u32) -> Self {
        let (link, visitor) = (link.0, visitor);
        Self([link as u32, (link >> 32) as u32, visitor as u32, (visitor >> 32) as u32, window])
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, window] = self.0.map(u64::from);
        // The visitor is a keyed hash already, so nobody outside can choose what collides.
        state.write_u64((c | d << 32).wrapping_add((a | b << 32).rotate_left(32) ^ window << 17));
    }
}

#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 29
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }
}

/// The clicks of one workspace. Two that are no repeats are a window apart, so each window since the epoch holds one.
pub(super) struct Clicks {
    /// Width in milliseconds; 0 until the workspace's first hit tells it.
    pub window_ms: i64,
    table: HashMap<Key, u32, BuildHasherDefault<Mix>>,
    /// No later window has a click: most clicks come in the order of time, and need not look ahead.
    last_window: u32,
    /// Read from the store before the width was known.
    loose: Vec<(LinkId, u64, i64)>,
    /// Clicks before this time may be missing although they were read once.
    pub swept_before: i64,
}

impl Default for Clicks {
    fn default() -> Self {
        Self { window_ms: 0, table: HashMap::default(), last_window: 0, loose: Vec::new(), swept_before: i64::MIN }
    }
}

impl Clicks {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len() + self.loose.len()
    }

    /// The times of the clicks, in no order.
    pub fn times(&self) -> impl Iterator<Item = i64> {
        self.table.iter().map(|(key, offset)| self.at(*key, *offset))
    }

    fn at(&self, key: Key, offset: u32) -> i64 {
        i64::from(key.0[4]) * self.window_ms + i64::from(offset)
    }

    /// Adds one that is no repeat; the same again changes nothing.
    pub fn insert(&mut self, link: LinkId, visitor: u64, at_ms: i64) {
        if self.window_ms == 0 {
            return self.loose.push((link, visitor, at_ms));
        }
        let at_ms = at_ms.clamp(0, LATEST_MS);
        let window = (at_ms / self.window_ms) as u32;
        self.last_window = window.max(self.last_window);
        let key = Key::new(link, visitor, window);
        let offset = (at_ms % self.window_ms) as u32;
        // After the window grew there may be several: the latest decides.
        self.table.entry(key).and_modify(|latest| *latest = offset.max(*latest)).or_insert(offset);
    }

    /// Changes the width.
    pub fn set_window(&mut self, window_ms: i64) {
        if window_ms == self.window_ms {
            return;
        }
        let mut all = std::mem::take(&mut self.loose);
        for (key, offset) in std::mem::take(&mut self.table) {
            let [a, b, c, d, _] = key.0.map(u64::from);
            all.push((LinkId(a | b << 32), c | d << 32, self.at(key, offset)));
        }
        (self.window_ms, self.last_window) = (window_ms, 0);
        for (link, visitor, at_ms) in all {
            self.insert(link, visitor, at_ms);
        }
    }

    /// Whether one that is no repeat is less than a window away.
    pub fn is_repeat(&self, link: LinkId, visitor: u64, at_ms: i64) -> bool {
        let at_ms = at_ms.clamp(0, LATEST_MS);
        let window = at_ms / self.window_ms;
        (window - 1..=window + 1).any(|window| {
            let Some(number) = u32::try_from(window).ok().filter(|number| *number <= self.last_window) else {
                return false;
            };
            let key = Key::new(link, visitor, number);
            self.table.get(&key).is_some_and(|&offset| (at_ms - self.at(key, offset)).abs() < self.window_ms)
        })
    }

    /// Forgets those before a time.
    pub fn sweep(&mut self, before_ms: i64) {
        let window_ms = self.window_ms;
        self.table.retain(|key, offset| i64::from(key.0[4]) * window_ms + i64::from(*offset) >= before_ms);
        self.table.shrink_to(self.table.len() * 2);
        self.loose.retain(|(_, _, at_ms)| *at_ms >= before_ms);
        self.swept_before = self.swept_before.max(before_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_small_and_survive_a_change_of_width() {
        assert_eq!(size_of::<(Key, u32)>(), 24);
        let mut clicks = Clicks::default();
        let big = LinkId(u64::MAX - 5);
        for (visitor, at_ms) in [(1, 1_800_000_000_123), (u64::MAX, -5), (3, i64::MAX)] {
            clicks.insert(big, visitor, at_ms);
        }
        for window_ms in [1_000, 86_400_000 * 30, 60_000, 3_600_000] {
            clicks.set_window(window_ms);
            assert_eq!(clicks.len(), 3);
            let mut times: Vec<i64> = clicks.times().collect();
            times.sort_unstable();
            assert_eq!(times, [0, 1_800_000_000_123, LATEST_MS]);
            for (at_ms, expected) in [(0, true), (window_ms - 1, true), (window_ms, false), (1 - window_ms, true)] {
                assert_eq!(clicks.is_repeat(big, 1, 1_800_000_000_123 + at_ms), expected, "{window_ms} {at_ms}");
            }
            assert!(!clicks.is_repeat(LinkId(1), 1, 1_800_000_000_123));
        }
    }
}
