//! Where events meet links: conditions on what links are, link ids to links, and the counters that links show.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::future::try_join;

use crate::catalog::link_cards::LinkCard;
use crate::catalog::{Choice, LinkFilter};
use crate::domain::currency::Takings;
use crate::domain::dimension::LinkAttribute;
use crate::domain::id::{FolderId, LinkId, TagId, WorkspaceId};
use crate::domain::link::{Counters, Link};
use crate::filter::{List, Sense};
use crate::plan::LinkCondition;

use super::{Analytics, Error};
use crate::warehouse::fact::LinkCountsRow;

/// Conditions on links as the catalog takes them.
pub(super) fn link_filter(conditions: &[LinkCondition]) -> LinkFilter {
    let mut filter = LinkFilter::default();
    for condition in conditions {
        match condition {
            LinkCondition::Root(root) => filter.root = Some(*root),
            LinkCondition::Site(site) => filter.site = Some(Choice::only(vec![*site])),
            LinkCondition::Slug(slug) => filter.slug = Some(slug.clone()),
            LinkCondition::Attribute { attribute, list } => match attribute {
                LinkAttribute::Domain => {
                    filter.domain = Some(choice(list, |name| as_given(&name.to_ascii_lowercase())))
                }
                LinkAttribute::Tag => filter.tag = Some(choice(list, TagId::parse)),
                LinkAttribute::Folder => filter.folder = Some(choice(list, FolderId::parse)),
                LinkAttribute::Tenant => filter.tenant = Some(choice(list, as_given)),
                LinkAttribute::Program => filter.program = Some(choice(list, as_given)),
                LinkAttribute::Partner => filter.partner = Some(choice(list, as_given)),
                LinkAttribute::Group => filter.group = Some(choice(list, as_given)),
                LinkAttribute::PartnerTag => filter.partner_tag = Some(choice(list, as_given)),
            },
        }
    }
    filter
}

/// Postgres holds no NUL, and refuses to be asked for one.
fn as_given(value: &str) -> Option<String> {
    (!value.contains('\0')).then(|| value.to_owned())
}

/// Values that cannot be ours are left out: nothing has them.
fn choice<T>(list: &List, read: impl Fn(&str) -> Option<T>) -> Choice<T> {
    Choice { exclude: list.sense == Sense::IsNot, values: list.values.iter().filter_map(|value| read(value)).collect() }
}

/// What a link has of an attribute now, each value once.
pub(super) fn values_of(link: &Link, attribute: LinkAttribute) -> Vec<String> {
    let fields = &link.fields;
    match attribute {
        LinkAttribute::Domain => vec![link.domain.clone()],
        LinkAttribute::Tag => {
            let tags: BTreeSet<TagId> = fields.tags.iter().copied().collect();
            tags.iter().map(ToString::to_string).collect()
        }
        LinkAttribute::Folder => fields.folder.iter().map(ToString::to_string).collect(),
        LinkAttribute::Tenant => fields.tenant_id.iter().cloned().collect(),
        LinkAttribute::Program => fields.program_id.iter().cloned().collect(),
        LinkAttribute::Partner => fields.partner_id.iter().cloned().collect(),
        LinkAttribute::Group => fields.group_id.iter().cloned().collect(),
        LinkAttribute::PartnerTag => fields.partner_tags.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect(),
    }
}

/// What links can be sorted by, beside their age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Clicks, as the counters show them.
    Clicks,
    /// The time of the last click.
    LastClicked,
    /// What the counters show as the amount of sales.
    SaleAmount,
}

impl Analytics {
    /// The links with these ids that belong to the workspace, deleted ones too.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn links(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<Vec<Link>, Error> {
        Ok(self.catalog.links_by_ids(workspace, ids).await?)
    }

    /// As [`links`](Self::links), of those that were not deleted, by their ids, and no more of each than a breakdown shows.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn link_cards(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<Vec<LinkCard>, Error> {
        Ok(self.catalog.link_cards(workspace, ids).await?)
    }

    /// What these links' counters show; a link without clicks is left out.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn counters(&self, workspace: WorkspaceId, ids: &[LinkId]) -> Result<HashMap<LinkId, Counters>, Error> {
        // Sums of sales stand in the events alone.
        let (rows, sales) =
            try_join(self.warehouse.link_counts(workspace, Some(ids)), self.warehouse.link_sales(workspace, ids))
                .await?;
        let counters = rows.into_iter().map(|row| {
            let (mut takings, mut buyers) = (Takings::default(), HashSet::<u64>::new());
            for sold in sales.iter().filter(|sold| sold.of == row.link_id) {
                takings.add(&sold.currency, sold.sales, sold.amount);
                buyers.extend(&sold.customers);
            }
            let counters = Counters {
                clicks: row.clicks,
                last_clicked_ms: (row.clicks > 0).then_some(row.last_ms),
                leads: row.leads,
                conversions: buyers.len() as u64,
                takings,
            };
            (LinkId(row.link_id), counters)
        });
        Ok(counters.collect())
    }

    /// What links are sorted by, of every link of the workspace that has any of it.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn ranks(&self, workspace: WorkspaceId, by: Rank) -> Result<Vec<(LinkId, i64)>, Error> {
        let rows = self.warehouse.link_counts(workspace, None).await?;
        let number = |row: &LinkCountsRow| match by {
            Rank::Clicks => i64::try_from(row.clicks).unwrap_or(i64::MAX),
            Rank::LastClicked if row.clicks > 0 => row.last_ms,
            Rank::LastClicked | Rank::SaleAmount => 0,
        };
        if by != Rank::SaleAmount {
            return Ok(rows.iter().map(|row| (LinkId(row.link_id), number(row))).collect());
        }
        let selling: Vec<LinkId> = rows.iter().filter(|row| row.sales > 0).map(|row| LinkId(row.link_id)).collect();
        let mut takings: HashMap<u64, Takings> = HashMap::new();
        for sold in self.warehouse.link_sales(workspace, &selling).await? {
            takings.entry(sold.of).or_default().add(&sold.currency, sold.sales, sold.amount);
        }
        Ok(takings.into_iter().map(|(link, takings)| (LinkId(link), takings.main_amount())).collect())
    }
}
