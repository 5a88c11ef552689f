//! Everything that is no visit of a short domain: the surfaces, and what runs around each of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use super::recorder::SpoolRecorder;
use super::slow_body;
use crate::api::visit::Visits;
use crate::api::{dub, linkly, ops};
use crate::config::HttpConfig;
use crate::telemetry::name::REQUESTS_TOTAL;
use crate::web::state::App;

/// The routes. What none of them knows is a visit of the default domain.
pub(super) fn router(
    app: &App,
    http: &HttpConfig,
    metrics: Option<PrometheusHandle>,
    visits: Arc<Visits<SpoolRecorder>>,
) -> Router {
    let body_time = Duration::from_secs(http.body_timeout_secs);
    let ops = ops::Ops { catalog: app.catalog.clone(), analytics: app.analytics.clone(), metrics };
    let dub = dub::routes()
        .layer(CatchPanicLayer::custom(dub::panicked))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(body_time, slow_body::limit))
        .layer(map_response(|response| counted("dub", response)));
    let linkly = linkly::routes()
        .layer(CatchPanicLayer::custom(linkly::panicked))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(body_time, slow_body::limit))
        .layer(map_response(|response| counted("linkly", response)));
    dub.merge(linkly)
        .with_state(app.clone())
        .merge(ops::routes(ops).layer(map_response(|response| counted("ops", response))))
        .fallback(move |request| Arc::clone(&visits).fallback(request))
}

async fn counted(surface: &'static str, response: Response) -> Response {
    metrics::counter!(REQUESTS_TOTAL, "surface" => surface, "status" => response.status().as_str().to_owned())
        .increment(1);
    response
}
