//! Dub's HTTP API, at the root and under `/api`.
//!
//! Every failure, unknown paths and methods included, wears Dub's envelope (`error.rs`).

mod analytics;
mod analytics_export;
mod analytics_paths;
mod analytics_rows;
mod asked;
mod client_track;
mod customer_body;
mod customers;
mod dashboard;
mod deliveries;
mod domains;
mod error;
mod event_columns;
mod event_export;
mod event_shape;
mod events;
mod folders;
mod hook_shape;
mod link_body;
mod link_bulk;
mod link_list;
mod links;
mod page_number;
mod params;
mod path;
mod qr;
mod reading;
pub mod shape_link;
mod stream;
mod tags;
mod track;
mod track_body;
mod webhooks;

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, map_response};
use axum::routing::{any, get, post, put};

use crate::web::error::ApiError;
use crate::web::state::App;
use crate::web::{explain, meter};

pub use error::{dress, envelope, panicked};
pub use hook_shape::HookShape;

/// All routes of this surface.
pub fn routes() -> Router<App> {
    let mut router = Router::new();
    let mut of_analytics = Router::new();
    let mut for_pages = Router::new();
    for prefix in ["", "/api"] {
        let path = |end: &str| format!("{prefix}{end}");
        for_pages = for_pages
            .route(&path("/track/click"), post(client_track::click).options(client_track::preflight))
            .route(&path("/track/visit"), post(client_track::visit).options(client_track::preflight))
            .route(&path("/track/open"), post(client_track::open).options(client_track::preflight))
            .route(&path("/track/lead/client"), post(track::lead_of_page).options(client_track::preflight))
            .route(&path("/track/sale/client"), post(track::sale_of_page).options(client_track::preflight));
        of_analytics = of_analytics
            .route(&path("/analytics"), get(reading::analytics).post(reading::analytics))
            .route(&path("/analytics/export"), get(analytics_export::answer).post(analytics_export::answer))
            .route(&path("/analytics/{first}"), get(analytics_paths::one))
            .route(&path("/analytics/{first}/{second}"), get(analytics_paths::two))
            .route(&path("/events"), get(reading::events).post(reading::events))
            .route(&path("/events/export"), get(event_export::answer).post(event_export::answer));
        router = router
            .route(&path("/analytics/dashboard"), get(dashboard::get).layer(map_response(dashboard::open_to_pages)))
            .route(&path("/events/stream"), get(stream::answer))
            .route(&path("/webhooks"), get(webhooks::list).post(webhooks::create))
            .route(&path("/webhooks/{webhook}"), get(webhooks::get).patch(webhooks::update).delete(webhooks::delete))
            .route(&path("/webhooks/{webhook}/rotate"), post(webhooks::rotate))
            .route(&path("/webhooks/{webhook}/test"), post(deliveries::test))
            .route(&path("/webhooks/{webhook}/deliveries"), get(deliveries::list))
            .route(&path("/webhooks/{webhook}/deliveries/{delivery}/retry"), post(deliveries::retry))
            .route(&path("/links"), get(links::list).layer(from_fn(explain::answer)).post(links::create))
            .route(&path("/links/upsert"), put(links::upsert))
            .route(
                &path("/links/bulk"),
                post(link_bulk::create).patch(link_bulk::update).put(link_bulk::update).delete(link_bulk::delete),
            )
            .route(&path("/links/info"), get(links::info))
            .route(&path("/links/count"), get(links::count))
            .route(
                &path("/links/{link}"),
                get(links::get).patch(links::update).put(links::update).delete(links::delete),
            )
            .route(&path("/links/{link}/{*rest}"), any(not_found))
            .route(&path("/qr"), get(qr::get).options(qr::preflight).layer(map_response(qr::open_to_pages)))
            .route(&path("/tags"), get(tags::list).post(tags::create))
            .route(&path("/tags/{tag}"), get(tags::get).patch(tags::update).put(tags::update).delete(tags::delete))
            .route(&path("/tags/{tag}/{*rest}"), any(not_found))
            .route(&path("/domains"), get(domains::list).post(domains::create))
            .route(&path("/domains/status"), get(domains::status))
            .route(&path("/domains/register"), post(domains::register))
            .route(
                &path("/domains/{domain}"),
                get(domains::get).patch(domains::update).put(domains::update).delete(domains::delete),
            )
            .route(&path("/domains/{domain}/primary"), post(domains::make_primary).put(domains::make_primary))
            .route(&path("/domains/{domain}/{*rest}"), any(not_found))
            .route(&path("/folders"), get(folders::list).post(folders::create))
            .route(
                &path("/folders/{folder}"),
                get(folders::get).patch(folders::update).put(folders::update).delete(folders::delete),
            )
            .route(&path("/folders/{folder}/{*rest}"), any(not_found))
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
        .merge(of_analytics.route_layer(from_fn(explain::answer)))
        .merge(for_pages.layer(map_response(client_track::open_to_pages)))
        .route("/api", any(not_found))
        .route("/api/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(meter::measure))
        .layer(map_response(async |response| dress(response)))
}

/// Whether nothing but this surface answers below this path, so that no link can be meant.
pub fn owns(path: &str) -> bool {
    const AREAS: [&str; 12] = [
        "analytics",
        "api",
        "customers",
        "domains",
        "events",
        "folders",
        "links",
        "qr",
        "tags",
        "track",
        "webhooks",
        "workspaces",
    ];
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    AREAS.contains(&first)
}

/// The answer to a path that is none of ours.
pub async fn not_found() -> ApiError {
    ApiError::NotFound("The requested path does not exist.".to_owned())
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::MethodNotAllowed(format!("The method {method} is not allowed here."))
}
