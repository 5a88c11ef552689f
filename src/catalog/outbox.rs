//! What happened in Postgres and is still to be told to webhooks.
//!
//! A note is written in the transaction that makes it true, so that it is there if and only if that is; it is taken out in
//! the transaction that writes its deliveries. Nothing is noted for which no webhook asks.

use serde_json::Value;
use tokio_postgres::types::Json;

use super::session::Work;
use super::{Error, Result, instant};
use crate::domain::id::{LinkId, OutboxId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::webhook::HookEvent;

/// Something that waits to be told.
#[derive(Clone, Debug)]
pub struct Note {
    /// Names it in every delivery.
    pub id: OutboxId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The link it is about.
    pub link: LinkId,
    /// What happened.
    pub event: HookEvent,
    /// Of `link.*` the [`Link`] as it was then; of `lead.created` and `sale.created` Dub's `data`, to which the link is added.
    pub body: Value,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
}

/// Notes, in this transaction, that a link was made, changed or deleted.
pub(super) async fn note_link(work: &Work<'_>, event: HookEvent, link: &Link, now_ms: i64) -> Result<()> {
    let body = serde_json::to_value(link).map_err(|error| Error::Bug(format!("link cannot be written: {error}")))?;
    note(work, link.workspace, link.id, event, &body, now_ms).await
}

/// Notes, in this transaction, that something happened. Of `lead.created` and `sale.created` the body is Dub's `data`
/// (`eventName`, `customer`, `click`, `metadata`, and `sale` of a sale); its `link` is added when it is told.
pub(super) async fn note(
    work: &Work<'_>,
    workspace: WorkspaceId,
    link: LinkId,
    event: HookEvent,
    body: &Value,
    now_ms: i64,
) -> Result<()> {
    let text = "INSERT INTO outbox (workspace_id, link_id, event, body, created_at)
        SELECT $1, $2, $3, $4, $5 WHERE EXISTS (
            SELECT 1 FROM webhook WHERE workspace_id = $1 AND (link_id IS NULL OR link_id = $2)
                AND disabled_at IS NULL AND $3 = ANY(events))";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&workspace.row(), &link.row(), &event.name(), &Json(body), &instant(now_ms)?];
    work.execute(text, &values).await.map(drop)
}
