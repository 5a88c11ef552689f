//! Lists of links, and how many there are.

use percent_encoding::percent_decode_str;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::link_row::{from_row, link_columns};
use super::{Catalog, Cursor, Error, Page, Result, Window, like_anywhere};
use crate::domain::id::{FolderId, LinkId, SiteId, TagId, UserId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::workspace::parse_domain_name;

/// Which links are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct LinkQuery {
    /// On the short domain of this name.
    pub domain: Option<String>,
    /// Having one of these tags.
    pub tags: Option<TagMatch>,
    /// `Some(None)`: in no folder.
    pub folder: Option<Option<FolderId>>,
    /// Slug, destination or title holds this, without regard to case.
    pub search: Option<String>,
    /// Neither switched off nor out of clicks; or one of these.
    pub active: Option<bool>,
    /// Of this site.
    pub site: Option<SiteId>,
    /// Made by this person.
    pub user: Option<UserId>,
    /// Of the user's own tenant.
    pub tenant_id: Option<String>,
    /// Archived ones too.
    pub archived: bool,
    /// Having any tag at all.
    pub tagged: bool,
    /// Smallest first; largest, or newest, first by default.
    pub ascending: bool,
    /// By these numbers instead of the time they were made; a link that is not listed has 0.
    pub by: Option<Vec<(LinkId, i64)>>,
    /// By this instead of the time they were made, equals by their ids; not looked at beside numbers.
    pub column: Option<LinkColumn>,
    /// Only links in the trash; else only those that are not.
    pub trashed: bool,
    /// Search the notes too, and slugs with the slash before them.
    pub search_notes: bool,
    /// Not the root links that lead nowhere.
    pub leading_somewhere: bool,
}

/// What lists can be sorted by, texts without regard to case, beside the time that links were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkColumn {
    /// Their ids.
    Id,
    /// Their titles; links without one come first.
    Title,
    /// Their notes; links without one come first.
    Notes,
    /// Their destinations.
    Url,
    /// Their slugs.
    Slug,
    /// Their short domains, then their slugs.
    Place,
    /// When they were last changed.
    Updated,
    /// Whether they are found; those that are not come first.
    Enabled,
}

impl LinkColumn {
    /// SQL to order by, rising and falling.
    fn order(self, rising: bool) -> &'static str {
        match (self, rising) {
            (Self::Id, true) => " link.id",
            (Self::Id, false) => " link.id DESC",
            (Self::Title, true) => " lower(coalesce(link.title, '')), link.id",
            (Self::Title, false) => " lower(coalesce(link.title, '')) DESC, link.id DESC",
            (Self::Notes, true) => " lower(coalesce(link.options ->> 'notes', '')), link.id",
            (Self::Notes, false) => " lower(coalesce(link.options ->> 'notes', '')) DESC, link.id DESC",
            (Self::Url, true) => " lower(link.url), link.id",
            (Self::Url, false) => " lower(link.url) DESC, link.id DESC",
            (Self::Slug, true) => " lower(link.slug), link.id",
            (Self::Slug, false) => " lower(link.slug) DESC, link.id DESC",
            (Self::Place, true) => " domain.name, lower(link.slug), link.id",
            (Self::Place, false) => " domain.name DESC, lower(link.slug) DESC, link.id DESC",
            (Self::Updated, true) => " link.updated_at, link.id",
            (Self::Updated, false) => " link.updated_at DESC, link.id DESC",
            (Self::Enabled, true) => " jsonb_exists(link.options, 'disabled_at_ms') DESC, link.id",
            (Self::Enabled, false) => " jsonb_exists(link.options, 'disabled_at_ms'), link.id DESC",
        }
    }
}

/// By what links are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkGroup {
    /// Their short domain.
    Domain,
    /// Each of their tags; links without one are in no group.
    Tag,
    /// Who made them.
    User,
    /// Their folder.
    Folder,
}

/// How many links there are of each value, the most first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkGroups {
    /// By the domain's name.
    Domains(Vec<(String, u64)>),
    /// By tag.
    Tags(Vec<(TagId, u64)>),
    /// By person; `None` where nobody is known.
    Users(Vec<(Option<UserId>, u64)>),
    /// By folder; `None` for those in none.
    Folders(Vec<(Option<FolderId>, u64)>),
}

/// How tags are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagMatch {
    /// By id.
    Ids(Vec<TagId>),
    /// By name, without regard to case.
    Names(Vec<String>),
}

