//! Linkly's click analytics: series, counters and pivots, against a count by hand of a few hundred clicks.

mod answers;
mod refusals;
mod scene;
mod snapshots;
mod sums;
mod zones;
