//! Who is subscribed, in memory: read again whenever a webhook changes, whichever node changed it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Change};
use crate::domain::event::{Event, EventKind};
use crate::domain::id::WorkspaceId;
use crate::domain::webhook::{Flavour, HookEvent, Webhook};

/// The pause before webhooks that could not be read are read again.
const AGAIN: Duration = Duration::from_secs(1);

/// Webhooks that are told anything, by workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriptions {
    table: Arc<ArcSwap<HashMap<WorkspaceId, Vec<Arc<Webhook>>>>>,
}

impl Subscriptions {
    /// The webhooks of a workspace.
    pub(super) fn of(&self, workspace: WorkspaceId) -> Vec<Arc<Webhook>> {
        self.table.load().get(&workspace).cloned().unwrap_or_default()
    }

    /// Whether nobody in the installation is told anything.
    pub(super) fn is_empty(&self) -> bool {
        self.table.load().is_empty()
    }

    /// Reads them all.
    pub(super) async fn read(&self, catalog: &Catalog) -> bool {
        let all = match catalog.webhooks_in_force().await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(%error, "webhooks cannot be read, it is tried again; the known ones stay meanwhile");
                return false;
            }
        };
        let mut table: HashMap<WorkspaceId, Vec<Arc<Webhook>>> = HashMap::new();
        for webhook in all {
            table.entry(webhook.workspace).or_default().push(Arc::new(webhook));
        }
        self.table.store(Arc::new(table));
        true
    }

    /// Follows changes until `stop`; `changed` hears of links that may have left a note in the outbox.
    pub(super) async fn follow(self, catalog: Catalog, changed: Arc<Notify>, stop: CancellationToken) {
        let mut changes = catalog.changes();
        let mut old = false;
        loop {
            let change = tokio::select! {
                () = stop.cancelled() => return,
                change = changes.next() => change,
                () = tokio::time::sleep(AGAIN), if old => {
                    old = !self.read(&catalog).await;
                    continue;
                }
            };
            match change {
                None => return,
                Some(Change::Link { .. }) => changed.notify_one(),
                Some(Change::Webhook | Change::Workspace(_) | Change::Reconnected) => {
                    old = !self.read(&catalog).await;
                    changed.notify_one();
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether a webhook is told of a click: Linkly's of every one, Dub's of those by humans that are no repeats.
pub(super) fn wants_click(webhook: &Webhook, event: &Event) -> bool {
    let counts = match webhook.flavour {
        Flavour::Dub => event.agent.bot.is_empty() && !event.repeat,
        Flavour::Linkly => true,
    };
    event.kind == EventKind::Click && counts && webhook.wants(HookEvent::LinkClicked, event.link)
}
