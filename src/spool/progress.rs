//! How far the spool is synced. It moves thousands of times a second and is waited for a few times, so that whoever waits
//! is told only when the sequence in question is there.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// The last good sequence.
pub(super) struct Progress {
    last: AtomicU64,
    /// The smallest sequence that somebody waits for; the largest number when nobody does.
    awaited: AtomicU64,
    reached: Notify,
}

impl Progress {
    pub fn new(last: u64) -> Self {
        Self { last: AtomicU64::new(last), awaited: AtomicU64::new(u64::MAX), reached: Notify::new() }
    }

    pub fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// One caller at a time, with sequences that grow.
    pub fn advance(&self, last: u64) {
        self.last.store(last, Ordering::SeqCst);
        if self.awaited.load(Ordering::SeqCst) <= last {
            self.awaited.store(u64::MAX, Ordering::SeqCst);
            // Those who wait for more say so again.
            self.reached.notify_waiters();
        }
    }

    /// Returns once `sequence` is synced.
    pub async fn reach(&self, sequence: u64) {
        loop {
            let reached = self.reached.notified();
            tokio::pin!(reached);
            // Enrolled before it is said what is waited for, and that before the look: one of both sides sees the other.
            reached.as_mut().enable();
            self.awaited.fetch_min(sequence, Ordering::SeqCst);
            if self.last() >= sequence {
                return;
            }
            reached.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn everybody_is_told_what_they_wait_for() {
        let progress = Arc::new(Progress::new(5));
        progress.reach(5).await;
        let waiting: Vec<_> = (0..40_u64)
            .map(|number| {
                let progress = Arc::clone(&progress);
                tokio::spawn(async move {
                    for step in 0..50 {
                        let sequence = number + step * 40;
                        progress.reach(sequence).await;
                        assert!(progress.last() >= sequence);
                    }
                })
            })
            .collect();
        let writer = std::thread::spawn({
            let progress = Arc::clone(&progress);
            move || (6..=2_000).for_each(|last| progress.advance(last))
        });
        for one in waiting {
            tokio::time::timeout(Duration::from_secs(60), one).await.unwrap().unwrap();
        }
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn whoever_gave_up_waiting_costs_the_others_nothing() {
        let progress = Progress::new(0);
        assert!(tokio::time::timeout(Duration::ZERO, progress.reach(1)).await.is_err());
        let (_, ()) = tokio::join!(progress.reach(3), async {
            for last in 1..=3 {
                progress.advance(last);
                tokio::task::yield_now().await;
            }
        });
    }
}
