//! The whole way from a hit to a stored event, against a store and a disk that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use super::fake::{FakeStore, Faults};
use super::{Drain, DrainOptions, Ingest, Refused};
use crate::calendar::clock::Clock;
use crate::domain::click_id::EventId;
use crate::domain::event::{Event, Referrer};
use crate::domain::hit::{Hit, Trigger};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::spool::model::ModelDisk;
use crate::spool::{Options, Reader, aside};

const NODE: u16 = 3;
/// 2026-03-01T00:00:00Z
const MARCH_MS: i64 = 1_772_323_200_000;
const NOW_MS: i64 = MARCH_MS + 86_400_000;

fn hit(number: u64, at_ms: i64, visitor: u64, url: &str) -> Hit {
    Hit {
        at_ms,
        workspace: WorkspaceId(1),
        link: LinkId(7),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: visitor.to_string(),
        referrer: number.to_string(),
        url: url.to_owned(),
        trigger: Trigger::Link,
        repeat_window_secs: 60,
        ..Hit::default()
    }
}

fn enrich(hits: Vec<(EventId, Hit)>) -> Vec<Event> {
    let event = |(id, hit): (EventId, Hit)| {
        assert_ne!(hit.url, "panic", "the enrichment chokes");
        Event {
            workspace: hit.workspace,
            at_ms: hit.at_ms,
            id,
            link: hit.link,
            visitor: hit.user_agent.parse().unwrap_or(0),
            trigger: hit.trigger,
            referrer: Referrer { host: hit.referrer, ..Referrer::default() },
            url: hit.url,
            ..Event::default()
        }
    };
    hits.into_iter().map(event).collect()
}

fn options(batch_rows: usize) -> DrainOptions {
    let short = Duration::from_millis(1);
    DrainOptions {
        batch_rows,
        linger: short,
        first_pause: short,
        longest_pause: short,
        stop_pause: short,
        ..DrainOptions::default()
    }
}

type Enrich = fn(Vec<(EventId, Hit)>) -> Vec<Event>;

fn open(disk: &ModelDisk) -> (Ingest, Reader) {
    open_with(disk, 700)
}

fn open_with(disk: &ModelDisk, segment_bytes: u64) -> (Ingest, Reader) {
    let spool = Options { disk: Arc::new(disk.clone()), segment_bytes, ..Options::new("spool") };
    Ingest::with_options(spool, NODE).unwrap()
}

fn drain(ingest: &Ingest, reader: Reader, store: &Arc<FakeStore>, batch_rows: usize) -> Drain<FakeStore, Enrich> {
    Drain::new(ingest.clone(), reader, store.clone(), enrich, Clock::fixed(NOW_MS), options(batch_rows))
}

/// Runs a drain until everything recorded is stored.
async fn run_until_flushed(ingest: &Ingest, reader: Reader, store: &Arc<FakeStore>, batch_rows: usize) {
    let shutdown = CancellationToken::new();
    let running = drain(ingest, reader, store, batch_rows).run(shutdown.clone());
    let flushed = async {
        ingest.flushed().await;
        shutdown.cancel();
    };
    tokio::join!(running, flushed);
}

/// Lets a future make so many steps and drops it then, wherever it stands.
async fn for_steps(work: impl Future<Output = ()>, mut steps: u32) {
    let mut work = Box::pin(work);
    let stepping = std::future::poll_fn(|context| {
        if steps == 0 {
            return Poll::Ready(());
        }
        steps -= 1;
        work.as_mut().poll(context)
    });
    tokio::select! {
        () = stepping => {}
        // Idle: nothing would happen any more.
        () = tokio::time::sleep(Duration::from_millis(10)) => {}
    }
}

fn set_aside(disk: &ModelDisk) -> BTreeSet<u64> {
    let files = disk.paths().into_iter().filter(|path| path.parent() == Some(Path::new("spool/set-aside")));
    let whole = files.filter(|path| path.extension().is_some_and(|extension| extension == "seg"));
    whole.flat_map(|path| aside::read(disk, &path).unwrap()).map(|(sequence, _)| sequence).collect()
}

