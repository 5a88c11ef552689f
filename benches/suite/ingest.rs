//! Events of a site over HTTP, one in a body and a hundred, until they are in ClickHouse; and the drain by itself, beside the
//! `clickhouse` crate, which inserts the same rows into the same table.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Options;
use crate::report::{Chapter, Figure, number, with_unit};
use crate::stage::http::Connection;
use crate::stage::load::CONNECTIONS;
use crate::stage::process::{self, Halted, MemoryWatch};
use crate::stage::program::{self, Server};
use crate::stage::report::median;
use crate::stage::{plain, store};

/// Events of a body that holds many.
const BATCH: u64 = 100;
const SITE_HOST: &str = "pages.example";
/// A store that takes nothing more for so long has all that it will get.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows of a plain insert: as many as in a full batch of the drain.
const PLAIN_ROWS: usize = 50_000;

/// The server, and how many events it was sent.
struct Stage {
    server: Server,
    client: clickhouse::Client,
    next: Arc<AtomicU64>,
    /// Rows that the yardstick inserted.
    plain: u64,
}

impl Stage {
    fn sent(&self) -> u64 {
        self.next.load(Ordering::Relaxed) - 1
    }

    /// Events that are stored, without the yardstick's.
    async fn stored(&self) -> anyhow::Result<u64> {
        Ok(store::count(&self.client).await? - self.plain)
    }

    /// Waits until all that was sent is stored: events a second between the first that were and the last.
    async fn drained(&self) -> anyhow::Result<f64> {
        let (total, before) = (self.sent(), self.stored().await?);
        let (mut seen, mut moved) = (before, Instant::now());
        let mut first = None;
        while seen < total {
            ensure!(moved.elapsed() < PATIENCE, "only {seen} of {total} events are stored");
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = self.stored().await?;
            if now > seen {
                (seen, moved) = (now, Instant::now());
                first.get_or_insert((seen, moved));
            }
        }
        Ok(first.map_or(0.0, |(events, since)| (total - events) as f64 / (moved - since).as_secs_f64().max(1e-9)))
    }

    /// Sends bodies of so many events over many connections until a time or a number of events: those that were accepted, a
    /// second.
    async fn send(&self, size: u64, time: Duration, most: u64) -> anyhow::Result<f64> {
        let (before, began) = (self.sent(), Instant::now());
        let mut sending = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (next, last) = (Arc::clone(&self.next), before.saturating_add(most));
            sending.spawn(send(self.server.address, next, size, began + time, last));
        }
        while let Some(one) = sending.join_next().await {
            one??;
        }
        Ok((self.sent() - before) as f64 / began.elapsed().as_secs_f64())
    }

    /// Sends for some time: events accepted a second, and events stored a second until the last one is.
    async fn sustain(&self, size: u64, time: Duration) -> anyhow::Result<(f64, f64)> {
        let (before, began) = (self.sent(), Instant::now());
        let accepted = self.send(size, time, u64::MAX).await?;
        self.drained().await?;
        Ok((accepted, (self.sent() - before) as f64 / began.elapsed().as_secs_f64()))
    }

    /// Halts ClickHouse while so many events are accepted, then lets it go on: those stored a second.
    async fn drain(&self, events: u64) -> anyhow::Result<f64> {
        let halted = Halted::new(process::clickhouse(self.server.process)?)?;
        self.send(BATCH, PATIENCE, events).await?;
        drop(halted);
        self.drained().await
    }

    /// Waits until ClickHouse has nothing to merge.
    async fn quiet(&self) -> anyhow::Result<()> {
        process::quiet(process::clickhouse(self.server.process)?).await
    }
}

