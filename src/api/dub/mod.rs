//! Dub's HTTP API, at the root and under `/api`.
//!
//! Every failure, unknown paths and methods included, wears Dub's envelope (`error.rs`).

mod analytics;
mod customer_body;
mod customers;
mod error;
mod events;
mod link_body;
mod link_list;
mod links;
mod params;
mod reading;
pub mod shape_link;
mod track;
mod track_body;

use axum::Router;
use axum::http::Method;
use axum::middleware::map_response;
use axum::routing::{any, get, post};

use crate::web::error::ApiError;
use crate::web::state::App;

pub use error::{dress, envelope, panicked};

/// All routes of this surface.
pub fn routes() -> Router<App> {
    let mut router = Router::new();
    for prefix in ["", "/api"] {
        let path = |end: &str| format!("{prefix}{end}");
        router = router
            .route(&path("/analytics"), get(reading::analytics))
            .route(&path("/events"), get(reading::events))
            .route(&path("/links"), get(links::list).post(links::create))
            .route(&path("/links/info"), get(links::info))
            .route(&path("/links/count"), get(links::count))
            .route(
                &path("/links/{link}"),
                get(links::get).patch(links::update).put(links::update).delete(links::delete),
            )
            .route(&path("/links/{link}/{*rest}"), any(not_found))
            .route(&path("/track/lead"), post(track::lead))
            .route(&path("/track/sale"), post(track::sale))
            .route(&path("/customers"), get(customers::list).post(customers::create))
            .route(
                &path("/customers/{customer}"),
                get(customers::get).patch(customers::update).put(customers::update).delete(customers::delete),
            )
            .route(&path("/customers/{customer}/{*rest}"), any(not_found));
    }
    router
        .route("/api", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(map_response(async |response| dress(response)))
}

/// The answer to a path that is none of ours.
pub async fn not_found() -> ApiError {
    ApiError::NotFound("The requested path does not exist.".to_owned())
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::MethodNotAllowed(format!("The method {method} is not allowed here."))
}