fn check_repeats(events: &BTreeMap<EventId, Event>) {
    let mut firsts: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for event in events.values() {
        let firsts = firsts.entry(event.visitor).or_default();
        let repeat = firsts.iter().any(|at_ms| (at_ms - event.at_ms).abs() < 60_000);
        assert_eq!(event.repeat, repeat, "{:?} at {}", event.id, event.at_ms);
        if !repeat {
            firsts.push(event.at_ms);
        }
    }
}

#[derive(Clone, Debug)]
struct Life {
    hits: Vec<(i64, u64, bool)>,
    steps: u32,
    faults: Faults,
    power_cut: bool,
    seed: u64,
}

fn any_life() -> impl Strategy<Value = Life> {
    let hit = (-25_000i64..40_000, 0u64..3, prop::bool::weighted(0.05));
    let faults = (0u64..40, 0u64..40, prop_oneof![4 => Just(0u64), 1 => 0u64..40], 0u64..60, 0u64..30)
        .prop_map(|(before, after, torn, forgets, odd)| Faults { before, after, torn, forgets, odd });
    (prop::collection::vec(hit, 0..25), 0u32..60, faults, any::<bool>(), any::<u64>())
        .prop_map(|(hits, steps, faults, power_cut, seed)| Life { hits, steps, faults, power_cut, seed })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// The process dies at any step, the store fails in any way: every hit that was answered is stored once or set aside,
    /// no identity twice, and the repeat flags are as if nothing had happened.
    #[test]
    fn exactly_once_whatever_dies(lives in prop::collection::vec(any_life(), 1..5), batch_rows in 1usize..12) {
        let disk = ModelDisk::default();
        let store = Arc::new(FakeStore::new(lives[0].seed));
        let mut answered: BTreeMap<u64, u64> = BTreeMap::new();
        let mut bad: BTreeSet<u64> = BTreeSet::new();
        let (mut number, mut at_ms) = (0, MARCH_MS - 100_000);
        for life in lives {
            let runtime = Builder::new_current_thread().enable_time().build().unwrap();
            let (ingest, reader) = open(&disk);
            store.state().faults = life.faults;
            runtime.block_on(async {
                let collecting = async {
                    for (later_ms, visitor, refused) in life.hits {
                        number += 1;
                        at_ms += later_ms;
                        // What is set aside must not matter for others.
                        let visitor = if refused { 1_000 + number } else { visitor };
                        let recorded = ingest.record(&hit(number, at_ms, visitor, if refused { "bad" } else { "" })).unwrap();
                        if refused {
                            bad.insert(recorded.id().sequence());
                        }
                        recorded.synced().await.unwrap();
                        answered.insert(recorded.id().sequence(), number);
                    }
                };
                let running = drain(&ingest, reader, &store, batch_rows).run(CancellationToken::new());
                tokio::join!(collecting, for_steps(running, life.steps));
            });
            if life.power_cut {
                disk.power_off_after(0);
            }
            // Blocking work that has begun ends here.
            drop(runtime);
            drop(ingest);
            if life.power_cut {
                disk.crash(life.seed);
            }
        }
        store.state().faults = Faults { forgets: 50, ..Faults::default() };
        let (ingest, reader) = open(&disk);
        Builder::new_current_thread().enable_time().build().unwrap()
            .block_on(run_until_flushed(&ingest, reader, &store, batch_rows));

        let state = store.state();
        prop_assert_eq!(&state.doubled, &vec![]);
        let aside = set_aside(&disk);
        for (sequence, number) in answered {
            if bad.contains(&sequence) {
                prop_assert!(aside.contains(&sequence), "{} was refused and is not set aside", sequence);
            } else {
                let event = state.events.get(&EventId::new(NODE, sequence));
                prop_assert_eq!(event.map(|event| event.referrer.host.clone()), Some(number.to_string()));
            }
        }
        prop_assert!(aside.is_subset(&bad));
        prop_assert_eq!(ingest.spool().stats().pending_records, 0);
        check_repeats(&state.events);
        prop_assert!(state.tokens.len() <= state.inserts.len());
    }
}

