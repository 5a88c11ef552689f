//! Redirects while somebody reads a file of all clicks, slowly or as fast as it comes, and while heavy questions are asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::Options;
use crate::queries::ground::{self, Ground};
use crate::queries::store::{Store, User};
use crate::queries::{short, the_largest};
use crate::redirects::{LINKS, SHORT_DOMAIN, slug};
use crate::report::{Chapter, Figure};
use crate::stage::bare::Bare;
use crate::stage::load::{self, CONNECTIONS, Round, drive, warm_up};
use crate::stage::report::median;

/// Links that are visited.
const VISITED: u64 = 1_000;
/// Rounds of each, and how long one is.
const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_secs(4);
/// What a slow reader takes at a time, and how long it then waits: a megabyte a second.
const SIP: usize = 64 << 10;
const REST: Duration = Duration::from_millis(64);
/// Questions about all events of the workspace, which no counts serve; each is asked again and again.
const HEAVY: [&str; 4] = [
    "/analytics?groupBy=count&unique=true&interval=all",
    "/analytics?groupBy=referer_urls&interval=all",
    "/analytics?groupBy=top_urls&interval=all",
    "/analytics?groupBy=cities&interval=all&country=-US",
];
/// All clicks that were made.
const EXPORT: &str = "/api/v1/workspace/1/clicks/export?start=2020-01-01&end=2099-12-31&format=csv";
/// Stored events may stand still so long before they are taken for all that come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What goes on beside the redirects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    SlowExport,
    FastExport,
    Scans,
}

impl Beside {
    const ALL: [Self; 4] = [Self::Nothing, Self::SlowExport, Self::FastExport, Self::Scans];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "redirects alone",
            Self::SlowExport => "redirects, and a CSV export read at 1 MB/s",
            Self::FastExport => "redirects, and CSV exports as fast as they come",
            Self::Scans => "redirects, and four queries at once over all events",
        }
    }
}

/// Something beside the redirects, and what was seen of these.
struct Scene {
    beside: Beside,
    rounds: Vec<Round>,
    /// Of a server that has no part in the work.
    bare: Vec<Round>,
    /// Bytes read, or questions answered.
    done: u64,
}

impl Scene {
    fn new(beside: Beside) -> Self {
        Self { beside, rounds: Vec::new(), bare: Vec::new(), done: 0 }
    }
}

/// Measures the chapter.
///
/// # Errors
/// When a click is lost or doubled.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let ground = the_largest(options).await?;
    let mut chapter = Chapter::new(
        "Under load",
        "Redirects over 64 connections, each backed by a synced click, while the same server answers something heavy. \
         p99 beside that of the redirects alone, in turn, medians of three rounds; and a bare axum server beside the same work.",
    );
    let (server, bare) = (ground.server()?, Bare::start()?);
    let visits = load::requests(&server.address.to_string(), (0..VISITED).map(ground::slug));
    let bare_visits = load::requests(SHORT_DOMAIN, (0..LINKS).map(slug));
    let mut answered = warm_up(server.address, &visits).await?;
    answered += drive(server.address, &[server.process], &visits, TIME / 2).await?.answered;
    let mut scenes: Vec<Scene> = Beside::ALL.iter().map(|&beside| Scene::new(beside)).collect();
    for _ in 0..ROUNDS {
        for scene in &mut scenes {
            let work = Work::start(scene.beside, server.address, &ground.key);
            // It is well under way then.
            tokio::time::sleep(TIME / 8).await;
            work.done.store(0, Ordering::Relaxed);
            let round = drive(server.address, &[server.process], &visits, TIME).await?;
            scene.done += work.done.load(Ordering::Relaxed);
            println!("  {:<52} {:>7.0}/s  p99 {:>6.2} ms", scene.beside.name(), round.rate, round.p99_ms);
            answered += round.answered;
            scene.rounds.push(round);
            // What the work takes from a server that does nothing else.
            scene.bare.push(drive(bare.address, &[bare.process], &bare_visits, TIME / 2).await?);
            work.end()?;
            drained(&ground, answered).await?;
        }
    }
    let middle = |rounds: &[Round], of: fn(&Round) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>());
    let p99_of = |rounds: &[Round]| middle(rounds, |round| round.p99_ms);
    let alone = scenes.first().map(|scene| p99_of(&scene.rounds)).context("no rounds")?;
    for Scene { beside, rounds, bare, done } in &scenes {
        let (rate, p99) = (middle(rounds, |round| round.rate), p99_of(rounds));
        let (p50, cpu_us) = (middle(rounds, |round| round.p50_ms), middle(rounds, |round| round.cpu_us));
        let done = *done as f64 / (ROUNDS as f64 * TIME.as_secs_f64());
        let meanwhile = match beside {
            Beside::Nothing => String::new(),
            Beside::SlowExport | Beside::FastExport => format!(", {:.1} MB/s read", done / 1e6),
            Beside::Scans => format!(", {done:.1} answers/s"),
        };
        let told = format!("p50 {p50:.2} ms, p99 {p99:.2} ms, {rate:.0}/s, {cpu_us:.1} us CPU each{meanwhile}");
        let bare = format!("bare axum p99 {:.2} ms, {:.0}/s", p99_of(bare), middle(bare, |round| round.rate));
        let figure = Figure::new(format!("{}, {}", short(ground.rows()), beside.name())).ours(told);
        chapter.push(match beside {
            Beside::Nothing => figure.beside(bare),
            _ => figure.beside(format!("alone p99 {alone:.2} ms; {bare}")).ratio(p99 / alone),
        });
    }
    let (stored, distinct) = drained(&ground, answered).await?;
    chapter.note(format!(
        "{answered} redirects over {CONNECTIONS} connections, {} clicks lost, {} doubled",
        answered.saturating_sub(distinct),
        stored - distinct
    ));
    chapter.note(format!(
        "the load, the server, its ClickHouse and its Postgres share {} cores: what a scan takes, redirects do not have",
        std::thread::available_parallelism()?
    ));
    ensure!(answered == distinct && stored == distinct, "{answered} redirects, {stored} clicks, {distinct} identities");
    Ok(chapter)
}

