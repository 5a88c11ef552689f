//! How many visitors followed the links that have a limit of clicks.
//!
//! The number is kept apart from the link, so that a visit is no change of it. A link that is made with its limit starts at
//! 0; one that gets a limit later has no number until its clicks so far were counted; one whose limit is lifted loses
//! it.

use super::session::Work;
use super::{Catalog, Error, Result};
use crate::domain::id::{LinkId, WorkspaceId};

/// What there is of a link's clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// The link has no limit, or there is no such link.
    Unlimited,
    /// Nobody has counted its clicks yet.
    Uncounted,
    /// It has a limit.
    Limited {
        /// So many were taken now, at most as many as were wanted.
        granted: u64,
        /// There are more.
        left: bool,
    },
}

impl Catalog {
    /// Takes `wanted` of the clicks that a link still allows, or as many as there are; with 0 it only looks. The limit is
    /// the one that the link has at this moment. For a visit, so it ends within [`LOOKUP_LIMIT`](super::LOOKUP_LIMIT).
    pub async fn take_clicks(&self, workspace: WorkspaceId, link: LinkId, wanted: u64) -> Result<Allowance> {
        let mut session = self.lookup().await?;
        let work = session.begin().await?;
        let text = "SELECT least((options ->> 'max_clicks')::numeric, 9223372036854775807)::bigint
            FROM link WHERE workspace_id = $1 AND id = $2";
        let most: Option<i64> = match work.query_opt(text, &[&workspace.row(), &link.row()]).await? {
            Some(row) => row.try_get(0)?,
            None => None,
        };
        let Some(most) = most else { return Ok(Allowance::Unlimited) };
        let text = if wanted == 0 {
            "SELECT taken FROM link_allowance WHERE link_id = $1"
        } else {
            "SELECT taken FROM link_allowance WHERE link_id = $1 FOR UPDATE"
        };
        let Some(row) = work.query_opt(text, &[&link.row()]).await? else { return Ok(Allowance::Uncounted) };
        let taken: i64 = row.try_get(0)?;
        // Below 0 where the limit was lowered.
        let left = most.saturating_sub(taken).max(0);
        let granted = i64::try_from(wanted).unwrap_or(i64::MAX).min(left);
        if granted > 0 {
            let text = "UPDATE link_allowance SET taken = taken + $2 WHERE link_id = $1";
            work.execute(text, &[&link.row(), &granted]).await?;
            work.commit().await?;
        }
        Ok(Allowance::Limited { granted: granted.cast_unsigned(), left: left > granted })
    }

    /// Those of these links of the workspace whose clicks are used up.
    pub async fn spent_links(&self, workspace: WorkspaceId, links: &[LinkId]) -> Result<Vec<LinkId>> {
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = links.iter().map(|id| id.row()).collect();
        let text = "SELECT link.id FROM link JOIN link_allowance ON link_id = link.id
            WHERE link.workspace_id = $1 AND link.id = ANY($2) AND taken >= (link.options ->> 'max_clicks')::numeric";
        let rows = self.call().await?.query(text, &[&workspace.row(), &ids]).await?;
        rows.iter().map(|row| Ok(LinkId::from_row(row.try_get(0)?))).collect()
    }

    /// How many of its clicks a limited link of the workspace has given away; `None` where nobody has counted them.
    pub async fn taken_clicks(&self, workspace: WorkspaceId, link: LinkId) -> Result<Option<u64>> {
        let text =
            "SELECT taken FROM link_allowance JOIN link ON link.id = link_id WHERE workspace_id = $1 AND id = $2";
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &link.row()]).await?;
        row.map(|row| Ok(row.try_get::<_, i64>(0)?.cast_unsigned())).transpose()
    }

    /// Notes how many clicks a link had before it was limited. Nothing is done where it has a number already, or no limit.
    pub async fn note_clicks(&self, workspace: WorkspaceId, link: LinkId, clicks: u64) -> Result<()> {
        let text = "INSERT INTO link_allowance (link_id, taken)
            SELECT id, $3 FROM link WHERE workspace_id = $1 AND id = $2 AND options ? 'max_clicks'
            ON CONFLICT DO NOTHING";
        let clicks = i64::try_from(clicks).map_err(|_| Error::Unstorable(format!("{clicks} clicks")))?;
        self.lookup().await?.execute(text, &[&workspace.row(), &link.row(), &clicks]).await.map(drop)
    }
}

/// A link that is limited from its beginning starts at 0.
pub(super) async fn begin(work: &Work<'_>, link: LinkId) -> Result<()> {
    let text = "INSERT INTO link_allowance (link_id, taken) VALUES ($1, 0)";
    work.execute(text, &[&link.row()]).await.map(drop)
}

/// Forgets the number of a link that has no limit any more: should it get one again, all its clicks are counted anew.
pub(super) async fn lift(work: &Work<'_>, link: LinkId) -> Result<()> {
    work.execute("DELETE FROM link_allowance WHERE link_id = $1", &[&link.row()]).await.map(drop)
}
