//! How long typical questions take over HTTP, on a workspace with a million clicks of 90 days.
//!
//! `cargo bench --bench queries` needs the engines (`make engines`); `-- --quick` takes a tenth of the clicks.

#[path = "stage/api.rs"]
mod api;
#[path = "stage/http.rs"]
mod http;
#[path = "stage/program.rs"]
mod program;
#[path = "stage/report.rs"]
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use api::Api;
use program::Server;
use report::{Table, median, quantile};

/// Times that each question is asked.
const TIMES: usize = 30;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from);
    match runtime.and_then(|runtime| runtime.block_on(ask_all(if quick { 100_000 } else { 1_000_000 }))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn ask_all(events: u64) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("queries-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    println!("making {events} clicks ...");
    let began = Instant::now();
    let (made, key) = fill(data, events)?;
    let in_all = began.elapsed().as_secs_f64();

    let server = Server::start(data, &[])?;
    let mut api = Api::open(server.address, &key).await?;
    let top = api.ask("GET", "/analytics?groupBy=top_links&interval=90d", "").await?;
    let link = top[0]["id"].as_str().context("the demo has no links")?.to_owned();
    let questions = [
        ("total, 30 days", "/analytics?groupBy=count&interval=30d".to_owned()),
        (
            "hourly series, 30 days, New York",
            "/analytics?groupBy=timeseries&interval=30d&granularity=hour&timezone=America/New_York".to_owned(),
        ),
        ("countries but US, 30 days", "/analytics?groupBy=countries&country=-US&interval=30d".to_owned()),
        ("uniques, 90 days", "/analytics?groupBy=count&unique=true&interval=90d".to_owned()),
        ("UTM sources, 30 days", "/analytics?groupBy=utm_sources&interval=30d".to_owned()),
        ("events, page 1, 30 days", "/events?interval=30d".to_owned()),
        ("events of a link, page 1, 30 days", format!("/events?linkId={link}&interval=30d")),
    ];
    let mut table = Table::new(&["", "median ms", "p95 ms"]);
    for (name, path) in &questions {
        let mut took_ms = Vec::with_capacity(TIMES);
        // Once more than is measured: the first finds caches cold.
        for time in 0..=TIMES {
            let before = Instant::now();
            api.ask("GET", path, "").await?;
            if time > 0 {
                took_ms.push(before.elapsed().as_secs_f64() * 1e3);
            }
        }
        table.push(&[name, &format!("{:.1}", median(&took_ms)), &format!("{:.1}", quantile(&took_ms, 0.95))]);
    }
    server.stop()?;
    println!("\n{made}; {in_all:.1} s with the process\n\nOver HTTP, {TIMES} times each\n");
    table.print();
    println!();
    Ok(())
}

/// Runs the demo: the line that says how long it took, and the key of its workspace.
fn fill(data: &Path, events: u64) -> anyhow::Result<(String, String)> {
    let printed = program::run(data, &["demo", "--events", &events.to_string()])?;
    let made = printed.lines().next().context("the demo printed nothing")?.to_owned();
    let key = printed.lines().find_map(|line| line.strip_prefix("api key")).context("the demo printed no key")?;
    let key = key.split_whitespace().next().context("the demo printed no key")?.to_owned();
    Ok((made, key))
}
