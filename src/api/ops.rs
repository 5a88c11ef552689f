//! For those who run Linktrail: is it alive, is it ready, what are its figures.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};

use crate::analytics::Analytics;
use crate::catalog::Catalog;

/// What the routes look at.
#[derive(Clone)]
pub struct Ops {
    /// Postgres.
    pub catalog: Catalog,
    /// ClickHouse.
    pub analytics: Analytics,
    /// The figures; `None` when another recorder was installed before ours.
    pub metrics: Option<PrometheusHandle>,
}

/// `/health`, `/ready`, `/metrics`.
pub fn routes(ops: Ops) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(ops)
}

/// Alive: the process answers.
async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Ready: both stores answer. 503 names the one that does not.
async fn ready(State(ops): State<Ops>) -> Response {
    let (postgres, clickhouse) = tokio::join!(ops.catalog.ping(), ops.analytics.ping());
    let status = if postgres.is_ok() && clickhouse.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |ok: bool| if ok { "ok" } else { "unavailable" };
    let body = json!({ "postgres": word(postgres.is_ok()), "clickhouse": word(clickhouse.is_ok()) });
    (status, Json(body)).into_response()
}

/// Prometheus text.
async fn metrics(State(ops): State<Ops>) -> Response {
    match &ops.metrics {
        Some(handle) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
