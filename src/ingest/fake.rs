//! A store in memory that fails in every way a real one does.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::{Disposition, EventStore, PackedEvents, RecentClick, Sameness, StoreError};
use crate::domain::click_id::EventId;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::LinkId;

/// How often things go wrong, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// A call fails before it did anything.
    pub before: u64,
    /// An insert is stored, and its answer is lost.
    pub after: u64,
    /// An insert is stored in part, and its answer is lost.
    pub torn: u64,
    /// A token is forgotten as soon as it was seen.
    pub forgets: u64,
    /// A failure is one that nobody understands.
    pub odd: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub faults: Faults,
    /// Every call fails.
    pub down: bool,
    pub events: BTreeMap<EventId, Event>,
    pub doubled: Vec<EventId>,
    pub tokens: BTreeSet<String>,
    /// Tokens and numbers of events of all inserts that were tried.
    pub inserts: Vec<(String, usize)>,
    pub reconciled: Vec<(i64, i64)>,
    dice: u64,
}

impl State {
    fn chance(&mut self, percent: u64) -> bool {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % 100 < percent
    }

    fn fail(&mut self) -> StoreError {
        let odd = self.faults.odd;
        let disposition = if self.chance(odd) { Disposition::Stop } else { Disposition::Retry };
        StoreError { disposition, message: "the fake store failed".to_owned() }
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let before = self.faults.before;
        if self.down || self.chance(before) { Err(self.fail()) } else { Ok(()) }
    }

    fn keep(&mut self, events: &[Event]) {
        for event in events {
            if self.events.insert(event.id, event.clone()).is_some() {
                self.doubled.push(event.id);
            }
        }
    }
}

/// Refuses events whose url is `bad`.
#[derive(Default)]
pub(super) struct FakeStore(Mutex<State>);

impl FakeStore {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(State { dice: seed, ..State::default() }))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As they are.
impl PackedEvents for Vec<Event> {
    fn add(&mut self, events: &[Event]) {
        self.extend_from_slice(events);
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, place: usize) -> (EventId, i64) {
        (self[place].id, self[place].at_ms)
    }

    fn part(&self, range: Range<usize>) -> Self {
        self[range].to_vec()
    }
}

impl EventStore for FakeStore {
    type Packed = Vec<Event>;

    async fn insert(&self, token: &str, events: &Vec<Event>) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        {
            let mut state = self.state();
            state.check()?;
            state.inserts.push((token.to_owned(), events.len()));
            assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id), "in order");
            if events.iter().any(|event| event.url == "bad") {
                return Err(StoreError { disposition: Disposition::SetAside, message: "bad data".to_owned() });
            }
            if !state.tokens.contains(token) {
                let Faults { torn, forgets, .. } = state.faults;
                if state.chance(torn) {
                    state.keep(&events[..events.len() / 2]);
                    return Err(state.fail());
                }
                state.keep(events);
                if !state.chance(forgets) {
                    state.tokens.insert(token.to_owned());
                }
            }
        }
        tokio::task::yield_now().await;
        let mut state = self.state();
        let after = state.faults.after;
        if state.chance(after) { Err(state.fail()) } else { Ok(()) }
    }

    async fn stored(&self, first: EventId, last: EventId, start_ms: i64, end_ms: i64) -> Result<u64, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.check()?;
        let there = state.events.range(first..=last).filter(|(_, event)| (start_ms..end_ms).contains(&event.at_ms));
        Ok(there.count() as u64)
    }

    async fn reconcile(&self, _: u16, start_ms: i64, end_ms: i64) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.check()?;
        state.reconciled.push((start_ms, end_ms));
        Ok(())
    }

    async fn recent(
        &self,
        sameness: Sameness,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<RecentClick>, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.check()?;
        let clicks = state.events.range(EventId::new(before.node(), 0)..before).filter(|(_, event)| {
            let same = match sameness {
                Sameness::Click => event.kind == EventKind::Click,
                Sameness::Name => event.kind != EventKind::Click && event.idempotency != 0,
            };
            same && !event.repeat && (start_ms..end_ms).contains(&event.at_ms)
        });
        Ok(clicks
            .map(|(_, event)| {
                let (link, visitor) = match sameness {
                    Sameness::Click => (event.link, event.visitor),
                    Sameness::Name => (LinkId(event.site.0), event.idempotency),
                };
                RecentClick { workspace: event.workspace, link, visitor, at_ms: event.at_ms }
            })
            .collect())
    }
}
