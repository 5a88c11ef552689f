//! Links in memory, found by domain and slug.
//!
//! What always holds:
//! - A link that is there stays until it changes or memory is short; "there is none" is believed for a few seconds only
//!   and lives in a small table of its own, so that guessed slugs cannot push real links out.
//! - Many visits that miss the same link cause one load. Loads are bounded in number and in time.
//! - After [`LinkCache::forget`] returned, no visit gets an answer whose load began before it. A load and its insertion
//!   belong to a *flight*; forgetting removes the flight, and only a flight that still stands may insert, both under the
//!   lock of its shard.
//! - After [`LinkCache::doubt_all`] every link is loaded again before it is believed: entries carry the epoch in which
//!   their load began. An entry of an older epoch is still used when the store does not answer, so that a broken
//!   connection to the store never takes known links down.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::Equivalent;
use moka::sync::Cache;
use tokio::sync::{Semaphore, watch};

use super::source::{LinkSource, Unavailable};
use super::target::Target;
use crate::domain::id::DomainId;

const SHARDS: usize = 64;
const MISSING_ENTRIES: u64 = 100_000;
/// What the table itself takes for an entry, in bytes.
const ENTRY_OVERHEAD: usize = 200;
/// How long after a failed load doubtful links are used without asking again, in milliseconds.
const FAILURE_MEMORY_MS: u64 = 1_000;

/// Bounds of the cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Memory for links, in bytes; about a million links by default.
    pub max_bytes: u64,
    /// How long "there is none" is believed.
    pub missing_ttl: Duration,
    /// How long a visit waits for the store.
    pub load_timeout: Duration,
    /// Loads at once.
    pub max_loads: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            max_bytes: 640 << 20,
            missing_ttl: Duration::from_secs(5),
            load_timeout: Duration::from_millis(900),
            max_loads: 64,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    domain: DomainId,
    slug: Box<str>,
}

/// A [`Key`] that owns nothing; hashes as one.
#[derive(Clone, Copy, Hash)]
struct KeyRef<'a> {
    domain: DomainId,
    slug: &'a str,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.domain == key.domain && *self.slug == *key.slug
    }
}

#[derive(Clone, Debug)]
struct Known {
    target: Arc<Target>,
    epoch: u64,
}

/// What a load found.
pub(super) type Answer = Result<Option<Arc<Target>>, Unavailable>;

/// A load under way.
struct Flight {
    number: u64,
    epoch: u64,
    answer: watch::Receiver<Option<Answer>>,
}

/// The cache; cheap to clone.
#[derive(Clone)]
pub(super) struct LinkCache {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn LinkSource>,
    limits: CacheLimits,
    known: Cache<Key, Known>,
    missing: Cache<Key, u64>,
    flights: Vec<Mutex<HashMap<Key, Flight>>>,
    hasher: RandomState,
    loads: Semaphore,
    epoch: AtomicU64,
    last_flight: AtomicU64,
    started: Instant,
    /// Milliseconds from `started` to the last load that failed, plus one; 0 when none did.
    failed_ms: AtomicU64,
}

