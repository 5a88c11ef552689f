//! Webhooks. What is on its way to them is in `deliveries.rs`, what waits to be told in `outbox.rs`.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{LinkId, WebhookId, WorkspaceId};
use crate::domain::webhook::{Flavour, HookEvent, Secrets, Webhook};

/// Webhooks of one workspace at most, so that one event cannot become any number of deliveries.
pub const MAX_WEBHOOKS: i64 = 200;

/// A webhook to add.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// The one link it is told of; `None` for every link of the workspace.
    pub link: Option<LinkId>,
    /// Whose payloads it gets.
    pub flavour: Flavour,
    /// Shown to people.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// `whsec_...`
    pub secret: SecretString,
    /// What it is told of.
    pub events: Vec<HookEvent>,
}

/// A change of a webhook; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Shown to people.
    pub name: Option<String>,
    /// Where it is told.
    pub url: Option<String>,
    /// What it is told of.
    pub events: Option<Vec<HookEvent>>,
    /// Told nothing, or told again; being told again begins without failures.
    pub disabled: Option<bool>,
}

macro_rules! webhook_columns {
    () => {
        "webhook.id, webhook.workspace_id, webhook.link_id, webhook.flavour, webhook.name, webhook.url, webhook.secret, \
         webhook.old_secret, webhook.old_secret_until, webhook.events, webhook.created_at, webhook.updated_at, \
         webhook.disabled_at, webhook.disabled_reason, webhook.failures"
    };
}
pub(super) use webhook_columns;

/// Reads a row of `webhook_columns!()`.
pub(super) fn from_row(row: &Row) -> Result<Webhook> {
    let milliseconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_millis());
    let flavour: &str = row.try_get("flavour")?;
    let events: Vec<&str> = row.try_get("events")?;
    let old: Option<String> = row.try_get("old_secret")?;
    let old_until = milliseconds(row.try_get("old_secret_until")?);
    Ok(Webhook {
        id: WebhookId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        link: row.try_get::<_, Option<i64>>("link_id")?.map(LinkId::from_row),
        flavour: Flavour::parse(flavour).ok_or_else(|| Error::Bug(format!("webhook flavour {flavour}")))?,
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        secrets: Secrets {
            current: row.try_get::<_, String>("secret")?.into(),
            old: old.map(SecretString::from).zip(old_until),
        },
        // One that a newer version knows is none of ours.
        events: events.into_iter().filter_map(HookEvent::parse).collect(),
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        updated_at_ms: row.try_get::<_, DateTime<Utc>>("updated_at")?.timestamp_millis(),
        disabled_at_ms: milliseconds(row.try_get("disabled_at")?),
        disabled_reason: row.try_get("disabled_reason")?,
        failures: row.try_get::<_, i32>("failures")?.unsigned_abs(),
    })
}

fn names(events: &[HookEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.name()).collect()
}

