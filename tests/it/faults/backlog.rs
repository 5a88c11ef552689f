//! ClickHouse away for the length of 200,000 events, then back.

use std::process::Command;
use std::time::{Duration, Instant};

use super::home::{Home, PATIENCE};
use super::ledger::Ledger;
use super::load::Load;
use super::report::Report;
use crate::world::PROGRAM;

/// Events that are answered while the store is away.
const AWAY: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_thousand_events_wait_for_clickhouse_and_are_stored_once() {
    // The store of a home that is killed is gone: connections are refused until that home starts again.
    let elsewhere = Home::furnished(&[]).await;
    let keeper = elsewhere.start().await;
    let home = Home::furnished_with_clickhouse_of(&elsewhere, &[]).await;
    let server = home.start().await;
    assert!(server.clickhouse().is_none() && server.postgres().is_some(), "only the catalog is its own");
    let ledger = Ledger::new();
    let mut load = Load::start(&ledger, &home, 16);
    for _ in 0..8 {
        load.report(&ledger, &home, Report::Pages(100));
    }
    ledger.reach(1_000).await;
    keeper.kill().await;
    ledger.reach_more(AWAY).await;

    let begun = Instant::now();
    while home.metric("spool_pending_records", "").await < AWAY {
        assert!(begun.elapsed() < PATIENCE, "nobody says that they wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let status = Command::new(PROGRAM).args(["spool", "status", "--data-dir"]).arg(home.path()).output().unwrap();
    let told = String::from_utf8(status.stdout).unwrap();
    assert!(told.lines().any(|line| line.starts_with("pending events")), "{told}");
    assert_eq!(home.call("GET", "/analytics", None).await.status, 503);

    let keeper = elsewhere.start().await;
    ledger.reach_more(1_000).await;
    load.finish().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert_eq!(home.metric("ingest_clicks_lost_total", "").await, 0);
    assert!(server.stop().await.success());
    assert!(keeper.stop().await.success());
}
