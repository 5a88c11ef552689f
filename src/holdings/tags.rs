//! Tags.

use super::{Error, Holdings, Result, checked_name};
use crate::catalog::{TagQuery, Window};
use crate::domain::id::{TagId, WorkspaceId};
use crate::domain::tag::{MAX_TAG_NAME, Tag, TagColor};

/// What is asked of a tag; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    /// Its name, unique in the workspace without regard to case.
    pub name: Option<String>,
    /// How it is shown. A new tag without one gets any.
    pub color: Option<TagColor>,
}

impl Holdings {
    /// Makes a tag, which needs a name.
    pub async fn add_tag(&self, workspace: WorkspaceId, tag: TagChange) -> Result<Tag> {
        let Some(name) = &tag.name else {
            return Err(Error::invalid("invalid_type", "name", "name is required"));
        };
        let name = checked_name(name, MAX_TAG_NAME)?;
        let color = match tag.color {
            Some(color) => color,
            None => any_color()?,
        };
        Ok(self.catalog.add_tag(workspace, &name, color, self.clock.now_ms()).await?)
    }

    /// One tag.
    pub async fn tag(&self, workspace: WorkspaceId, id: TagId) -> Result<Tag> {
        self.catalog.tags_by_ids(workspace, &[id]).await?.pop().ok_or(Error::NoTag)
    }

    /// A part of the workspace's tags.
    pub async fn tags(&self, workspace: WorkspaceId, query: &TagQuery, window: Window) -> Result<Vec<Tag>> {
        Ok(self.catalog.tag_list(workspace, query, window).await?)
    }

    /// How many of the workspace's tags are wanted.
    pub async fn count_tags(&self, workspace: WorkspaceId, query: &TagQuery) -> Result<u64> {
        Ok(self.catalog.count_tags(workspace, query).await?)
    }

    /// Changes a tag.
    pub async fn change_tag(&self, workspace: WorkspaceId, id: TagId, change: TagChange) -> Result<Tag> {
        let name = change.name.map(|name| checked_name(&name, MAX_TAG_NAME)).transpose()?;
        self.catalog.change_tag(workspace, id, name.as_deref(), change.color).await?.ok_or(Error::NoTag)
    }

    /// Removes a tag; its links stay, without it.
    pub async fn remove_tag(&self, workspace: WorkspaceId, id: TagId) -> Result<()> {
        if self.catalog.remove_tag(workspace, id).await? { Ok(()) } else { Err(Error::NoTag) }
    }
}

/// Any of the colors, so that neighbours can be told apart.
fn any_color() -> Result<TagColor> {
    let number = getrandom::u32().map_err(|_| Error::NoRandomness)? as usize;
    Ok(TagColor::ALL[number % TagColor::ALL.len()])
}
