//! No room and no hurry: a full spool, a disk that takes nothing, clients that never finish. Visitors are sent on
//! whatever happens, and what could not be recorded is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::home::{HASTY, Home, PATIENCE};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{limit_files, resident_bytes, signal};

const LOST: &str = "ingest_clicks_lost_total";

/// Returns when visits are recorded again: a hundred in a row without a further loss.
async fn until_recorded(home: &Home, ledger: &Ledger) {
    let begun = Instant::now();
    loop {
        let before = home.metric(LOST, "").await;
        ledger.reach_more(100).await;
        if home.metric(LOST, "").await == before {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "visits are not recorded again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_costs_clicks_but_no_visitor() {
    let home = Home::furnished(&[&HASTY[..], &["--spool-max-bytes", "200000"]].concat()).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let clickhouse = server.clickhouse().unwrap();
    signal(clickhouse, libc::SIGSTOP);
    let load = Load::start(&ledger, &home, 8);
    let begun = Instant::now();
    while home.metric(LOST, "spool_full").await < 200 {
        assert!(begun.elapsed() < PATIENCE, "the spool never fills");
        ledger.reach_more(50).await;
    }
    signal(clickhouse, libc::SIGCONT);
    until_recorded(&home, &ledger).await;
    load.finish().await;
    let found = ledger.compare(&[&home]).await;
    ledger.assert_all_sent_on();
    found.assert_sound();
    let told = home.metric(LOST, "").await;
    assert_eq!((found.lost.len() as u64, found.stored + told), (told, ledger.answered()), "every loss is told, once");
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_costs_clicks_but_no_visitor() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let load = Load::start(&ledger, &home, 8);
    for bytes in [0, 20_000] {
        ledger.reach_more(300).await;
        limit_files(server.id(), Some(bytes));
        let before = home.metric(LOST, "spool_unavailable").await;
        let begun = Instant::now();
        while home.metric(LOST, "spool_unavailable").await == before {
            assert!(begun.elapsed() < PATIENCE, "no loss is told");
            ledger.reach_more(50).await;
        }
        limit_files(server.id(), None);
        until_recorded(&home, &ledger).await;
    }
    load.finish().await;
    let found = ledger.compare(&[&home]).await;
    ledger.assert_all_sent_on();
    found.assert_sound();
    // What could not be synced may have been stored all the same.
    let told = home.metric(LOST, "").await;
    assert!(!found.lost.is_empty() && found.lost.len() as u64 <= told, "{} lost, {told} told", found.lost.len());
    assert!(server.stop().await.success());
    let server = home.start().await;
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_hold_up_nobody_and_are_let_go() {
    const SLOW: usize = 300;
    let flags = ["--header-timeout-secs", "4", "--body-timeout-secs", "4"];
    let home = Home::furnished(&[&HASTY[..], &flags].concat()).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let load = Load::start(&ledger, &home, 4);
    ledger.reach(500).await;
    let before = resident_bytes(server.id());
    let beginnings = [
        String::new(),
        "GET /one HTTP/1.1\r\nHost: ".to_owned(),
        format!(
            "POST /links HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000000\r\n\r\n{{",
            home.address,
            home.key()
        ),
    ];
    let mut slow = JoinSet::new();
    let connected = Arc::new(AtomicUsize::new(0));
    for number in 0..SLOW {
        let (address, beginning, connected) = (home.address, beginnings[number % 3].clone(), connected.clone());
        slow.spawn(async move {
            let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
            let dripping = tokio::spawn(async move {
                if write.write_all(beginning.as_bytes()).await.is_err() {
                    return;
                }
                connected.fetch_add(1, Ordering::SeqCst);
                // The silent ones stay so.
                while !beginning.is_empty() && write.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                if beginning.is_empty() {
                    std::future::pending::<()>().await;
                }
            });
            let mut answer = Vec::new();
            // A reset ends it as well as a close.
            let _ = read.read_to_end(&mut answer).await;
            dripping.abort();
            (number, String::from_utf8_lossy(&answer).into_owned())
        });
    }
    while connected.load(Ordering::SeqCst) < SLOW {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ledger.reach_more(1_000).await;
    let grown = resident_bytes(server.id()).saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes more for {SLOW} slow clients");
    let all_let_go = async {
        while let Some(ended) = slow.join_next().await {
            let (number, answer) = ended.unwrap();
            assert!(number % 3 != 2 || answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
    };
    tokio::time::timeout(PATIENCE, all_let_go).await.expect("slow clients are let go");
    load.finish().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert!(server.stop().await.success());
}
