//! Killed again and again, at random moments, with traffic going on: after every round each answered event is stored once,
//! and what is derived from the events agrees with them.
//!
//! `LINKTRAIL_FAULT_ROUNDS` says how many rounds each victim has: seven by default, so that there are more than twenty.

use std::time::{Duration, Instant};

use super::home::{HASTY, Home, PATIENCE, Server};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{signal, signal_all};

/// Rounds of each victim, unless the environment says otherwise.
const ROUNDS: usize = 7;
/// Connections with visits; there are others with pageviews, leads and sales.
const VISITS: usize = 8;
const KINDS: usize = 5;

fn rounds() -> usize {
    std::env::var("LINKTRAIL_FAULT_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Less than `longest_ms` from now.
async fn any_moment(longest_ms: u64) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..longest_ms))).await;
}

/// A process that is not `before`, as soon as there is one.
async fn successor(before: u32, find: impl Fn() -> Option<u32>) -> u32 {
    let begun = Instant::now();
    loop {
        match find() {
            Some(process) if process != before => return process,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        assert!(begun.elapsed() < PATIENCE, "nobody took the place of {before}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn linktrail_killed_at_any_moment_loses_and_doubles_nothing() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    let mut server = home.start().await;
    for round in 0..rounds() {
        let load = Load::of_all_kinds(&ledger, &home, VISITS);
        ledger.reach_more(300).await;
        any_moment(300).await;
        // Alone, with its engines, and once more while it starts.
        if round % 3 == 1 {
            signal_all(&server.descendants(), libc::SIGKILL);
        }
        server.kill().await;
        if round % 3 == 2 {
            let starting = home.launch();
            any_moment(1_500).await;
            starting.kill().await;
        }
        server = home.start().await;
        ledger.reach_more(100).await;
        load.finish().await;
        ledger.assert_exactly_once(&[&home]).await;
    }
    ledger.assert_kinds(KINDS);
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_killed_at_any_moment_loses_and_doubles_nothing() {
    let home = Home::furnished(&HASTY).await;
    kill_an_engine(&home, Server::clickhouse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_at_any_moment_loses_and_doubles_nothing() {
    let home = Home::furnished(&HASTY).await;
    kill_an_engine(&home, Server::postgres).await;
}

async fn kill_an_engine(home: &Home, engine: fn(&Server) -> Option<u32>) {
    let ledger = Ledger::new();
    let mut server = home.start().await;
    let mut victim = engine(&server).expect("it runs since the start");
    for round in 0..rounds() {
        if round % 3 == 0 && round > 0 {
            // The pauses before an engine is started again double while it keeps ending, as they should.
            assert!(server.stop().await.success());
            server = home.start().await;
            victim = engine(&server).expect("it runs since the start");
        }
        let load = Load::of_all_kinds(&ledger, home, VISITS);
        ledger.reach_more(300).await;
        any_moment(300).await;
        signal(victim, libc::SIGKILL);
        if round % 3 == 2 {
            // Once more while it starts.
            victim = successor(victim, || engine(&server)).await;
            any_moment(300).await;
            signal(victim, libc::SIGKILL);
        }
        ledger.reach_more(300).await;
        victim = successor(victim, || engine(&server)).await;
        load.finish().await;
        ledger.assert_exactly_once(&[home]).await;
    }
    ledger.assert_kinds(KINDS);
    assert!(server.stop().await.success());
}
