//! Folders.

use super::{Error, Holdings, Result, checked, checked_name};
use crate::catalog::{FolderChange, Window};
use crate::domain::id::{FolderId, WorkspaceId};
use crate::domain::tag::{Folder, MAX_FOLDER_DESCRIPTION, MAX_FOLDER_NAME};

/// A folder to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewFolder {
    /// Its name, unique in the workspace without regard to case.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

impl Holdings {
    /// Makes a folder.
    pub async fn add_folder(&self, workspace: WorkspaceId, folder: NewFolder) -> Result<Folder> {
        let name = checked_name(&folder.name, MAX_FOLDER_NAME)?;
        let description = checked_description(folder.description)?;
        let now_ms = self.clock.now_ms();
        Ok(self.catalog.add_described_folder(workspace, &name, description.as_deref(), now_ms).await?)
    }

    /// One folder.
    pub async fn folder(&self, workspace: WorkspaceId, id: FolderId) -> Result<Folder> {
        self.catalog.folder(workspace, id).await?.ok_or(Error::NoFolder)
    }

    /// A part of the workspace's folders; with `search` of those whose name or description holds it.
    pub async fn folders(&self, workspace: WorkspaceId, search: Option<&str>, window: Window) -> Result<Vec<Folder>> {
        Ok(self.catalog.folder_list(workspace, search, window).await?)
    }

    /// Changes a folder.
    pub async fn change_folder(&self, workspace: WorkspaceId, id: FolderId, change: FolderChange) -> Result<Folder> {
        let change = FolderChange {
            name: change.name.map(|name| checked_name(&name, MAX_FOLDER_NAME)).transpose()?,
            description: change.description.map(checked_description).transpose()?,
        };
        self.catalog.change_folder(workspace, id, &change, self.clock.now_ms()).await?.ok_or(Error::NoFolder)
    }

    /// Removes a folder; its links stay, in no folder.
    pub async fn remove_folder(&self, workspace: WorkspaceId, id: FolderId) -> Result<()> {
        if self.catalog.remove_folder(workspace, id).await? { Ok(()) } else { Err(Error::NoFolder) }
    }
}

/// A blank description is none.
fn checked_description(text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let text = checked("description", text.trim(), MAX_FOLDER_DESCRIPTION)?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
