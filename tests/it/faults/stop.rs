//! Told to stop: it ends in order, in time, with nothing left running and nothing lost.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::home::{HASTY, Home, PATIENCE};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{alive, signal};

async fn until_gone(processes: &[u32]) {
    let begun = Instant::now();
    while processes.iter().any(|process| alive(*process)) {
        assert!(begun.elapsed() < PATIENCE, "processes outlive the program");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_is_orderly() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    let processes = server.descendants();
    assert!(processes.len() > 2, "{processes:?}");
    let load = Load::of_all_kinds(&ledger, &home, 12);
    ledger.reach(1_000).await;
    let (status, ()) = tokio::join!(server.stop(), async {
        // Long before it has ended nobody is let in any more.
        while TcpStream::connect(home.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(status.code(), Some(0), "{}", home.log());
    assert!(!processes.iter().any(|process| alive(*process)), "it waits for its engines");
    load.finish().await;

    // The same with everything against it: a frozen store, a request that never ends, visits.
    let server = home.start().await;
    let processes = server.descendants();
    let load = Load::start(&ledger, &home, 4);
    ledger.reach_more(300).await;
    let mut endless = TcpStream::connect(home.address).await.unwrap();
    let head = format!(
        "POST /links HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        home.address,
        home.key()
    );
    endless.write_all(head.as_bytes()).await.unwrap();
    signal(server.clickhouse().unwrap(), libc::SIGSTOP);
    ledger.reach_more(300).await;
    let status = server.stop().await;
    assert_eq!(status.code(), Some(0), "{}", home.log());
    until_gone(&processes).await;
    load.finish().await;

    let server = home.start().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert!(server.stop().await.success());
}
