//! Linkly's click analytics: series, counters and pivots, against a count by hand of a few hundred clicks.

mod answers;
mod export;
mod export_long;
mod head_range;
mod limits;
mod refusals;
pub mod scene;
mod snapshots;
mod sums;
mod zones;