impl LinkCache {
    /// An empty cache over a source.
    pub fn new(source: Arc<dyn LinkSource>, limits: CacheLimits) -> Self {
        let weigh = |key: &Key, known: &Known| {
            u32::try_from(ENTRY_OVERHEAD + key.slug.len() + known.target.weight()).unwrap_or(u32::MAX)
        };
        let inner = Inner {
            source,
            limits,
            known: Cache::builder().max_capacity(limits.max_bytes).weigher(weigh).build(),
            missing: Cache::builder().max_capacity(MISSING_ENTRIES).time_to_live(limits.missing_ttl).build(),
            flights: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            loads: Semaphore::new(limits.max_loads),
            epoch: AtomicU64::new(0),
            last_flight: AtomicU64::new(0),
            started: Instant::now(),
            failed_ms: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What memory knows for certain: `Some(None)` is "there is none".
    pub fn known(&self, domain: DomainId, slug_key: &str) -> Option<Option<Arc<Target>>> {
        self.inner.certain(KeyRef { domain, slug: slug_key })
    }

    /// The link, from memory or from the source. An answer of `None` may have cost a query.
    ///
    /// # Errors
    /// [`Unavailable`] when memory does not know it and the source does not answer in time.
    pub async fn get(&self, domain: DomainId, slug_key: &str) -> Answer {
        let key = KeyRef { domain, slug: slug_key };
        if let Some(answer) = self.inner.certain(key) {
            return Ok(answer);
        }
        let doubtful = self.inner.known.get(&key).map(|known| known.target);
        if doubtful.is_some() && self.inner.failed_lately() {
            return Ok(doubtful);
        }
        match (self.load(key).await, doubtful) {
            (Err(Unavailable), Some(target)) => Ok(Some(target)),
            (answer, _) => answer,
        }
    }

    /// Whether [`get`](Self::get) has something to go by without the source.
    pub(super) fn has_any(&self, domain: DomainId, slug_key: &str) -> bool {
        self.inner.known.contains_key(&KeyRef { domain, slug: slug_key })
    }

    /// Forgets what is known of one place, because it changed.
    pub fn forget(&self, domain: DomainId, slug_key: &str) {
        let key = Key { domain, slug: slug_key.into() };
        let mut flights = self.inner.shard(&key);
        flights.remove(&key);
        self.inner.known.invalidate(&key);
        self.inner.missing.invalidate(&key);
    }

    /// Believes nothing any more, because anything may have changed.
    pub fn doubt_all(&self) {
        self.inner.epoch.fetch_add(1, Ordering::SeqCst);
        self.inner.missing.invalidate_all();
    }

    async fn load(&self, key: KeyRef<'_>) -> Answer {
        let mut answer = {
            let owned = Key { domain: key.domain, slug: key.slug.into() };
            let mut flights = self.inner.shard(&owned);
            // A flight may have landed since memory was asked.
            if let Some(answer) = self.inner.certain(key) {
                return Ok(answer);
            }
            let epoch = self.inner.epoch();
            match flights.get(&owned) {
                Some(flight) if flight.epoch == epoch => flight.answer.clone(),
                _ => {
                    let number = self.inner.last_flight.fetch_add(1, Ordering::Relaxed);
                    let (sender, answer) = watch::channel(None);
                    flights.insert(owned.clone(), Flight { number, epoch, answer: answer.clone() });
                    let pilot = Pilot { inner: Arc::clone(&self.inner), key: owned, number, epoch };
                    // A task of its own: a visitor who leaves must not take the answer from those who wait with him.
                    tokio::spawn(pilot.fly(sender));
                    answer
                }
            }
        };
        let landed = tokio::time::timeout(self.inner.limits.load_timeout, answer.wait_for(Option::is_some)).await;
        match landed {
            Ok(Ok(answer)) => answer.clone().unwrap_or(Err(Unavailable)),
            // Too late, or the load panicked.
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }
}

impl Inner {
    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn certain(&self, key: KeyRef<'_>) -> Option<Option<Arc<Target>>> {
        let epoch = self.epoch();
        if let Some(known) = self.known.get(&key) {
            return (known.epoch == epoch).then_some(Some(known.target));
        }
        self.missing.get(&key).filter(|&missing| missing == epoch).map(|_| None)
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Flight>> {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        // Nothing under the lock can leave the map half changed.
        self.flights[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn failed_lately(&self) -> bool {
        let failed_ms = self.failed_ms.load(Ordering::Relaxed);
        failed_ms > 0 && self.elapsed_ms() < failed_ms.saturating_add(FAILURE_MEMORY_MS)
    }
}

/// Flies one load; whatever happens to it, the flight is taken off the list.
struct Pilot {
    inner: Arc<Inner>,
    key: Key,
    number: u64,
    epoch: u64,
}

impl Pilot {
    async fn fly(self, sender: watch::Sender<Option<Answer>>) {
        let load = async {
            let _permit = self.inner.loads.acquire().await.map_err(|_| Unavailable)?;
            self.inner.source.link(self.key.domain, &self.key.slug).await
        };
        let loaded = tokio::time::timeout(self.inner.limits.load_timeout, load).await.unwrap_or(Err(Unavailable));
        let answer = loaded.map(|found| found.as_ref().and_then(Target::prepare).map(Arc::new));
        self.land(&answer);
        sender.send_replace(Some(answer));
    }

    fn land(&self, answer: &Answer) {
        let mut flights = self.inner.shard(&self.key);
        if flights.get(&self.key).is_none_or(|flight| flight.number != self.number) {
            return;
        }
        flights.remove(&self.key);
        match answer {
            Ok(Some(target)) => {
                self.inner.missing.invalidate(&self.key);
                self.inner.known.insert(self.key.clone(), Known { target: Arc::clone(target), epoch: self.epoch });
            }
            Ok(None) => {
                self.inner.known.invalidate(&self.key);
                self.inner.missing.insert(self.key.clone(), self.epoch);
            }
            Err(Unavailable) => self.inner.failed_ms.store(self.inner.elapsed_ms() + 1, Ordering::Relaxed),
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let mut flights = self.inner.shard(&self.key);
        if flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
pub(super) mod tests;
