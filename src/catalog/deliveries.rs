//! What is on its way to webhooks.
//!
//! What always holds:
//! - a note becomes its deliveries once, by one node, in the transaction that takes it out of the outbox;
//! - one event is one delivery to one webhook, however often it is told;
//! - a delivery is tried by one node at a time: whoever takes it has it until the lease ends.
//!
//! The calls that take no workspace are those of the deliverer, which works for all of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::outbox::Note;
use super::session::Work;
use super::webhooks::{from_row as webhook_from_row, webhook_columns};
use super::{Catalog, Error, Result, instant, optional_instant};
use crate::domain::id::{DeliveryId, LinkId, OutboxId, WebhookId, WorkspaceId};
use crate::domain::webhook::{Delivery, DeliveryStatus, HookEvent, Webhook};

/// Deliveries that may wait for one webhook; further ones are dropped.
pub const MAX_WAITING: i64 = 20_000;
/// Deliveries of one webhook that are done and still listed.
const MAX_DONE: i64 = 5_000;
/// Rows that are removed at once.
const PRUNED: i64 = 20_000;

/// A delivery to add.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// To whom.
    pub webhook: WebhookId,
    /// `evt_...`
    pub event_id: String,
    /// What it tells of.
    pub event: HookEvent,
    /// The body.
    pub payload: String,
}

/// A delivery to try now.
#[derive(Clone, Debug)]
pub struct Due {
    /// Its row.
    pub id: DeliveryId,
    /// `evt_...`
    pub event_id: String,
    /// The body.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// The delivery.
    pub id: DeliveryId,
    /// Whether the endpoint answered 2xx.
    pub delivered: bool,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it failed.
    pub error: Option<String>,
    /// When the next attempt is due; `None` when there is none.
    pub next_attempt_at_ms: Option<i64>,
}

/// How failures of an endpoint are met.
#[derive(Clone, Copy, Debug)]
pub struct FailurePolicy {
    /// Failures in a row after which a webhook is turned off.
    pub off_after: u32,
    /// How long it is left alone after a first failure; doubled with each.
    pub first_rest_ms: i64,
    /// The longest.
    pub longest_rest_ms: i64,
}

/// Insert of deliveries from arrays: webhook, event id, event, payload; to webhooks that are there and have room.
macro_rules! insert_deliveries {
    () => {
        "WITH room AS (
            SELECT id FROM webhook WHERE id = ANY($1) AND disabled_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM delivery WHERE webhook_id = webhook.id AND next_attempt_at IS NOT NULL OFFSET $6)
            FOR KEY SHARE)
        INSERT INTO delivery (webhook_id, event_id, event, payload, next_attempt_at, created_at)
        SELECT room.id, new.event_id, new.event, new.payload, $5, $5
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS new (webhook_id, event_id, event, payload)
            JOIN room ON room.id = new.webhook_id
        ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING"
    };
}

async fn insert(work: &Work<'_>, new: &[&NewDelivery], now: DateTime<Utc>) -> Result<u64> {
    if new.is_empty() {
        return Ok(0);
    }
    let webhooks: Vec<i64> = new.iter().map(|delivery| delivery.webhook.row()).collect();
    let ids: Vec<&str> = new.iter().map(|delivery| delivery.event_id.as_str()).collect();
    let events: Vec<&str> = new.iter().map(|delivery| delivery.event.name()).collect();
    let payloads: Vec<&str> = new.iter().map(|delivery| delivery.payload.as_str()).collect();
    work.execute(insert_deliveries!(), &[&webhooks, &ids, &events, &payloads, &now, &MAX_WAITING]).await
}

