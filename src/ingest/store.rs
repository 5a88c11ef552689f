//! What the drain asks of the place where events are kept.

use std::fmt;
use std::ops::Range;

use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::id::{LinkId, WorkspaceId};

pub use super::repeat::Sameness;
pub use crate::warehouse::Disposition;

/// Events packed as a store takes them, so that few are ever there as [`Event`]s.
pub trait PackedEvents: Default + Send + Sync + 'static {
    /// Adds events behind those that are there.
    fn add(&mut self, events: &[Event]);

    /// All are added: gives back memory that only more would need.
    fn shrink(&mut self) {}

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The identity of one, and its time in milliseconds since the epoch.
    fn key(&self, place: usize) -> (EventId, i64);

    /// Some of them, without a trace of the others.
    fn part(&self, range: Range<usize>) -> Self;
}

/// A store of events. Times are milliseconds since the epoch, spans half-open.
pub trait EventStore: Send + Sync + 'static {
    /// How it takes events.
    type Packed: PackedEvents;

    /// Stores events, all of one calendar month (UTC) and in the order of their identities: all of them or none. Returns
    /// once they are on disk. The same token again, with the same events, changes nothing, as far as the store remembers
    /// tokens.
    fn insert(&self, token: &str, events: &Self::Packed) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How many events with identities `first..=last` and times `start_ms..end_ms` are stored.
    fn stored(
        &self,
        first: EventId,
        last: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Brings what is derived from events (rollups) in line with the events of a node in a span. Called when an insert may
    /// have been cut off between the two.
    fn reconcile(&self, node: u16, start_ms: i64, end_ms: i64) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The clicks, or the named events, of a span that are no repeats, of the node of `before` and with identities smaller
    /// than it; in any order.
    fn recent(
        &self,
        sameness: Sameness,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> impl Future<Output = Result<Vec<RecentClick>, StoreError>> + Send;
}

/// A click, or a named event, that is no repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentClick {
    /// Owner of the link or site.
    pub workspace: WorkspaceId,
    /// The link; of a named event the number of its site.
    pub link: LinkId,
    /// Who it was; of a named event its name's hash.
    pub visitor: u64,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
}

/// A failure of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What is to follow.
    pub disposition: Disposition,
    /// For the log.
    pub message: String,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
