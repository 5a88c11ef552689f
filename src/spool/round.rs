//! One write and one sync, and all who wait for it.

use std::sync::Arc;
use std::sync::OnceLock;

use tokio::sync::Notify;

use super::SpoolError;

/// The records that share a sync.
#[derive(Default)]
pub(super) struct Round {
    outcome: OnceLock<Result<(), SpoolError>>,
    done: Notify,
}

impl Round {
    /// Tells all who wait. Only the first outcome counts.
    pub fn finish(&self, outcome: Result<(), SpoolError>) {
        if self.outcome.set(outcome).is_ok() {
            self.done.notify_waiters();
        }
    }

    async fn wait(&self) -> Result<(), SpoolError> {
        loop {
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            let done = self.done.notified();
            tokio::pin!(done);
            done.as_mut().enable();
            // It may have ended between the look and the enrolment.
            if self.outcome.get().is_none() {
                done.await;
            }
        }
    }
}

/// Records that were appended and perhaps not yet synced.
#[must_use = "a record is safe only once it is synced"]
pub struct Pending {
    pub(super) round: Arc<Round>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) behind: bool,
}

impl Pending {
    /// The sequence of the record; of the first one, when there are many.
    pub fn sequence(&self) -> u64 {
        self.first
    }

    /// The sequence of the last record.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Waits as the policy demands: until the records are on the disk, or not at all.
    pub async fn synced(&self) -> Result<(), SpoolError> {
        if self.behind { Ok(()) } else { self.round.wait().await }
    }

    /// Waits until the records are on the disk, whatever the policy is.
    pub async fn durable(&self) -> Result<(), SpoolError> {
        self.round.wait().await
    }

    #[cfg(test)]
    pub(super) fn outcome(&self) -> Option<Result<(), SpoolError>> {
        self.round.outcome.get().cloned()
    }
}
