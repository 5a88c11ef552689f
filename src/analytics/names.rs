//! Where events meet links: conditions on what links are, link ids to links, and the counters that links show.

use std::collections::HashMap;

use crate::catalog::LinkFilter;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::{Counters, Link};
use crate::plan::LinkCondition;

use super::{Analytics, Error};

/// Conditions on links as the catalog takes them.
pub(super) fn link_filter(conditions: &[LinkCondition]) -> LinkFilter {
    let mut filter = LinkFilter::default();
    for condition in conditions {
        match condition {
            LinkCondition::Root(root) => filter.root = Some(*root),
            LinkCondition::Attribute { attribute, list } => filter.attributes.push((*attribute, list.clone())),
        }
    }
    filter
}

impl Analytics {
    /// The links with these ids that belong to the workspace, deleted ones too.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn links(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<Vec<Link>, Error> {
        Ok(self.catalog.links_by_ids(workspace, ids).await?)
    }

    /// What these links' counters show; a link without clicks is left out.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn counters(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<HashMap<LinkId, Counters>, Error> {
        let rows = self.warehouse.link_clicks(workspace, ids).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let counters = Counters { clicks: row.clicks, last_clicked_ms: Some(row.last_ms), ..Counters::default() };
                (LinkId(row.link_id), counters)
            })
            .collect())
    }
}
