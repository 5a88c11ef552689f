//! Workspaces and their settings.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::WorkspaceId;
use crate::domain::workspace::{Workspace, WorkspaceSettings};

fn from_row(row: &Row) -> Result<Workspace> {
    let Json(settings): Json<WorkspaceSettings> = row.try_get("settings")?;
    Ok(Workspace {
        id: WorkspaceId::from_row(row.try_get("id")?),
        name: row.try_get("name")?,
        settings,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// Adds a workspace with the default settings.
    pub async fn add_workspace(&self, name: &str, now_ms: i64) -> Result<Workspace> {
        let text = "INSERT INTO workspace (name, created_at) VALUES ($1, $2) RETURNING id, name, settings, created_at";
        let row = self.call().await?.query_opt(text, &[&name, &instant(now_ms)?]).await?;
        from_row(&row.ok_or_else(|| Error::Bug("no row from a new workspace".to_owned()))?)
    }

    /// Every workspace, oldest first.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let text = "SELECT id, name, settings, created_at FROM workspace WHERE removed_at IS NULL ORDER BY id";
        self.call().await?.query(text, &[]).await?.iter().map(from_row).collect()
    }

    /// Those of `ids` that were not removed, oldest first.
    pub async fn workspaces_by_ids(&self, ids: &[WorkspaceId]) -> Result<Vec<Workspace>> {
        let rows: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let text = "SELECT id, name, settings, created_at FROM workspace
            WHERE id = ANY($1) AND removed_at IS NULL ORDER BY id";
        self.call().await?.query(text, &[&rows]).await?.iter().map(from_row).collect()
    }

    /// Every workspace whose events are not kept for ever, and for how many days they are. Removed ones too: nobody sees
    /// their events any more, but they are there.
    pub async fn retentions(&self) -> Result<Vec<(WorkspaceId, u32)>> {
        let text = "SELECT id, name, settings, created_at FROM workspace WHERE settings ? 'retention_days' ORDER BY id";
        let rows = self.call().await?.query(text, &[]).await?;
        let workspaces: Vec<Workspace> = rows.iter().map(from_row).collect::<Result<_>>()?;
        Ok(workspaces.into_iter().filter_map(|one| Some((one.id, one.settings.retention_days?))).collect())
    }

    /// One workspace; `None` when it is not there or was removed.
    pub async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        let text = "SELECT id, name, settings, created_at FROM workspace WHERE id = $1 AND removed_at IS NULL";
        self.lookup().await?.query_opt(text, &[&id.row()]).await?.as_ref().map(from_row).transpose()
    }

    /// Changes how a workspace's clicks are counted from now on. False when there is no such workspace.
    pub async fn set_workspace_settings(&self, id: WorkspaceId, settings: &WorkspaceSettings) -> Result<bool> {
        let text = "UPDATE workspace SET settings = $2 WHERE id = $1 AND removed_at IS NULL";
        Ok(self.call().await?.execute(text, &[&id.row(), &Json(settings)]).await? == 1)
    }

    /// Removes a workspace: its members leave it, its keys are revoked, its domains are free again and its links and sites
    /// are gone.
    /// Its events stay until they are erased. False when there is no such workspace. [`Error::Taken`] `domain_of_sites` when
    /// links of other workspaces' sites live on its domains.
    pub async fn remove_workspace(&self, id: WorkspaceId, now_ms: i64) -> Result<bool> {
        let (id, now) = (id.row(), instant(now_ms)?);
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let removing = "UPDATE workspace SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL";
        if work.execute(removing, &[&id, &now]).await? == 0 {
            return Ok(false);
        }
        let ending = "UPDATE link SET deleted_at = $2 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND domain.workspace_id <> $1
                AND link.deleted_at IS NULL";
        work.execute(ending, &[&id, &now]).await?;
        work.execute("DELETE FROM member WHERE workspace_id = $1", &[&id]).await?;
        let revoking = "UPDATE api_key SET revoked_at = $2 WHERE workspace_id = $1 AND revoked_at IS NULL";
        work.execute(revoking, &[&id, &now]).await?;
        work.execute("DELETE FROM webhook WHERE workspace_id = $1", &[&id]).await?;
        work.execute("DELETE FROM outbox WHERE workspace_id = $1", &[&id]).await?;
        let freeing = "UPDATE domain SET removed_at = $2 WHERE workspace_id = $1 AND removed_at IS NULL";
        work.execute(freeing, &[&id, &now]).await?;
        // Nobody puts a link there any more, so what is there is all there is.
        let foreign = "SELECT 1 FROM link JOIN domain ON domain.id = link.domain_id
            WHERE domain.workspace_id = $1 AND domain.removed_at = $2 AND link.workspace_id <> $1
                AND link.deleted_at IS NULL LIMIT 1";
        if work.query_opt(foreign, &[&id, &now]).await?.is_some() {
            return Err(Error::Taken("domain_of_sites".to_owned()));
        }
        let closing = "UPDATE site SET removed_at = $2 WHERE workspace_id = $1 AND removed_at IS NULL";
        work.execute(closing, &[&id, &now]).await?;
        work.commit().await?;
        Ok(true)
    }
}