/// Measures ingest.
pub async fn run(options: &Options) -> anyhow::Result<Chapter> {
    let (rounds, time, backlog, plain_rows) = match options.quick {
        true => (3, Duration::from_secs(2), 400_000, 200_000),
        false => (5, Duration::from_secs(4), 1_000_000, 400_000),
    };
    let folder = tempfile::Builder::new().prefix("ingest-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path();
    let server = Server::start(data, &[])?;
    program::run(data, &["site", "add", SITE_HOST])?;
    let mut stage = Stage { server, client: store::writer(data)?, next: Arc::new(AtomicU64::new(1)), plain: 0 };
    let watch = MemoryWatch::start(stage.server.process);
    let (mut single, mut batched, mut drains, mut plains) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The first is not measured.
    for round in 0..=rounds {
        let one = stage.sustain(1, time).await?;
        let many = stage.sustain(BATCH, time).await?;
        stage.quiet().await?;
        let drain = stage.drain(backlog).await?;
        stage.quiet().await?;
        let plain = plain::insert(&stage.client, plain::FIRST_WORKSPACE + round, plain_rows, PLAIN_ROWS).await?;
        stage.plain += plain_rows;
        stage.quiet().await?;
        println!(
            "  bodies of 1: {:.0} accepted/s, {:.0} stored/s; of {BATCH}: {:.0}, {:.0}; drain {drain:.0}/s, plain {plain:.0}/s",
            one.0, one.1, many.0, many.1
        );
        if round > 0 {
            single.push(one);
            batched.push(many);
            drains.push(drain);
            plains.push(plain);
        }
    }
    let most = watch.most()?;
    let question = format!(
        "SELECT uniqExact(url), countIf(NOT repeat), count() FROM events WHERE workspace_id < {}",
        plain::FIRST_WORKSPACE
    );
    let (distinct, counted, stored): (u64, u64, u64) = stage.client.query_raw(&question).fetch_one().await?;
    let events = stage.sent();
    stage.server.stop()?;

    let mut chapter = Chapter::new(
        "Ingest",
        format!(
            "`POST /api/track` over {CONNECTIONS} connections; medians of {rounds} rounds of {} s. Stored: from the first \
             request until the last event is in ClickHouse. Drain: ClickHouse stands still while {} events are accepted; \
             measured from its first batch after that to its last, beside the `clickhouse` crate inserting {} of the same \
             rows into the same table, {} in an insert, in turn, with nothing left to merge.",
            time.as_secs(),
            number(backlog as f64),
            number(plain_rows as f64),
            number(PLAIN_ROWS as f64),
        ),
    );
    for (name, rounds) in [("bodies of 1 event", &single), ("bodies of 100 events", &batched)] {
        let middle = |of: fn(&(f64, f64)) -> f64| with_unit(median(&rounds.iter().map(of).collect::<Vec<_>>()), "/s");
        chapter.push(Figure::new(format!("accepted, {name}")).ours(middle(|&(accepted, _)| accepted)));
        chapter.push(Figure::new(format!("stored, {name}")).ours(middle(|&(_, stored)| stored)));
    }
    let ratios: Vec<f64> = drains.iter().zip(&plains).map(|(drain, plain)| drain / plain).collect();
    chapter.push(
        Figure::new("drain, enrichment and all")
            .ours(with_unit(median(&drains), "/s"))
            .beside(format!("clickhouse crate {}", with_unit(median(&plains), "/s")))
            .ratio(median(&ratios))
            .at_least(0.85),
    );
    chapter.push(Figure::new("memory at most, all resident").ours(with_unit(most.resident, "MB")));
    chapter.push(Figure::new("of it its own (RssAnon)").ours(with_unit(most.anonymous, "MB")));
    let of = format!("{} answered", number(events as f64));
    chapter.push(Figure::new("events lost").value(events.saturating_sub(distinct) as f64, "").beside(of).at_most(0.0));
    chapter.push(Figure::new("events doubled").value((stored - distinct) as f64, "").at_most(0.0));
    if [distinct, counted, stored] != [events; 3] {
        chapter.fail(format!(
            "{events} events were answered, {stored} are stored, {distinct} distinct, {counted} counted"
        ));
    }
    Ok(chapter)
}

/// Sends one body after the other; each event has a number and a name of its own.
async fn send(address: SocketAddr, next: Arc<AtomicU64>, size: u64, end: Instant, last: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    while Instant::now() < end && next.load(Ordering::Relaxed) <= last {
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
