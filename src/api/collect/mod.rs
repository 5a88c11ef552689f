//! Collection: what pages of sites report, by tracker, by hand, by a server with a key, or by a picture.
//!
//! What always holds:
//! - An event that was answered with success and without a reason is on disk.
//! - Known sites need neither store. When the disk does not take an event, the answer is 503 with `Retry-After`.
//! - An event that arrived and is not wanted is answered with 200 and the reason, and counted by it.
//! - Failures are `{"success": false, "error", "details"}`.

mod admit;
mod cors;
mod error;
mod event;
mod pixel;
mod script;
mod sender;
mod track;

use axum::Router;
use axum::routing::{get, post};

use crate::web::state::App;

pub use error::panicked;
pub use track::MAX_BATCH;

/// All routes of this surface.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/track", post(track::track).options(cors::preflight))
        .route("/api/identify", post(track::identify).options(cors::preflight))
        .route("/script.js", get(script::serve))
        .route("/p.gif", get(pixel::serve))
        .method_not_allowed_fallback(error::method_not_allowed)
}
