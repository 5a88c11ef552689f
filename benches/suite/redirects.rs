//! Redirects of the real program beside servers that count nothing; and whether every redirect that was answered is in
//! ClickHouse, once.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::Options;
use crate::report::{Chapter, Figure, number, with_unit};
use crate::stage::api::first_run;
use crate::stage::bare::Bare;
use crate::stage::load::{self, CONNECTIONS, Round, drive, visit_each, warm_up};
use crate::stage::nginx::Nginx;
use crate::stage::process::{Memory, MemoryWatch};
use crate::stage::program::{self, Server};
use crate::stage::report::median;
use crate::stage::store;

/// Links that all are asked for.
pub const LINKS: usize = 10_000;
/// Links that are visited once, after a start.
const COLD_LINKS: usize = 50_000;
/// Links of the default domain, which are visited on the API's host.
const DEFAULT_LINKS: usize = 1_000;
/// The domain of the links.
pub const SHORT_DOMAIN: &str = "go.bench.example";
/// A store that takes nothing more for so long has all that it will get.
const PATIENCE: Duration = Duration::from_secs(30);

/// The slug of a link.
pub fn slug(number: usize) -> String {
    format!("s{number:05}")
}

/// Slugs and targets that the yardsticks know.
pub fn links() -> impl Iterator<Item = (String, String)> {
    (0..LINKS).map(|number| (slug(number), target(number)))
}

fn target(number: usize) -> String {
    format!("https://www.example.com/landing/{number}?utm_source=bench&utm_medium=load")
}

/// One way to be sent on, and its rounds.
struct Contestant {
    name: &'static str,
    address: SocketAddr,
    processes: Vec<u32>,
    requests: Arc<Vec<Vec<u8>>>,
    /// Its redirects are clicks.
    counts: bool,
    rounds: Vec<Round>,
}

impl Contestant {
    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(&self.rounds.iter().map(of).collect::<Vec<_>>())
    }

    /// Round by round, so that what else the machine does weighs on both.
    fn ratio(&self, other: &Self, of: impl Fn(&Round) -> f64) -> f64 {
        median(&self.rounds.iter().zip(&other.rounds).map(|(own, other)| of(own) / of(other)).collect::<Vec<_>>())
    }

    fn compare(&self, what: &str, other: &Self, unit: &str, of: impl Fn(&Round) -> f64) -> Figure {
        let middle = |one: &Self| with_unit(one.median(&of), unit);
        let beside = format!("{} {}", other.name, middle(other));
        Figure::new(what).ours(middle(self)).beside(beside).ratio(self.ratio(other, &of))
    }

    fn rate(&self, what: &str, other: &Self) -> Figure {
        self.compare(what, other, "/s", |round| round.rate)
    }

    fn p99(&self, what: &str, other: &Self) -> Figure {
        self.compare(what, other, "ms", |round| round.p99_ms)
    }
}

/// What is to be in ClickHouse, and what went on.
#[derive(Default)]
struct Ledger {
    answered: u64,
    /// Events a second that were stored after a round, while nothing else went on.
    drained: Vec<f64>,
}

/// How long, how often.
#[derive(Clone, Copy)]
struct Pace {
    rounds: usize,
    time: Duration,
}

