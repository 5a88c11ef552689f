//! From a hit to a stored event: accepting hits into the [`spool`](crate::spool), and the drain that stores them.
//!
//! What always holds: a hit whose [`Recorded::synced`] answered is stored exactly once, or set aside in a file that the
//! log names, whatever ends or fails in between.

mod accept;
mod batch;
mod bulk;
mod clicks;
mod deliver;
mod drain;
#[cfg(test)]
mod drain_test;
#[cfg(test)]
mod fake;
mod live;
mod repeat;
mod span;
mod store;
mod warehouse_store;

pub use accept::{Ingest, Recorded, Refused};
pub use bulk::{Bulk, BulkEvents, BulkRepeats, RefusedEvents};
pub use drain::{Drain, DrainOptions};
pub use live::{Live, LiveEvents};
pub use store::{Disposition, EventStore, PackedEvents, RecentClick, Sameness, StoreError};
