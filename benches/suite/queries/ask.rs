//! Asking in turn: the program over HTTP, then ClickHouse by hand, again and again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use super::ground::Ground;
use super::question::Question;
use super::store::{Store, User};
use crate::stage::http::Connection;
use crate::stage::report::{median, quantile};

/// Times that each is asked, after some that are not measured.
const TIMES: usize = 15;
const WARM_UP: usize = 2;
/// Times that each way by hand is tried before the fastest is taken.
const TRIALS: usize = 4;
/// Medians wait for each other no longer than this, once there are a few.
const LONG: Duration = Duration::from_secs(40);
const FEW: usize = 5;
/// How often a question is put again that the program had no room for.
const PATIENCE: u32 = 100;

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Median of the program, in milliseconds.
    pub ours_ms: f64,
    /// Median by hand, in milliseconds.
    pub by_hand_ms: f64,
}

/// The program over one kept connection.
pub struct Asker {
    connection: Connection,
    address: SocketAddr,
    key: String,
    /// How often it said that it had no room.
    pub refused: u64,
}

impl Asker {
    /// Connects with a key.
    pub async fn open(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        Ok(Self { connection: Connection::open(address).await?, address, key: key.to_owned(), refused: 0 })
    }

    /// Asks, and waits where the program has no room. The answer stays in the connection.
    pub async fn ask(&mut self, path: &str) -> anyhow::Result<()> {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n", self.address, self.key);
        for _ in 0..PATIENCE {
            match self.connection.ask(request.as_bytes()).await? {
                200 => return Ok(()),
                429 | 503 => {
                    self.refused += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                status => bail!("{path} was answered with {status}: {}", self.connection.body()?),
            }
        }
        bail!("{path} found no room: {}", self.connection.body()?)
    }

    /// The last answer.
    pub fn body(&self) -> anyhow::Result<String> {
        self.connection.body()
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Asks both in turn and compares their answers.
///
/// # Errors
/// When the answers differ, or there is none.
pub async fn in_turn(ground: &Ground, question: &Question) -> anyhow::Result<Taken> {
    let mut asker = Asker::open(ground.server()?.address, &ground.key).await?;
    let mut store = Store::open(ground.folder(), User::Reader).await?;
    asker.ask(&question.path).await?;
    let answer = asker.body()?;
    let mut best: Option<(f64, Vec<u8>, Vec<Vec<Value>>)> = None;
    for sql in &question.by_hand {
        let request = store.request(sql, "");
        let mut fastest = f64::INFINITY;
        for _ in 0..TRIALS {
            let began = Instant::now();
            store.ask(&request).await.with_context(|| sql.clone())?;
            fastest = fastest.min(ms(began));
            if best.as_ref().is_some_and(|(known, ..)| fastest > 3.0 * known) {
                break;
            }
        }
        let rows = store.rows()?;
        question.check(&answer, &rows).with_context(|| sql.clone())?;
        if best.as_ref().is_none_or(|(known, ..)| fastest < *known) {
            best = Some((fastest, request, rows));
        }
    }
    let (_, request, rows) = best.context("no way by hand")?;
    let then = question.then.as_ref().map(|then| then(&rows)).unwrap_or_default();
    let requests: Vec<Vec<u8>> = [request].into_iter().chain(then.iter().map(|sql| store.request(sql, ""))).collect();
    // A connection that was idle for long may be closed.
    asker = Asker::open(ground.server()?.address, &ground.key).await?;
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for time in 0..WARM_UP + TIMES {
        let before = Instant::now();
        asker.ask(&question.path).await?;
        let own = ms(before);
        let before = Instant::now();
        for request in &requests {
            store.ask(request).await?;
        }
        let other = ms(before);
        if time >= WARM_UP {
            ours.push(own);
            by_hand.push(other);
        }
        if began.elapsed() > LONG && ours.len() >= FEW {
            break;
        }
    }
    Ok(Taken { ours_ms: median(&ours), by_hand_ms: median(&by_hand) })
}

/// What is sent for a question by hand: the first way, and what follows from its rows.
async fn statements(store: &mut Store, question: &Question) -> anyhow::Result<Vec<Vec<u8>>> {
    let sql = question.by_hand.first().context("no way by hand")?;
    let request = store.request(sql, "");
    store.ask(&request).await?;
    let rows = store.rows()?;
    let then = question.then.as_ref().map(|then| then(&rows)).unwrap_or_default();
    Ok([request].into_iter().chain(then.iter().map(|sql| store.request(sql, ""))).collect())
}

/// What many at once saw.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// Half of the answers came within this time, in milliseconds.
    pub p50_ms: f64,
    /// 95 of 100 did.
    pub p95_ms: f64,
    /// Answers a second.
    pub rate: f64,
    /// How often the program said that it had no room.
    pub refused: u64,
}

impl Crowd {
    fn of(took_ms: &[f64], secs: f64, refused: u64) -> Self {
        let rate = took_ms.len() as f64 / secs;
        Self { p50_ms: quantile(took_ms, 0.5), p95_ms: quantile(took_ms, 0.95), rate, refused }
    }
}

/// Users at once, each of whom asks the questions of a list of their own one after the other, so many times over.
pub async fn crowd(ground: &Ground, lists: &[Vec<Question>], times: usize) -> anyhow::Result<(Crowd, Crowd)> {
    let mut asking = tokio::task::JoinSet::new();
    let began = Instant::now();
    for list in lists {
        let paths: Vec<String> = list.iter().map(|question| question.path.clone()).collect();
        let (address, key) = (ground.server()?.address, ground.key.clone());
        asking.spawn(async move {
            let mut asker = Asker::open(address, &key).await?;
            let mut took_ms = Vec::new();
            for path in paths.iter().cycle().take(paths.len() * times) {
                let before = Instant::now();
                asker.ask(path).await?;
                took_ms.push(ms(before));
            }
            anyhow::Ok((took_ms, asker.refused))
        });
    }
    let (mut took_ms, mut refused) = (Vec::new(), 0);
    while let Some(one) = asking.join_next().await {
        let (took, more) = one??;
        took_ms.extend(took);
        refused += more;
    }
    let ours = Crowd::of(&took_ms, began.elapsed().as_secs_f64(), refused);

    let mut lists_by_hand = Vec::new();
    for list in lists {
        let mut store = Store::open(ground.folder(), User::Reader).await?;
        let mut asked = Vec::new();
        for question in list {
            asked.push(statements(&mut store, question).await?);
        }
        lists_by_hand.push(asked);
    }
    let mut asking = tokio::task::JoinSet::new();
    let began = Instant::now();
    for asked in lists_by_hand {
        let mut store = Store::open(ground.folder(), User::Reader).await?;
        asking.spawn(async move {
            let mut took_ms = Vec::new();
            for requests in asked.iter().cycle().take(asked.len() * times) {
                let before = Instant::now();
                for request in requests {
                    store.ask(request).await?;
                }
                took_ms.push(ms(before));
            }
            anyhow::Ok(took_ms)
        });
    }
    let mut took_ms = Vec::new();
    while let Some(one) = asking.join_next().await {
        took_ms.extend(one??);
    }
    Ok((ours, Crowd::of(&took_ms, began.elapsed().as_secs_f64(), 0)))
}
