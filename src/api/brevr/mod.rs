//! Brevr's HTTP API: `/api/v1/links`, `/api/v1/analytics`, `/api/v1/domains`, `/api/v1/tags` and `/api/v1/pixels`. All else
//! under `/api/v1` is Linkly's.
//!
//! A key is of one workspace, and the budget of requests is the workspace's; every failure wears `{"error": text}`
//! (`error.rs`). Where Brevr's documentation is silent the names are ours, and those of Dub's API where it has the thing.

mod analytics;
mod asked;
mod breakdown;
mod caller;
mod domains;
mod error;
mod export;
mod link_body;
mod link_bulk;
mod link_list;
mod links;
mod page;
mod path;
mod pixels;
mod rules;
mod shape_link;
mod summary;
mod tags;
mod timeseries;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::{any, get, post};

use crate::web::error::ApiError;
use crate::web::state::App;
use crate::web::{explain, meter};

pub use error::panicked;

/// All routes of this surface.
pub fn routes() -> Router<App> {
    let of_analytics = Router::new()
        .route("/api/v1/analytics/summary", get(summary::answer))
        .route("/api/v1/analytics/timeseries", get(timeseries::answer))
        .route("/api/v1/analytics/geo", get(breakdown::geo))
        .route("/api/v1/analytics/devices", get(breakdown::devices))
        .route("/api/v1/analytics/referrers", get(breakdown::referrers))
        .route("/api/v1/analytics/utm", get(breakdown::utm))
        .route("/api/v1/analytics/export", get(export::answer))
        .route_layer(from_fn(explain::answer));
    of_analytics
        .route("/api/v1/links", get(links::list).layer(from_fn(explain::answer)).post(links::create))
        .route("/api/v1/links/bulk", post(link_bulk::create))
        .route("/api/v1/links/{link}", get(links::get).patch(links::update).delete(links::delete))
        .route("/api/v1/links/{link}/{*rest}", any(not_found))
        .route("/api/v1/analytics", any(not_found))
        .route("/api/v1/analytics/{*rest}", any(not_found))
        .route("/api/v1/domains", get(domains::list).post(domains::create))
        .route("/api/v1/domains/{domain}", get(domains::get).delete(domains::delete))
        .route("/api/v1/domains/{domain}/verify", post(domains::verify))
        .route("/api/v1/domains/{domain}/{*rest}", any(not_found))
        .route("/api/v1/tags", get(tags::list).post(tags::create))
        .route("/api/v1/tags/{tag}", get(tags::get).patch(tags::update).delete(tags::delete))
        .route("/api/v1/tags/{tag}/{*rest}", any(not_found))
        .route("/api/v1/pixels", get(pixels::list).post(pixels::create))
        .route("/api/v1/pixels/{pixel}", get(pixels::get).patch(pixels::update).delete(pixels::delete))
        .route("/api/v1/pixels/{pixel}/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(meter::measure))
        .layer(from_fn(error::dress))
}

async fn not_found() -> ApiError {
    ApiError::NotFound("The requested path does not exist.".to_owned())
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::MethodNotAllowed(format!("The method {method} is not allowed here."))
}
