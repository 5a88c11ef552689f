//! Which part of a list is wanted. Lists are newest first, and a page after a cursor neither skips nor repeats a row when
//! others are added meanwhile.

use crate::domain::id::LinkId;

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<Id = LinkId> {
    /// Where it begins.
    pub cursor: Cursor<Id>,
    /// Rows at most.
    pub size: u32,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor<Id = LinkId> {
    /// After this many rows.
    Offset(u32),
    /// Right after this row.
    After(Id),
    /// Right before this row; the rows nearest to it.
    Before(Id),
}

/// A part of a list whose order is no order of time, so that it has no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows before it.
    pub offset: u32,
    /// Rows at most.
    pub size: u32,
}