fn from_row(row: &Row) -> Result<Delivery> {
    let milliseconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_millis());
    let status: &str = row.try_get("status")?;
    Ok(Delivery {
        id: DeliveryId::from_row(row.try_get("id")?),
        event_id: row.try_get("event_id")?,
        event: row.try_get("event")?,
        payload: row.try_get("payload")?,
        status: DeliveryStatus::parse(status).ok_or_else(|| Error::Bug(format!("delivery status {status}")))?,
        attempts: row.try_get::<_, i32>("attempts")?.unsigned_abs(),
        last_status: row.try_get::<_, Option<i32>>("last_status")?.and_then(|status| u16::try_from(status).ok()),
        last_error: row.try_get("last_error")?,
        last_attempt_at_ms: milliseconds(row.try_get("last_attempt_at")?),
        next_attempt_at_ms: milliseconds(row.try_get("next_attempt_at")?),
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// The oldest notes in the outbox.
    pub async fn notes(&self, most: u32) -> Result<Vec<Note>> {
        let text = "SELECT id, workspace_id, link_id, event, body, created_at FROM outbox ORDER BY id LIMIT $1";
        let rows = self.call().await?.query(text, &[&i64::from(most)]).await?;
        let read = |row: &Row| -> Result<Note> {
            let event: &str = row.try_get("event")?;
            Ok(Note {
                id: OutboxId::from_row(row.try_get("id")?),
                workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
                link: LinkId::from_row(row.try_get("link_id")?),
                event: HookEvent::parse(event).ok_or_else(|| Error::Bug(format!("event {event} in the outbox")))?,
                body: row.try_get::<_, Json<Value>>("body")?.0,
                created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Takes notes out of the outbox and puts their deliveries in their place, all or nothing. Tells which notes it took:
    /// those that another node took meanwhile are left out, with their deliveries.
    pub async fn settle_notes(
        &self,
        notes: &[OutboxId],
        deliveries: &[(OutboxId, NewDelivery)],
        now_ms: i64,
    ) -> Result<Vec<OutboxId>> {
        let now = instant(now_ms)?;
        let ids: Vec<i64> = notes.iter().map(|id| id.row()).collect();
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let rows = work.query("DELETE FROM outbox WHERE id = ANY($1) RETURNING id", &[&ids]).await?;
        let taken: Vec<OutboxId> =
            rows.iter().map(|row| Ok(OutboxId::from_row(row.try_get(0)?))).collect::<Result<_>>()?;
        let ours: Vec<&NewDelivery> =
            deliveries.iter().filter(|(note, _)| taken.contains(note)).map(|(_, delivery)| delivery).collect();
        insert(&work, &ours, now).await?;
        work.commit().await?;
        Ok(taken)
    }

    /// Adds deliveries and tells how many were added: those that are there already are not, nor those to webhooks that are
    /// gone, turned off, or have [`MAX_WAITING`] waiting.
    pub async fn add_deliveries(&self, new: &[NewDelivery], now_ms: i64) -> Result<u64> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let added = insert(&work, &new.iter().collect::<Vec<_>>(), instant(now_ms)?).await?;
        work.commit().await?;
        Ok(added)
    }

    /// Takes deliveries that are due, at most `per_webhook` of each webhook and `most` in all, none of the `busy` ones. They
    /// are the caller's until `lease_until_ms`.
    pub async fn take_due(
        &self,
        busy: &[WebhookId],
        per_webhook: u32,
        most: u32,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Vec<(Webhook, Vec<Due>)>> {
        let taking = "WITH due AS (
                SELECT next.id FROM webhook JOIN workspace ON workspace.id = webhook.workspace_id
                    CROSS JOIN LATERAL (
                        SELECT id FROM delivery WHERE webhook_id = webhook.id AND next_attempt_at <= $1
                        ORDER BY next_attempt_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) AS next
                WHERE webhook.disabled_at IS NULL AND workspace.removed_at IS NULL
                    AND (webhook.resting_until IS NULL OR webhook.resting_until <= $1) AND webhook.id <> ALL($2)
                LIMIT $4)
            UPDATE delivery SET attempts = attempts + 1, last_attempt_at = $1, next_attempt_at = $5
            FROM due WHERE delivery.id = due.id
            RETURNING delivery.id, delivery.webhook_id, delivery.event_id, delivery.payload, delivery.attempts";
        let busy: Vec<i64> = busy.iter().map(|id| id.row()).collect();
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let (now, lease) = (instant(now_ms)?, instant(lease_until_ms)?);
        let rows = work.query(taking, &[&now, &busy, &i64::from(per_webhook), &i64::from(most), &lease]).await?;
        let mut due: HashMap<WebhookId, Vec<Due>> = HashMap::new();
        for row in &rows {
            due.entry(WebhookId::from_row(row.try_get("webhook_id")?)).or_default().push(Due {
                id: DeliveryId::from_row(row.try_get("id")?),
                event_id: row.try_get("event_id")?,
                payload: row.try_get("payload")?,
                attempt: row.try_get::<_, i32>("attempts")?.unsigned_abs(),
            });
        }
        let ids: Vec<i64> = due.keys().map(|id| id.row()).collect();
        let text = concat!("SELECT ", webhook_columns!(), " FROM webhook WHERE id = ANY($1) ORDER BY id");
        let mut taken = Vec::with_capacity(ids.len());
        for row in work.query(text, &[&ids]).await? {
            let webhook = webhook_from_row(&row)?;
            if let Some(mut due) = due.remove(&webhook.id) {
                due.sort_unstable_by_key(|delivery| delivery.id);
                taken.push((webhook, due));
            }
        }
        work.commit().await?;
        Ok(taken)
    }

    /// Notes what came of attempts that ran side by side, and what that says of the webhook: one success makes it whole;
    /// failures count as one. Tells whether it was turned off by this.
    pub async fn note_attempts(
        &self,
        webhook: WebhookId,
        attempts: &[Attempted],
        policy: FailurePolicy,
        now_ms: i64,
    ) -> Result<bool> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let holding = "SELECT failures FROM webhook WHERE id = $1 AND disabled_at IS NULL FOR UPDATE";
        let before: Option<i32> = match work.query_opt(holding, &[&webhook.row()]).await? {
            Some(row) => Some(row.try_get(0)?),
            None => None,
        };
        let writing = "UPDATE delivery SET status = $3, last_status = $4, last_error = $5, next_attempt_at = $6
            WHERE id = $1 AND webhook_id = $2";
        for attempt in attempts {
            let status = match (attempt.delivered, attempt.next_attempt_at_ms) {
                (true, _) => DeliveryStatus::Delivered,
                (false, Some(_)) => DeliveryStatus::Waiting,
                (false, None) => DeliveryStatus::Failed,
            };
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
                &attempt.id.row(),
                &webhook.row(),
                &status.name(),
                &attempt.status.map(i32::from),
                &attempt.error,
                &optional_instant(attempt.next_attempt_at_ms)?,
            ];
            work.execute(writing, &values).await?;
        }
        // Gone or turned off meanwhile: nothing more is to be said of it.
        let Some(before) = before.filter(|_| !attempts.is_empty()) else {
            work.commit().await?;
            return Ok(false);
        };
        let mut turned_off = false;
        if attempts.iter().any(|attempt| attempt.delivered) {
            if before > 0 {
                let healing = "UPDATE webhook SET failures = 0, resting_until = NULL WHERE id = $1";
                work.execute(healing, &[&webhook.row()]).await?;
            }
        } else {
            let failures = before.unsigned_abs().saturating_add(1);
            let rest_ms =
                policy.first_rest_ms.saturating_mul(1 << before.unsigned_abs().min(20)).min(policy.longest_rest_ms);
            let failing = "UPDATE webhook SET failures = $2, resting_until = $3 WHERE id = $1";
            let until = instant(now_ms.saturating_add(rest_ms))?;
            work.execute(failing, &[&webhook.row(), &i32::try_from(failures).unwrap_or(i32::MAX), &until]).await?;
            turned_off = failures >= policy.off_after;
            if turned_off {
                let last = attempts.last().and_then(|attempt| attempt.error.as_deref()).unwrap_or("it failed");
                let reason = format!("{failures} attempts failed in a row, the last one: {last}");
                let disabling = "UPDATE webhook SET disabled_at = $2, disabled_reason = $3 WHERE id = $1";
                work.execute(disabling, &[&webhook.row(), &now, &reason]).await?;
            }
        }
        work.commit().await?;
        Ok(turned_off)
    }

    /// Removes deliveries that were made before an instant, and of each webhook those that are done beyond its newest few
    /// thousand. Tells how many were removed; it may be called again until there are none.
    pub async fn prune_deliveries(&self, before_ms: i64) -> Result<u64> {
        let session = self.call().await?;
        let old = "DELETE FROM delivery WHERE id IN (
            SELECT id FROM delivery WHERE created_at < $1 AND next_attempt_at IS NULL LIMIT $2)";
        let waiting = "DELETE FROM delivery WHERE id IN (
            SELECT delivery.id FROM webhook JOIN delivery ON delivery.webhook_id = webhook.id
            WHERE webhook.disabled_at < $1 AND delivery.created_at < $1 LIMIT $2)";
        let many = "DELETE FROM delivery WHERE id IN (
            SELECT beyond.id FROM webhook CROSS JOIN LATERAL (
                SELECT id FROM delivery WHERE webhook_id = webhook.id AND next_attempt_at IS NULL
                ORDER BY id DESC OFFSET $1) AS beyond LIMIT $2)";
        let before = instant(before_ms)?;
        let mut removed = session.execute(old, &[&before, &PRUNED]).await?;
        removed += session.execute(waiting, &[&before, &PRUNED]).await?;
        Ok(removed + session.execute(many, &[&MAX_DONE, &PRUNED]).await?)
    }

    /// Deliveries to a webhook of the workspace, newest first, from the one before `before` on.
    pub async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        most: u32,
    ) -> Result<Vec<Delivery>> {
        let text = "SELECT delivery.id, event_id, event, payload, status, attempts, last_status, last_error,
                last_attempt_at, next_attempt_at, delivery.created_at
            FROM delivery JOIN webhook ON webhook.id = delivery.webhook_id
            WHERE webhook.workspace_id = $1 AND delivery.webhook_id = $2 AND ($3::bigint IS NULL OR delivery.id < $3)
            ORDER BY delivery.id DESC LIMIT $4";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&workspace.row(), &webhook.row(), &before.map(DeliveryId::row), &i64::from(most)];
        self.call().await?.query(text, &values).await?.iter().map(from_row).collect()
    }

    /// Has a delivery tried once more, as soon as can be. `None` when the workspace's webhook has no such delivery.
    pub async fn retry_delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        delivery: DeliveryId,
        now_ms: i64,
    ) -> Result<Option<Delivery>> {
        let text = "UPDATE delivery SET status = 'waiting', next_attempt_at = $4
            FROM webhook WHERE webhook.id = delivery.webhook_id AND webhook.workspace_id = $1
                AND delivery.webhook_id = $2 AND delivery.id = $3
            RETURNING delivery.id, event_id, event, payload, status, attempts, last_status, last_error,
                last_attempt_at, next_attempt_at, delivery.created_at";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&workspace.row(), &webhook.row(), &delivery.row(), &instant(now_ms)?];
        self.call().await?.query_opt(text, &values).await?.as_ref().map(from_row).transpose()
    }
}
