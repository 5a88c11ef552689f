//! Tags of links.

use tokio_postgres::Row;

use super::link_list::Conditions;
use super::{Catalog, Error, Result, Window, instant, like_anywhere};
use crate::domain::id::{TagId, WorkspaceId};
use crate::domain::tag::{Tag, TagColor};

/// Which tags are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagQuery {
    /// The name holds this, without regard to case.
    pub search: Option<String>,
    /// These.
    pub ids: Option<Vec<TagId>>,
    /// In the order in which they were made; by name by default.
    pub by_age: bool,
    /// From the end of the order.
    pub descending: bool,
}

impl TagQuery {
    fn conditions(&self, workspace: WorkspaceId, select: &'static str) -> Conditions<'_> {
        let mut list = Conditions::new(select);
        list.push(" WHERE workspace_id = ?", workspace.row());
        if let Some(search) = &self.search {
            list.push(" AND name ILIKE ?", like_anywhere(search));
        }
        if let Some(ids) = &self.ids {
            list.push(" AND id = ANY(?)", ids.iter().map(|id| id.row()).collect::<Vec<_>>());
        }
        list
    }
}

fn from_row(row: &Row) -> Result<Tag> {
    Ok(Tag {
        id: TagId::from_row(row.try_get("id")?),
        workspace: WorkspaceId::from_row(row.try_get("workspace_id")?),
        name: row.try_get("name")?,
        // A color of a later version is shown as the default one.
        color: TagColor::parse(row.try_get("color")?).unwrap_or_default(),
    })
}

impl Catalog {
    /// Adds a tag. [`Error::Taken`] `tag_name`.
    pub async fn add_tag(&self, workspace: WorkspaceId, name: &str, color: TagColor, now_ms: i64) -> Result<Tag> {
        let text = "INSERT INTO tag (workspace_id, name, color, created_at) VALUES ($1, $2, $3, $4)
            RETURNING id, workspace_id, name, color";
        let now = instant(now_ms)?;
        let row = self.call().await?.query_opt(text, &[&workspace.row(), &name, &color.name(), &now]).await?;
        from_row(&row.ok_or_else(|| Error::Bug("no row from a new tag".to_owned()))?)
    }

    /// The tags of a workspace by name.
    pub async fn tags(&self, workspace: WorkspaceId) -> Result<Vec<Tag>> {
        let text = "SELECT id, workspace_id, name, color FROM tag WHERE workspace_id = $1 ORDER BY name, id";
        self.call().await?.query(text, &[&workspace.row()]).await?.iter().map(from_row).collect()
    }

    /// A part of the workspace's tags that are wanted.
    pub async fn tag_list(&self, workspace: WorkspaceId, query: &TagQuery, window: Window) -> Result<Vec<Tag>> {
        let mut list = query.conditions(workspace, "SELECT id, workspace_id, name, color FROM tag");
        list.plain(match (query.by_age, query.descending) {
            (false, false) => " ORDER BY lower(name), id",
            (false, true) => " ORDER BY lower(name) DESC, id DESC",
            (true, false) => " ORDER BY created_at, id",
            (true, true) => " ORDER BY created_at DESC, id DESC",
        });
        list.window(window);
        self.call().await?.query_composed(&list.text, &list.values()).await?.iter().map(from_row).collect()
    }

    /// How many of the workspace's tags are wanted.
    pub async fn count_tags(&self, workspace: WorkspaceId, query: &TagQuery) -> Result<u64> {
        let list = query.conditions(workspace, "SELECT count(*) FROM tag");
        let rows = self.call().await?.query_composed(&list.text, &list.values()).await?;
        let count: i64 = rows.first().ok_or_else(|| Error::Bug("no row from a count".to_owned()))?.try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// Those of `ids` that are tags of the workspace.
    pub async fn tags_by_ids(&self, workspace: WorkspaceId, ids: &[TagId]) -> Result<Vec<Tag>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = ids.iter().map(|id| id.row()).collect();
        let text = "SELECT id, workspace_id, name, color FROM tag WHERE workspace_id = $1 AND id = ANY($2)";
        self.call().await?.query(text, &[&workspace.row(), &ids]).await?.iter().map(from_row).collect()
    }

    /// The tags of the workspace with one of these names, without regard to case.
    pub async fn tags_by_names(&self, workspace: WorkspaceId, names: &[String]) -> Result<Vec<Tag>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let text = "SELECT id, workspace_id, name, color FROM tag
            WHERE workspace_id = $1 AND lower(name) IN (SELECT lower(wanted) FROM unnest($2::text[]) AS wanted)";
        self.call().await?.query(text, &[&workspace.row(), &names]).await?.iter().map(from_row).collect()
    }

    /// Changes a tag; what is `None` stays. `None` when the workspace has no such tag, [`Error::Taken`] `tag_name`.
    pub async fn change_tag(
        &self,
        workspace: WorkspaceId,
        id: TagId,
        name: Option<&str>,
        color: Option<TagColor>,
    ) -> Result<Option<Tag>> {
        let text = "UPDATE tag SET name = coalesce($3, name), color = coalesce($4, color)
            WHERE workspace_id = $1 AND id = $2 RETURNING id, workspace_id, name, color";
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&workspace.row(), &id.row(), &name, &color.map(TagColor::name)];
        self.call().await?.query_opt(text, &values).await?.as_ref().map(from_row).transpose()
    }

    /// Removes a tag from the workspace and from its links. False when it is not the workspace's.
    pub async fn remove_tag(&self, workspace: WorkspaceId, id: TagId) -> Result<bool> {
        let mut session = self.call().await?;
        let work = session.begin().await?;
        let removing = "DELETE FROM tag WHERE workspace_id = $1 AND id = $2";
        if work.execute(removing, &[&workspace.row(), &id.row()]).await? == 0 {
            return Ok(false);
        }
        let taking_off = "UPDATE link SET tag_ids = array_remove(tag_ids, $2)
            WHERE workspace_id = $1 AND tag_ids @> ARRAY[$2::bigint]";
        work.execute(taking_off, &[&workspace.row(), &id.row()]).await?;
        work.commit().await?;
        Ok(true)
    }
}
