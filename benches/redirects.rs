//! Redirects of the real program beside a bare axum server that counts nothing, in turn, on the same machine; and whether
//! every redirect that was answered is in ClickHouse, once.
//!
//! `cargo bench --bench redirects` needs the engines (`make engines`); `-- --quick` takes a third of the time. The exit
//! status is 1 when a click was lost or doubled.

#[path = "stage/api.rs"]
mod api;
#[path = "stage/bare.rs"]
mod bare;
#[path = "stage/http.rs"]
mod http;
#[path = "stage/load.rs"]
mod load;
#[path = "stage/program.rs"]
mod program;
#[path = "stage/report.rs"]
mod report;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use api::Api;
use bare::Bare;
use load::{CONNECTIONS, Round, drive, warm_up};
use program::Server;
use report::{Table, median};

/// The program's own, so that the yardstick has what it has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LINKS: usize = 10_000;
/// Links of the default domain, which are visited on the API's host.
const DEFAULT_LINKS: usize = 1_000;
const SHORT_DOMAIN: &str = "go.bench.example";
/// A store that takes nothing more for so long has all that it will get.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let outcome = if has(bare::ARGUMENT) {
        bare::serve((0..LINKS).map(|number| (slug(number), target(number)))).map(|()| true)
    } else {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(anyhow::Error::from)
            .and_then(|runtime| runtime.block_on(compare(has("--quick"))))
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn slug(number: usize) -> String {
    format!("s{number:05}")
}

fn target(number: usize) -> String {
    format!("https://www.example.com/landing/{number}?utm_source=bench&utm_medium=load")
}

/// One way to be sent on, and its rounds.
struct Contestant {
    name: &'static str,
    address: SocketAddr,
    process: u32,
    requests: Arc<Vec<Vec<u8>>>,
    /// Its redirects are clicks.
    counts: bool,
    rounds: Vec<Round>,
}

impl Contestant {
    fn bare(name: &'static str, bare: &Bare, requests: &Arc<Vec<Vec<u8>>>) -> Self {
        let (address, process, requests) = (bare.address, bare.process, Arc::clone(requests));
        Self { name, address, process, requests, counts: false, rounds: Vec::new() }
    }

    fn linktrail(name: &'static str, server: &Server, requests: &Arc<Vec<Vec<u8>>>) -> Self {
        let (address, process, requests) = (server.address, server.process, Arc::clone(requests));
        Self { name, address, process, requests, counts: true, rounds: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(&self.rounds.iter().map(of).collect::<Vec<_>>())
    }
}

/// What is to be in ClickHouse, and what is.
#[derive(Default)]
struct Ledger {
    answered: u64,
    /// Events a second that were stored after a round, while nothing else went on.
    drained: Vec<f64>,
}

async fn compare(quick: bool) -> anyhow::Result<bool> {
    let (rounds, time) = if quick { (2, Duration::from_secs(2)) } else { (5, Duration::from_secs(3)) };
    let folder = tempfile::Builder::new().prefix("redirects-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    let bare = Bare::start()?;
    let mut ledger = Ledger::default();

    let server = Server::start(data, &[])?;
    println!("making {} links ...", LINKS + DEFAULT_LINKS);
    let first: Value = serde_json::from_slice(&std::fs::read(data.join("first-run.json"))?)?;
    let default_domain = first["domain"].as_str().context("no domain in first-run.json")?;
    make_links(data, server.address, &first, default_domain).await?;
    let short = load::requests(SHORT_DOMAIN, (0..LINKS).map(slug));
    let fallback = load::requests(&server.address.to_string(), (0..DEFAULT_LINKS).map(slug));
    let mut synced = [
        Contestant::bare("bare axum", &bare, &short),
        Contestant::linktrail("linktrail", &server, &short),
        Contestant::linktrail("linktrail, API's host", &server, &fallback),
    ];
    take_turns(data, &mut synced, rounds, time, &mut ledger).await?;
    let memory = [memory_mb(server.process, "VmRSS")?, memory_mb(server.process, "VmHWM")?];
    server.stop()?;

    let server = Server::start(data, &["--sync", "behind"])?;
    let mut behind = [
        Contestant::bare("bare axum, again", &bare, &short),
        Contestant::linktrail("linktrail --sync behind", &server, &short),
    ];
    take_turns(data, &mut behind, rounds, time, &mut ledger).await?;
    let (stored, distinct) = stored(data).await?;
    server.stop()?;

    println!("\n{LINKS} links, {CONNECTIONS} connections, medians of {rounds} rounds of {} s\n", time.as_secs());
    let mut table = Table::new(&["", "requests/s", "of bare", "p50 ms", "p99 ms", "server's CPU us each"]);
    for group in [&synced[..], &behind[..]] {
        for contestant in group {
            // Round by round, so that what else the machine does weighs on both.
            let shares: Vec<f64> =
                contestant.rounds.iter().zip(&group[0].rounds).map(|(own, bare)| own.rate / bare.rate).collect();
            table.push(&[
                &contestant.name,
                &format!("{:.0}", contestant.median(|round| round.rate)),
                &format!("{:.0} %", median(&shares) * 100.0),
                &format!("{:.2}", contestant.median(|round| round.p50_ms)),
                &format!("{:.2}", contestant.median(|round| round.p99_ms)),
                &format!("{:.1}", contestant.median(|round| round.cpu_us)),
            ]);
        }
    }
    table.print();
    let answered = ledger.answered;
    let (lost, doubled) = (answered.saturating_sub(distinct), stored - distinct);
    println!("\n  the processor time of linktrail includes its drain, not ClickHouse");
    println!("  clicks: {answered} answered, {distinct} stored: {lost} lost, {doubled} doubled");
    println!("  drain: {:.0} events/s once the visits had ended", median(&ledger.drained));
    println!("  linktrail's memory: {:.0} MB, at most {:.0} MB\n", memory[0], memory[1]);
    Ok(answered == distinct && doubled == 0)
}

/// Warms all up, then drives one after the other, round by round, each with nothing left to store from the one before.
async fn take_turns(
    data: &Path,
    contestants: &mut [Contestant],
    rounds: usize,
    time: Duration,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    for contestant in &mut *contestants {
        let answered = warm_up(contestant.address, &contestant.requests).await?;
        // Once more at full speed: threads, connections and memory are there then.
        let round = drive(contestant.address, contestant.process, &contestant.requests, time / 2).await?;
        if contestant.counts {
            ledger.answered += answered + round.answered;
        }
    }
    drained(data, ledger.answered).await?;
    for _ in 0..rounds {
        for contestant in &mut *contestants {
            let round = drive(contestant.address, contestant.process, &contestant.requests, time).await?;
            println!(
                "  {:<24} {:>7.0}/s  p99 {:>6.2} ms  {:>5.1} us CPU",
                contestant.name, round.rate, round.p99_ms, round.cpu_us
            );
            if contestant.counts {
                ledger.answered += round.answered;
                ledger.drained.extend(drained(data, ledger.answered).await?);
            }
            contestant.rounds.push(round);
        }
    }
    Ok(())
}

/// Waits until so many clicks are stored, or until no more come; how many a second were stored meanwhile, if it took long
/// enough to tell.
async fn drained(data: &Path, expected: u64) -> anyhow::Result<Option<f64>> {
    let began = Instant::now();
    let (before, _) = stored(data).await?;
    let (mut last, mut moved) = (before, began);
    while last < expected && moved.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (now, _) = stored(data).await?;
        if now > last {
            (last, moved) = (now, Instant::now());
        }
    }
    let secs = (moved - began).as_secs_f64();
    // Less than two batches tells more of the linger than of the drain.
    Ok((last - before > 100_000).then(|| (last - before) as f64 / secs))
}

/// How many events ClickHouse has, and how many identities they have.
async fn stored(data: &Path) -> anyhow::Result<(u64, u64)> {
    let stores: Value = serde_json::from_slice(&std::fs::read(data.join("stores.json"))?)?;
    let url = url::Url::parse(stores["reader"].as_str().context("no reader in stores.json")?)?;
    let client = clickhouse::Client::default()
        .with_url(format!("http://{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default()))
        .with_user(url.username())
        .with_password(url.password().unwrap_or_default())
        .with_database(url.path().trim_matches('/'));
    Ok(client.query_raw("SELECT count(), uniqExact(event_id) FROM events").fetch_one().await?)
}

/// Makes the links over the API, many at once.
async fn make_links(data: &Path, address: SocketAddr, first: &Value, default_domain: &str) -> anyhow::Result<()> {
    program::run(data, &["domain", "add", SHORT_DOMAIN])?;
    let key = first["api_key"].as_str().context("no key in first-run.json")?;
    let places: Vec<(String, usize)> = (0..LINKS)
        .map(|number| (SHORT_DOMAIN.to_owned(), number))
        .chain((0..DEFAULT_LINKS).map(|number| (default_domain.to_owned(), number)))
        .collect();
    let mut making = tokio::task::JoinSet::new();
    for places in places.chunks(places.len().div_ceil(16)) {
        let (places, key) = (places.to_vec(), key.to_owned());
        making.spawn(async move {
            let mut api = Api::open(address, &key).await?;
            for (domain, number) in places {
                let link = serde_json::json!({ "domain": domain, "key": slug(number), "url": target(number) });
                api.ask("POST", "/links", &link.to_string()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(made) = making.join_next().await {
        made??;
    }
    Ok(())
}

/// A line of a process's status, in megabytes.
fn memory_mb(process: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).context("no such line")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
