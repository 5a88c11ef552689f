//! Pixels that a workspace keeps under a name.

use super::id::{PixelId, WorkspaceId};
use super::pixel::Network;

/// The longest name, in characters.
pub const MAX_PIXEL_NAME: usize = 100;

/// A pixel that can be put on links. Links get its id, so that it can change or go without a change of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPixel {
    /// Its row.
    pub id: PixelId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Unique in its workspace without regard to case.
    pub name: String,
    /// Whose it is.
    pub network: Network,
    /// The id that the network gave it.
    pub code: String,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: i64,
}
