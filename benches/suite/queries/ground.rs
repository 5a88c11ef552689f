//! The data that questions are asked of: a year of events of 100 workspaces, the largest of which has a tenth, in a running
//! program's own stores. Made by ClickHouse out of numbers, with all views and projections in place.
//!
//! The sizes are steps of ten of one set of events, so that a folder grows from one to the next.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use linktrail::calendar::Clock;
use serde_json::Value;

use super::store::{Store, User};
use crate::stage::api::first_key;
use crate::stage::process::{clickhouse, cpu_secs};
use crate::stage::program::{self, Server};

/// Makes one part of the rows.
const INSERT: &str = include_str!("events.sql");
/// Links of the largest workspace. They are really made; those of others are only in events.
pub const LINKS: u64 = 2_000;
/// The node that the events say they are from: beyond the numbers that servers take, and identities are positive in 64 bits
/// with a sign, which Postgres has.
const NODE: u16 = 30_000;
/// How far back events go.
const SPAN_MS: i64 = 365 * 86_400_000;
/// Rows that one statement makes.
const ROWS_AT_ONCE: u64 = 4_000_000;
/// Large blocks: what a drain that is far behind would send.
const BLOCKS: &str = "&max_insert_threads=2&max_block_size=65536&min_insert_block_size_rows=1000000\
     &min_insert_block_size_bytes=1000000000&max_insert_block_size=1000000";
/// Merging may take so long after a step.
const PATIENCE: Duration = Duration::from_secs(300);
/// Share of a processor that the store takes when it has nothing to do.
const IDLE: f64 = 0.15;

/// A data folder with events, and the program that serves it.
pub struct Ground {
    folder: PathBuf,
    server: Option<Server>,
    /// Key of the largest workspace.
    pub key: String,
    /// Its first link; the others follow.
    pub first_link: u64,
    /// When the last event happened.
    pub end_ms: i64,
    sizes: Vec<u64>,
    grown: usize,
}

/// The numbers of events up to the largest, each ten times the one before: three, or two where the first of three would have
/// less than `least`.
pub fn sizes(largest: u64, least: u64) -> Vec<u64> {
    let largest = (largest / 100).max(1) * 100;
    [100, 10, 1].map(|part| largest / part).into_iter().filter(|&size| size >= least.min(largest / 10)).collect()
}

