//! What a breakdown by link shows of each: thousands at once, and little of what a link has.

use super::link_row::InOrder;
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
        let card = |mut columns: InOrder<'_>| {
            Ok(LinkCard {
                id: LinkId::from_row(columns.next()?),
                domain: columns.next()?,
                slug: columns.next()?,
                url: columns.next()?,
                title: columns.next()?,
                notes: columns.next()?,
                folder: columns.next::<Option<i64>>()?.map(FolderId::from_row),
                partner_id: columns.next()?,
                created_at_ms: columns.instant_ms()?.unwrap_or_default(),
            })
        };
        rows.iter().map(|row| card(InOrder::of(row))).collect()
    }
}