#[tokio::test]
async fn what_was_stored_under_a_clock_that_was_ahead_is_known_after_a_restart() {
    let (disk, store) = (ModelDisk::default(), Arc::new(FakeStore::default()));
    let ahead_ms = NOW_MS + 5 * 3_600_000;
    let lives = [vec![hit(1, ahead_ms, 1, "")], vec![hit(2, NOW_MS - 1, 2, ""), hit(3, ahead_ms + 1, 1, "")]];
    for hits in lives {
        let (ingest, reader) = open(&disk);
        for hit in hits {
            ingest.record(&hit).unwrap().synced().await.unwrap();
        }
        run_until_flushed(&ingest, reader, &store, 1).await;
    }
    check_repeats(&store.state().events);
}

#[tokio::test]
async fn a_folder_put_back_from_a_copy_doubles_and_loses_nothing() {
    let (disk, store) = (ModelDisk::default(), Arc::new(FakeStore::default()));
    let (ingest, reader) = open(&disk);
    let hits: Vec<Hit> = (0..60).map(|number| hit(number, MARCH_MS, number * 7 % 30, "")).collect();
    ingest.record_many(&hits[..20]).await.unwrap();
    let copy: Vec<_> = disk.paths().into_iter().map(|path| (disk.bytes(&path), path)).collect();
    drop((ingest, reader));
    for (some, batch_rows) in [(&hits[20..40], 7), (&hits[40..], 9), (&hits[..0], 11)] {
        let known_to_store = store.state().events.keys().last().map_or(0, |id| id.sequence());
        let spool = Options { disk: Arc::new(disk.clone()), known_to_store, ..Options::new("spool") };
        let (ingest, reader) = Ingest::with_options(spool, NODE).unwrap();
        ingest.record_many(some).await.unwrap();
        // Cut otherwise than before.
        run_until_flushed(&ingest, reader, &store, batch_rows).await;
        drop(ingest);
        for (bytes, path) in &copy {
            disk.put(path, bytes.clone());
        }
    }
    let state = store.state();
    let numbers: BTreeSet<&str> = state.events.values().map(|event| event.referrer.host.as_str()).collect();
    assert_eq!((state.events.len(), numbers.len(), state.doubled.len()), (60, 60, 0));
    check_repeats(&state.events);
}

#[tokio::test]
async fn months_are_inserted_apart_under_tokens_of_their_own() {
    let store = Arc::new(FakeStore::default());
    let (ingest, reader) = open(&ModelDisk::default());
    let hits: Vec<Hit> = [-2, -1, 0, -3, 1]
        .into_iter()
        .zip(1..)
        .map(|(minutes, number)| hit(number, MARCH_MS + minutes * 60_000, number, ""))
        .collect();
    ingest.record_many(&hits).await.unwrap();
    run_until_flushed(&ingest, reader, &store, 100).await;
    let inserts = store.state().inserts.clone();
    assert_eq!(inserts, [("lt-3-1-4-202602".to_owned(), 3), ("lt-3-3-5-202603".to_owned(), 2)]);
}

#[tokio::test]
async fn what_nobody_can_use_is_set_aside_and_the_rest_goes_on() {
    let disk = ModelDisk::default();
    let store = Arc::new(FakeStore::default());
    let (ingest, reader) = open(&disk);
    let mut aside = BTreeSet::new();
    for number in 1..=40 {
        let url = match number {
            7 => "bad",
            20 => "panic",
            _ => "",
        };
        let id = ingest.record(&hit(number, MARCH_MS, number, url)).unwrap().id();
        if !url.is_empty() {
            aside.insert(id.sequence());
        }
        if number == 30 {
            aside.insert(ingest.spool().append(b"\xFFno hit").unwrap().sequence());
        }
    }
    run_until_flushed(&ingest, reader, &store, 100).await;
    assert_eq!(set_aside(&disk), aside);
    assert_eq!(store.state().events.len(), 38);
    let mut names: Vec<PathBuf> = disk.paths();
    names.retain(|path| path.starts_with("spool/set-aside"));
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test]
async fn a_store_that_refuses_everything_is_not_asked_for_ever() {
    let disk = ModelDisk::default();
    let store = Arc::new(FakeStore::default());
    let (ingest, reader) = open(&disk);
    let hits: Vec<Hit> = (0..2_000).map(|number| hit(number, MARCH_MS, number, "bad")).collect();
    ingest.record_many(&hits).await.unwrap();
    run_until_flushed(&ingest, reader, &store, 5_000).await;
    assert_eq!(set_aside(&disk).len(), 2_000);
    let asked = store.state().inserts.len();
    assert!(asked < 1_000, "{asked} inserts");
}

