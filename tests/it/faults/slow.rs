//! A thousand clients that send a byte a second: they hold up nobody, cost little memory and are let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::home::{HASTY, Home, PATIENCE};
use super::ledger::Ledger;
use super::load::Load;
use super::process::resident_bytes;

const SLOW: usize = 1_000;
/// What they may cost together.
const MEMORY_BYTES: u64 = 100 << 20;

/// What slow clients begin with, and whether they are told that they took too long: who never finished a request's headers
/// is just let go.
fn beginnings(home: &Home) -> Vec<(String, bool)> {
    let (address, key) = (home.address, home.key());
    let body = |target: &str, headers: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{headers}\
             Content-Length: 90000\r\n\r\n{{"
        )
    };
    vec![
        ("G".to_owned(), false),
        (format!("GET /one HTTP/1.1\r\nHost: {address}\r\nX-Slow: "), false),
        (body("/api/track", ""), true),
        (body("/links", &format!("Authorization: Bearer {key}\r\n")), true),
    ]
}

/// Sends a byte a second until the server ends it; what it answered.
async fn drip(home: std::net::SocketAddr, beginning: String, connected: Arc<AtomicUsize>) -> String {
    let (mut read, mut write) = TcpStream::connect(home).await.unwrap().into_split();
    write.write_all(beginning.as_bytes()).await.unwrap();
    connected.fetch_add(1, Ordering::SeqCst);
    let dripping = tokio::spawn(async move {
        while write.write_all(b"E").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = Vec::new();
    // A reset ends it as well as a close.
    let _ = read.read_to_end(&mut answer).await;
    dripping.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Lets this process have as many files open as it may: each client is one.
fn allow_many_files() {
    // SAFETY: the limits are plain data that outlive the calls.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_clients_hold_up_nobody_and_are_let_go() {
    allow_many_files();
    let flags = ["--header-timeout-secs", "4", "--body-timeout-secs", "4"];
    let home = Home::furnished(&[&HASTY[..], &flags].concat()).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let load = Load::start(&ledger, &home, 4);
    ledger.reach(500).await;
    let before = resident_bytes(server.id());
    let (beginnings, connected) = (beginnings(&home), Arc::new(AtomicUsize::new(0)));
    let mut slow = JoinSet::new();
    for number in 0..SLOW {
        let (beginning, is_told) = beginnings[number % beginnings.len()].clone();
        let dripping = drip(home.address, beginning, Arc::clone(&connected));
        slow.spawn(async move { (dripping.await, is_told) });
    }
    let mut grown = 0;
    let all_let_go = async {
        while let Some(ended) = slow.join_next().await {
            let (answer, is_told) = ended.unwrap();
            assert!(!is_told || answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
    };
    let visits_go_on = async {
        while connected.load(Ordering::SeqCst) < SLOW {
            grown = grown.max(resident_bytes(server.id()).saturating_sub(before));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ledger.reach_more(1_000).await;
        grown = grown.max(resident_bytes(server.id()).saturating_sub(before));
    };
    let both = async { tokio::join!(all_let_go, visits_go_on) };
    tokio::time::timeout(PATIENCE, both).await.expect("slow clients are let go, and visits go on");
    assert!(grown < MEMORY_BYTES, "{grown} bytes more for {SLOW} slow clients");
    load.finish().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert!(server.stop().await.success());
}
