//! Who is subscribed, in memory: read again whenever a webhook changes, or a link that may name addresses of its own,
//! whichever node changed it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Change};
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::webhook::{Flavour, HookEvent, Webhook};

/// The pause before webhooks that could not be read are read again.
const AGAIN: Duration = Duration::from_secs(1);

/// As many changes of links, when they come in a row, are heard as one.
const HEARD_AS_ONE: u32 = 1_000;

/// An address that is told of every click of a link, in Linkly's words.
#[derive(Clone, Debug)]
pub(super) struct LinkHook {
    pub(super) workspace: WorkspaceId,
    pub(super) url: String,
}

/// Webhooks that are told anything, by workspace, and the addresses of links that have some.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriptions {
    table: Arc<ArcSwap<HashMap<WorkspaceId, Vec<Arc<Webhook>>>>>,
    links: Arc<ArcSwap<HashMap<LinkId, Vec<Arc<LinkHook>>>>>,
}

impl Subscriptions {
    /// The webhooks of a workspace.
    pub(super) fn of(&self, workspace: WorkspaceId) -> Vec<Arc<Webhook>> {
        self.table.load().get(&workspace).cloned().unwrap_or_default()
    }

    /// Whether nobody in the installation is told anything.
    pub(super) fn is_empty(&self) -> bool {
        self.table.load().is_empty() && self.links.load().is_empty()
    }

    /// Whether a link names addresses.
    pub(super) fn has_hooks(&self, link: LinkId) -> bool {
        self.links.load().contains_key(&link)
    }

    /// The addresses that a link names.
    pub(super) fn hooks_of(&self, link: LinkId) -> Vec<Arc<LinkHook>> {
        self.links.load().get(&link).cloned().unwrap_or_default()
    }

    /// Reads them all.
    pub(super) async fn read(&self, catalog: &Catalog) -> bool {
        self.read_webhooks(catalog).await && self.read_links(catalog).await
    }

    async fn read_links(&self, catalog: &Catalog) -> bool {
        let all = match catalog.link_hooks().await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(%error, "webhooks of links cannot be read, it is tried again; the known ones stay meanwhile");
                return false;
            }
        };
        let hooks = |(link, workspace, urls): (LinkId, WorkspaceId, Vec<String>)| {
            (link, urls.into_iter().map(|url| Arc::new(LinkHook { workspace, url })).collect())
        };
        self.links.store(Arc::new(all.into_iter().map(hooks).collect()));
        true
    }

    async fn read_webhooks(&self, catalog: &Catalog) -> bool {
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

    /// Follows changes until `stop`; `changed` hears of links that may have left a note in the outbox, `wants` whether anybody
    /// is told anything.
    pub(super) async fn follow(
        self,
        catalog: Catalog,
        changed: Arc<Notify>,
        wants: Box<dyn Fn(bool) + Send + Sync>,
        stop: CancellationToken,
    ) {
        let mut changes = catalog.changes();
        let mut old = false;
        // Changes of links that were heard of since their addresses were read.
        let mut heard = 0;
        while !stop.is_cancelled() {
            wants(!self.is_empty());
            let waiting = if heard < HEARD_AS_ONE { changes.next().now_or_never() } else { None };
            if heard > 0 && waiting.is_none() {
                heard = 0;
                old = !self.read_links(&catalog).await || old;
                continue;
            }
            let change = match waiting {
                Some(change) => change,
                None => tokio::select! {
                    () = stop.cancelled() => return,
                    change = changes.next() => change,
                    () = tokio::time::sleep(AGAIN), if old => {
                        old = !self.read(&catalog).await;
                        continue;
                    }
                },
            };
            match change {
                None => return,
                Some(Change::Link { .. }) => {
                    heard += 1;
                    changed.notify_one();
                }
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
