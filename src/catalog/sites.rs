//! Sites. Slugs are unique in the whole installation.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql};

use super::link_row::{from_row as link_from_row, link_columns};
use super::outbox::note_link;
use super::{Catalog, Error, Result, instant};
use crate::domain::id::{LinkId, SiteId, WorkspaceId};
use crate::domain::site::{Site, SiteSettings, link_place};
use crate::domain::webhook::HookEvent;
use crate::domain::workspace::WorkspaceSettings;

/// A site to be.
#[derive(Clone, Debug)]
pub struct NewSite {
    /// Shown to people.
    pub name: String,
    /// As `domain::site::is_slug` allows it.
    pub slug: String,
    /// As `domain::site::parse_host_pattern` gives them, 1 to 100.
    pub hosts: Vec<String>,
    /// How its pages are tracked.
    pub settings: SiteSettings,
}

fn from_row(row: &Row) -> Result<Site> {
    let Json(settings): Json<SiteSettings> = row.try_get("settings")?;
    Ok(Site {
        id: SiteId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        slug: row.try_get("slug")?,
        hosts: row.try_get("hosts")?,
        settings,
        created_at_ms: row.try_get::<_, DateTime<Utc>>("created_at")?.timestamp_millis(),
    })
}

impl Catalog {
    /// Adds a site. [`Error::Taken`] `site_slug` when any workspace has the slug, [`Error::Missing`] `workspace`.
    pub async fn add_site(&self, workspace: WorkspaceId, site: &NewSite, now_ms: i64) -> Result<Site> {
        let text = "INSERT INTO site (workspace_id, name, slug, hosts, settings, created_at)
            SELECT id, $2, $3, $4, $5, $6 FROM workspace WHERE id = $1 AND removed_at IS NULL
            RETURNING id, workspace_id, name, slug, hosts, settings, created_at";
        let NewSite { name, slug, hosts, settings } = site;
        let values: [&(dyn ToSql + Sync); 6] =
            [&workspace.row(), name, slug, hosts, &Json(settings), &instant(now_ms)?];
        match self.call().await?.query_opt(text, &values).await? {
            Some(row) => from_row(&row),
            None => Err(Error::Missing("workspace".to_owned())),
        }
    }

    /// The sites of a workspace, oldest first.
    pub async fn sites(&self, workspace: WorkspaceId) -> Result<Vec<Site>> {
        let text = "SELECT id, workspace_id, name, slug, hosts, settings, created_at FROM site
            WHERE workspace_id = $1 AND removed_at IS NULL ORDER BY id";
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// The oldest site of these workspaces.
    pub async fn first_site(&self, workspaces: &[WorkspaceId]) -> Result<Option<Site>> {
        let text = "SELECT site.id, workspace_id, site.name, slug, hosts, site.settings, site.created_at
            FROM site JOIN workspace ON workspace.id = workspace_id
            WHERE workspace_id = ANY($1) AND site.removed_at IS NULL AND workspace.removed_at IS NULL
            ORDER BY site.id LIMIT 1";
        let rows: Vec<i64> = workspaces.iter().map(|id| id.row()).collect();
        self.call().await?.query_opt(text, &[&rows]).await?.as_ref().map(from_row).transpose()
    }

    /// Every site of the installation with the settings of its workspace, for taking in events; oldest first.
    pub async fn all_sites(&self) -> Result<Vec<(Site, WorkspaceSettings)>> {
        let text = "SELECT site.id, workspace_id, site.name, slug, hosts, site.settings, site.created_at,
                workspace.settings AS workspace_settings
            FROM site JOIN workspace ON workspace.id = workspace_id
            WHERE site.removed_at IS NULL AND workspace.removed_at IS NULL ORDER BY site.id";
        let rows = self.lookup().await?.query(text, &[]).await?;
        rows.iter()
            .map(|row| {
                let Json(settings): Json<WorkspaceSettings> = row.try_get("workspace_settings")?;
                Ok((from_row(row)?, settings))
            })
            .collect()
    }

    /// Writes name, hosts and settings of a site. False when it is not the workspace's, or was removed.
    pub async fn update_site(&self, workspace: WorkspaceId, site: &Site) -> Result<bool> {
        let text = "UPDATE site SET name = $3, hosts = $4, settings = $5
            WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL";
        let values: [&(dyn ToSql + Sync); 5] =
            [&workspace.row(), &site.id.row(), &site.name, &site.hosts, &Json(&site.settings)];
        Ok(self.call().await?.execute(text, &values).await? == 1)
    }

    /// Removes a site with the links that live under its slug: its events are no longer taken, and its slug is free again.
    /// False when it is not the workspace's.
    pub async fn remove_site(&self, workspace: WorkspaceId, site: SiteId, now_ms: i64) -> Result<bool> {
        let now = instant(now_ms)?;
        let mut session = self.call().await?;
        let work = session.begin().await?;
        // Held first, so that no link is made meanwhile.
        let removing = "UPDATE site SET removed_at = $3 WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL
            RETURNING slug";
        let values: [&(dyn ToSql + Sync); 3] = [&workspace.row(), &site.row(), &now];
        let Some(row) = work.query_opt(removing, &values).await? else { return Ok(false) };
        let slug: String = row.try_get("slug")?;
        let deleting = concat!(
            "UPDATE link SET deleted_at = $3 FROM domain
            WHERE domain.id = link.domain_id AND link.workspace_id = $1 AND link.site_id = $2
                AND link.deleted_at IS NULL AND starts_with(link.slug_key, $4)
            RETURNING ",
            link_columns!()
        );
        let place = link_place(&slug, "");
        for row in work.query(deleting, &[&workspace.row(), &site.row(), &now, &place]).await? {
            note_link(&work, HookEvent::LinkDeleted, &link_from_row(&row)?, now_ms).await?;
        }
        work.commit().await?;
        Ok(true)
    }

    /// Whose a link is, and how that workspace counts, for the pixel of a link; `None` when it was deleted.
    pub async fn link_owner(&self, link: LinkId) -> Result<Option<(WorkspaceId, WorkspaceSettings)>> {
        let text = "SELECT workspace.id, workspace.settings FROM link JOIN workspace ON workspace.id = workspace_id
            WHERE link.id = $1 AND link.deleted_at IS NULL AND link.trashed_at IS NULL AND workspace.removed_at IS NULL";
        let Some(row) = self.lookup().await?.query_opt(text, &[&link.row()]).await? else { return Ok(None) };
        let Json(settings): Json<WorkspaceSettings> = row.try_get("settings")?;
        Ok(Some((WorkspaceId::from_row(row.try_get("id")?), settings)))
    }
}
