//! What a path names: a cuid-like id of the right kind. What is malformed, unknown or somebody else's is not there.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::id::{DomainId, LinkId, PixelId, TagId};
use crate::web::error::ApiError;
use crate::web::state::App;

/// Something with an id.
pub(super) trait Named: Sized + Send {
    /// The id of a text; `None` for what can name nothing.
    fn named(text: &str) -> Option<Self>;

    /// What it is called.
    const KIND: &'static str;

    /// Said of what is not there.
    fn missing() -> ApiError {
        ApiError::NotFound(format!("{} not found.", Self::KIND))
    }
}

/// What the only parameter of the path names.
pub(super) struct InPath<T>(pub T);

impl<T: Named> FromRequestParts<App> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let name = match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => T::named(&text),
            Err(_) => None,
        };
        name.map(Self).ok_or_else(T::missing)
    }
}

macro_rules! named {
    ($($id:ident $kind:literal;)*) => {$(
        impl Named for $id {
            fn named(text: &str) -> Option<Self> {
                Self::parse_cuid(text)
            }

            const KIND: &'static str = $kind;
        }
    )*};
}

named! {
    LinkId "Link";
    DomainId "Domain";
    TagId "Tag";
    PixelId "Pixel";
}