/// Measures redirects.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let pace = match options.quick {
        true => Pace { rounds: 3, time: Duration::from_secs(2) },
        false => Pace { rounds: 7, time: Duration::from_secs(3) },
    };
    let folder = tempfile::Builder::new().prefix("redirects-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    let mut chapter = Chapter::new(
        "Redirects",
        format!(
            "{CONNECTIONS} connections, {} links at random; medians of {} rounds of {} s in turn, after one that is not \
             measured; ratios round by round. Processor time of linktrail includes its drain, not its engines.",
            number(LINKS as f64),
            pace.rounds,
            pace.time.as_secs()
        ),
    );
    let bare = Bare::start()?;
    let nginx = Nginx::start(links()).await?;
    if nginx.is_none() {
        chapter.left_out("nginx", "it is not installed");
    }
    let short = load::requests(SHORT_DOMAIN, (0..LINKS).map(slug));
    let mut ledger = Ledger::default();

    synced(data, &mut chapter, (&bare, nginx.as_ref()), &short, pace, &mut ledger).await?;
    behind(data, &mut chapter, &bare, &short, pace, &mut ledger).await?;
    cold(data, &mut chapter, if options.quick { 2 } else { 5 }, &mut ledger).await?;

    let server = Server::start(data, &[])?;
    drained(data, ledger.answered).await?;
    let (stored, distinct): (u64, u64) =
        store::reader(data)?.query_raw("SELECT count(), uniqExact(event_id) FROM events").fetch_one().await?;
    server.stop()?;
    let (lost, doubled) = (ledger.answered.saturating_sub(distinct), stored - distinct);
    let of = format!("{} answered", number(ledger.answered as f64));
    chapter.push(Figure::new("clicks lost").value(lost as f64, "").beside(of).at_most(0.0));
    chapter.push(Figure::new("clicks doubled").value(doubled as f64, "").at_most(0.0));
    if distinct != ledger.answered || doubled > 0 {
        chapter.fail(format!("{} clicks were answered, {distinct} are stored, {doubled} twice", ledger.answered));
    }
    if !ledger.drained.is_empty() {
        let rate = with_unit(median(&ledger.drained), "/s");
        chapter.push(Figure::new("clicks stored once the visits had ended").ours(rate));
    }
    Ok(chapter)
}

/// Every 302 backed by a synced click, as is the default.
async fn synced(
    data: &Path,
    chapter: &mut Chapter,
    (bare, nginx): (&Bare, Option<&Nginx>),
    short: &Arc<Vec<Vec<u8>>>,
    pace: Pace,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    let server = Server::start(data, &[])?;
    let took = make_links(data)?;
    chapter.note(format!("{} links were made by `import links` in {took:.1} s", COLD_LINKS + DEFAULT_LINKS));
    let own_host = load::requests(&server.address.to_string(), (0..DEFAULT_LINKS).map(slug));
    let mut contestants = vec![
        yardstick(bare, short),
        subject("linktrail", &server, short),
        subject("linktrail, API's host", &server, &own_host),
    ];
    contestants.extend(nginx.map(|nginx| Contestant {
        name: "nginx",
        address: nginx.address,
        processes: nginx.processes.clone(),
        requests: Arc::clone(short),
        counts: false,
        rounds: Vec::new(),
    }));
    let watch = MemoryWatch::start(server.process);
    take_turns(data, &mut contestants, pace, ledger).await?;
    let Memory { resident, anonymous, files } = watch.most()?;
    server.stop()?;

    let [bare, own, on_host, rest @ ..] = &contestants[..] else { unreachable!("three at least") };
    chapter.push(own.rate("redirects, each click synced", bare).at_least(0.45));
    if let [nginx] = rest {
        chapter.push(own.rate("redirects, each click synced, and nginx", nginx));
    }
    chapter.push(own.p99("p99, each click synced", bare).at_most(2.0));
    chapter.push(own.compare("p50, each click synced", bare, "ms", |round| round.p50_ms));
    chapter.push(own.compare("processor time of a redirect", bare, "us", |round| round.cpu_us));
    chapter.push(on_host.rate("redirects on the API's host", bare));
    chapter.push(Figure::new("memory at most, all resident").value(resident, "MB").at_most(60.0));
    chapter.push(Figure::new("of it its own (RssAnon)").ours(with_unit(anonymous, "MB")));
    chapter.push(Figure::new("of it mapped files (RssFile)").ours(with_unit(files, "MB")));
    Ok(())
}

/// A 302 that does not wait for the disk.
async fn behind(
    data: &Path,
    chapter: &mut Chapter,
    bare: &Bare,
    short: &Arc<Vec<Vec<u8>>>,
    pace: Pace,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    let server = Server::start(data, &["--sync", "behind"])?;
    let mut contestants = [yardstick(bare, short), subject("--sync behind", &server, short)];
    take_turns(data, &mut contestants, pace, ledger).await?;
    server.stop()?;
    let [bare, own] = &contestants;
    chapter.push(own.rate("redirects, --sync behind", bare).at_least(0.70));
    chapter.push(own.p99("p99, --sync behind", bare));
    Ok(())
}

