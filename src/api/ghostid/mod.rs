//! Ghost ID's HTTP API: people who sign in, the links of a site, and what became of its visitors.
//!
//! Errors are `{"error": "..."}`.

mod auth;
mod caller;
mod error;
mod join;
mod link_analytics;
mod link_body;
mod link_counts;
mod link_shape;
mod links;
mod person;
mod revenue;
mod sections;
mod session;
mod sessions;
mod shared;
mod site;
mod sites;
mod stats;
mod visitor;
mod visitors;
mod webhook;

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, map_response};
use axum::routing::{get, post, put};

use crate::web::error::ApiError;
use crate::web::state::App;
use crate::web::{explain, meter};

pub use error::panicked;
pub use shared::{Meant, body_is_ours, meant};

/// The routes that are this surface's alone.
pub fn routes() -> Router<App> {
    let of_analytics = Router::new()
        .route("/api/link-analytics", get(link_analytics::get))
        .route("/api/revenue", get(revenue::get))
        .route("/api/stats", get(stats::get))
        .route("/api/visitors", get(visitors::stream))
        .route("/api/visitor", get(visitor::list))
        .route("/api/visitor/{ghost_vid}", get(visitor::profile))
        .route("/api/sessions", get(sessions::list))
        .route("/api/session/{session}", get(session::get))
        .route_layer(from_fn(explain::answer));
    of_analytics
        .route("/api/auth/login", post(auth::log_in))
        .route("/api/auth/logout", post(auth::log_out))
        .route("/api/auth/join", post(auth::join))
        .route("/api/auth/me", get(auth::me))
        .route("/api/sites", get(sites::list).post(sites::create))
        .route("/api/sites/{site}", put(sites::update).delete(sites::delete))
        .route("/api/webhook", get(webhook::types).post(webhook::send))
        .route("/join", get(join::show).post(join::take))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(meter::measure))
        .layer(map_response(async |response| error::dress(response)))
}

/// The routes whose paths are another surface's too. Which of them a request means, [`meant`] tells.
pub fn shared_routes() -> Router<App> {
    Router::new()
        .route("/api/links", get(links::list).layer(from_fn(explain::answer)).post(links::create))
        .route("/api/links/check-slug", get(links::check_slug))
        .route("/api/links/{id}", put(links::update).delete(links::delete))
        .fallback(async || ApiError::NotFound("The requested path does not exist.".to_owned()))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(meter::measure))
        .layer(map_response(async |response| error::dress(response)))
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::MethodNotAllowed(format!("The method {method} is not allowed here."))
}
