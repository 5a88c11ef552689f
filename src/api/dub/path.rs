//! What a path names: an id with its prefix.

use crate::domain::id::{FolderId, TagId};
use crate::web::error::ApiError;
use crate::web::in_path::Named;

impl Named for TagId {
    fn named(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn missing() -> ApiError {
        ApiError::NotFound("Tag not found.".to_owned())
    }
}

impl Named for FolderId {
    fn named(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn missing() -> ApiError {
        ApiError::NotFound("Folder not found.".to_owned())
    }
}
