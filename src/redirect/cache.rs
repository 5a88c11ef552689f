//! Links in memory, found by domain and slug.
//!
//! What always holds:
//! - A link that is there stays until it changes or memory is short; "there is none" is believed for a few seconds only
//!   and lives in a small table of its own, so that guessed slugs cannot push real links out.
//! - Many visits that miss the same link cause one load. What is missed while others load is loaded together: the first
//!   visit goes at once, under pressure one question of the store answers many. Loads are bounded in number and in time.
//! - After [`LinkCache::forget`] returned, no visit gets an answer whose load began before it. A load and its insertion
//!   belong to a *flight*; forgetting removes the flight, and only a flight that still stands may insert, both under the
//!   lock of its shard.
//! - After [`LinkCache::doubt_all`] every link is loaded again before it is believed: entries carry the epoch in which
//!   their load began. An entry of an older epoch is still used when the store does not answer, so that a broken
//!   connection to the store never takes known links down.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::watch;
use tokio::time::Instant;

use super::shelf::{PlaceRef, Shelf};
use super::source::{LinkPlace, LinkSource, Unavailable};
use super::target::Target;
use crate::domain::id::DomainId;

const SHARDS: usize = 64;
/// Links that are loaded together at most.
const BATCH: usize = 256;
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
    /// Loads at once, each of up to 256 links.
    pub max_loads: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            max_bytes: 640 << 20,
            missing_ttl: Duration::from_secs(5),
            load_timeout: Duration::from_millis(900),
            max_loads: 4,
        }
    }
}