impl Ground {
    /// Starts the program on an empty folder below the target folder and makes the links; events come with
    /// [`grow`](Self::grow).
    pub async fn make(name: &str, sizes: Vec<u64>) -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let server = Server::start(&folder, &[])?;
        let key = first_key(&folder)?;
        make_links(&folder)?;
        let first_link = first_link(&folder).await?;
        let end_ms = Clock::system().now_ms();
        Ok(Self { folder, server: Some(server), key, first_link, end_ms, sizes, grown: 0 })
    }

    /// When the first event happened, or before.
    pub fn first_ms(&self) -> i64 {
        self.end_ms - SPAN_MS - 86_400_000
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program.
    pub fn server(&self) -> anyhow::Result<&Server> {
        self.server.as_ref().context("the program was stopped")
    }

    /// Events at the moment.
    pub fn rows(&self) -> u64 {
        self.grown.checked_sub(1).map_or(0, |place| self.sizes[place])
    }

    /// Adds what the next size has more than the one before, and waits until the store has put it in order.
    pub async fn grow(&mut self) -> anyhow::Result<()> {
        let (before, size) = (self.rows(), *self.sizes.get(self.grown).context("there is no larger size")?);
        let largest = *self.sizes.last().context("no sizes")?;
        let stride = largest / size;
        // Those of the smallest size are spread evenly; a larger one has nine between each two of the one before.
        let place = match before {
            0 => format!("number * {stride}"),
            _ => format!("(intDiv(number, 9) * 10 + number % 9 + 1) * {stride}"),
        };
        let mut store = Store::open(&self.folder, User::Writer).await?;
        let began = Instant::now();
        let wanted = size - before;
        let mut first = 0;
        while first < wanted {
            let rows = ROWS_AT_ONCE.min(wanted - first);
            let values = [
                ("{first}", first.to_string()),
                ("{rows}", rows.to_string()),
                ("{place}", place.clone()),
                ("{places}", largest.to_string()),
                ("{node}", NODE.to_string()),
                ("{first_link}", self.first_link.to_string()),
                ("{links}", LINKS.to_string()),
                ("{span_ms}", SPAN_MS.to_string()),
                ("{end_ms}", self.end_ms.to_string()),
            ];
            let sql = values.iter().fold(INSERT.to_owned(), |sql, (name, value)| sql.replace(name, value));
            store.run(&sql, BLOCKS).await.context("cannot make events")?;
            first += rows;
            println!("  {} of {size} events, {:.0} s", before + first, began.elapsed().as_secs_f64());
        }
        self.grown += 1;
        let stored = store.number("SELECT count() FROM events").await?;
        ensure!(stored == size, "{stored} events are stored, not {size}");
        let waited = self.settle().await?;
        println!("  put in order after {:.0} s more; {:.0} MB", waited.as_secs_f64(), self.size_mb()?);
        Ok(())
    }

    /// Waits until the store does nothing by itself any more; how long that took. The reader may not see what is merged,
    /// so it goes by what its process takes of a processor.
    pub async fn settle(&self) -> anyhow::Result<Duration> {
        let store = clickhouse(self.server()?.process)?;
        let began = Instant::now();
        let (mut quiet, mut before) = (0, cpu_secs(store)?);
        while quiet < 2 && began.elapsed() < PATIENCE {
            let since = Instant::now();
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let now = cpu_secs(store)?;
            quiet = if (now - before) / since.elapsed().as_secs_f64() < IDLE { quiet + 1 } else { 0 };
            before = now;
        }
        Ok(began.elapsed())
    }

    /// Bytes on disk of everything, in millions.
    pub fn size_mb(&self) -> anyhow::Result<f64> {
        Ok(size_of(&self.folder)? as f64 / 1e6)
    }

    /// Ends the program; the folder stays.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    /// Starts it again.
    pub fn start(&mut self) -> anyhow::Result<()> {
        if self.server.is_none() {
            self.server = Some(Server::start(&self.folder, &[])?);
        }
        Ok(())
    }
}

/// The program ends, and what it kept goes.
impl Drop for Ground {
    fn drop(&mut self) {
        let stopped = self.stop();
        let removed = std::fs::remove_dir_all(&self.folder);
        if let Err(error) = stopped.and(removed.map_err(anyhow::Error::from)) {
            eprintln!("cannot clean up {}: {error:#}", self.folder.display());
        }
    }
}

/// The slug of a link, by its place among the first workspace's.
pub fn slug(place: u64) -> String {
    format!("k{place}")
}

fn make_links(folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("links.csv");
    let mut text = "slug,url,title\n".to_owned();
    for place in 0..LINKS {
        text.push_str(&format!("{},https://www.example.com/landing/{place},Link {place}\n", slug(place)));
    }
    std::fs::write(&file, text)?;
    let path = file.to_str().context("the target folder's name is not UTF-8")?;
    // One row after the other, so that the links' numbers follow each other as their slugs do.
    program::run(folder, &["import", "links", path, "--on-conflict", "fail"])?;
    std::fs::remove_file(file)?;
    Ok(())
}

/// The number of the first of the links, which must be there without a gap.
async fn first_link(folder: &Path) -> anyhow::Result<u64> {
    let postgres = postgres(folder).await?;
    let row = postgres.query_one("SELECT min(id), max(id), count(*) FROM link WHERE workspace_id = 1", &[]).await?;
    let (first, last, count): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let (first, count) = (u64::try_from(first)?, u64::try_from(count)?);
    ensure!(count == LINKS && u64::try_from(last)? == first + LINKS - 1, "{count} links from {first} to {last}");
    Ok(first)
}

/// The catalog of a running program.
pub async fn postgres(folder: &Path) -> anyhow::Result<tokio_postgres::Client> {
    let stores: Value = serde_json::from_slice(&std::fs::read(folder.join("stores.json"))?)?;
    let url = stores["database"].as_str().context("no database in stores.json")?;
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn size_of(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // What is merged meanwhile goes away.
        let Ok(about) = entry.metadata() else { continue };
        bytes += if about.is_dir() { size_of(&entry.path()).unwrap_or(0) } else { about.len() };
    }
    Ok(bytes)
}
