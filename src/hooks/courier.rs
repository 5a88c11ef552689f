//! Linkly's way of telling: sent once, as soon as can be, and forgotten.
//!
//! An endpoint has a few places at once and a bounded queue; what finds it full is dropped and counted. So a dead endpoint
//! costs its own events and nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use metrics::counter;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::send::Sender;
use super::sign;
use super::subscriptions::LinkHook;
use crate::calendar::Clock;
use crate::domain::id::{WebhookId, WorkspaceId};
use crate::domain::webhook::{Flavour, Webhook};
use crate::telemetry::name;

/// Posts to one endpoint at once.
const PER_ENDPOINT: usize = 8;
/// Bodies that wait for one endpoint at most.
const QUEUE: usize = 1_000;
/// Bodies that wait in all.
const QUEUE_IN_ALL: usize = 20_000;
/// Posts in all at once.
const IN_ALL: usize = 256;

/// Where something is sent to.
#[derive(Clone, Debug)]
pub(super) enum Endpoint {
    /// A subscription, which has a secret.
    Subscribed(Arc<Webhook>),
    /// An address that stands in a link; nothing is signed for it.
    OfLink(Arc<LinkHook>),
}

/// By what endpoints are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Subscribed(WebhookId),
    OfLink(WorkspaceId, String),
}

impl Endpoint {
    fn name(&self) -> Name {
        match self {
            Self::Subscribed(webhook) => Name::Subscribed(webhook.id),
            // Links of a workspace that tell the same address share its places.
            Self::OfLink(hook) => Name::OfLink(hook.workspace, hook.url.clone()),
        }
    }

    fn url(&self) -> &str {
        match self {
            Self::Subscribed(webhook) => &webhook.url,
            Self::OfLink(hook) => &hook.url,
        }
    }

    fn headers(&self, event_id: &str, body: &[u8], now_ms: i64) -> HeaderMap {
        match self {
            Self::Subscribed(webhook) => sign::headers(&webhook.secrets, event_id, body, now_ms),
            Self::OfLink(_) => sign::unsigned_headers(event_id, now_ms),
        }
    }
}

/// An endpoint's places.
#[derive(Debug)]
struct Gate {
    queue: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Sends and forgets.
#[derive(Clone)]
pub(super) struct Courier {
    sender: Sender,
    clock: Clock,
    gates: Arc<Mutex<HashMap<Name, Arc<Gate>>>>,
    queue: Arc<Semaphore>,
    places: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    stop: CancellationToken,
}

impl Courier {
    pub(super) fn new(sender: Sender, clock: Clock, stop: CancellationToken) -> Self {
        Self {
            sender,
            clock,
            gates: Arc::default(),
            queue: Arc::new(Semaphore::new(QUEUE_IN_ALL)),
            places: Arc::new(Semaphore::new(IN_ALL)),
            tasks: TaskTracker::new(),
            stop,
        }
    }

    fn gate(&self, name: Name) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        // Endpoints that nothing waits for are as good as new ones.
        if gates.len() > 1_000 {
            gates.retain(|_, gate| gate.queue.available_permits() < QUEUE);
        }
        let fresh = || {
            Arc::new(Gate { queue: Arc::new(Semaphore::new(QUEUE)), places: Arc::new(Semaphore::new(PER_ENDPOINT)) })
        };
        Arc::clone(gates.entry(name).or_insert_with(fresh))
    }

    /// Sends a body when its turn comes; never waits. Dropped where too many wait already.
    pub(super) fn send(&self, to: Endpoint, event_id: String, body: Bytes) {
        let gate = self.gate(to.name());
        let room =
            Arc::clone(&gate.queue).try_acquire_owned().ok().zip(Arc::clone(&self.queue).try_acquire_owned().ok());
        let Some(room) = room else {
            counter!(name::HOOKS_DROPPED_TOTAL, "flavour" => Flavour::Linkly.name()).increment(1);
            return;
        };
        let courier = self.clone();
        self.tasks.spawn(async move {
            let post = async {
                // Own places first, so that a slow endpoint waits for itself and not in everybody's way.
                let _own = gate.places.acquire().await.ok()?;
                let _shared = courier.places.acquire().await.ok()?;
                let headers = to.headers(&event_id, &body, courier.clock.now_ms());
                Some(courier.sender.post(to.url(), headers, body).await)
            };
            let outcome = tokio::select! {
                biased;
                () = courier.stop.cancelled() => None,
                outcome = post => outcome,
            };
            let outcome = match &outcome {
                Some(Ok(_)) => "delivered",
                Some(Err(error)) => error.name(),
                None => "stopped",
            };
            counter!(name::HOOKS_ATTEMPTS_TOTAL, "flavour" => Flavour::Linkly.name(), "outcome" => outcome)
                .increment(1);
            drop(room);
        });
    }
}
