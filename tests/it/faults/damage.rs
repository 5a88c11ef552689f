//! What the spool finds when it is opened is not what was left there: files put back from a copy, torn, with a byte flipped;
//! and events that the store refuses. Each costs at most the events that it touches, and they are named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use linktrail::domain::hit::Hit;
use linktrail::spool::read_set_aside;

use super::home::{HASTY, Home};
use super::ledger::Ledger;
use super::load::Load;
use super::process::{signal, signal_all};
use super::report::Report;
use crate::world::{PROGRAM, clickhouse_client};

/// Bytes before the first record of a segment, and before the payload of a record.
const HEADER: usize = 36;
const HEAD: usize = 16;

/// A life that ends without warning, with events in the spool that the store never saw.
async fn leave_undrained(ledger: &Arc<Ledger>, home: &Home, events: u64) {
    let server = home.start().await;
    let mut load = Load::start(ledger, home, 10);
    load.report(ledger, home, Report::Page);
    load.report(ledger, home, Report::Pages(10));
    ledger.reach_more(300).await;
    signal(server.clickhouse().unwrap(), libc::SIGSTOP);
    ledger.reach_more(events).await;
    signal_all(&server.descendants(), libc::SIGKILL);
    server.kill().await;
    load.finish().await;
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Segments with records, the oldest first.
fn segments(home: &Home) -> Vec<PathBuf> {
    let files = fs::read_dir(home.spool()).unwrap().map(|entry| entry.unwrap());
    let with_records = files.filter(|file| file.metadata().unwrap().len() > HEADER as u64).map(|file| file.path());
    let mut found: Vec<PathBuf> =
        with_records.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    found.sort();
    found
}

/// Where the records of a segment begin, and where the room after them does.
fn records(bytes: &[u8]) -> (Vec<usize>, usize) {
    let mut places = Vec::new();
    let mut at = HEADER;
    while let Some(length) = bytes.get(at..at + 4).filter(|length| **length != [0; 4]) {
        places.push(at);
        at += HEAD + u32::from_le_bytes(length.try_into().unwrap()) as usize;
    }
    (places, at)
}

/// The number of the event in a payload.
fn number(payload: &[u8]) -> u64 {
    let url = Hit::decode(payload).unwrap().url;
    let (_, rest) = url.split_once("?n=").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_put_back_with_an_old_checkpoint_lose_and_double_nothing() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    leave_undrained(&ledger, &home, 900).await;
    let away = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    copy(&home.spool(), away.path());

    // What is stored meanwhile is of later sequences, which the old checkpoint knows nothing of.
    for _ in 0..2 {
        let server = home.start().await;
        let load = Load::of_all_kinds(&ledger, &home, 10);
        ledger.reach_more(500).await;
        load.finish().await;
        ledger.assert_exactly_once(&[&home]).await;
        assert!(server.stop().await.success());
        copy(away.path(), &home.spool());
    }
    let server = home.start().await;
    let load = Load::start(&ledger, &home, 12);
    ledger.reach_more(500).await;
    load.finish().await;
    ledger.assert_exactly_once(&[&home]).await;
    assert!(server.stop().await.success());
    assert!(home.log().contains("is stored already"), "no batch was in doubt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_and_a_flipped_byte_cost_what_they_touch() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    leave_undrained(&ledger, &home, 1_500).await;
    let newest = segments(&home).pop().expect("there are records that the store never saw");
    let mut bytes = fs::read(&newest).unwrap();
    let (places, end) = records(&bytes);
    assert!(places.len() > 1_000, "{} records in the newest segment", places.len());
    let (flipped, next) = (places[places.len() / 2], places[places.len() / 2 + 1]);
    let hurt = number(&bytes[flipped + HEAD..next]);
    let half = bytes[places[0]..places[1]][..HEAD + 9].to_vec();
    bytes[flipped + HEAD + 20] ^= 0x10;
    bytes.truncate(end);
    bytes.extend(half);
    bytes.extend([0; 1_000]);
    fs::write(&newest, &bytes).unwrap();

    let server = home.start().await;
    let found = ledger.compare(&[&home]).await;
    assert_eq!(found.lost, [hurt], "the flipped byte's event, and no other");
    found.assert_sound();
    let (log, name) = (home.log(), newest.file_name().unwrap().to_str().unwrap());
    let tells = |what: &str| log.lines().any(|line| line.contains(name) && line.contains(what));
    assert!(tells("1 records are lost") && tells(&format!("at {flipped}")), "the loss is told");

    // It goes on as if nothing had been, past the torn tail, which is told when it is passed.
    let load = Load::start(&ledger, &home, 4);
    ledger.reach_more(300).await;
    load.finish().await;
    assert_eq!(ledger.compare(&[&home]).await.lost, [hurt]);
    let log = home.log();
    assert!(log.lines().any(|line| line.contains(name) && line.contains("none is missed")), "the torn tail is told");
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_the_store_refuses_are_set_aside_and_named_and_the_rest_goes_on() {
    let home = Home::furnished(&HASTY).await;
    let ledger = Ledger::new();
    let server = home.start().await;
    // A column that cannot be computed for one event in ninety-seven.
    let refusing = "ALTER TABLE events ADD COLUMN picky UInt8 MATERIALIZED \
        toUInt8(if(toUInt64OrZero(extractURLParameter(url, 'n')) % 97 = 0, 'refused', '0'))";
    clickhouse_client(&home.urls().writer).query(refusing).execute().await.unwrap();
    let load = Load::start(&ledger, &home, 8);
    ledger.reach(800).await;
    load.finish().await;
    let found = ledger.compare(&[&home]).await;
    found.assert_each_once();
    assert!(!found.lost.is_empty() && found.lost.iter().all(|number| number % 97 == 0), "{:?}", found.lost);

    let status = Command::new(PROGRAM).args(["spool", "status", "--data-dir"]).arg(home.path()).output().unwrap();
    let (told, log) = (String::from_utf8(status.stdout).unwrap(), home.log());
    let mut kept = BTreeSet::new();
    for file in fs::read_dir(home.spool().join("set-aside")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(told.contains(name), "{name} is not in the status:\n{told}");
        assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(name)), "{name} is not in the log");
        kept.extend(read_set_aside(&path).unwrap().iter().map(|(_, payload)| number(payload)));
    }
    assert!(found.lost.iter().all(|number| kept.contains(number)), "what is not stored is kept");
    assert!(kept.iter().all(|number| number % 97 == 0), "nothing else is");
    assert_eq!(home.metric("ingest_clicks_lost_total", "").await, 0);
    assert!(server.stop().await.success());
}
