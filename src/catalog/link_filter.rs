//! Which links a selection by their attributes means, for analytics.
//!
//! Attributes are looked at as they are now, and deleted links are among them, because their clicks are counted. A link
//! without an attribute passes every exclusion by it and no inclusion; so including and excluding the same values split
//! all links in two.

use super::link_list::Conditions;
use super::{Catalog, Result};
use crate::domain::id::{FolderId, LinkId, SiteId, TagId, WorkspaceId};
use crate::domain::link::ROOT_SLUG;

/// Values with their sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// True: all but these. False: only these.
    pub exclude: bool,
    /// The values.
    pub values: Vec<T>,
}

impl<T> Choice<T> {
    /// Only these.
    pub fn only(values: Vec<T>) -> Self {
        Self { exclude: false, values }
    }

    /// All but these.
    pub fn except(values: Vec<T>) -> Self {
        Self { exclude: true, values }
    }
}

/// A selection of links; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkFilter {
    /// By the short domain's name.
    pub domain: Option<Choice<String>>,
    /// By tag: having one of them, or having none of them.
    pub tag: Option<Choice<TagId>>,
    /// By folder.
    pub folder: Option<Choice<FolderId>>,
    /// By the site that they belong to.
    pub site: Option<Choice<SiteId>>,
    /// By the user's own tenant.
    pub tenant: Option<Choice<String>>,
    /// By partner programme.
    pub program: Option<Choice<String>>,
    /// By partner.
    pub partner: Option<Choice<String>>,
    /// By group of partners.
    pub group: Option<Choice<String>>,
    /// By the partner's tags: having one of them, or having none of them.
    pub partner_tag: Option<Choice<String>>,
    /// True: only the root links of domains. False: all others.
    pub root: Option<bool>,
    /// Those under a slug, in lower case.
    pub slug: Option<String>,
}

impl LinkFilter {
    /// Whether it means every link.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Catalog {
    /// The links of the workspace that `filter` means, in the order of their ids.
    pub async fn link_ids_where(&self, workspace: WorkspaceId, filter: &LinkFilter) -> Result<Vec<LinkId>> {
        let list = conditions(workspace, filter);
        let rows = self.call().await?.query_composed(&list.text, &list.values()).await?;
        rows.iter().map(|row| Ok(LinkId::from_row(row.try_get(0)?))).collect()
    }
}

fn conditions(workspace: WorkspaceId, filter: &LinkFilter) -> Conditions<'_> {
    let mut list = Conditions::new("SELECT link.id FROM link JOIN domain ON domain.id = link.domain_id");
    list.push(" WHERE link.workspace_id = ?", workspace.row());
    // The comparison is null for an absent attribute; `IS TRUE` makes that a plain no.
    choose(&mut list, filter.domain.as_ref(), "(domain.name = ANY(?)) IS TRUE", Clone::clone);
    choose(&mut list, filter.tag.as_ref(), "(link.tag_ids && ?) IS TRUE", |tag| tag.row());
    choose(&mut list, filter.folder.as_ref(), "(link.folder_id = ANY(?)) IS TRUE", |folder| folder.row());
    choose(&mut list, filter.site.as_ref(), "(link.site_id = ANY(?)) IS TRUE", |site| site.row());
    choose(&mut list, filter.tenant.as_ref(), "(link.tenant_id = ANY(?)) IS TRUE", Clone::clone);
    choose(&mut list, filter.program.as_ref(), "(link.program_id = ANY(?)) IS TRUE", Clone::clone);
    choose(&mut list, filter.partner.as_ref(), "(link.partner_id = ANY(?)) IS TRUE", Clone::clone);
    choose(&mut list, filter.group.as_ref(), "(link.group_id = ANY(?)) IS TRUE", Clone::clone);
    let partner_tags = "jsonb_exists_any(link.options -> 'partner_tags', ?) IS TRUE";
    choose(&mut list, filter.partner_tag.as_ref(), partner_tags, Clone::clone);
    match filter.root {
        Some(true) => list.push(" AND link.slug_key = ?", ROOT_SLUG),
        Some(false) => list.push(" AND link.slug_key <> ?", ROOT_SLUG),
        None => {}
    }
    if let Some(slug) = &filter.slug {
        list.push(" AND lower(link.slug_key) = ?", slug.as_str());
    }
    list.plain(" ORDER BY link.id");
    list
}

fn choose<T, V>(list: &mut Conditions<'_>, choice: Option<&Choice<T>>, text: &'static str, value: impl Fn(&T) -> V)
where
    V: tokio_postgres::types::ToSql + Sync + Send + 'static,
{
    let Some(choice) = choice else { return };
    list.plain(if choice.exclude { " AND NOT " } else { " AND " });
    list.push(text, choice.values.iter().map(value).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_every_value() {
        let filter = LinkFilter {
            domain: Some(Choice::only(vec!["'); DROP TABLE link; --".to_owned()])),
            tag: Some(Choice::except(vec![TagId(1), TagId(2)])),
            root: Some(false),
            ..LinkFilter::default()
        };
        let list = conditions(WorkspaceId(1), &filter);
        assert_eq!(
            list.text,
            "SELECT link.id FROM link JOIN domain ON domain.id = link.domain_id WHERE link.workspace_id = $1 \
             AND (domain.name = ANY($2)) IS TRUE AND NOT (link.tag_ids && $3) IS TRUE AND link.slug_key <> $4 \
             ORDER BY link.id"
        );
        assert_eq!(list.values.len(), 4);
        assert!(LinkFilter::default().is_empty() && !filter.is_empty());
    }
}
