//! The trash: what is deleted there can come back, with its slug and its history.

use super::{Error, LinkService, Result};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::{Link, ROOT_SLUG};

impl LinkService {
    /// A link of the workspace, also one in the trash.
    pub async fn get_or_trashed(&self, workspace: WorkspaceId, id: LinkId) -> Result<Link> {
        self.catalog.link_or_trashed(workspace, id).await?.ok_or(Error::NoLink)
    }

    /// Moves a link to the trash: visits do not find it from now on, its slug stays taken, its history stays. One that is
    /// there already stays as it is. Webhooks are told that it was deleted.
    ///
    /// # Errors
    /// [`Error::RootLink`] for the root link of a domain.
    pub async fn trash(&self, workspace: WorkspaceId, id: LinkId) -> Result<Link> {
        let link = self.removable(workspace, id).await?;
        match self.catalog.trash_link(workspace, id, self.clock.now_ms()).await? {
            Some(trashed) => {
                self.memory.forget(&trashed);
                Ok(trashed)
            }
            None if link.trashed_at_ms.is_some() => Ok(link),
            // Another call was faster.
            None => self.get_or_trashed(workspace, id).await,
        }
    }

    /// Takes a link out of the trash: it is found again where it was. One that is not there stays as it is. Webhooks are told
    /// that it was changed.
    pub async fn restore(&self, workspace: WorkspaceId, id: LinkId) -> Result<Link> {
        match self.catalog.restore_link(workspace, id, self.clock.now_ms()).await? {
            Some(link) => {
                self.memory.forget(&link);
                Ok(link)
            }
            None => self.get_or_trashed(workspace, id).await,
        }
    }

    /// Deletes a link for good, whether it is in the trash or not, and answers what it was: its slug is free, its history
    /// stays. Webhooks are told unless they were when it was moved to the trash.
    ///
    /// # Errors
    /// [`Error::RootLink`] for the root link of a domain.
    pub async fn purge(&self, workspace: WorkspaceId, id: LinkId) -> Result<Link> {
        self.removable(workspace, id).await?;
        let purged = self.catalog.purge_link(workspace, id, self.clock.now_ms()).await?.ok_or(Error::NoLink)?;
        self.memory.forget(&purged);
        Ok(purged)
    }

    async fn removable(&self, workspace: WorkspaceId, id: LinkId) -> Result<Link> {
        let link = self.get_or_trashed(workspace, id).await?;
        if link.slug == ROOT_SLUG { Err(Error::RootLink) } else { Ok(link) }
    }
}
