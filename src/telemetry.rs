//! Logs and metrics: one subscriber, one recorder, and the names of all metrics in one list.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Metric names: `<area>_<thing>_<unit>[_total]`.
pub mod name {
    /// Visits by outcome (`redirected`, `not_found`, `disabled`, `expired`, `not_started`, ...).
    pub const VISITS_TOTAL: &str = "redirect_visits_total";
    /// Clicks that were answered but could not be recorded, by reason.
    pub const CLICKS_LOST_TOTAL: &str = "ingest_clicks_lost_total";
    /// Events that arrived and are not wanted, by reason (`do_not_track`, `excluded_address`, ...).
    pub const EVENTS_DROPPED_TOTAL: &str = "ingest_events_dropped_total";
    /// Hits accepted into the spool.
    pub const HITS_TOTAL: &str = "ingest_hits_total";
    /// Events stored in ClickHouse.
    pub const EVENTS_STORED_TOTAL: &str = "drain_events_stored_total";
    /// Failed attempts to store a batch, by what follows (`retry`, `set_aside`, `stop`).
    pub const BATCH_FAILURES_TOTAL: &str = "drain_batch_failures_total";
    /// Bytes on disk that are not yet stored.
    pub const SPOOL_BYTES: &str = "spool_pending_bytes";
    /// Records that are not yet stored.
    pub const SPOOL_RECORDS: &str = "spool_pending_records";
    /// Duration of one sync, in seconds.
    pub const SPOOL_SYNC_SECONDS: &str = "spool_sync_seconds";
    /// Duration of one enrichment step, in seconds, by step.
    pub const ENRICH_STEP_SECONDS: &str = "enrich_step_seconds";
    /// Requests by surface and status.
    pub const REQUESTS_TOTAL: &str = "http_requests_total";
    /// Requests that were refused because a budget was used up, by budget (`api`, `analytics`, `publishable`, `public`,
    /// `wrong_keys`).
    pub const RATE_LIMITED_TOTAL: &str = "http_rate_limited_total";
    /// Duration of analytics queries in seconds, by kind.
    pub const QUERY_SECONDS: &str = "query_seconds";
    /// Analytics queries that run, by class (`query`; `long` for exports).
    pub const QUERIES_RUNNING: &str = "queries_running";
    /// Analytics queries that wait for a place, by class.
    pub const QUERIES_WAITING: &str = "queries_waiting";
    /// How long analytics queries that ran had waited for their place, in seconds, by class.
    pub const QUERY_WAIT_SECONDS: &str = "query_wait_seconds";
    /// Analytics queries that got no place, by class and reason (`own_queue_full`, `own_places_taken` of a workspace's share;
    /// `queue_full`, `places_taken`, `displaced` of the whole).
    pub const QUERIES_REFUSED_TOTAL: &str = "queries_refused_total";
    /// Analytics queries that were answered with the answer to the same query, which was being asked.
    pub const QUERIES_SHARED_TOTAL: &str = "queries_shared_total";
    /// Analytics queries that hit a cap, by cap (`time`, `rows`, `memory`).
    pub const QUERIES_CAPPED_TOTAL: &str = "queries_capped_total";
    /// Attempts to tell a webhook, by flavour and outcome (`delivered`, `status`, `timeout`, `unreachable`, `not_allowed` ...).
    pub const HOOKS_ATTEMPTS_TOTAL: &str = "hooks_attempts_total";
    /// What webhooks are not told because too much waits for them already, by flavour.
    pub const HOOKS_DROPPED_TOTAL: &str = "hooks_dropped_total";
    /// Chunks of up to 500 stored events that came faster than webhooks could be told.
    pub const HOOKS_MISSED_TOTAL: &str = "hooks_missed_chunks_total";
    /// Webhooks that were turned off after too many failures.
    pub const HOOKS_DISABLED_TOTAL: &str = "hooks_disabled_total";
    /// Live streams that are open.
    pub const STREAMS_OPEN: &str = "streams_open";
    /// Restarts of an embedded engine, by engine.
    pub const ENGINE_RESTARTS_TOTAL: &str = "engine_restarts_total";
}

/// What is logged unless somebody says otherwise. That a pooled connection ended is told by whoever needed it: at a stop
/// nobody does.
const FILTER: &str = "info,deadpool.postgres=error";

/// Starts logging to standard error. `LINKTRAIL_LOG` takes tracing's filter syntax (default `info`);
/// `LINKTRAIL_LOG_FORMAT=json` writes one JSON object a line.
pub fn start_logging() {
    let filter = EnvFilter::try_from_env("LINKTRAIL_LOG").unwrap_or_else(|_| EnvFilter::new(FILTER));
    // Colours are for people: a file or a pipe gets none.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A standard error that cannot be written (a file on a full disk) must not end the thread that has something to say.
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .log_internal_errors(false);
    // A second start (tests) keeps the first subscriber.
    let _ = if std::env::var("LINKTRAIL_LOG_FORMAT").is_ok_and(|format| format == "json") {
        subscriber.json().try_init()
    } else {
        subscriber.with_target(false).try_init()
    };
}

/// Installs the recorder of metrics; the handle renders them for Prometheus. `None` when one is installed already.
pub fn start_metrics() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().ok()
}
