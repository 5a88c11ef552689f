//! What a path names: a cuid-like id of the right kind. What is malformed, unknown or somebody else's is not there.

use crate::domain::id::{DomainId, LinkId, PixelId, TagId};
use crate::web::error::ApiError;
use crate::web::in_path::Named;

/// An id as it is written here.
pub(super) trait Id: Sized + Send {
    /// What it is the id of.
    const KIND: &'static str;

    /// The id of a text; `None` for what is none.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! ids {
    ($($id:ident $kind:literal;)*) => {$(
        impl Id for $id {
            const KIND: &'static str = $kind;

            fn read(text: &str) -> Option<Self> {
                Self::parse_cuid(text)
            }
        }
    )*};
}

ids! {
    LinkId "Link";
    DomainId "Domain";
    TagId "Tag";
    PixelId "Pixel";
}

/// An id that a path names.
pub(super) struct Cuid<T>(pub T);

impl<T: Id> Named for Cuid<T> {
    fn named(text: &str) -> Option<Self> {
        T::read(text).map(Self)
    }

    fn missing() -> ApiError {
        ApiError::NotFound(format!("{} not found.", T::KIND))
    }
}
