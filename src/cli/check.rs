//! `check`: everything that `serve` needs, looked at one by one, without serving.

use std::net::TcpListener;
use std::process::ExitCode;

use crate::calendar::{Clock, tzdata_version};
use crate::config::{Config, QueriesConfig};
use crate::server::{self, Sharing, Stores};

/// 2026-01-01T00:00:00Z: a clock before it was never set.
const EARLIEST_NOW_MS: i64 = 1_767_225_600_000;
/// A store's clock may be off by this much.
const MAX_CLOCK_OFFSET_MS: i64 = 5_000;

struct Report {
    failed: bool,
}

impl Report {
    fn good(&mut self, what: &str, text: &str) {
        println!("ok    {what:<14} {text}");
    }

    fn warn(&mut self, what: &str, text: &str) {
        println!("warn  {what:<14} {text}");
    }

    fn bad(&mut self, what: &str, text: &str) {
        self.failed = true;
        println!("FAIL  {what:<14} {text}");
    }
}

/// Runs `linktrail check`; exit code 1 when something is wrong that `serve` would stumble over.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut report = Report { failed: false };
    let now_ms = Clock::system().now_ms();
    if now_ms < EARLIEST_NOW_MS {
        report.bad("clock", "the system's clock is before 2026; set it, or events will carry wrong times");
    } else {
        report.good("clock", "plausible");
    }
    report.good("time zones", tzdata_version());
    queries(&config.places.stores.queries, &mut report);
    geo(&config, &mut report);
    match TcpListener::bind(config.http.listen) {
        Ok(_) => report.good("listen", &format!("{} is free", config.http.listen)),
        Err(error) => report.warn("listen", &format!("{}: {error}", config.http.listen)),
    }
    match Stores::open(&config.places, Sharing::Beside, None).await {
        Ok(stores) => {
            check_stores(&stores, now_ms, &mut report).await;
            stores.close().await;
        }
        Err(error) => report.bad("stores", &format!("{error:#}")),
    }
    let folder = server::spool_folder(&config.places, config.ingest.spool_dir.as_deref());
    match crate::spool::Status::read(&folder) {
        Ok(status) => {
            report.good("spool", &format!("{} events pending in {}", status.pending_records, folder.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => report.good("spool", "not there yet"),
        Err(error) => report.bad("spool", &format!("{}: {error}", folder.display())),
    }
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What queries may cost here, where it follows from the number of cores.
fn queries(config: &QueriesConfig, report: &mut Report) {
    let ((queries, each), (exports, exports_each)) = (config.places(), config.export_places());
    let (secs, queue) = (config.max_secs, config.queue_secs);
    report.good(
        "queries",
        &format!(
            "{queries} at once, {each} a workspace; {exports} exports, {exports_each} a workspace; {secs} s each, {queue} s in the queue"
        ),
    );
}

fn geo(config: &Config, report: &mut Report) {
    match server::find_geo(&config.places) {
        Ok(geo) => {
            for file in geo.files() {
                report.good("geo file", &file.display().to_string());
            }
            if !geo.knows_places() {
                report.warn("geo files", "none: countries and cities will be unknown; name one with --geo-file");
            }
        }
        Err(error) => report.bad("geo files", &error.to_string()),
    }
}

async fn check_stores(stores: &Stores, now_ms: i64, report: &mut Report) {
    match stores.catalog.ping().await {
        Ok(()) => report.good("postgres", "answers"),
        Err(error) => report.bad("postgres", &error.to_string()),
    }
    match stores.warehouse.ping().await {
        Ok(()) => report.good("clickhouse", "answers, to reader and writer"),
        Err(error) => report.bad("clickhouse", &error.to_string()),
    }
    match stores.warehouse.now_ms().await {
        Ok(theirs) if (theirs - now_ms).abs() > MAX_CLOCK_OFFSET_MS => {
            report.warn("clickhouse", &format!("its clock is off by {} ms", theirs - now_ms));
        }
        Ok(_) | Err(_) => {}
    }
    match stores.pending_migrations().await {
        Ok(pending) if pending.fresh => report.good("schemas", "not made yet; `serve` makes them"),
        Ok(pending) if pending.postgres + pending.clickhouse == 0 => report.good("schemas", "up to date"),
        Ok(pending) => report.warn(
            "schemas",
            &format!(
                "{} migrations wait in postgres, {} in clickhouse; `serve` runs them",
                pending.postgres, pending.clickhouse
            ),
        ),
        Err(error) => report.bad("schemas", &format!("{error:#}")),
    }
}