/// A statement put together from literal conditions and bound values.
pub(super) struct Conditions<'a> {
    pub(super) text: String,
    pub(super) values: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Appends literal text; each `?` in it stands for `value`.
    pub(super) fn push(&mut self, text: &'static str, value: impl ToSql + Sync + Send + 'a) {
        self.values.push(Box::new(value));
        self.text.push_str(&text.replace('?', &format!("${}", self.values.len())));
    }

    pub(super) fn plain(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// Appends which part of the rows is wanted.
    pub(super) fn window(&mut self, window: Window) {
        self.push(" LIMIT ?", i64::from(window.size));
        self.push(" OFFSET ?", i64::from(window.offset));
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

impl LinkQuery {
    /// `select` and `join` are what stands before and behind the tables.
    fn conditions(&self, workspace: WorkspaceId, select: &'static str, join: &'static str) -> Conditions<'_> {
        let mut list = Conditions::new(select);
        list.plain(" FROM link JOIN domain ON domain.id = link.domain_id");
        list.plain(join);
        if let Some(by) = &self.by {
            let (ids, numbers): (Vec<i64>, Vec<i64>) = by.iter().map(|(id, number)| (id.row(), *number)).unzip();
            list.push(" LEFT JOIN unnest(?::bigint[],", ids);
            list.push(" ?::bigint[]) AS ranked (id, number) ON ranked.id = link.id", numbers);
        }
        list.push(" WHERE link.workspace_id = ?", workspace.row());
        list.plain(" AND link.deleted_at IS NULL AND domain.removed_at IS NULL");
        list.plain(if self.trashed { " AND link.trashed_at IS NOT NULL" } else { " AND link.trashed_at IS NULL" });
        if self.leading_somewhere {
            list.plain(" AND link.url <> ''");
        }
        if !self.archived {
            list.plain(" AND NOT link.archived");
        }
        if let Some(domain) = &self.domain {
            list.push(" AND domain.name = ?", domain.as_str());
        }
        match &self.tags {
            Some(TagMatch::Ids(ids)) => {
                list.push(" AND link.tag_ids && ?", ids.iter().map(|id| id.row()).collect::<Vec<_>>());
            }
            Some(TagMatch::Names(names)) => {
                list.push(" AND link.tag_ids && array(SELECT id FROM tag WHERE workspace_id = ?", workspace.row());
                list.push(" AND lower(name) IN (SELECT lower(wanted) FROM unnest(?::text[]) AS wanted))", names);
            }
            None => {}
        }
        match self.folder {
            Some(Some(folder)) => list.push(" AND link.folder_id = ?", folder.row()),
            Some(None) => list.plain(" AND link.folder_id IS NULL"),
            None => {}
        }
        if let Some(site) = self.site {
            list.push(" AND link.site_id = ?", site.row());
        }
        if let Some(search) = &self.search {
            list.push(" AND (link.slug ILIKE ? OR link.url ILIKE ? OR link.title ILIKE ?", like_anywhere(search));
            if self.search_notes {
                let wide = " OR concat('/', link.slug) ILIKE ? OR link.options ->> 'notes' ILIKE ?";
                list.push(wide, like_anywhere(search));
            }
            if let Some(address) = short_address(search) {
                list.push(" OR domain.name || '/' || link.slug ILIKE ?", like_anywhere(&address));
            }
            list.plain(")");
        }
        if let Some(active) = self.active {
            list.plain(if active { " AND" } else { " AND NOT" });
            list.plain(
                " (NOT jsonb_exists(link.options, 'disabled_at_ms') AND NOT EXISTS (SELECT 1 FROM link_allowance
                    WHERE link_id = link.id AND taken >= (link.options ->> 'max_clicks')::numeric))",
            );
        }
        if let Some(user) = self.user {
            list.push(" AND link.created_by = ?", user.row());
        }
        if let Some(tenant) = &self.tenant_id {
            list.push(" AND link.tenant_id = ?", tenant.as_str());
        }
        if self.tagged {
            list.plain(" AND link.tag_ids <> '{}'");
        }
        list
    }
}

/// The domain and slug of a short address that somebody may have pasted, with or without its scheme; `None` for what is none.
fn short_address(text: &str) -> Option<String> {
    let text = text.trim();
    let address = text.split_once("://").map_or(text, |(_, rest)| rest);
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let (domain, slug) = address.split_once('/')?;
    let domain = parse_domain_name(domain.split(':').next().unwrap_or_default())?;
    let slug = percent_decode_str(slug.trim_end_matches('/')).decode_utf8().ok()?;
    (!slug.is_empty() && !slug.contains('\0')).then(|| format!("{domain}/{slug}"))
}

