//! From the outbox to deliveries: notes are read, put into each webhook's words, and taken out in the transaction that writes
//! their deliveries. What Linkly's subscriptions are told is sent after that, once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::courier::{Courier, Endpoint};
use super::linkly_link::{LinklyLink, webhooks_of};
use super::payload::{self, Shape};
use super::subscriptions::Subscriptions;
use crate::calendar::Clock;
use crate::catalog::{Catalog, NewDelivery, Note};
use crate::domain::id::{LinkId, OutboxId};
use crate::domain::link::Link;
use crate::domain::webhook::{Flavour, HookEvent, Webhook};

/// Notes that are worked on together.
const MOST: u32 = 200;

/// Works the outbox off.
pub(super) struct Outbox {
    pub catalog: Catalog,
    pub clock: Clock,
    pub subscriptions: Subscriptions,
    pub shape: Arc<dyn Shape>,
    pub courier: Courier,
    /// A note may have been written.
    pub changed: Arc<Notify>,
    /// A delivery may be due.
    pub wake: Arc<Notify>,
    pub poll: Duration,
    pub stop: CancellationToken,
}

/// Why notes stay where they are for now.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error(transparent)]
    Catalog(#[from] crate::catalog::Error),
    #[error(transparent)]
    NotNow(#[from] payload::NotNow),
}

/// One note in the words of those who are told.
#[derive(Default)]
struct Told {
    kept: Vec<(OutboxId, NewDelivery)>,
    once: Vec<(OutboxId, Arc<Webhook>, String)>,
}

impl Outbox {
    /// Runs until `stop`.
    pub(super) async fn run(self) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = tokio::time::sleep(self.poll) => {}
            }
            match self.work_off().await {
                Ok(()) => failing = false,
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "changes cannot be told to webhooks, it is tried again");
                    }
                    failing = true;
                }
            }
        }
    }

    async fn work_off(&self) -> Result<(), Stuck> {
        loop {
            let notes = self.catalog.notes(MOST).await?;
            if notes.is_empty() || self.stop.is_cancelled() {
                return Ok(());
            }
            // A webhook that is newer than what is known here may have asked for them.
            if !self.subscriptions.read(&self.catalog).await {
                return Ok(());
            }
            let mut told = Told::default();
            for note in &notes {
                self.tell(note, &mut told).await?;
            }
            let ids: Vec<OutboxId> = notes.iter().map(|note| note.id).collect();
            let taken = self.catalog.settle_notes(&ids, &told.kept, self.clock.now_ms()).await?;
            self.wake.notify_one();
            for (note, webhook, body) in told.once.into_iter().filter(|(note, ..)| taken.contains(note)) {
                self.courier.send(Endpoint::Subscribed(webhook), note.to_string(), Bytes::from(body));
            }
        }
    }

    /// Puts a note into the words of every webhook that is told.
    async fn tell(&self, note: &Note, told: &mut Told) -> Result<(), Stuck> {
        let subscribed = self.subscriptions.of(note.workspace);
        let wanting: Vec<Arc<Webhook>> =
            subscribed.iter().filter(|webhook| webhook.wants(note.event, note.link)).cloned().collect();
        if wanting.is_empty() {
            return Ok(());
        }
        let Some(link) = self.link(note).await? else { return Ok(()) };
        let needs_dub = wanting.iter().any(|webhook| webhook.flavour == Flavour::Dub);
        let mut objects = match needs_dub {
            true => self.shape.dub_links(note.workspace, vec![link.clone()]).await?,
            false => HashMap::new(),
        };
        let object = objects.remove(&note.link).unwrap_or_default();
        let data = match note.event {
            HookEvent::LinkCreated | HookEvent::LinkUpdated | HookEvent::LinkDeleted | HookEvent::LinkClicked => object,
            HookEvent::LeadCreated | HookEvent::SaleCreated => {
                let mut data = note.body.clone();
                if let Some(fields) = data.as_object_mut() {
                    fields.insert("link".to_owned(), object);
                }
                data
            }
        };
        let event_id = note.id.to_string();
        for webhook in wanting {
            match webhook.flavour {
                Flavour::Dub => {
                    let payload = payload::dub(&event_id, note.event, note.created_at_ms, &data);
                    let event_id = event_id.clone();
                    told.kept
                        .push((note.id, NewDelivery { webhook: webhook.id, event_id, event: note.event, payload }));
                }
                Flavour::Linkly => {
                    let full_url = self.shape.short_link(&link.domain, &link.slug);
                    let own = webhooks_of(link.id, subscribed.iter().map(Arc::as_ref));
                    let shown = LinklyLink::new(&link, full_url, own);
                    let body = payload::linkly_change(note.event, note.created_at_ms, &shown);
                    told.once.push((note.id, webhook, body));
                }
            }
        }
        Ok(())
    }

    /// The link as it was when the note was written; of what came of a link, as it is now.
    async fn link(&self, note: &Note) -> Result<Option<Link>, Stuck> {
        if matches!(note.event, HookEvent::LeadCreated | HookEvent::SaleCreated) {
            return Ok(self.catalog.links_by_ids(note.workspace, &[note.link]).await?.pop());
        }
        match serde_json::from_value::<Link>(note.body.clone()) {
            Ok(link) if link.id == note.link && link.id != LinkId::default() => Ok(Some(link)),
            Ok(_) => Ok(None),
            Err(error) => {
                // Written by a newer program, perhaps. It must not stand in the way of the others.
                tracing::error!(note = %note.id, %error, "a change of a link cannot be read and is told to nobody");
                Ok(None)
            }
        }
    }
}