#[tokio::test]
async fn a_full_spool_refuses_and_takes_again_once_the_store_is_back() {
    let store = Arc::new(FakeStore::default());
    store.state().down = true;
    let spool = Options { disk: Arc::new(ModelDisk::default()), max_bytes: 8_000, ..Options::new("spool") };
    let (ingest, reader) = Ingest::with_options(spool, NODE).unwrap();
    let shutdown = CancellationToken::new();
    let running = drain(&ingest, reader, &store, 10).run(shutdown.clone());
    let visits = async {
        let mut taken = 0;
        let refused = loop {
            match ingest.record(&hit(taken, MARCH_MS, taken, "")) {
                Ok(recorded) => recorded.synced().await.unwrap(),
                Err(refused) => break refused,
            }
            taken += 1;
        };
        assert_eq!(refused, Refused::Full);
        assert!(taken > 20, "{taken}");
        store.state().down = false;
        // Bulk waits instead.
        let more: Vec<Hit> = (0..300).map(|number| hit(number, MARCH_MS, number, "")).collect();
        for some in more.chunks(20) {
            ingest.record_many(some).await.unwrap();
        }
        ingest.flushed().await;
        shutdown.cancel();
        taken as usize + more.len()
    };
    let ((), taken) = tokio::join!(running, visits);
    let state = store.state();
    assert_eq!((state.events.len(), state.doubled.len()), (taken, 0));
}

#[tokio::test]
async fn a_lost_checkpoint_doubles_nothing() {
    let disk = ModelDisk::default();
    let store = Arc::new(FakeStore::default());
    let (ingest, reader) = open_with(&disk, 1 << 20);
    let hits: Vec<Hit> = (0..30).map(|number| hit(number, MARCH_MS, number, "")).collect();
    ingest.record_many(&hits[..20]).await.unwrap();
    run_until_flushed(&ingest, reader, &store, 7).await;
    ingest.record_many(&hits[20..]).await.unwrap();
    drop(ingest);
    disk.put(Path::new("spool/checkpoint"), None);
    store.state().tokens.clear();

    let (ingest, reader) = open(&disk);
    assert!(ingest.spool().stats().pending_records > 10, "some stored records are read again");
    run_until_flushed(&ingest, reader, &store, 9).await;
    let state = store.state();
    assert_eq!((state.events.len(), state.doubled.len()), (30, 0));
    assert!(!state.reconciled.is_empty());
}

#[tokio::test]
async fn an_end_in_good_order_leaves_an_empty_spool() {
    let disk = ModelDisk::default();
    let store = Arc::new(FakeStore::default());
    let (ingest, reader) = open(&disk);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(drain(&ingest, reader, &store, 10).run(shutdown.clone()));
    let hits: Vec<Hit> = (0..95).map(|number| hit(number, MARCH_MS, number, "")).collect();
    ingest.record_many(&hits).await.unwrap();
    let spool = ingest.spool().clone();
    tokio::task::spawn_blocking(move || spool.close()).await.unwrap();
    assert_eq!(ingest.record(&hits[0]).err(), Some(Refused::Unavailable));
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(store.state().events.len(), 95);
    let segments: Vec<PathBuf> = disk.paths().into_iter().filter(|path| path.extension().is_some()).collect();
    assert!(segments.is_empty(), "{segments:?}");
}

#[tokio::test]
async fn what_cannot_be_stored_in_time_waits_for_the_next_start() {
    let disk = ModelDisk::default();
    let store = Arc::new(FakeStore::default());
    store.state().down = true;
    let (ingest, reader) = open(&disk);
    ingest.record(&hit(1, MARCH_MS, 1, "")).unwrap().synced().await.unwrap();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let soon = DrainOptions { stop_within: Duration::from_millis(20), ..options(10) };
    Drain::new(ingest.clone(), reader, store.clone(), enrich, Clock::fixed(NOW_MS), soon).run(shutdown).await;
    drop(ingest);
    store.state().down = false;
    let (ingest, reader) = open(&disk);
    run_until_flushed(&ingest, reader, &store, 10).await;
    assert_eq!(store.state().events.len(), 1);
}