/// Every slug once after a start, so that each has to be looked up.
async fn cold(data: &Path, chapter: &mut Chapter, rounds: usize, ledger: &mut Ledger) -> anyhow::Result<()> {
    let requests = load::requests(SHORT_DOMAIN, (0..COLD_LINKS).map(slug));
    let (mut rates, mut refused) = (Vec::new(), 0);
    for _ in 0..rounds {
        let server = Server::start(data, &[])?;
        let visits = visit_each(server.address, &requests, CONNECTIONS).await?;
        println!("  cold cache: {:.0}/s, {} refused", visits.rate, visits.refused);
        ledger.answered += visits.answered;
        rates.push(visits.rate);
        refused += visits.refused;
        drained(data, ledger.answered).await?;
        server.stop()?;
    }
    let what = format!("cold cache: each of {} links once", number(COLD_LINKS as f64));
    chapter.push(Figure::new(what).value(median(&rates), "/s").at_least(10_000.0));
    if refused > 0 {
        chapter.note(format!("with a cold cache the server said 503 {refused} times, and was asked again"));
    }
    Ok(())
}

fn yardstick(bare: &Bare, requests: &Arc<Vec<Vec<u8>>>) -> Contestant {
    let (address, processes, requests) = (bare.address, vec![bare.process], Arc::clone(requests));
    Contestant { name: "bare axum", address, processes, requests, counts: false, rounds: Vec::new() }
}

fn subject(name: &'static str, server: &Server, requests: &Arc<Vec<Vec<u8>>>) -> Contestant {
    let (address, processes, requests) = (server.address, vec![server.process], Arc::clone(requests));
    Contestant { name, address, processes, requests, counts: true, rounds: Vec::new() }
}

/// Warms all up, then drives one after the other, round by round, each with nothing left to store from the one before.
async fn take_turns(
    data: &Path,
    contestants: &mut [Contestant],
    pace: Pace,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    for contestant in &mut *contestants {
        let answered = warm_up(contestant.address, &contestant.requests).await?;
        // Once more at full speed: threads, connections and memory are there then.
        let round = drive(contestant.address, &contestant.processes, &contestant.requests, pace.time / 2).await?;
        if contestant.counts {
            ledger.answered += answered + round.answered;
        }
    }
    drained(data, ledger.answered).await?;
    for _ in 0..pace.rounds {
        for contestant in &mut *contestants {
            let round = drive(contestant.address, &contestant.processes, &contestant.requests, pace.time).await?;
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
    let client = store::reader(data)?;
    let began = Instant::now();
    let before = store::count(&client).await?;
    let (mut last, mut moved) = (before, began);
    while last < expected && moved.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = store::count(&client).await?;
        if now > last {
            (last, moved) = (now, Instant::now());
        }
    }
    let secs = (moved - began).as_secs_f64();
    // Less than two batches tells more of the linger than of the drain.
    Ok((last - before > 100_000).then(|| (last - before) as f64 / secs))
}

/// Makes the links; how long it took, in seconds.
fn make_links(data: &Path) -> anyhow::Result<f64> {
    let first = first_run(data)?;
    let default_domain = first["domain"].as_str().context("no domain in first-run.json")?;
    program::run(data, &["domain", "add", SHORT_DOMAIN])?;
    let began = Instant::now();
    import_links(data, SHORT_DOMAIN, COLD_LINKS)?;
    import_links(data, default_domain, DEFAULT_LINKS)?;
    Ok(began.elapsed().as_secs_f64())
}

/// Makes so many links on a domain of the workspace, the first of [`slug`]'s.
pub fn import_links(data: &Path, domain: &str, links: usize) -> anyhow::Result<()> {
    let file = data.join(format!("{}.csv", domain.replace(':', "-")));
    let mut text = String::from("domain,slug,url\n");
    for number in 0..links {
        text.push_str(&format!("{domain},{},{}\n", slug(number), target(number)));
    }
    std::fs::write(&file, text)?;
    program::run(data, &["import", "links", file.to_str().context("the folder's name is no text")?])?;
    Ok(())
}
