//! Deliveries that are kept until they are made: taken when due, tried, and their outcome written down.
//!
//! - A delivery is taken for [`LEASE_MS`]; when this node ends meanwhile, another attempt follows. So an endpoint may hear of
//!   an event twice, under the same id, and never of none.
//! - A webhook's deliveries run a few side by side, and no more are taken until those are done.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use metrics::counter;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::schedule::HookOptions;
use super::send::{SendError, Sender};
use super::sign;
use crate::calendar::Clock;
use crate::catalog::{Attempted, Catalog, Due};
use crate::domain::id::WebhookId;
use crate::domain::webhook::{Flavour, Webhook};
use crate::telemetry::name;

/// Attempts at one endpoint at once.
const PER_ENDPOINT: u32 = 8;
/// Attempts in all at once.
const IN_ALL: usize = 256;
/// How long a taken delivery is ours: an attempt and the writing of its outcome, many times over.
const LEASE_MS: i64 = 60_000;
/// How often old deliveries are removed.
const PRUNE: Duration = Duration::from_secs(60);

/// Makes deliveries.
#[derive(Clone)]
pub(super) struct Deliverer {
    pub catalog: Catalog,
    pub clock: Clock,
    pub sender: Sender,
    pub options: Arc<HookOptions>,
    /// Something may be due.
    pub wake: Arc<Notify>,
    pub busy: Arc<Mutex<HashSet<WebhookId>>>,
    pub tasks: TaskTracker,
    /// No further attempts are begun.
    pub stop: CancellationToken,
    /// Attempts under way are given up.
    pub give_up: CancellationToken,
}

impl Deliverer {
    /// Runs until `stop`.
    pub(super) async fn run(self) {
        let places = Arc::new(Semaphore::new(IN_ALL));
        let mut failing = false;
        let mut prune = tokio::time::interval(PRUNE);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.options.poll) => {}
                _ = prune.tick() => {
                    self.prune().await;
                    continue;
                }
            }
            match self.take(&places).await {
                Ok(()) => failing = false,
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "deliveries to webhooks cannot be read, it is tried again");
                    }
                    failing = true;
                }
            }
        }
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<WebhookId>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins rounds for everything that is due, as long as there are places.
    async fn take(&self, places: &Arc<Semaphore>) -> Result<(), crate::catalog::Error> {
        while !self.stop.is_cancelled() {
            let free = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
            if free == 0 {
                return Ok(());
            }
            let busy: Vec<WebhookId> = self.busy().iter().copied().collect();
            let now_ms = self.clock.now_ms();
            let taken = self.catalog.take_due(&busy, PER_ENDPOINT, free, now_ms, now_ms + LEASE_MS).await?;
            if taken.is_empty() {
                return Ok(());
            }
            for (webhook, due) in taken {
                let count = u32::try_from(due.len()).unwrap_or(PER_ENDPOINT);
                // No more were taken than there are places, and only this loop takes places.
                let Ok(held) = Arc::clone(places).try_acquire_many_owned(count) else { continue };
                self.busy().insert(webhook.id);
                self.tasks.spawn(self.clone().round(webhook, due, held));
            }
        }
        Ok(())
    }

    /// Tries some deliveries to one webhook side by side.
    async fn round(self, webhook: Webhook, due: Vec<Due>, held: OwnedSemaphorePermit) {
        let attempts = join_all(due.into_iter().map(|due| self.attempt(&webhook, due)));
        let attempts = tokio::select! {
            biased;
            () = self.give_up.cancelled() => None,
            attempts = attempts => Some(attempts),
        };
        if let Some(attempts) = attempts {
            let now_ms = self.clock.now_ms();
            match self.catalog.note_attempts(webhook.id, &attempts, self.options.failures, now_ms).await {
                Ok(false) => {}
                Ok(true) => {
                    counter!(name::HOOKS_DISABLED_TOTAL).increment(1);
                    tracing::warn!(
                        webhook = %webhook.id,
                        workspace = %webhook.workspace,
                        failures = self.options.failures.off_after,
                        "a webhook was turned off: too many attempts failed in a row"
                    );
                }
                // They are tried again when the lease ends.
                Err(error) => {
                    tracing::warn!(webhook = %webhook.id, %error, "what came of deliveries cannot be written")
                }
            }
        }
        drop(held);
        self.busy().remove(&webhook.id);
        self.wake.notify_one();
    }

    async fn attempt(&self, webhook: &Webhook, due: Due) -> Attempted {
        let body = Bytes::from(due.payload);
        let headers = sign::headers(&webhook.secrets, &due.event_id, &body, self.clock.now_ms());
        let outcome = self.sender.post(&webhook.url, headers, body).await;
        let label = outcome.as_ref().map_or_else(SendError::name, |_| "delivered");
        counter!(name::HOOKS_ATTEMPTS_TOTAL, "flavour" => Flavour::Dub.name(), "outcome" => label).increment(1);
        match outcome {
            Ok(status) => {
                Attempted { id: due.id, delivered: true, status: Some(status), error: None, next_attempt_at_ms: None }
            }
            Err(error) => Attempted {
                id: due.id,
                delivered: false,
                status: error.status(),
                error: Some(error.to_string()),
                next_attempt_at_ms: self.options.next_ms(due.attempt, self.clock.now_ms()),
            },
        }
    }

    async fn prune(&self) {
        let keep_ms = i64::try_from(self.options.keep.as_millis()).unwrap_or(i64::MAX);
        let before_ms = self.clock.now_ms().saturating_sub(keep_ms);
        loop {
            match self.catalog.prune_deliveries(before_ms).await {
                Ok(0) => return,
                Ok(_) if self.stop.is_cancelled() => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "old deliveries cannot be removed, it is tried again");
                    return;
                }
            }
        }
    }
}
