//! Killed without warning: what was answered is stored once.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::home::{HASTY, Home, Server};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{signal, signal_all};

/// More rounds than it takes to meet a batch that was stored and not yet crossed off, unless nothing ever is.
const ROUNDS: u64 = 8;
/// Once with the checkpoint, twice without it.
const LEAST_ROUNDS: u64 = 3;
/// Logged when a batch in doubt was found in the store.
const FOUND: &str = "is stored already";

/// At any moment within the work on a batch.
async fn any_moment() {
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..60))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_killed_at_once_and_a_lost_checkpoint_lose_and_double_nothing() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    for round in 1.. {
        let server = home.start().await;
        if round > LEAST_ROUNDS {
            ledger.assert_exactly_once(&[&home]).await;
            if home.log().contains(FOUND) {
                assert!(server.stop().await.success());
                return;
            }
            assert!(round <= ROUNDS, "no batch was in doubt");
        }
        let load = Load::start(&ledger, &home, 16);
        ledger.reach_more(700).await;
        any_moment().await;
        signal_all(&server.descendants(), libc::SIGKILL);
        server.kill().await;
        load.finish().await;
        if round > 1 {
            fs::remove_file(home.spool().join("checkpoint")).unwrap();
        }
    }
}

/// ClickHouse does not sync its log of tokens, so after a power cut it may accept a batch that it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgot_its_tokens_is_asked_before_a_batch_is_sent_again() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    for round in 1.. {
        let server = home.start().await;
        ledger.assert_exactly_once(&[&home]).await;
        if home.log().contains(FOUND) {
            assert!(server.stop().await.success());
            return;
        }
        assert!(round <= ROUNDS, "no batch was stored without our knowing");
        let load = Load::start(&ledger, &home, 16);
        ledger.reach_more(500).await;
        kill_behind_its_back(server).await;
        load.finish().await;
        assert!(forget_tokens(&home.path().join("clickhouse/data")) > 0, "there are no logs of tokens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_cut_short_at_any_moment_can_be_made_again() {
    let home = Home::empty();
    for longest_ms in [200, 1_000, 3_000, 3_000] {
        let server = home.launch();
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..longest_ms))).await;
        server.kill().await;
    }
    let server = home.start().await;
    let made = home.call("POST", "/links", Some(&json!({ "url": "https://example.com/", "key": "first" }))).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(home.visit("first").await.status, 302);
    assert!(server.stop().await.success());
}

/// Ends the program while ClickHouse finishes what it was sent: the program never hears of it.
async fn kill_behind_its_back(server: Server) {
    any_moment().await;
    signal(server.id(), libc::SIGSTOP);
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.kill().await;
}

/// Removes all logs of tokens below a folder; how many.
fn forget_tokens(folder: &Path) -> usize {
    let mut removed = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            continue;
        }
        if entry.file_name() == "deduplication_logs" {
            fs::remove_dir_all(&path).unwrap();
            removed += 1;
        } else if path.is_dir() {
            removed += forget_tokens(&path);
        }
    }
    removed
}
