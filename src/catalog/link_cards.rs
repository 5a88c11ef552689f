//! What a breakdown by link shows of each: thousands at once, and little of what a link has.

use chrono::{DateTime, Utc};

use super::{Catalog, Result};
use crate::domain::id::{FolderId, LinkId, WorkspaceId};

/// A link as a breakdown shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkCard {
    /// Its row.
    pub id: LinkId,
    /// The short domain's name.
    pub domain: String,
    /// Its place there.
    pub slug: String,
    /// The destination.
    pub url: String,
    /// Shown in lists.
    pub title: Option<String>,
    /// Notes of the team.
    pub notes: Option<String>,
    /// Its folder.
    pub folder: Option<FolderId>,
    /// The partner it belongs to.
    pub partner_id: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
}

impl Catalog {
    /// Those of these links that the workspace has and that were not deleted for good, by their ids.
    pub async fn link_cards(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<Vec<LinkCard>> {
        let text =
            "SELECT link.id, domain.name, link.slug, link.url, link.title, link.options->>'notes', link.folder_id,
                link.partner_id, link.created_at
            FROM link JOIN domain ON domain.id = link.domain_id
            WHERE link.workspace_id = $1 AND link.id = ANY($2) AND link.deleted_at IS NULL ORDER BY link.id";
        let rows: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let rows = self.call().await?.query(text, &[&workspace.row(), &rows]).await?;
        let card = |row: &tokio_postgres::Row| {
            Ok(LinkCard {
                id: LinkId::from_row(row.try_get(0)?),
                domain: row.try_get(1)?,
                slug: row.try_get(2)?,
                url: row.try_get(3)?,
                title: row.try_get(4)?,
                notes: row.try_get(5)?,
                folder: row.try_get::<_, Option<i64>>(6)?.map(FolderId::from_row),
                partner_id: row.try_get(7)?,
                created_at_ms: row.try_get::<_, DateTime<Utc>>(8)?.timestamp_millis(),
            })
        };
        rows.iter().map(card).collect()
    }
}
