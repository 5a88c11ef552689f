//! Events that come in bulk, past the spool: from a file, which can be read again after a crash.
//!
//! What always holds: an event whose identity is made of the file (a node number of its own, and the place in the file) is
//! stored exactly once, however often the file is read; what the store refuses for its data is named, and the rest goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::batch::Months;
use super::deliver::{Aside, Delivery, Patience};
use super::live::Live;
use super::repeat::{RepeatWindow, Sameness};
use super::store::{EventStore, PackedEvents};
use crate::domain::click_id::EventId;
use crate::domain::event::Event;

/// As in the drain.
const PATIENCE: Patience =
    Patience { first: Duration::from_millis(100), most: Duration::from_secs(5), stop: Duration::from_secs(30) };

/// Events that the store will never take: the sequences of neighbours, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEvents {
    /// Rising.
    pub sequences: Vec<u64>,
    /// The store's words.
    pub reason: String,
}

/// Remembers what was refused until somebody asks.
#[derive(Default)]
struct Refusals(Mutex<Vec<RefusedEvents>>);

impl Aside for Refusals {
    type Source = ();

    async fn set_aside(&self, _: &str, _: &Arc<()>, sequences: Vec<u64>, reason: &str) {
        let refused = RefusedEvents { sequences, reason: reason.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(refused);
    }
}

/// Events of one batch, packed as they come.
pub struct BulkEvents<P>(Months<P>, usize);

impl<P> Default for BulkEvents<P> {
    fn default() -> Self {
        Self(Months::default(), 0)
    }
}

impl<P: PackedEvents> BulkEvents<P> {
    /// Adds events, which come in the order of their identities.
    pub fn add(&mut self, events: Vec<Event>) {
        self.1 += events.len();
        self.0.add(events, false);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.1 == 0
    }
}

/// Stores batches of events of one node number, one after the other. Nobody is told of them as they come: they are past.
pub struct Bulk<S> {
    delivery: Delivery<S, Refusals>,
    nothing: Arc<()>,
}

impl<S: EventStore> Bulk<S> {
    /// A way into `store` for the events of `node`. Only one may be at work for a node.
    pub fn new(store: Arc<S>, node: u16) -> Self {
        Self::with_patience(store, node, PATIENCE)
    }

    fn with_patience(store: Arc<S>, node: u16, patience: Patience) -> Self {
        let aside = Refusals::default();
        Self { delivery: Delivery { store, aside, node, patience, live: Live::default() }, nothing: Arc::new(()) }
    }

    /// Stores events; returns once all are stored or refused, and answers those that were refused. `doubtful` when some may
    /// be stored already: then only what is missing is sent. While the store is away it goes on trying.
    pub async fn store(&self, events: BulkEvents<S::Packed>, doubtful: bool) -> Vec<RefusedEvents> {
        self.delivery.deliver_months(events.0.done(), doubtful, &self.nothing).await;
        std::mem::take(&mut *self.delivery.aside.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells which clicks of a file are repeats of earlier ones of the same file, by the rule of the drain. The flags depend on
/// nothing but the clicks handed in before, so reading the file again gives the same ones.
pub struct BulkRepeats(RepeatWindow);

impl Default for BulkRepeats {
    fn default() -> Self {
        Self(RepeatWindow::new(Sameness::Click))
    }
}

impl BulkRepeats {
    /// Sets the flags of the clicks among `events` that `windows` names, in seconds and in the order of identities; the
    /// others keep theirs.
    pub fn mark(&mut self, events: &mut [Event], windows: &[(EventId, u32)]) {
        self.0.mark(events, windows);
    }

    /// To be called once a batch is marked: forgets clicks that are too long ago to matter.
    pub fn sweep(&mut self) {
        self.0.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{FakeStore, Faults};
    use super::*;

    const HASTE: Patience =
        Patience { first: Duration::from_millis(1), most: Duration::from_millis(1), stop: Duration::from_millis(1) };

    fn packed(from: u64, to: u64) -> BulkEvents<Vec<Event>> {
        let mut packed = BulkEvents::default();
        packed.add(events(from, to));
        packed
    }

    fn events(from: u64, to: u64) -> Vec<Event> {
        // Two months, in turn.
        let at_ms = |number: u64| 1_772_323_200_000 + if number.is_multiple_of(2) { 0 } else { -1 };
        let event = |number| Event { id: EventId::new(9, number), at_ms: at_ms(number), ..Event::default() };
        (from..to).map(event).collect()
    }

    #[tokio::test]
    async fn a_file_read_again_stores_what_is_missing() {
        let faults = Faults { before: 20, after: 20, torn: 20, forgets: 100, odd: 5 };
        let store = Arc::new(FakeStore::new(5));
        store.state().faults = faults;
        let bulk = Bulk::with_patience(store.clone(), 9, HASTE);
        // The first time it ends in the middle of a batch; another time all is read, and then once more.
        assert_eq!(bulk.store(packed(1, 300), false).await, []);
        for _ in 0..2 {
            for from in [1, 400, 800] {
                assert_eq!(bulk.store(packed(from, from + 400), true).await, []);
            }
        }
        let state = store.state();
        assert_eq!((state.events.len(), state.doubled.len()), (1_199, 0));
    }

    #[tokio::test]
    async fn what_is_refused_is_named() {
        let store = Arc::new(FakeStore::new(1));
        let mut some = events(1, 101);
        for place in [7, 50] {
            some[place].url = "bad".to_owned();
        }
        let mut packed = BulkEvents::default();
        packed.add(some);
        let refused = Bulk::with_patience(store.clone(), 9, HASTE).store(packed, false).await;
        let mut sequences: Vec<u64> = refused.iter().flat_map(|refused| refused.sequences.clone()).collect();
        sequences.sort_unstable();
        assert_eq!(sequences, [8, 51]);
        assert_eq!((refused[0].reason.as_str(), store.state().events.len()), ("bad data", 98));
    }
}