/// Waits until so many clicks are stored, or no more come: how many there are, and how many identities they have.
async fn drained(ground: &Ground, expected: u64) -> anyhow::Result<(u64, u64)> {
    let mut store = Store::open(ground.folder(), User::Reader).await?;
    // Those of the ground lie before its end.
    let since =
        format!("workspace_id = 1 AND kind = 'click' AND timestamp >= fromUnixTimestamp64Milli({})", ground.end_ms);
    let (mut last, mut moved) = (0, Instant::now());
    while last < expected && moved.elapsed() < PATIENCE {
        let now = store.number(&format!("SELECT count() FROM events WHERE {since}")).await?;
        if now > last {
            (last, moved) = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let distinct = store.number(&format!("SELECT uniqExact(event_id) FROM events WHERE {since}")).await?;
    Ok((store.number(&format!("SELECT count() FROM events WHERE {since}")).await?, distinct))
}

/// What goes on, on threads of its own.
struct Work {
    stop: Arc<AtomicBool>,
    /// Bytes read, or questions answered.
    done: Arc<AtomicU64>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Work {
    fn start(beside: Beside, address: SocketAddr, key: &str) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let paths: &[&'static str] = match beside {
            Beside::Nothing => &[],
            Beside::SlowExport | Beside::FastExport => &[EXPORT],
            Beside::Scans => &HEAVY,
        };
        let work = |path: &'static str| {
            let (stop, done, key) = (Arc::clone(&stop), Arc::clone(&done), key.to_owned());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let bytes = read(address, path, &key, &stop, |bytes| match beside {
                        Beside::SlowExport => {
                            done.fetch_add(bytes, Ordering::Relaxed);
                            std::thread::sleep(REST);
                        }
                        Beside::FastExport => {
                            done.fetch_add(bytes, Ordering::Relaxed);
                        }
                        Beside::Nothing | Beside::Scans => {}
                    })?;
                    match bytes {
                        // No room: asked again later.
                        None => std::thread::sleep(Duration::from_millis(100)),
                        Some(_) if beside == Beside::Scans => {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Some(_) => {}
                    }
                }
                Ok(())
            })
        };
        let threads = paths.iter().map(|&path| work(path)).collect();
        Self { stop, done, threads }
    }

    fn end(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        }
        Ok(())
    }
}

/// Asks, and reads the answer to its end or until it is to stop; `None` where the server had no room.
fn read(
    address: SocketAddr,
    path: &str,
    key: &str,
    stop: &AtomicBool,
    mut each: impl FnMut(u64),
) -> anyhow::Result<Option<u64>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut buffer, mut bytes, mut refused) = (vec![0; SIP], 0, false);
    while !stop.load(Ordering::Relaxed) {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        if bytes == 0 {
            let head = String::from_utf8_lossy(&buffer[..count.min(12)]).into_owned();
            refused = ["HTTP/1.1 429", "HTTP/1.1 503"].contains(&head.as_str());
            ensure!(refused || head == "HTTP/1.1 200", "{path}: {}", String::from_utf8_lossy(&buffer[..count]));
        }
        bytes += count as u64;
        each(count as u64);
    }
    Ok((!refused).then_some(bytes))
}
