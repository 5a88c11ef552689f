//! The load: connections that each ask for a random slug, wait for the answer, and ask again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;

use super::http::Connection;
use super::process::cpu_secs;
use super::report::quantile;

/// Connections at once.
pub const CONNECTIONS: usize = 64;
/// Connections at once while caches are filled.
const WARMING: usize = 8;

/// What a round showed.
#[derive(Clone, Debug)]
pub struct Round {
    /// Redirects answered.
    pub answered: u64,
    /// Redirects a second.
    pub rate: f64,
    /// Half were answered within this time, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
    /// What the server's processes took of a processor for each, in microseconds.
    pub cpu_us: f64,
}

/// The requests for these slugs on a host: what a browser sends, at its shortest, from many addresses.
pub fn requests(host: &str, slugs: impl Iterator<Item = String>) -> Arc<Vec<Vec<u8>>> {
    let request = |(number, slug): (usize, String)| {
        let [_, _, high, low] = (number as u32).to_be_bytes();
        format!(
            "GET /{slug} HTTP/1.1\r\nhost: {host}\r\nuser-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
             AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\naccept: text/html\r\n\
             x-forwarded-for: 81.{high}.{low}.7\r\nreferer: https://www.example.org/\r\n\r\n"
        )
        .into_bytes()
    };
    Arc::new(slugs.enumerate().map(request).collect())
}

/// What asking once for each slug showed.
#[derive(Clone, Copy, Debug)]
pub struct Visits {
    /// Redirects answered, which is all that were asked for.
    pub answered: u64,
    /// Redirects a second.
    pub rate: f64,
    /// Times that the server said 503 first.
    pub refused: u64,
}

/// Asks for every slug once, over so many connections. A server that has just started and has to ask its store may say 503
/// first, and is asked again.
///
/// # Errors
/// When an answer is anything else, or a connection breaks.
pub async fn visit_each(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    connections: usize,
) -> anyhow::Result<Visits> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for (part, mut connection) in opened.into_iter().enumerate() {
        let requests = Arc::clone(requests);
        asking.spawn(async move {
            let mut refused = 0;
            for request in requests.iter().skip(part).step_by(connections) {
                let mut status = connection.ask(request).await?;
                while status == 503 {
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    status = connection.ask(request).await?;
                }
                ensure!(status == 302, "answered with {status}: {}", String::from_utf8_lossy(connection.answer()));
            }
            anyhow::Ok(refused)
        });
    }
    let mut refused = 0;
    while let Some(one) = asking.join_next().await {
        refused += one??;
    }
    let answered = requests.len() as u64;
    Ok(Visits { answered, rate: answered as f64 / began.elapsed().as_secs_f64(), refused })
}

/// Asks for every slug once, over a few connections, so that caches are filled: how many redirects were answered.
///
/// # Errors
/// When an answer is none of those, or a connection breaks.
pub async fn warm_up(address: SocketAddr, requests: &Arc<Vec<Vec<u8>>>) -> anyhow::Result<u64> {
    Ok(visit_each(address, requests, WARMING).await?.answered)
}

/// Drives a server, which is these processes, for some time. Every request that was sent is answered when this returns.
///
/// # Errors
/// When an answer is no 302, or a connection breaks.
pub async fn drive(
    address: SocketAddr,
    processes: &[u32],
    requests: &Arc<Vec<Vec<u8>>>,
    time: Duration,
) -> anyhow::Result<Round> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let cpu_before = cpu_of(processes)?;
    let began = Instant::now();
    let end = began + time;
    let mut asking = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        asking.spawn(ask(connection, Arc::clone(requests), number as u64, end));
    }
    let mut took_ms = Vec::new();
    while let Some(one) = asking.join_next().await {
        took_ms.extend(one??);
    }
    let secs = began.elapsed().as_secs_f64();
    let cpu = cpu_of(processes)? - cpu_before;
    let answered = took_ms.len() as u64;
    Ok(Round {
        answered,
        rate: answered as f64 / secs,
        p50_ms: quantile(&took_ms, 0.5),
        p99_ms: quantile(&took_ms, 0.99),
        cpu_us: cpu * 1e6 / answered.max(1) as f64,
    })
}

fn cpu_of(processes: &[u32]) -> anyhow::Result<f64> {
    processes.iter().map(|&process| cpu_secs(process)).sum()
}

async fn ask(
    mut connection: Connection,
    requests: Arc<Vec<Vec<u8>>>,
    seed: u64,
    end: Instant,
) -> anyhow::Result<Vec<f64>> {
    let mut random = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut took_ms = Vec::new();
    let mut before = Instant::now();
    while before < end {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let request = &requests[(random >> 11) as usize % requests.len()];
        let status = connection.ask(request).await?;
        ensure!(status == 302, "answered with {status}: {}", String::from_utf8_lossy(connection.answer()));
        let after = Instant::now();
        took_ms.push((after - before).as_secs_f64() * 1e3);
        before = after;
    }
    Ok(took_ms)
}
