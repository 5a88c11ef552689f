//! Tags and folders: how people keep links apart.

use super::id::{FolderId, TagId, WorkspaceId};

/// The longest name of a tag, in characters.
pub const MAX_TAG_NAME: usize = 50;
/// The longest name of a folder, in characters.
pub const MAX_FOLDER_NAME: usize = 190;
/// The longest description of a folder, in characters.
pub const MAX_FOLDER_DESCRIPTION: usize = 500;

/// A tag; a link can have many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its row.
    pub id: TagId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Unique in its workspace without regard to case.
    pub name: String,
    /// How it is shown.
    pub color: TagColor,
}

/// How a tag is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagColor {
    /// `red`
    Red,
    /// `yellow`
    Yellow,
    /// `green`
    Green,
    /// `blue`
    #[default]
    Blue,
    /// `purple`
    Purple,
    /// `brown`
    Brown,
    /// `gray`
    Gray,
    /// `pink`
    Pink,
}

impl TagColor {
    /// Every color.
    pub const ALL: [Self; 8] =
        [Self::Red, Self::Yellow, Self::Green, Self::Blue, Self::Purple, Self::Brown, Self::Gray, Self::Pink];

    /// The stored and published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Brown => "brown",
            Self::Gray => "gray",
            Self::Pink => "pink",
        }
    }

    /// The color of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|color| color.name() == name)
    }
}

/// A folder; a link is in one or in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its row.
    pub id: FolderId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Unique in its workspace without regard to case.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: i64,
}
