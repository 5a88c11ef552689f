//! Folders of links.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{FolderId, WorkspaceId};
use crate::domain::tag::Folder;

fn from_row(row: &Row) -> Result<Folder> {
    Ok(Folder {
        id: FolderId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// Adds a folder. [`Error::Taken`] `folder_name`.
    pub async fn add_folder(&self, workspace: WorkspaceId, name: &str, now_ms: i64) -> Result<Folder> {
        let text = "INSERT INTO folder (workspace_id, name, created_at) VALUES ($1, $2, $3)
            RETURNING id, workspace_id, name, created_at";
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &name, &instant(now_ms)?]).await?;
        from_row(&row.ok_or_else(|| Error::Bug("no row from a new folder".to_owned()))?)
    }

    /// The folders of a workspace by name.
    pub async fn folders(&self, workspace: WorkspaceId) -> Result<Vec<Folder>> {
        let text = "SELECT id, workspace_id, name, created_at FROM folder WHERE workspace_id = $1 ORDER BY name, id";
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// One folder of a workspace.
    pub async fn folder(&self, workspace: WorkspaceId, id: FolderId) -> Result<Option<Folder>> {
        let text = "SELECT id, workspace_id, name, created_at FROM folder WHERE workspace_id = $1 AND id = $2";
        self.call().await?.query_opt(text, &[&workspace.row(), &id.row()]).await?.as_ref().map(from_row).transpose()
    }
}
