//! Ghost ID's HTTP API: what became of the visitors of a site.
//!
//! Errors are `{"error": "..."}`. A site of somebody else is answered as one that does not exist.

mod error;
mod session;
mod sessions;
mod site;

use axum::Router;
use axum::middleware::{from_fn, map_response};
use axum::routing::get;

use crate::web::meter;
use crate::web::state::App;

pub use error::panicked;

/// All routes of this surface.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/sessions", get(sessions::list))
        .route("/api/session/{session}", get(session::get))
        .layer(from_fn(meter::measure))
        .layer(map_response(async |response| error::dress(response)))
}
