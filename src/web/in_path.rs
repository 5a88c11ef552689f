//! What a path names: an id or a name, checked before anything else is looked at.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::error::ApiError;
use super::state::App;

/// Something that a path can name.
pub trait Named: Sized + Send {
    /// What the text names; `None` for what can name nothing.
    fn named(text: &str) -> Option<Self>;

    /// Said of what is not there, malformed or someone else's.
    fn missing() -> ApiError;
}

/// What the only parameter of the path names.
#[derive(Clone, Copy, Debug)]
pub struct InPath<T>(pub T);

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
