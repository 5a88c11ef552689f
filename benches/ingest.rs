//! Events of a site over HTTP, one in a body and a hundred, until they are in ClickHouse, beside a plain insert of the same
//! rows by the `clickhouse` crate in the same run; and what memory the program takes meanwhile.
//!
//! `cargo bench --bench ingest` needs the engines (`make engines`); `-- --quick` takes a third of the time. The exit status is
//! 1 when an event was lost or counted twice.

#[path = "stage/http.rs"]
mod http;
#[path = "stage/program.rs"]
mod program;
#[path = "stage/report.rs"]
mod report;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use http::Connection;
use program::Server;
use report::{Table, median};

const CONNECTIONS: usize = 64;
const BATCH: u64 = 100;
const SITE_HOST: &str = "pages.example";
/// A store that takes nothing more for so long has all that it will get.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rows of a plain insert: as many as in a full batch of the drain.
const PLAIN_ROWS: usize = 50_000;
/// Plain inserts of a round.
const PLAIN_INSERTS: u64 = 4;
/// Their rows are of a workspace that nobody has.
const PLAIN_WORKSPACE: u64 = 999_999;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(compare(quick)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What one way of sending showed.
struct Round {
    /// Events answered a second.
    accepted: f64,
    /// Events a second from the first request until all are stored.
    stored: f64,
}

async fn compare(quick: bool) -> anyhow::Result<bool> {
    let (rounds, time) = if quick { (2, Duration::from_secs(2)) } else { (5, Duration::from_secs(4)) };
    let folder = tempfile::Builder::new().prefix("ingest-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    let server = Server::start(data, &[])?;
    program::run(data, &["site", "add", SITE_HOST])?;
    let client = client(data)?;
    let next = Arc::new(AtomicU64::new(1));
    // Once at full speed: threads, connections and caches are there then.
    let idle = memory_mb(server.process)?;
    drive(&server, &client, &next, 1, time / 4).await?;
    let (mut single, mut batched, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let mut loaded = 0.0_f64;
    for _ in 0..rounds {
        for (size, found) in [(1, &mut single), (BATCH, &mut batched)] {
            let round = drive(&server, &client, &next, size, time).await?;
            println!("  bodies of {size:>3}: {:>8.0} accepted/s, {:>8.0} stored/s", round.accepted, round.stored);
            found.push(round);
            loaded = loaded.max(memory_mb(server.process)?);
        }
        let rate = insert_plainly(&client, PLAIN_INSERTS * PLAIN_ROWS as u64).await?;
        println!("  plain insert:  {rate:>8.0} stored/s");
        plain.push(rate);
    }
    let events = next.load(Ordering::Relaxed) - 1;
    let question = format!(
        "SELECT uniqExact(url), countIf(NOT repeat), count() FROM events WHERE workspace_id != {PLAIN_WORKSPACE}"
    );
    let (distinct, counted, stored): (u64, u64, u64) = client.query_raw(&question).fetch_one().await?;
    server.stop()?;

    let middle = |rounds: &[Round], of: fn(&Round) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>());
    println!("\n{CONNECTIONS} connections, medians of {rounds} rounds of {} s\n", time.as_secs());
    let mut table = Table::new(&["", "accepted/s", "stored/s"]);
    for (name, rounds) in [("POST /api/track, single", &single), ("POST /api/track, batches of 100", &batched)] {
        let [accepted, stored] = [middle(rounds, |round| round.accepted), middle(rounds, |round| round.stored)];
        table.push(&[&name, &format!("{accepted:.0}"), &format!("{stored:.0}")]);
    }
    let name = format!("clickhouse crate, inserts of {PLAIN_ROWS}");
    table.push(&[&name, &"", &format!("{:.0}", median(&plain))]);
    table.print();
    println!("\n  stored: from the first request until the last event is in ClickHouse");
    println!("  events: {events} answered, {stored} stored, {counted} counted, {distinct} distinct");
    println!("  linktrail's memory: {idle:.0} MB idle, {loaded:.0} MB after load\n");
    Ok([distinct, counted, stored] == [events; 3])
}

/// Drives the server for some time with bodies of so many events, then waits until all are stored.
async fn drive(
    server: &Server,
    client: &clickhouse::Client,
    next: &Arc<AtomicU64>,
    size: u64,
    time: Duration,
) -> anyhow::Result<Round> {
    let before = next.load(Ordering::Relaxed);
    let began = Instant::now();
    let mut sending = JoinSet::new();
    for _ in 0..CONNECTIONS {
        sending.spawn(send(server.address, Arc::clone(next), size, began + time));
    }
    while let Some(one) = sending.join_next().await {
        one??;
    }
    let answered = began.elapsed();
    let total = next.load(Ordering::Relaxed) - 1;
    let (mut seen, mut moved) = (0, Instant::now());
    while seen < total {
        ensure!(moved.elapsed() < PATIENCE, "only {seen} of {total} events are stored");
        tokio::time::sleep(Duration::from_millis(10)).await;
        let question = format!("SELECT count() FROM events WHERE workspace_id != {PLAIN_WORKSPACE}");
        let now = client.query_raw(&question).fetch_one::<u64>().await?;
        if now > seen {
            (seen, moved) = (now, Instant::now());
        }
    }
    let events = (total + 1 - before) as f64;
    Ok(Round { accepted: events / answered.as_secs_f64(), stored: events / began.elapsed().as_secs_f64() })
}

/// Sends one body after the other; each event has a number and a name of its own.
async fn send(address: SocketAddr, next: Arc<AtomicU64>, size: u64, end: Instant) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    while Instant::now() < end {
        let first = next.fetch_add(size, Ordering::Relaxed);
        let body = match size {
            1 => page(first),
            _ => (first..first + size).map(page).collect::<Value>(),
        };
        let (body, [_, _, high, low]) = (body.to_string(), (first as u32).to_be_bytes());
        let length = body.len();
        let request = format!(
            "POST /api/track HTTP/1.1\r\nhost: {address}\r\nuser-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
             AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\ncontent-type: application/json\r\n\
             x-forwarded-for: 81.{high}.{low}.7\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let status = connection.ask(request.as_bytes()).await?;
        ensure!(status == 200, "answered with {status}: {}", connection.body()?);
    }
    Ok(())
}

fn page(number: u64) -> Value {
    json!({
        "site_id": 1,
        "type": "pageview",
        "hostname": SITE_HOST,
        "pathname": format!("/page/{}", number % 1_000),
        "querystring": format!("n={number}&utm_source=bench"),
        "page_title": "A page of some length",
        "referrer": "https://www.example.org/",
        "language": "en-GB",
        "screenWidth": 1920,
        "screenHeight": 1080,
        "event_id": format!("event-{number}"),
    })
}

/// A row of the table, as the driver writes it: column by column in its order.
#[derive(Clone, Row, Serialize, Deserialize)]
struct PlainRow {
    workspace_id: u64,
    kind: i8,
    timestamp: i64,
    event_id: u64,
    link_id: u64,
    visitor: u64,
    repeat: bool,
    bot: String,
    trigger: String,
    continent: String,
    country: String,
    region: String,
    city: String,
    device: String,
    browser: String,
    browser_version: String,
    os: String,
    os_version: String,
    user_agent: String,
    referrer_host: String,
    referrer_url: String,
    url: String,
    base_url: String,
    utm_source: String,
    utm_medium: String,
    utm_campaign: String,
    utm_term: String,
    utm_content: String,
    click_event_id: u64,
    customer_id: u64,
    event_name: String,
    amount: i64,
    currency: String,
    payment_processor: String,
    invoice_id: String,
    metadata: String,
    site_id: u64,
    session: u64,
    idempotency: u64,
    event_type: String,
    page: String,
    page_title: String,
    user_id: String,
    screen_width: u16,
    screen_height: u16,
    duration_ms: u32,
    params: String,
    language: String,
    bot_category: String,
    referrer_name: String,
    channel: String,
    isp: String,
    asn: u32,
    hosting: bool,
    address: String,
}

/// Inserts the stored rows once more, as those of another workspace: rows a second.
async fn insert_plainly(client: &clickhouse::Client, rows: u64) -> anyhow::Result<f64> {
    let question = format!("SELECT ?fields FROM events WHERE workspace_id != {PLAIN_WORKSPACE} LIMIT {rows}");
    let rows: Vec<PlainRow> = client.query(&question).fetch_all().await?;
    let began = Instant::now();
    for part in rows.chunks(PLAIN_ROWS) {
        let mut insert = client.insert::<PlainRow>("events").await?;
        for row in part {
            insert.write(&PlainRow { workspace_id: PLAIN_WORKSPACE, ..row.clone() }).await?;
        }
        insert.end().await?;
    }
    Ok(rows.len() as f64 / began.elapsed().as_secs_f64())
}

/// The driver, as the user that may write.
fn client(data: &Path) -> anyhow::Result<clickhouse::Client> {
    let stores: Value = serde_json::from_slice(&std::fs::read(data.join("stores.json"))?)?;
    let url = url::Url::parse(stores["clickhouse"].as_str().context("no clickhouse in stores.json")?)?;
    Ok(clickhouse::Client::default()
        .with_url(format!("http://{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default()))
        .with_user(url.username())
        .with_password(url.password().unwrap_or_default())
        .with_database(url.path().trim_matches('/')))
}

/// Memory of a process that is in use, in megabytes.
fn memory_mb(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no such line")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
