//! Ghost ID's HTTP API: people who sign in, the links of a site, and what became of its visitors.
//!
//! Errors are `{"error": "..."}`.

mod auth;
mod caller;
mod error;
mod person;
mod sections;
mod session;
mod sessions;
mod site;
mod stats;
mod visitor;
mod visitors;

use axum::Router;
use axum::middleware::{from_fn, map_response};
use axum::routing::{get, post};

use crate::web::meter;
use crate::web::state::App;

pub use error::panicked;

/// All routes of this surface.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/auth/login", post(auth::log_in))
        .route("/api/auth/logout", post(auth::log_out))
        .route("/api/auth/join", post(auth::join))
        .route("/api/auth/me", get(auth::me))
        .route("/api/stats", get(stats::get))
        .route("/api/visitors", get(visitors::stream))
        .route("/api/visitor", get(visitor::list))
        .route("/api/visitor/{ghost_vid}", get(visitor::profile))
        .route("/api/sessions", get(sessions::list))
        .route("/api/session/{session}", get(session::get))
        .layer(from_fn(meter::measure))
        .layer(map_response(async |response| error::dress(response)))
}
