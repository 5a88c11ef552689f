//! Folders of links.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use super::link_list::Conditions;
use super::{Catalog, Error, Result, Window, instant, like_anywhere};
use crate::domain::id::{FolderId, WorkspaceId};
use crate::domain::tag::Folder;

/// A change of a folder; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
}

macro_rules! folder_columns {
    () => {
        "id, workspace_id, name, description, created_at, updated_at"
    };
}

fn from_row(row: &Row) -> Result<Folder> {
    Ok(Folder {
        id: FolderId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
        updated_at_ms: row.try_get::<_, DateTime<Utc>>("updated_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// Adds a folder. [`Error::Taken`] `folder_name`.
    pub async fn add_folder(&self, workspace: WorkspaceId, name: &str, now_ms: i64) -> Result<Folder> {
        self.add_described_folder(workspace, name, None, now_ms).await
    }

    /// Adds a folder with what it is for. [`Error::Taken`] `folder_name`.
    pub async fn add_described_folder(
        &self,
        workspace: WorkspaceId,
        name: &str,
        description: Option<&str>,
        now_ms: i64,
    ) -> Result<Folder> {
        let text = concat!(
            "INSERT INTO folder (workspace_id, name, description, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $4) RETURNING ",
            folder_columns!()
        );
        let now = instant(now_ms)?;
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &name, &description, &now]).await?;
        from_row(&row.ok_or_else(|| Error::Bug("no row from a new folder".to_owned()))?)
    }

    /// The folders of a workspace by name.
    pub async fn folders(&self, workspace: WorkspaceId) -> Result<Vec<Folder>> {
        let text = concat!("SELECT ", folder_columns!(), " FROM folder WHERE workspace_id = $1 ORDER BY name, id");
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// A part of the workspace's folders by name. With `search` those whose name or description holds it, without regard to
    /// case.
    pub async fn folder_list(
        &self,
        workspace: WorkspaceId,
        search: Option<&str>,
        window: Window,
    ) -> Result<Vec<Folder>> {
        let mut list = Conditions::new(concat!("SELECT ", folder_columns!(), " FROM folder"));
        list.push(" WHERE workspace_id = ?", workspace.row());
        if let Some(search) = search {
            list.push(" AND (name ILIKE ? OR description ILIKE ?)", like_anywhere(search));
        }
        list.plain(" ORDER BY lower(name), id");
        list.window(window);
        self.call().await?.query_composed(&list.text, &list.values()).await?.iter().map(from_row).collect()
    }

    /// One folder of a workspace.
    pub async fn folder(&self, workspace: WorkspaceId, id: FolderId) -> Result<Option<Folder>> {
        let text = concat!("SELECT ", folder_columns!(), " FROM folder WHERE workspace_id = $1 AND id = $2");
        self.call().await?.query_opt(text, &[&workspace.row(), &id.row()]).await?.as_ref().map(from_row).transpose()
    }

    /// Changes a folder. `None` when the workspace has no such folder, [`Error::Taken`] `folder_name`.
    pub async fn change_folder(
        &self,
        workspace: WorkspaceId,
        id: FolderId,
        change: &FolderChange,
        now_ms: i64,
    ) -> Result<Option<Folder>> {
        let text = concat!(
            "UPDATE folder SET name = coalesce($3, name),
                description = CASE WHEN $4 THEN $5 ELSE description END, updated_at = $6
            WHERE workspace_id = $1 AND id = $2 RETURNING ",
            folder_columns!()
        );
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
            &workspace.row(),
            &id.row(),
            &change.name,
            &change.description.is_some(),
            &change.description.as_ref().and_then(Option::as_ref),
            &instant(now_ms)?,
        ];
        self.call().await?.query_opt(text, &values).await?.as_ref().map(from_row).transpose()
    }

    /// Removes a folder; its links stay, in no folder. False when it is not the workspace's.
    pub async fn remove_folder(&self, workspace: WorkspaceId, id: FolderId) -> Result<bool> {
        let text = "DELETE FROM folder WHERE workspace_id = $1 AND id = $2";
        Ok(self.call().await?.execute(text, &[&workspace.row(), &id.row()]).await? == 1)
    }
}
