//! From the drain's feed to deliveries: clicks as they are stored.
//!
//! The feed is followed at its own pace: what is missed, because Postgres was away for longer than the feed remembers, is
//! counted and named in the log, and nobody waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::courier::{Courier, Endpoint};
use super::linkly_link::{LinklyLink, webhooks_of};
use super::payload::{self, NotNow, Shape};
use super::subscriptions::{Subscriptions, wants_click};
use crate::calendar::Clock;
use crate::catalog::{Catalog, NewDelivery};
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::webhook::{Flavour, HookEvent, Webhook};
use crate::telemetry::name;

/// The pause before a store that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Follows the feed.
pub(super) struct Feed {
    pub events: broadcast::Receiver<Arc<[Event]>>,
    pub catalog: Catalog,
    pub clock: Clock,
    pub subscriptions: Subscriptions,
    pub shape: Arc<dyn Shape>,
    pub courier: Courier,
    /// A delivery may be due.
    pub wake: Arc<Notify>,
    /// Nothing more is published: what is there is worked off, then it is over.
    pub last: CancellationToken,
}

impl Feed {
    /// Runs until nothing more is published.
    pub(super) async fn run(mut self) {
        loop {
            let next = tokio::select! {
                biased;
                next = self.events.recv() => next,
                () = self.last.cancelled() => match self.events.try_recv() {
                    Ok(events) => Ok(events),
                    Err(TryRecvError::Lagged(chunks)) => Err(RecvError::Lagged(chunks)),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => return,
                },
            };
            match next {
                Ok(events) => self.chunk(&events).await,
                Err(RecvError::Lagged(chunks)) => {
                    counter!(name::HOOKS_MISSED_TOTAL).increment(chunks);
                    tracing::error!(
                        chunks,
                        "clicks were stored faster than webhooks could be told; some hear nothing of them"
                    );
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn chunk(&self, events: &[Event]) {
        if self.subscriptions.is_empty() {
            return;
        }
        let mut workspaces: BTreeMap<WorkspaceId, Vec<&Event>> = BTreeMap::new();
        for event in events.iter().filter(|event| event.kind == EventKind::Click) {
            workspaces.entry(event.workspace).or_default().push(event);
        }
        for (workspace, clicks) in workspaces {
            let webhooks = self.subscriptions.of(workspace);
            let is_wanted = |event: &&Event| {
                webhooks.iter().any(|webhook| wants_click(webhook, event)) || self.subscriptions.has_hooks(event.link)
            };
            let wanted: Vec<&Event> = clicks.into_iter().filter(is_wanted).collect();
            if !wanted.is_empty() {
                self.clicks(workspace, &webhooks, &wanted).await;
            }
        }
    }

    async fn clicks(&self, workspace: WorkspaceId, webhooks: &[Arc<Webhook>], clicks: &[&Event]) {
        let mut ids: Vec<LinkId> = clicks.iter().map(|event| event.link).collect();
        ids.sort_unstable();
        ids.dedup();
        let Some(links) = self.patiently(|| async { self.catalog.links_by_ids(workspace, &ids).await.ok() }).await
        else {
            return;
        };
        let links: HashMap<LinkId, Link> = links.into_iter().map(|link| (link.id, link)).collect();
        for event in clicks {
            let Some(link) = links.get(&event.link) else { continue };
            let mut body = None;
            let subscribed = webhooks.iter().filter(|hook| hook.flavour == Flavour::Linkly && wants_click(hook, event));
            let subscribed = subscribed.map(|webhook| Endpoint::Subscribed(Arc::clone(webhook)));
            let own = self.subscriptions.hooks_of(event.link);
            for endpoint in subscribed.chain(own.iter().cloned().map(Endpoint::OfLink)) {
                let body = body.get_or_insert_with(|| {
                    let own = webhooks_of(link.id, webhooks.iter().map(Arc::as_ref));
                    let shown = LinklyLink::new(link, self.shape.short_link(&link.domain, &link.slug), own);
                    Bytes::from(payload::linkly_click(event, shown))
                });
                self.courier.send(endpoint, self.event_id(event), body.clone());
            }
        }
        let kept = |event: &Event| webhooks.iter().any(|hook| hook.flavour == Flavour::Dub && wants_click(hook, event));
        let clicks: Vec<&Event> = clicks.iter().copied().filter(|event| kept(event)).collect();
        if clicks.is_empty() {
            return;
        }
        let shown: Vec<Link> =
            links.values().filter(|link| clicks.iter().any(|event| event.link == link.id)).cloned().collect();
        let objects = self.patiently(|| async {
            let objects: Result<_, NotNow> = self.shape.dub_links(workspace, shown.clone()).await;
            objects.ok()
        });
        let Some(objects) = objects.await else { return };
        let mut deliveries = Vec::new();
        for event in clicks {
            let Some(link) = objects.get(&event.link) else { continue };
            let data = serde_json::json!({ "click": self.shape.dub_click(event), "link": link });
            let event_id = self.event_id(event);
            let payload = payload::dub(&event_id, HookEvent::LinkClicked, event.at_ms, &data);
            for webhook in webhooks.iter().filter(|hook| hook.flavour == Flavour::Dub && wants_click(hook, event)) {
                deliveries.push(NewDelivery {
                    webhook: webhook.id,
                    event_id: event_id.clone(),
                    event: HookEvent::LinkClicked,
                    payload: payload.clone(),
                });
            }
        }
        let now_ms = self.clock.now_ms();
        let added = self.patiently(|| async { self.catalog.add_deliveries(&deliveries, now_ms).await.ok() }).await;
        let dropped = (deliveries.len() as u64).saturating_sub(added.unwrap_or(0));
        if dropped > 0 {
            counter!(name::HOOKS_DROPPED_TOTAL, "flavour" => Flavour::Dub.name()).increment(dropped);
        }
        self.wake.notify_one();
    }

    /// The same click always has the same id.
    fn event_id(&self, event: &Event) -> String {
        format!("evt_{}", self.shape.click_id(event.id))
    }

    /// Asks until there is an answer, or until the end is near.
    async fn patiently<T, F: Future<Output = Option<T>>>(&self, ask: impl Fn() -> F) -> Option<T> {
        loop {
            match ask().await {
                Some(answer) => return Some(answer),
                None if self.last.is_cancelled() => return None,
                None => tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    () = self.last.cancelled() => {}
                },
            }
        }
    }
}