impl Catalog {
    /// Adds a webhook. A subscription of Linkly's that is there already is answered as it is. [`Error::Missing`] `workspace`
    /// or `link` for what is not there or not this workspace's; [`Error::Taken`] `webhook_count` beyond [`MAX_WEBHOOKS`].
    /// Tells whether it is new.
    pub async fn add_webhook(&self, workspace: WorkspaceId, new: &NewWebhook, now_ms: i64) -> Result<(Webhook, bool)> {
        let (now, link) = (instant(now_ms)?, new.link.map(LinkId::row));
        let mut session = self.call().await?;
        let work = session.begin().await?;
        // Held, so that two that come together take turns.
        let holding = "SELECT id FROM workspace WHERE id = $1 AND removed_at IS NULL FOR UPDATE";
        if work.query_opt(holding, &[&workspace.row()]).await?.is_none() {
            return Err(Error::Missing("workspace".to_owned()));
        }
        if let Some(link) = link {
            let holding = "SELECT id FROM link WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL AND trashed_at IS NULL FOR KEY SHARE";
            if work.query_opt(holding, &[&workspace.row(), &link]).await?.is_none() {
                return Err(Error::Missing("link".to_owned()));
            }
        }
        if new.flavour == Flavour::Linkly {
            let text = concat!(
                "SELECT ",
                webhook_columns!(),
                " FROM webhook WHERE workspace_id = $1 AND link_id IS NOT DISTINCT FROM $2 AND flavour = 'linkly'
                    AND md5(url) = md5($3)"
            );
            if let Some(row) = work.query_opt(text, &[&workspace.row(), &link, &new.url]).await? {
                return Ok((from_row(&row)?, false));
            }
        }
        let counting = "SELECT count(*) FROM webhook WHERE workspace_id = $1";
        if work.query_one(counting, &[&workspace.row()]).await?.try_get::<_, i64>(0)? >= MAX_WEBHOOKS {
            return Err(Error::Taken("webhook_count".to_owned()));
        }
        let text = concat!(
            "INSERT INTO webhook (workspace_id, link_id, flavour, name, url, secret, events, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING ",
            webhook_columns!()
        );
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
            &workspace.row(),
            &link,
            &new.flavour.name(),
            &new.name,
            &new.url,
            &new.secret.expose_secret(),
            &names(&new.events),
            &now,
        ];
        let added = from_row(&work.query_one(text, &values).await?)?;
        work.commit().await?;
        Ok((added, true))
    }

    /// The webhooks of a workspace of one flavour, oldest first.
    pub async fn webhooks(&self, workspace: WorkspaceId, flavour: Flavour) -> Result<Vec<Webhook>> {
        let text = concat!(
            "SELECT ",
            webhook_columns!(),
            " FROM webhook WHERE workspace_id = $1 AND flavour = $2 ORDER BY id"
        );
        self.call().await?.query(text, &[&workspace.row(), &flavour.name()]).await?.iter().map(from_row).collect()
    }

    /// One webhook of a workspace.
    pub async fn webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<Option<Webhook>> {
        let text = concat!("SELECT ", webhook_columns!(), " FROM webhook WHERE workspace_id = $1 AND id = $2");
        self.call().await?.query_opt(text, &[&workspace.row(), &id.row()]).await?.as_ref().map(from_row).transpose()
    }

    /// Every webhook of the installation that is told anything: for those who tell.
    pub async fn webhooks_in_force(&self) -> Result<Vec<Webhook>> {
        let text = concat!(
            "SELECT ",
            webhook_columns!(),
            " FROM webhook JOIN workspace ON workspace.id = webhook.workspace_id
            WHERE webhook.disabled_at IS NULL AND workspace.removed_at IS NULL ORDER BY webhook.id"
        );
        self.call().await?.query(text, &[]).await?.iter().map(from_row).collect()
    }

    /// Every link of the installation that names addresses which are told of its clicks, with its owner: for those who tell.
    pub async fn link_hooks(&self) -> Result<Vec<(LinkId, WorkspaceId, Vec<String>)>> {
        // As the index has it, which holds no other links.
        let text = "SELECT id, workspace_id, options -> 'webhook_urls' AS urls FROM link
            WHERE options ? 'webhook_urls' AND deleted_at IS NULL";
        let read = |row: &Row| {
            let Json(urls) = row.try_get("urls")?;
            Ok((LinkId::from_row(row.try_get("id")?), WorkspaceId::from_row(row.try_get("workspace_id")?), urls))
        };
        self.call().await?.query(text, &[]).await?.iter().map(read).collect()
    }

    /// Changes a webhook. `None` when the workspace has no such one.
    pub async fn change_webhook(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        change: &WebhookChange,
        now_ms: i64,
    ) -> Result<Option<Webhook>> {
        let text = concat!(
            "UPDATE webhook SET name = coalesce($3, name), url = coalesce($4, url), events = coalesce($5, events),
                disabled_at = CASE $6::boolean WHEN true THEN coalesce(disabled_at, $7) WHEN false THEN NULL
                    ELSE disabled_at END,
                disabled_reason = CASE $6::boolean WHEN true THEN coalesce(disabled_reason, 'turned off')
                    WHEN false THEN NULL ELSE disabled_reason END,
                failures = CASE WHEN $6::boolean = false THEN 0 ELSE failures END,
                resting_until = CASE WHEN $6::boolean = false THEN NULL ELSE resting_until END,
                updated_at = $7
            WHERE workspace_id = $1 AND id = $2 RETURNING ",
            webhook_columns!()
        );
        let events = change.events.as_deref().map(names);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&workspace.row(), &id.row(), &change.name, &change.url, &events, &change.disabled, &instant(now_ms)?];
        self.call().await?.query_opt(text, &values).await?.as_ref().map(from_row).transpose()
    }

    /// Gives a webhook a new secret; the one it has signs beside it until `old_until_ms`. `None` when the workspace has no
    /// such webhook.
    pub async fn rotate_webhook(
        &self,
        workspace: WorkspaceId,
        id: WebhookId,
        secret: &SecretString,
        old_until_ms: i64,
        now_ms: i64,
    ) -> Result<Option<Webhook>> {
        let text = concat!(
            "UPDATE webhook SET secret = $3, old_secret = secret, old_secret_until = $4, updated_at = $5
            WHERE workspace_id = $1 AND id = $2 RETURNING ",
            webhook_columns!()
        );
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&workspace.row(), &id.row(), &secret.expose_secret(), &instant(old_until_ms)?, &instant(now_ms)?];
        self.call().await?.query_opt(text, &values).await?.as_ref().map(from_row).transpose()
    }

    /// Removes a webhook and what is on its way to it. False when the workspace has no such one.
    pub async fn remove_webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<bool> {
        let text = "DELETE FROM webhook WHERE workspace_id = $1 AND id = $2";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &id.row()]).await? == 1)
    }

    /// Removes the subscription of Linkly's that has this address. False when there is none.
    pub async fn remove_subscription(&self, workspace: WorkspaceId, link: Option<LinkId>, url: &str) -> Result<bool> {
        let text = "DELETE FROM webhook WHERE workspace_id = $1 AND link_id IS NOT DISTINCT FROM $2
            AND flavour = 'linkly' AND md5(url) = md5($3)";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &link.map(LinkId::row), &url]).await? == 1)
    }
}
