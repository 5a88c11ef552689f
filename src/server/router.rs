//! Everything that is no visit of a short domain: the surfaces, and what runs around each of them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use super::recorder::SpoolRecorder;
use super::slow_body;
use crate::api::ghostid::Meant;
use crate::api::visit::Visits;
use crate::api::{brevr, collect, dub, ghostid, linkly, ops};
use crate::config::HttpConfig;
use crate::telemetry::name::REQUESTS_TOTAL;
use crate::web::body;
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
    let surface = |name, routes, panicked| surface(name, routes, panicked, body_time);
    let links = surface("ghostid", ghostid::shared_routes(), ghostid::panicked).with_state(app.clone());
    let whole = surface("dub", dub::routes(), dub::panicked)
        .merge(surface("linkly", linkly::routes(), linkly::panicked))
        .merge(surface("brevr", brevr::routes(), brevr::panicked))
        .merge(surface("ghostid", ghostid::routes(), ghostid::panicked))
        .merge(surface("collect", collect::routes(), collect::panicked))
        .with_state(app.clone())
        .merge(ops::routes(ops).layer(map_response(|response| counted("ops", response))))
        .fallback(move |request| strange(Arc::clone(&visits), request));
    let shared = Shared { links, max_body_bytes: app.max_body_bytes, body_time };
    Router::new().fallback_service(whole).layer(from_fn_with_state(shared, divert))
}

/// What answers where two surfaces have one path.
#[derive(Clone)]
struct Shared {
    links: Router,
    max_body_bytes: usize,
    body_time: Duration,
}

/// Hands requests for a path of two surfaces to the one that is meant; all others go on.
async fn divert(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (request, is_ours) = match ghostid::meant(request.method(), request.uri(), request.headers()) {
        Meant::Another => (request, false),
        Meant::Ours => (request, true),
        Meant::ByBody => {
            let (parts, body) = request.into_parts();
            let reading = body::read(body, shared.max_body_bytes);
            let body = match tokio::time::timeout(shared.body_time, reading).await {
                Ok(Ok(body)) => body,
                Ok(Err(error)) => return counted("dub", dub::dress(error.into_response())).await,
                Err(_) => return counted("dub", slow_body::too_slow(shared.body_time)).await,
            };
            let is_ours = ghostid::body_is_ours(&body);
            (Request::from_parts(parts, Body::from(body)), is_ours)
        }
    };
    if !is_ours {
        return next.run(request).await;
    }
    let Ok(response) = shared.links.oneshot(request).await;
    response
}

/// What no route knows: a visit, unless it can only be meant for the API, or shows a key and no link is there.
async fn strange(visits: Arc<Visits<SpoolRecorder>>, request: Request) -> Response {
    let unknown = async || counted("dub", dub::dress(dub::not_found().await.into_response())).await;
    if dub::owns(request.uri().path()) {
        return unknown().await;
    }
    let key = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shows_key = key.is_some_and(|text| text.starts_with("Bearer "));
    let is_visit = matches!(*request.method(), Method::GET | Method::HEAD);
    if shows_key && !is_visit {
        return unknown().await;
    }
    let answer = visits.fallback(request).await;
    if shows_key && answer.status() == StatusCode::NOT_FOUND { unknown().await } else { answer }
}

/// What runs around the routes of one surface. `panicked` answers for a handler that did.
fn surface(
    name: &'static str,
    routes: Router<App>,
    panicked: fn(Box<dyn Any + Send>) -> Response,
    body_time: Duration,
) -> Router<App> {
    routes
        .layer(CatchPanicLayer::custom(panicked))
        // A zip archive is compressed already.
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(NotForContentType::const_new("application/zip"))),
        )
        .layer(from_fn_with_state(body_time, slow_body::limit))
        .layer(map_response(move |response| counted(name, response)))
}

async fn counted(surface: &'static str, response: Response) -> Response {
    metrics::counter!(REQUESTS_TOTAL, "surface" => surface, "status" => response.status().as_str().to_owned())
        .increment(1);
    response
}
