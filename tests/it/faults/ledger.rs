//! The counting: every event has a number, the server's promises are written down here, and at the end ClickHouse is asked
//! what came of them.
//!
//! lost = answered - stored, doubled = stored - distinct, drift = rollup - events. An event whose answer never came may be
//! stored once or not at all.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use linktrail::spool::Status;

use super::audit::Audit;
use super::client::Failure;
use super::home::{Home, PATIENCE};

/// What was asked and answered.
#[derive(Default)]
pub struct Ledger {
    next: AtomicU64,
    answered: Mutex<Vec<u64>>,
    /// How many of each kind.
    kinds: Mutex<BTreeMap<&'static str, usize>>,
    /// Answers that were no promises, by status.
    others: Mutex<BTreeMap<u16, u64>>,
    torn: AtomicU64,
    hung: AtomicU64,
}

impl Ledger {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { next: AtomicU64::new(1), ..Self::default() })
    }

    /// A number that no event has.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that events of a kind were promised to be stored.
    pub fn answer(&self, kind: &'static str, numbers: &[u64]) {
        self.answered.lock().unwrap().extend(numbers);
        *self.kinds.lock().unwrap().entry(kind).or_default() += numbers.len();
    }

    /// Sees that events of so many kinds were promised.
    pub fn assert_kinds(&self, kinds: usize) {
        let found = self.kinds.lock().unwrap();
        assert_eq!(found.len(), kinds, "{found:?}");
    }

    /// Notes an answer that promises nothing.
    pub fn note_status(&self, status: u16) {
        *self.others.lock().unwrap().entry(status).or_default() += 1;
    }

    /// Notes that there was no answer.
    pub fn note_failure(&self, failure: &Failure) {
        match failure {
            Failure::Gone => {}
            Failure::Torn => drop(self.torn.fetch_add(1, Ordering::Relaxed)),
            Failure::Hung => drop(self.hung.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Events that were promised so far.
    pub fn answered(&self) -> u64 {
        self.answered.lock().unwrap().len() as u64
    }

    /// Returns when so many events have been promised.
    pub async fn reach(&self, answered: u64) {
        let (mut moved, mut last) = (Instant::now(), self.answered());
        loop {
            let now = self.answered();
            if now >= answered {
                return;
            }
            if now > last {
                (moved, last) = (Instant::now(), now);
            }
            assert!(moved.elapsed() < PATIENCE, "only {now} of {answered} events were answered, and no more are");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns when so many more events have been promised.
    pub async fn reach_more(&self, more: u64) {
        self.reach(self.answered() + more).await;
    }

    /// Answers that promised nothing: none, unless a test expects some.
    pub fn assert_all_sent_on(&self) {
        let others = self.others.lock().unwrap();
        assert!(others.is_empty(), "answers by status: {others:?}");
        assert_eq!(self.torn.load(Ordering::Relaxed), 0, "answers that ended in the middle");
        assert_eq!(self.hung.load(Ordering::Relaxed), 0, "requests that were never answered");
    }

    /// Waits until nothing is left in the spools, and compares: all must be nothing.
    pub async fn assert_exactly_once(&self, homes: &[&Home]) {
        let found = self.compare(homes).await;
        found.assert_none_lost();
        found.assert_sound();
        self.assert_all_sent_on();
    }

    /// What ClickHouse says, when nothing is left in the spools of `homes`. The first one has the store.
    pub async fn compare(&self, homes: &[&Home]) -> Found {
        let spools: Vec<PathBuf> = homes.iter().map(|home| home.spool()).collect();
        for spool in &spools {
            until_empty(spool).await;
        }
        let audit = Audit::of(&homes[0].urls().reader).await;
        let answered: HashSet<u64> = self.answered.lock().unwrap().iter().copied().collect();
        let asked = self.next.load(Ordering::Relaxed);
        let count = |number: &u64| audit.counts.get(number).copied().unwrap_or_default();
        let mut lost: Vec<u64> = answered.iter().filter(|number| count(number) == 0).copied().collect();
        lost.sort_unstable();
        Found {
            stored: audit.counts.len() as u64,
            lost,
            doubled: audit.counts.keys().filter(|number| count(number) > 1).copied().collect(),
            strange: audit.counts.keys().filter(|number| **number >= asked).copied().collect(),
            set_aside: spools.iter().map(|spool| files(&spool.join("set-aside"))).sum(),
            audit,
        }
    }
}

/// What became of the events.
pub struct Found {
    /// Different numbers.
    pub stored: u64,
    pub lost: Vec<u64>,
    doubled: Vec<u64>,
    /// Numbers that nobody asked for.
    strange: Vec<u64>,
    /// Files of events that the store refused.
    pub set_aside: usize,
    audit: Audit,
}

impl Found {
    /// Everything that was promised is there.
    pub fn assert_none_lost(&self) {
        let lost = &self.lost;
        assert!(lost.is_empty(), "{} events are lost, such as {:?}", lost.len(), &lost[..lost.len().min(5)]);
    }

    /// Whatever was lost, the rest is right.
    pub fn assert_sound(&self) {
        self.assert_each_once();
        assert_eq!(self.audit.wrong_firsts, 0, "visitors without exactly one first click");
        assert_eq!(self.set_aside, 0, "files set aside");
    }

    /// What is there is there once, and all tables agree.
    pub fn assert_each_once(&self) {
        assert_eq!(self.doubled, [0; 0], "doubled");
        assert_eq!(self.strange, [0; 0], "never asked for");
        self.audit.assert_consistent();
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Returns when everything in a spool is stored or set aside. As long as that goes on, it may take its time.
async fn until_empty(folder: &Path) {
    let (mut moved, mut least) = (Instant::now(), u64::MAX);
    loop {
        let status = Status::read(folder).unwrap();
        if status.pending_records == 0 && status.in_flight.is_none() {
            return;
        }
        if status.pending_records < least {
            (moved, least) = (Instant::now(), status.pending_records);
        }
        assert!(moved.elapsed() < PATIENCE, "the spool is not drained: {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
