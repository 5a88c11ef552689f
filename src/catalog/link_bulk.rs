//! Links by their destination, and many links at once.

use std::collections::HashMap;

use super::link_row::{from_row, link_columns};
use super::links::{NewLink, hold_tags, insert, write};
use super::outbox::note_link;
use super::{Catalog, Result, instant};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::webhook::HookEvent;
use crate::domain::workspace::slug_key;

/// Which link is meant by a destination. When several lead there: the one with the external id, else the one in the
/// place, else the one with the earlier of the addresses, else the oldest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leading {
    /// The destination, to the letter, in one of these forms.
    pub urls: Vec<String>,
    /// Its id in the user's own database.
    pub external_id: Option<String>,
    /// Its slug, without regard to case.
    pub slug: Option<String>,
    /// The name of its short domain.
    pub domain: Option<String>,
}

/// What became of a link to add.
#[derive(Clone, Debug, PartialEq)]
pub enum Added {
    /// It was added.
    New(Box<Link>),
    /// This one leads there already.
    There(LinkId),
}

const LEADING: &str = "SELECT link.id FROM link JOIN domain ON domain.id = link.domain_id
    WHERE link.workspace_id = $1 AND link.url = ANY($2) AND link.deleted_at IS NULL AND link.trashed_at IS NULL AND domain.removed_at IS NULL
    ORDER BY coalesce(link.external_id = $3, false) DESC,
        coalesce(lower(link.slug) = lower($4) AND ($5::text IS NULL OR domain.name = $5), false) DESC,
        array_position($2, link.url), link.created_at, link.id
    LIMIT 1";

impl Catalog {
    /// The link of the workspace that leads there.
    pub async fn link_leading(&self, workspace: WorkspaceId, to: &Leading) -> Result<Option<LinkId>> {
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&workspace.row(), &to.urls, &to.external_id, &to.slug, &to.domain];
        let row = self.call().await?.query_opt(LEADING, &values).await?;
        row.map(|row| Ok(LinkId::from_row(row.try_get(0)?))).transpose()
    }

    /// Adds a link unless one leads there already. Of several calls at once for the same destination one adds it. Errors as
    /// for [`add_link`](Self::add_link).
    pub async fn add_link_leading(&self, new: &NewLink<'_>, to: &Leading) -> Result<Added> {
        let workspace = new.workspace;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        // In one order everywhere, so that nobody waits in a circle.
        let mut urls: Vec<&String> = to.urls.iter().collect();
        urls.sort_unstable();
        urls.dedup();
        for url in urls {
            let holding = "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))";
            work.query(holding, &[url, &workspace.row()]).await?;
        }
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&workspace.row(), &to.urls, &to.external_id, &to.slug, &to.domain];
        if let Some(row) = work.query_opt(LEADING, &values).await? {
            return Ok(Added::There(LinkId::from_row(row.try_get(0)?)));
        }
        let link = insert(&work, new).await?;
        work.commit().await?;
        Ok(Added::New(Box::new(link)))
    }

    /// The links of the workspace with these ids or these external ids, in no particular order.
    pub async fn links_named(
        &self,
        workspace: WorkspaceId,
        ids: &[LinkId],
        external_ids: &[String],
    ) -> Result<Vec<Link>> {
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND (link.id = ANY($2) OR link.external_id = ANY($3))
                AND link.deleted_at IS NULL AND link.trashed_at IS NULL AND domain.removed_at IS NULL"
        );
        let ids: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let rows = self.call().await?.query(text, &[&workspace.row(), &ids, &external_ids]).await?;
        rows.iter().map(from_row).collect()
    }

    /// Changes those of these links that are there, all or none: `edit` gets each and writes over its fields; its first error
    /// leaves all as they were. Errors as for [`add_link`](Self::add_link).
    pub async fn change_links<E: Send>(
        &self,
        workspace: WorkspaceId,
        ids: &[LinkId],
        now_ms: i64,
        mut edit: impl FnMut(&mut Link) -> std::result::Result<(), E> + Send,
    ) -> Result<std::result::Result<HashMap<LinkId, Link>, E>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.id = ANY($2) AND link.deleted_at IS NULL AND link.trashed_at IS NULL AND domain.removed_at IS NULL
            ORDER BY link.id FOR UPDATE OF link"
        );
        let rows: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let mut changed = HashMap::new();
        for row in work.query(text, &[&workspace.row(), &rows]).await? {
            let mut link = from_row(&row)?;
            let before = link.fields.tags.clone();
            if let Err(refusal) = edit(&mut link) {
                return Ok(Err(refusal));
            }
            link.updated_at_ms = now_ms;
            if link.fields.tags != before {
                hold_tags(&work, workspace, &link.fields.tags).await?;
            }
            write(&work, &link, &slug_key(&link.slug, row.try_get("case_sensitive")?), now).await?;
            note_link(&work, HookEvent::LinkUpdated, &link, now_ms).await?;
            changed.insert(link.id, link);
        }
        work.commit().await?;
        Ok(Ok(changed))
    }

    /// Deletes those of these links that are there, all or none, and answers how many: their slugs are free again, their
    /// history stays.
    pub async fn delete_links(&self, workspace: WorkspaceId, ids: &[LinkId], now_ms: i64) -> Result<u64> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let text = concat!(
            "UPDATE link SET deleted_at = $3 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND link.id = ANY($2)
                AND link.deleted_at IS NULL AND link.trashed_at IS NULL AND domain.removed_at IS NULL
            RETURNING ",
            link_columns!()
        );
        let rows: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let deleted = work.query(text, &[&workspace.row(), &rows, &now]).await?;
        for row in &deleted {
            note_link(&work, HookEvent::LinkDeleted, &from_row(row)?, now_ms).await?;
        }
        work.commit().await?;
        Ok(deleted.len() as u64)
    }
}
