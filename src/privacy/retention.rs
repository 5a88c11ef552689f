//! Deletes the events that are older than their workspace keeps them.
//!
//! What always holds:
//! - Never more than asked: what goes is older than the workspace's days, and lies before the beginning of a day in UTC.
//! - One node does it at a time; what was cut short is found again by the next run.
//! - Where nothing is too old, nothing is written.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::calendar::Clock;
use crate::catalog::{self, Catalog, Task};
use crate::domain::id::WorkspaceId;
use crate::warehouse::retention::{CUTOFF_MS, Outdated};
use crate::warehouse::{self, Warehouse};

/// How often a server looks for what is too old.
const EVERY: Duration = Duration::from_secs(3_600);

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another process is at it.
    #[error("another process is deleting old events right now")]
    Busy,
    /// Postgres does not tell how long events are kept.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// ClickHouse does not delete.
    #[error(transparent)]
    Warehouse(#[from] warehouse::Error),
}

/// What became of one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// For how many days it keeps events.
    pub days: u32,
    /// What lies before this instant goes, in milliseconds.
    pub cutoff_ms: i64,
    /// What was too old.
    pub outdated: Outdated,
}

/// The instant before which events are too old to be kept for `days`: the beginning of a day in UTC.
pub fn cutoff_ms(now_ms: i64, days: u32) -> i64 {
    let oldest_kept_ms = now_ms.saturating_sub(i64::from(days).saturating_mul(CUTOFF_MS));
    oldest_kept_ms.div_euclid(CUTOFF_MS).saturating_mul(CUTOFF_MS)
}

/// Deletes what is too old in every workspace, or with `dry` only counts it; tells of each workspace that does not keep its
/// events for ever.
///
/// # Errors
/// When another process is at it, or a store does not do its part; what was done by then is done.
pub async fn prune(catalog: &Catalog, warehouse: &Warehouse, now_ms: i64, dry: bool) -> Result<Vec<Pruned>, Failure> {
    let Some(turn) = catalog.take_turn(Task::Retention).await? else { return Err(Failure::Busy) };
    let pruned = prune_all(catalog, warehouse, now_ms, dry).await;
    turn.end().await;
    pruned
}

async fn prune_all(catalog: &Catalog, warehouse: &Warehouse, now_ms: i64, dry: bool) -> Result<Vec<Pruned>, Failure> {
    let mut pruned = Vec::new();
    for (workspace, days) in catalog.retentions().await? {
        let cutoff_ms = cutoff_ms(now_ms, days);
        let outdated = warehouse.outdated(workspace, cutoff_ms).await?;
        if !dry && !outdated.is_empty() {
            warehouse.delete_outdated(workspace, cutoff_ms, outdated).await?;
        }
        pruned.push(Pruned { workspace, days, cutoff_ms, outdated });
    }
    Ok(pruned)
}

/// Prunes now and every hour, until `stop`.
pub async fn keep_pruning(catalog: Catalog, warehouse: Warehouse, clock: Clock, stop: CancellationToken) {
    loop {
        let run = prune(&catalog, &warehouse, clock.now_ms(), false);
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = run => outcome,
        };
        match outcome {
            Ok(pruned) => {
                for Pruned { workspace, days, outdated, .. } in pruned {
                    if !outdated.is_empty() {
                        let Outdated { events, visitors, .. } = outdated;
                        tracing::info!(%workspace, days, events, visitors, "events older than {days} days were deleted");
                    }
                }
            }
            // Another node does what there is to do, or has just been ended while it did.
            Err(Failure::Busy) => {}
            Err(error) => tracing::warn!(%error, "old events could not be deleted, it is tried again in an hour"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cutoffs_are_days_that_are_over() {
        let day = |number: i64| number * CUTOFF_MS;
        for (now_ms, days, expected) in [
            (day(100), 1, day(99)),
            (day(100) + 1, 1, day(99)),
            (day(101) - 1, 1, day(99)),
            (day(101), 1, day(100)),
            (day(100) + 5, 30, day(70)),
            (day(3), 36_500, day(3 - 36_500)),
        ] {
            assert_eq!(cutoff_ms(now_ms, days), expected, "{now_ms} {days}");
        }
    }

    proptest! {
        #[test]
        fn nothing_younger_than_asked_is_before_the_cutoff(now_ms in -1_i64 << 52..1 << 52, days: u32) {
            let cutoff_ms = cutoff_ms(now_ms, days);
            let too_old_ms = now_ms - i64::from(days) * CUTOFF_MS;
            prop_assert!(cutoff_ms <= too_old_ms && too_old_ms - cutoff_ms < CUTOFF_MS);
            prop_assert_eq!(cutoff_ms % CUTOFF_MS, 0);
        }
    }
}
