//! The trash: links that nobody finds any more and that can come back. Their slug stays taken until they are deleted for
//! good.

use super::link_row::{from_row, link_columns};
use super::outbox::note_link;
use super::{Catalog, Result, instant};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::webhook::HookEvent;

impl Catalog {
    /// A link of the workspace that was not deleted for good; it may be in the trash, which its `trashed_at_ms` tells.
    pub async fn link_or_trashed(&self, workspace: WorkspaceId, id: LinkId) -> Result<Option<Link>> {
        let text = concat!(
            "SELECT ",
            link_columns!(),
            " FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL AND domain.removed_at IS NULL"
        );
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &id.row()]).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// Moves a link to the trash and notes that it was deleted. `None` when the workspace has no such link, or it is there
    /// already.
    pub async fn trash_link(&self, workspace: WorkspaceId, id: LinkId, now_ms: i64) -> Result<Option<Link>> {
        let text = concat!(
            "UPDATE link SET trashed_at = $3 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL
                AND link.trashed_at IS NULL AND domain.removed_at IS NULL
            RETURNING ",
            link_columns!()
        );
        self.move_link(text, HookEvent::LinkDeleted, workspace, id, now_ms).await
    }

    /// Takes a link out of the trash and notes that it was changed. `None` when it is not there.
    pub async fn restore_link(&self, workspace: WorkspaceId, id: LinkId, now_ms: i64) -> Result<Option<Link>> {
        let text = concat!(
            "UPDATE link SET trashed_at = NULL, updated_at = $3 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL
                AND link.trashed_at IS NOT NULL AND domain.removed_at IS NULL
            RETURNING ",
            link_columns!()
        );
        self.move_link(text, HookEvent::LinkUpdated, workspace, id, now_ms).await
    }

    async fn move_link(
        &self,
        text: &'static str,
        event: HookEvent,
        workspace: WorkspaceId,
        id: LinkId,
        now_ms: i64,
    ) -> Result<Option<Link>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let Some(row) = work.query_opt(text, &[&workspace.row(), &id.row(), &now]).await? else { return Ok(None) };
        let link = from_row(&row)?;
        note_link(&work, event, &link, now_ms).await?;
        work.commit().await?;
        Ok(Some(link))
    }

    /// Deletes a link for good, out of the trash or not: its slug is free again, its history stays. That a link in the trash
    /// was deleted is noted already. `None` when the workspace has no such link.
    pub async fn purge_link(&self, workspace: WorkspaceId, id: LinkId, now_ms: i64) -> Result<Option<Link>> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let text = concat!(
            "UPDATE link SET deleted_at = $3 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND link.id = $2 AND link.deleted_at IS NULL
            RETURNING ",
            link_columns!()
        );
        let Some(row) = work.query_opt(text, &[&workspace.row(), &id.row(), &now]).await? else { return Ok(None) };
        let link = from_row(&row)?;
        if link.trashed_at_ms.is_none() {
            note_link(&work, HookEvent::LinkDeleted, &link, now_ms).await?;
        }
        work.commit().await?;
        Ok(Some(link))
    }
}
