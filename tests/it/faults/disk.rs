//! No room for what is collected, on the disk or in the spool, and room again: visitors are sent on, what could not be
//! recorded is told, and everything works again by itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::home::{HASTY, Home, PATIENCE, SITE_HOST, Server};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{limit_files, signal};

const LOST: &str = "ingest_clicks_lost_total";
/// Room for all that these tests let wait.
const DISK_BYTES: u64 = 4 << 20;

/// How a disk becomes full.
enum Fullness {
    /// It is a small one, and a file takes the rest of it.
    Ballast(PathBuf),
    /// The kernel lets the program write no file beyond a length.
    Limit(u32),
}

impl Fullness {
    fn begin(&self) {
        match self {
            Self::Ballast(file) => fill(file),
            Self::Limit(process) => limit_files(*process, Some(20_000)),
        }
    }

    fn end(&self) {
        match self {
            Self::Ballast(file) => fs::remove_file(file).unwrap(),
            Self::Limit(process) => limit_files(*process, None),
        }
    }
}

/// Writes until nothing more goes in.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut size = 1 << 16;
    while size > 0 {
        match file.write(&vec![1; size]) {
            Ok(1..) => {}
            Ok(0) | Err(_) => size /= 2,
        }
    }
}

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

/// Where this machine lets nobody have a small disk, the other way must do: one of the two there is everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_clicks_but_no_visitor() {
    let mut home = Home::furnished(&HASTY).await;
    let has_small_disk = home.put_spool_on_small_disk(DISK_BYTES).await;
    let server = home.start().await;
    let fullness =
        if has_small_disk { Fullness::Ballast(home.spool().join("ballast")) } else { Fullness::Limit(server.id()) };
    fill_and_free(&home, server, &fullness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_costs_clicks_but_no_visitor() {
    let home = Home::furnished(&HASTY).await;
    let server = home.start().await;
    let fullness = Fullness::Limit(server.id());
    fill_and_free(&home, server, &fullness).await;
}

/// Whether a pageview is refused so that its sender comes again; it is accepted when a segment was just deleted.
async fn is_refused(home: &Home) -> bool {
    let page = json!({ "site_id": 1, "type": "pageview", "hostname": SITE_HOST, "pathname": "/" });
    let answer = home.call("POST", "/api/track", Some(&page)).await;
    assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.body);
    answer.status == 503 && answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok())
}

async fn fill_and_free(home: &Home, server: Server, fullness: &Fullness) {
    let ledger: Arc<Ledger> = Ledger::new();
    let load = Load::start(&ledger, home, 8);
    for _ in 0..2 {
        ledger.reach_more(300).await;
        let before = home.metric(LOST, "spool_unavailable").await;
        fullness.begin();
        let begun = Instant::now();
        let mut refused = false;
        while !refused || home.metric(LOST, "spool_unavailable").await < before + 50 {
            assert!(begun.elapsed() < PATIENCE, "no loss is told");
            refused |= is_refused(home).await;
            ledger.reach_more(20).await;
        }
        fullness.end();
        until_recorded(home, &ledger).await;
    }
    load.finish().await;
    let found = ledger.compare(&[home]).await;
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