impl Catalog {
    /// A page of the workspace's links, newest first unless the query says otherwise. `None` when the cursor is no link of
    /// the workspace. A cursor goes with the order by time only.
    pub async fn links(&self, workspace: WorkspaceId, query: &LinkQuery, page: Page) -> Result<Option<Vec<Link>>> {
        let session = self.call().await?;
        let mut list = query.conditions(workspace, concat!("SELECT ", link_columns!()), "");
        let (cursor, backwards) = match page.cursor {
            Cursor::Offset(_) => (None, false),
            Cursor::After(id) => (Some(id), false),
            Cursor::Before(id) => (Some(id), true),
        };
        // Reading backwards from the cursor is reading the reversed order forwards, and turning the page around.
        let rising = query.ascending != backwards;
        if let Some(id) = cursor {
            // A deleted link still marks its place in the order.
            let text = "SELECT created_at FROM link WHERE workspace_id = $1 AND id = $2";
            let Some(row) = session.query_opt(text, &[&workspace.row(), &id.row()]).await? else { return Ok(None) };
            let at: chrono::DateTime<chrono::Utc> = row.try_get(0)?;
            list.push(
                if rising { " AND (link.created_at, link.id) > (?" } else { " AND (link.created_at, link.id) < (?" },
                at,
            );
            list.push(", ?)", id.row());
        }
        list.plain(" ORDER BY");
        if query.by.is_some() {
            list.plain(if rising { " coalesce(ranked.number, 0)," } else { " coalesce(ranked.number, 0) DESC," });
        }
        match query.column {
            Some(column) if query.by.is_none() => list.plain(column.order(rising)),
            _ => list.plain(if rising { " link.created_at, link.id" } else { " link.created_at DESC, link.id DESC" }),
        }
        list.push(" LIMIT ?", i64::from(page.size));
        if let Cursor::Offset(rows) = page.cursor {
            list.push(" OFFSET ?", i64::from(rows));
        }
        let rows = session.query_composed(&list.text, &list.values()).await?;
        let mut links = rows.iter().map(from_row).collect::<Result<Vec<_>>>()?;
        if backwards {
            links.reverse();
        }
        Ok(Some(links))
    }

    /// How many links of the workspace are meant.
    pub async fn count_links(&self, workspace: WorkspaceId, query: &LinkQuery) -> Result<u64> {
        let list = query.conditions(workspace, "SELECT count(*)", "");
        let rows = self.call().await?.query_composed(&list.text, &list.values()).await?;
        let count: i64 = rows.first().ok_or_else(|| Error::Bug("no row from a count".to_owned()))?.try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// How many links of the workspace are meant, by one of their attributes.
    pub async fn count_links_by(
        &self,
        workspace: WorkspaceId,
        query: &LinkQuery,
        group: LinkGroup,
    ) -> Result<LinkGroups> {
        let (select, join) = match group {
            LinkGroup::Domain => ("SELECT domain.name AS value, count(*)", ""),
            LinkGroup::Tag => {
                ("SELECT tag.id AS value, count(*)", " CROSS JOIN LATERAL unnest(link.tag_ids) AS tag (id)")
            }
            LinkGroup::User => ("SELECT link.created_by AS value, count(*)", ""),
            LinkGroup::Folder => ("SELECT link.folder_id AS value, count(*)", ""),
        };
        let mut list = query.conditions(workspace, select, join);
        list.plain(" GROUP BY 1 ORDER BY 2 DESC, 1");
        let rows = self.call().await?.query_composed(&list.text, &list.values()).await?;
        let rows = rows.iter();
        let count = |row: &Row| -> Result<u64> { Ok(row.try_get::<_, i64>(1)?.unsigned_abs()) };
        let number = |row: &Row| -> Result<Option<i64>> { Ok(row.try_get(0)?) };
        Ok(match group {
            LinkGroup::Domain => {
                LinkGroups::Domains(rows.map(|row| Ok((row.try_get(0)?, count(row)?))).collect::<Result<_>>()?)
            }
            LinkGroup::Tag => LinkGroups::Tags(
                rows.map(|row| Ok((TagId::from_row(row.try_get(0)?), count(row)?))).collect::<Result<_>>()?,
            ),
            LinkGroup::User => LinkGroups::Users(
                rows.map(|row| Ok((number(row)?.map(UserId::from_row), count(row)?))).collect::<Result<_>>()?,
            ),
            LinkGroup::Folder => LinkGroups::Folders(
                rows.map(|row| Ok((number(row)?.map(FolderId::from_row), count(row)?))).collect::<Result<_>>()?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_addresses_are_short_ones() {
        for (text, expected) in [
            ("go.example.com/spring", Some("go.example.com/spring")),
            (" https://Go.Example.com/Spring/?x=1#top ", Some("go.example.com/Spring")),
            ("http://localhost:8080/l/shop/a", Some("localhost/l/shop/a")),
            ("https://b\u{fc}cher.example/%C3%BC", Some("xn--bcher-kva.example/\u{fc}")),
            ("spring", None),
            ("/spring", None),
            ("go.example.com/", None),
            ("two words/x", None),
            ("go.example.com/%FF", None),
            ("go.example.com/%00", None),
            ("", None),
        ] {
            assert_eq!(short_address(text).as_deref(), expected, "{text}");
        }
    }
}
