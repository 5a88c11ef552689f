//! Tries that may fail: how many of one asker, or at one thing, are looked at within a window that begins with the first.
//!
//! A try is taken before it is looked at, so that many at once get no further than one after the other, and is given back
//! when it turned out right. The table is bounded; when it is full the least used entry goes.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;

/// Askers, or things, whose tries are counted.
const COUNTED: u64 = 100_000;

/// Tries within a window, by whom or what.
pub struct Tries<K> {
    limit: u32,
    counts: Cache<K, Arc<AtomicU32>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Tries<K> {
    /// Allows `limit` tries in each `window`; 0 for no limit.
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { limit, counts: Cache::builder().max_capacity(COUNTED).time_to_live(window).build() }
    }

    /// Takes one of the tries that are left.
    pub fn take(&self, key: K) -> Option<Try> {
        if self.limit == 0 {
            return Some(Try(None));
        }
        let count = self.counts.get_with(key, Arc::default);
        let taken =
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < self.limit).then_some(count + 1));
        taken.is_ok().then_some(Try(Some(count)))
    }
}

/// A try that was taken.
#[derive(Debug)]
pub struct Try(Option<Arc<AtomicU32>>);

impl Try {
    /// It does not count.
    pub fn give_back(self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_run_out_unless_they_are_given_back() {
        let tries = Tries::new(2, Duration::from_secs(600));
        for _ in 0..5 {
            tries.take("a").unwrap().give_back();
        }
        let kept = tries.take("a").unwrap();
        assert!(tries.take("a").is_some() && tries.take("a").is_none() && tries.take("b").is_some());
        kept.give_back();
        assert!(tries.take("a").is_some());
        let unlimited = Tries::new(0, Duration::from_secs(600));
        assert!((0..100).all(|_| unlimited.take("a").is_some()));
    }
}
