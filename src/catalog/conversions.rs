//! Calls that report something under a name, and report it once.
//!
//! What always holds: a name is taken in the transaction in which its events are recorded. Whoever comes second waits for
//! the first, and is then told what the first was answered, or takes the name itself when the first failed.

use serde_json::Value;
use tokio_postgres::types::Json;

use super::customers::event_row;
use super::outbox;
use super::session::{Session, Work};
use super::{Catalog, Error, Result, instant};
use crate::domain::customer::Attribution;
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};
use crate::domain::webhook::HookEvent;

/// Names whose time is over that one new name clears away at most.
const SWEPT: i64 = 20;

/// What kind of call a name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A lead.
    Lead,
    /// A sale.
    Sale,
    /// A conversion of Linkly's.
    Conversion,
}

impl Purpose {
    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Sale => "sale",
            Self::Conversion => "conversion",
        }
    }
}

/// What a caller named its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallName {
    /// What kind of call.
    pub purpose: Purpose,
    /// The name; unique among the workspace's calls of that kind.
    pub key: String,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The name is free, and ours until the transaction ends.
    Ours,
    /// A call of this name was answered so.
    Answered(Value),
}

/// A posted conversion of Linkly's.
#[derive(Clone, Debug, PartialEq)]
pub struct PostedConversion {
    /// Its row.
    pub id: u64,
    /// What it was posted with.
    pub fields: Value,
    /// Milliseconds since the epoch.
    pub inserted_at_ms: i64,
}

/// A connection for recording conversions.
pub struct ConversionSession(Session);

/// The transaction in which conversions are recorded; undone unless [`commit`](Self::commit) ends it.
pub struct ConversionWork<'a> {
    work: Work<'a>,
    workspace: WorkspaceId,
}

impl Catalog {
    /// What a call of this name was answered; `None` when there was none lately.
    pub async fn answered(&self, workspace: WorkspaceId, name: &CallName, now_ms: i64) -> Result<Option<Value>> {
        let text = "SELECT answer FROM idempotency
            WHERE workspace_id = $1 AND purpose = $2 AND key = $3 AND expires_at > $4";
        let values = (workspace.row(), name.purpose.name(), &name.key, instant(now_ms)?);
        let row = self.call().await?.query_opt(text, &[&values.0, &values.1, values.2, &values.3]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(row.try_get::<_, Option<Json<Value>>>(0)?.map(|Json(answer)| answer))
    }

    /// A connection for recording conversions.
    pub async fn conversions(&self) -> Result<ConversionSession> {
        Ok(ConversionSession(self.call().await?))
    }

    /// The newest conversions that were posted to Linkly's surface, newest first.
    pub async fn posted_conversions(&self, workspace: WorkspaceId, limit: u32) -> Result<Vec<PostedConversion>> {
        let text = "SELECT id, fields, inserted_at FROM linkly_conversion WHERE workspace_id = $1
            ORDER BY id DESC LIMIT $2";
        let rows = self.call().await?.query(text, &[&workspace.row(), &i64::from(limit)]).await?;
        let read = |row: &tokio_postgres::Row| {
            let Json(fields) = row.try_get("fields")?;
            let inserted_at: chrono::DateTime<chrono::Utc> = row.try_get("inserted_at")?;
            let id: i64 = row.try_get("id")?;
            Ok(PostedConversion { id: id.cast_unsigned(), fields, inserted_at_ms: inserted_at.timestamp_millis() })
        };
        rows.iter().map(read).collect()
    }
}

impl ConversionSession {
    /// Begins to record for a workspace.
    pub async fn begin(&mut self, workspace: WorkspaceId) -> Result<ConversionWork<'_>> {
        Ok(ConversionWork { work: self.0.begin().await?, workspace })
    }
}

impl ConversionWork<'_> {
    /// Takes a name until `expires_at_ms`; waits for whoever is taking the same one.
    pub async fn claim(&self, name: &CallName, now_ms: i64, expires_at_ms: i64) -> Result<Claim> {
        let (workspace, purpose, now) = (self.workspace.row(), name.purpose.name(), instant(now_ms)?);
        let sweeping = "DELETE FROM idempotency WHERE (workspace_id, purpose, key) IN
            (SELECT workspace_id, purpose, key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at
             LIMIT $2 FOR UPDATE SKIP LOCKED)";
        self.work.execute(sweeping, &[&now, &SWEPT]).await?;
        let taking = "INSERT INTO idempotency (workspace_id, purpose, key, expires_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (workspace_id, purpose, key) DO UPDATE SET expires_at = excluded.expires_at, answer = NULL
                WHERE idempotency.expires_at <= $5
            RETURNING 1";
        let expires = instant(expires_at_ms)?;
        if self.work.query_opt(taking, &[&workspace, &purpose, &name.key, &expires, &now]).await?.is_some() {
            return Ok(Claim::Ours);
        }
        let reading = "SELECT answer FROM idempotency WHERE workspace_id = $1 AND purpose = $2 AND key = $3";
        let row = self.work.query_opt(reading, &[&workspace, &purpose, &name.key]).await?;
        let answer = row.map(|row| row.try_get::<_, Option<Json<Value>>>(0)).transpose()?.flatten();
        match answer {
            Some(Json(answer)) => Ok(Claim::Answered(answer)),
            // Swept between the two statements.
            None => Err(Error::Unavailable("a call of the same name is under way".to_owned())),
        }
    }

    /// Keeps what the call of a claimed name is answered.
    pub async fn answer(&self, name: &CallName, answer: Value) -> Result<()> {
        let text = "UPDATE idempotency SET answer = $4 WHERE workspace_id = $1 AND purpose = $2 AND key = $3";
        let purpose = name.purpose.name();
        self.work.execute(text, &[&self.workspace.row(), &purpose, &name.key, &Json(answer)]).await.map(drop)
    }

    /// Notes a lead, for the sales that follow it. The latest of a name counts.
    pub async fn note_lead(&self, customer: CustomerId, name: &str, of: Attribution, at_ms: i64) -> Result<()> {
        let text = "INSERT INTO customer_lead (workspace_id, customer_id, name, link_id, click_event_id, happened_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (customer_id, name) DO UPDATE SET link_id = excluded.link_id,
                click_event_id = excluded.click_event_id, happened_at = excluded.happened_at
                WHERE customer_lead.happened_at <= excluded.happened_at";
        let (workspace, at) = (self.workspace.row(), instant(at_ms)?);
        let (link, click) = (of.link.row(), event_row(of.click));
        self.work.execute(text, &[&workspace, &customer.row(), &name, &link, &click, &at]).await.map(drop)
    }

    /// Keeps a posted conversion for its list and answers its row.
    pub async fn add_posted(&self, fields: Value, now_ms: i64) -> Result<PostedConversion> {
        let text = "INSERT INTO linkly_conversion (workspace_id, fields, inserted_at) VALUES ($1, $2, $3) RETURNING id";
        let row = self.work.query_one(text, &[&self.workspace.row(), &Json(&fields), &instant(now_ms)?]).await?;
        let id: i64 = row.try_get(0)?;
        Ok(PostedConversion { id: id.cast_unsigned(), fields, inserted_at_ms: now_ms })
    }

    /// Notes for webhooks what is recorded; `data` is Dub's, without the link.
    pub async fn tell(&self, event: HookEvent, link: LinkId, data: &Value, now_ms: i64) -> Result<()> {
        outbox::note(&self.work, self.workspace, link, event, data, now_ms).await
    }

    /// Makes it all last.
    pub async fn commit(self) -> Result<()> {
        self.work.commit().await
    }
}
