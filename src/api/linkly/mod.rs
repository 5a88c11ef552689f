//! Linkly's HTTP API, under `/api/v1`.
//!
//! Every failure, unknown paths and methods included, wears Linkly's envelope (`error.rs`). What lies under
//! `/api/v1/links` is another product's.

mod asking;
mod caller;
mod click_export;
mod click_params;
mod clicks;
mod conversions;
mod counters;
mod domains;
mod error;
mod faults;
mod link_body;
mod link_export;
mod link_fields;
mod link_list;
mod link_rows;
mod link_rules;
mod link_webhooks;
mod links;
mod pivot;
mod webhooks;
mod workspaces;
mod zapier;

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, map_response};
use axum::routing::{any, delete, get, post, put};

use crate::web::error::ApiError;
use crate::web::state::App;
use crate::web::{explain, meter, whole};

pub use error::{dress, panicked};

/// All routes of this surface.
pub fn routes() -> Router<App> {
    let of_analytics = Router::new()
        .route("/api/v1/workspace/{workspace}/clicks", get(clicks::series))
        .route("/api/v1/workspace/{workspace}/clicks/counters/{counter}", get(counters::counter))
        .route("/api/v1/workspace/{workspace}/clicks/export", get(click_export::export))
        .route("/api/v1/workspace/{workspace}/list_links", get(link_list::list))
        .route("/api/v1/workspace/{workspace}/links/export", get(link_export::export))
        .route_layer(from_fn(explain::answer));
    of_analytics
        .route("/api/v1/workspaces", get(workspaces::list))
        .route("/api/v1/conversions", get(conversions::list).post(conversions::create))
        .route(
            "/api/v1/workspace/{workspace}/webhooks",
            get(webhooks::of_workspace).post(webhooks::subscribe_to_workspace),
        )
        .route("/api/v1/workspace/{workspace}/webhooks/{hook}", delete(webhooks::unsubscribe_from_workspace))
        .route("/api/v1/link", post(links::save))
        .route("/api/v1/link/{link}", get(links::get).delete(links::delete_anywhere))
        .route("/api/v1/get_link/{link}", get(links::get))
        .route("/api/v1/workspace/{workspace}/links", post(links::save_in_workspace))
        .route("/api/v1/workspace/{workspace}/links/{link}", get(links::get_in_workspace).delete(links::delete))
        .route("/api/v1/workspace/{workspace}/links/{link}/restore", post(links::restore))
        .route("/api/v1/workspace/{workspace}/domains", get(domains::list).post(domains::create))
        .route("/api/v1/workspace/{workspace}/domains/{domain}", delete(domains::delete))
        .route(
            "/api/v1/workspace/{workspace}/domains/{domain}/favicon",
            put(domains::change_favicon).post(domains::change_favicon).patch(domains::change_favicon),
        )
        .route("/api/v1/zapier/test", post(zapier::test))
        .route("/api/v1/zapier/link", get(link_list::bare).layer(from_fn(explain::answer)).post(links::save))
        .route("/api/v1/zapier/link/{link}", get(links::get).put(links::change).delete(links::delete_anywhere))
        .route("/api/v1/link/{link}/webhooks", get(webhooks::of_link).post(webhooks::subscribe_to_link))
        .route("/api/v1/link/{link}/webhooks/{hook}", delete(webhooks::unsubscribe_from_link))
        .route("/api/v1", any(not_found))
        .route("/api/v1/", any(not_found))
        .route("/api/v1/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(whole::answer))
        .layer(from_fn(meter::measure))
        .layer(map_response(async |response| dress(response)))
}

async fn not_found() -> ApiError {
    ApiError::NotFound("The requested path does not exist.".to_owned())
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::MethodNotAllowed(format!("The method {method} is not allowed here."))
}