/// So that the table of what is not there can be asked without a place of one's own.
impl moka::Equivalent<LinkPlace> for PlaceRef<'_> {
    fn equivalent(&self, place: &LinkPlace) -> bool {
        *self == place.borrowed()
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

/// Loads that wait for their turn, and how many are at work.
#[derive(Default)]
struct Loads {
    waiting: VecDeque<Pilot>,
    at_work: usize,
}

/// The cache; cheap to clone.
#[derive(Clone)]
pub(super) struct LinkCache {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn LinkSource>,
    limits: CacheLimits,
    known: Shelf<Known>,
    missing: Cache<LinkPlace, u64>,
    flights: Vec<Mutex<HashMap<LinkPlace, Flight>>>,
    hasher: RandomState,
    loads: Mutex<Loads>,
    epoch: AtomicU64,
    last_flight: AtomicU64,
    started: Instant,
    /// Milliseconds from `started` to the last load that failed, plus one; 0 when none did.
    failed_ms: AtomicU64,
}

impl LinkCache {
    /// An empty cache over a source.
    pub fn new(source: Arc<dyn LinkSource>, limits: CacheLimits) -> Self {
        let inner = Inner {
            source,
            limits,
            known: Shelf::new(limits.max_bytes),
            missing: Cache::builder().max_capacity(MISSING_ENTRIES).time_to_live(limits.missing_ttl).build(),
            flights: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            loads: Mutex::default(),
            epoch: AtomicU64::new(0),
            last_flight: AtomicU64::new(0),
            started: Instant::now(),
            failed_ms: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What memory knows for certain: `Some(None)` is "there is none".
    pub fn known(&self, domain: DomainId, slug_key: &str) -> Option<Option<Arc<Target>>> {
        self.inner.certain(PlaceRef { domain, slug: slug_key })
    }

    /// The link, from memory or from the source. An answer of `None` may have cost a query.
    ///
    /// # Errors
    /// [`Unavailable`] when memory does not know it and the source does not answer in time.
    pub async fn get(&self, domain: DomainId, slug_key: &str) -> Answer {
        let key = PlaceRef { domain, slug: slug_key };
        if let Some(answer) = self.inner.certain(key) {
            return Ok(answer);
        }
        let doubtful = self.inner.known.get(key).map(|known| known.target);
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
        self.inner.known.contains(PlaceRef { domain, slug: slug_key })
    }

    /// Forgets what is known of one place, because it changed.
    pub fn forget(&self, domain: DomainId, slug_key: &str) {
        let key = LinkPlace { domain, slug_key: slug_key.into() };
        let mut flights = self.inner.shard(&key);
        flights.remove(&key);
        self.inner.known.remove(key.borrowed());
        self.inner.missing.invalidate(&key);
    }

    /// Believes nothing any more, because anything may have changed.
    pub fn doubt_all(&self) {
        self.inner.epoch.fetch_add(1, Ordering::SeqCst);
        self.inner.missing.invalidate_all();
    }

    async fn load(&self, key: PlaceRef<'_>) -> Answer {
        let mut answer = {
            let owned = LinkPlace { domain: key.domain, slug_key: key.slug.into() };
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
                    let (inner, since) = (Arc::clone(&self.inner), Instant::now());
                    self.inner.ask_for(Pilot { inner, key: owned, number, epoch, since, sender });
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

    fn certain(&self, key: PlaceRef<'_>) -> Option<Option<Arc<Target>>> {
        let epoch = self.epoch();
        if let Some(known) = self.known.get(key) {
            return (known.epoch == epoch).then_some(Some(known.target));
        }
        self.missing.get(&key).filter(|&missing| missing == epoch).map(|_| None)
    }

    fn shard(&self, key: &LinkPlace) -> MutexGuard<'_, HashMap<LinkPlace, Flight>> {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        // Nothing under the lock can leave the map half changed.
        self.flights[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loads(&self) -> MutexGuard<'_, Loads> {
        // Nothing under the lock can leave it half changed.
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a load wait for its turn, which comes at once unless as many as may be are at work.
    fn ask_for(self: &Arc<Self>, pilot: Pilot) {
        let mut loads = self.loads();
        loads.waiting.push_back(pilot);
        if loads.at_work < self.limits.max_loads.max(1) {
            loads.at_work += 1;
            // A task of its own: a visitor who leaves must not take the answer from those who wait with him.
            tokio::spawn(Turn { inner: Arc::clone(self), is_over: false }.work());
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn failed_lately(&self) -> bool {
        let failed_ms = self.failed_ms.load(Ordering::Relaxed);
        failed_ms > 0 && self.elapsed_ms() < failed_ms.saturating_add(FAILURE_MEMORY_MS)
    }
}

/// A turn to load; gives itself back, whatever happens.
struct Turn {
    inner: Arc<Inner>,
    is_over: bool,
}

impl Turn {
    /// Loads what waits, as much at a time as may be, until nothing waits.
    async fn work(mut self) {
        while let Some(pilots) = self.next() {
            if pilots.is_empty() {
                continue;
            }
            let places: Vec<LinkPlace> = pilots.iter().map(|pilot| pilot.key.clone()).collect();
            let load = tokio::time::timeout(self.inner.limits.load_timeout, self.inner.source.links(&places));
            let mut found = load.await.unwrap_or_default().into_iter();
            for pilot in pilots {
                let answer = found.next().unwrap_or(Err(Unavailable));
                pilot.land(answer.map(|found| found.as_ref().and_then(Target::prepare).map(Arc::new)));
            }
        }
    }

    /// The next loads, those aside that nobody waits for any more; `None` when the turn is over.
    fn next(&mut self) -> Option<Vec<Pilot>> {
        let mut pilots: Vec<Pilot> = {
            let mut loads = self.inner.loads();
            if loads.waiting.is_empty() {
                loads.at_work -= 1;
                self.is_over = true;
                return None;
            }
            let count = loads.waiting.len().min(BATCH);
            loads.waiting.drain(..count).collect()
        };
        // Whose visitors have gone without an answer; a store that hangs must not pile them up.
        pilots.retain(|pilot| pilot.since.elapsed() < self.inner.limits.load_timeout);
        Some(pilots)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_over {
            self.inner.loads().at_work -= 1;
        }
    }
}

/// Flies one load; whatever happens to it, the flight is taken off the list.
struct Pilot {
    inner: Arc<Inner>,
    key: LinkPlace,
    number: u64,
    epoch: u64,
    since: Instant,
    sender: watch::Sender<Option<Answer>>,
}

impl Pilot {
    fn land(self, answer: Answer) {
        self.note(&answer);
        self.sender.send_replace(Some(answer));
    }

    fn note(&self, answer: &Answer) {
        let mut flights = self.inner.shard(&self.key);
        if flights.get(&self.key).is_none_or(|flight| flight.number != self.number) {
            return;
        }
        flights.remove(&self.key);
        match answer {
            Ok(Some(target)) => {
                self.inner.missing.invalidate(&self.key);
                let known = Known { target: Arc::clone(target), epoch: self.epoch };
                let bytes = ENTRY_OVERHEAD + self.key.slug_key.len() + target.weight();
                self.inner.known.insert(self.key.clone(), known, bytes);
            }
            Ok(None) => {
                self.inner.known.remove(self.key.borrowed());
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
