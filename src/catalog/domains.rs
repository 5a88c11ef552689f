//! Short domains. Names are unique in the whole installation.

use tokio_postgres::Row;

use super::{Catalog, Error, Result, instant};
use crate::domain::id::{DomainId, WorkspaceId};
use crate::domain::workspace::Domain;

fn from_row(row: &Row) -> Result<Domain> {
    Ok(Domain {
        id: DomainId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        case_sensitive: row.try_get("case_sensitive")?,
        primary: row.try_get("is_primary")?,
    })
}

impl Catalog {
    /// Adds a short domain, whose name is as `parse_domain_name` gives it. The first one of a workspace becomes its primary
    /// one. [`Error::Taken`] `domain_name` when any workspace has it, [`Error::Missing`] `workspace`.
    pub async fn add_domain(
        &self,
        workspace: WorkspaceId,
        name: &str,
        case_sensitive: bool,
        now_ms: i64,
    ) -> Result<Domain> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        // Held, so that two first domains take turns.
        let holding = "SELECT id FROM workspace WHERE id = $1 AND removed_at IS NULL FOR UPDATE";
        if work.query_opt(holding, &[&workspace.row()]).await?.is_none() {
            return Err(Error::Missing("workspace".to_owned()));
        }
        let adding = "INSERT INTO domain (workspace_id, name, case_sensitive, is_primary, created_at)
            SELECT $1, $2, $3,
                NOT EXISTS (SELECT 1 FROM domain WHERE workspace_id = $1 AND is_primary AND removed_at IS NULL), $4
            RETURNING id, workspace_id, name, case_sensitive, is_primary";
        let row = work.query_one(adding, &[&workspace.row(), &name, &case_sensitive, &now]).await?;
        let domain = from_row(&row)?;
        work.commit().await?;
        Ok(domain)
    }

    /// Every short domain of the installation, for telling visits by their host; oldest first.
    pub async fn domains(&self) -> Result<Vec<Domain>> {
        let text = "SELECT id, workspace_id, name, case_sensitive, is_primary FROM domain
            WHERE removed_at IS NULL ORDER BY id";
        self.lookup().await?.query(text, &[]).await?.iter().map(from_row).collect()
    }

    /// The short domain of this name, whoever owns it.
    pub async fn domain_by_name(&self, name: &str) -> Result<Option<Domain>> {
        let text = "SELECT id, workspace_id, name, case_sensitive, is_primary FROM domain
            WHERE name = $1 AND removed_at IS NULL";
        self.lookup().await?.query_opt(text, &[&name]).await?.as_ref().map(from_row).transpose()
    }

    /// Those of `names` that are short domains of anybody.
    pub async fn registered_among(&self, names: &[String]) -> Result<Vec<String>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT name FROM domain WHERE name = ANY($1) AND removed_at IS NULL";
        self.call().await?.query(text, &[&names]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The short domains of a workspace, the primary one first.
    pub async fn link_domains(&self, workspace: WorkspaceId) -> Result<Vec<Domain>> {
        let text = "SELECT id, workspace_id, name, case_sensitive, is_primary FROM domain
            WHERE workspace_id = $1 AND removed_at IS NULL ORDER BY is_primary DESC, id";
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// Makes a short domain the workspace's primary one. False when it is not the workspace's.
    pub async fn set_primary_domain(&self, workspace: WorkspaceId, domain: DomainId) -> Result<bool> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let holding = "SELECT id FROM workspace WHERE id = $1 AND removed_at IS NULL FOR UPDATE";
        work.query_opt(holding, &[&workspace.row()]).await?;
        let lowering =
            "UPDATE domain SET is_primary = false WHERE workspace_id = $1 AND is_primary AND removed_at IS NULL";
        work.execute(lowering, &[&workspace.row()]).await?;
        let raising = "UPDATE domain SET is_primary = true WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL";
        if work.execute(raising, &[&workspace.row(), &domain.row()]).await? == 0 {
            return Ok(false);
        }
        work.commit().await?;
        Ok(true)
    }

    /// Removes a short domain: its links are no longer found, and its name is free again. False when it is not the
    /// workspace's.
    pub async fn remove_domain(&self, workspace: WorkspaceId, domain: DomainId, now_ms: i64) -> Result<bool> {
        let text = "UPDATE domain SET removed_at = $3, is_primary = false
            WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&workspace.row(), &domain.row(), &instant(now_ms)?];
        Ok(self.call().await?.execute(text, &values).await? == 1)
    }
}
