//! The counting: every visit has a number, the server's promises are written down here, and at the end ClickHouse is asked
//! what came of them.
//!
//! lost = answered - stored, doubled = stored - distinct, drift = rollup - events. A visit whose answer never came may be
//! stored once or not at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use linktrail::spool::Status;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::{Connection, Failure};
use super::home::{Home, LINKS, PATIENCE};
use crate::world::clickhouse_client;

/// Visitors that come again and again.
const VISITORS: u64 = 300;

/// What was asked and answered.
#[derive(Default)]
pub struct Ledger {
    next: AtomicU64,
    answered: Mutex<Vec<u64>>,
    /// Answers that were no redirects, by status.
    others: Mutex<BTreeMap<u16, u64>>,
    torn: AtomicU64,
    hung: AtomicU64,
}

impl Ledger {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { next: AtomicU64::new(1), ..Self::default() })
    }

    /// Visits that were sent on so far.
    pub fn answered(&self) -> u64 {
        self.answered.lock().unwrap().len() as u64
    }

    /// Returns when so many visits have been sent on.
    pub async fn reach(&self, answered: u64) {
        let begun = Instant::now();
        while self.answered() < answered {
            assert!(begun.elapsed() < PATIENCE, "only {} of {answered} visits were sent on", self.answered());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns when so many more visits have been sent on.
    pub async fn reach_more(&self, more: u64) {
        self.reach(self.answered() + more).await;
    }

    /// Answers that were no redirects: none, unless a test expects some.
    pub fn assert_all_sent_on(&self) {
        let others = self.others.lock().unwrap();
        assert!(others.is_empty(), "answers by status: {others:?}");
        assert_eq!(self.torn.load(Ordering::Relaxed), 0, "answers that ended in the middle");
        assert_eq!(self.hung.load(Ordering::Relaxed), 0, "visits that were never answered");
    }

    /// Waits until nothing is left in the spools, and compares: all four must be nothing.
    pub async fn assert_exactly_once(&self, homes: &[&Home]) {
        let found = self.compare(homes).await;
        let lost = &found.lost;
        assert!(lost.is_empty(), "{} visits are lost, such as {:?}", lost.len(), &lost[..lost.len().min(5)]);
        found.assert_sound();
        self.assert_all_sent_on();
    }

    /// What ClickHouse says, when nothing is left in the spools of `homes`. The first one has the store.
    pub async fn compare(&self, homes: &[&Home]) -> Found {
        for home in homes {
            empty_spool(&home.path().join("spool")).await;
        }
        let reader = clickhouse_client(&homes[0].urls().reader);
        let numbers =
            "SELECT toUInt64OrZero(extractURLParameter(url, 'n')) AS n, count() FROM events WHERE n > 0 GROUP BY n";
        let stored: HashMap<u64, u64> =
            reader.query(numbers).fetch_all::<(u64, u64)>().await.unwrap().into_iter().collect();
        let answered: HashSet<u64> = self.answered.lock().unwrap().iter().copied().collect();
        let asked = self.next.load(Ordering::Relaxed);
        let mut lost: Vec<u64> = answered.iter().filter(|number| !stored.contains_key(number)).copied().collect();
        lost.sort_unstable();
        let doubled = stored.iter().filter(|(_, count)| **count > 1).map(|(number, _)| *number).collect();
        let strange = stored.keys().filter(|number| **number >= asked).copied().collect();
        let drift = "SELECT count() FROM ( \
                SELECT sum(happened) AS happened, sum(counted) AS counted FROM ( \
                    SELECT link_id, toStartOfFifteenMinutes(timestamp) AS slot, bot, repeat, \
                        toUInt16(bitShiftRight(event_id, 48)) AS node, 1 AS happened, 0 AS counted FROM events \
                    UNION ALL SELECT link_id, slot, bot, repeat, node, 0 AS happened, events AS counted FROM events_15m \
                ) GROUP BY link_id, slot, bot, repeat, node HAVING happened != counted)";
        let drift = reader.query(drift).fetch_one::<u64>().await.unwrap();
        let identities = "SELECT toUInt64(count() - uniqExact(event_id)) FROM events";
        let shared_identities = reader.query(identities).fetch_one::<u64>().await.unwrap();
        let firsts = "SELECT count() FROM (SELECT countIf(NOT repeat) AS firsts FROM events \
                GROUP BY link_id, visitor, bitShiftRight(event_id, 48) HAVING firsts != 1)";
        let wrong_firsts = reader.query(firsts).fetch_one::<u64>().await.unwrap();
        let set_aside = homes.iter().map(|home| fs_count(&home.path().join("spool/set-aside"))).sum();
        Found { stored: stored.len() as u64, lost, doubled, strange, drift, shared_identities, wrong_firsts, set_aside }
    }
}

/// What became of the visits.
pub struct Found {
    /// Different numbers.
    pub stored: u64,
    pub lost: Vec<u64>,
    doubled: Vec<u64>,
    /// Numbers that nobody asked for.
    strange: Vec<u64>,
    /// Rows of the rollup that disagree with the events.
    drift: u64,
    /// Events that share an identity.
    shared_identities: u64,
    /// Visitors of a link with no first click, or more than one: the tests are shorter than the window of repeats.
    wrong_firsts: u64,
    /// Files of events that the store refused.
    set_aside: usize,
}

impl Found {
    /// Whatever was lost, the rest is right.
    pub fn assert_sound(&self) {
        assert_eq!(self.doubled, [0; 0], "doubled");
        assert_eq!(self.strange, [0; 0], "never asked for");
        assert_eq!(self.drift, 0, "rows of the rollup that disagree with the events");
        assert_eq!(self.shared_identities, 0, "events that share an identity");
        assert_eq!(self.wrong_firsts, 0, "visitors without exactly one first click");
        assert_eq!(self.set_aside, 0, "files set aside");
    }
}

fn fs_count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

async fn empty_spool(folder: &Path) {
    let begun = Instant::now();
    loop {
        let status = Status::read(folder).unwrap();
        if status.pending_records == 0 && status.in_flight.is_none() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the spool is not drained: {status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Visits without pause, over connections that are made anew when they break.
pub struct Load {
    stop: CancellationToken,
    visitors: JoinSet<()>,
}

impl Load {
    /// Begins.
    pub fn start(ledger: &Arc<Ledger>, home: &Home, connections: usize) -> Self {
        let stop = CancellationToken::new();
        let mut visitors = JoinSet::new();
        for _ in 0..connections {
            let (ledger, address, stop) = (Arc::clone(ledger), home.address, stop.clone());
            visitors.spawn(async move {
                let mut connection = None;
                while !stop.is_cancelled() {
                    let mut open = match connection.take() {
                        Some(open) => open,
                        None => match Connection::open(address).await {
                            Ok(open) => open,
                            Err(_) => {
                                tokio::time::sleep(Duration::from_millis(10)).await;
                                continue;
                            }
                        },
                    };
                    let number = ledger.next.fetch_add(1, Ordering::Relaxed);
                    match open.exchange(&request(number, &address.to_string())).await {
                        Ok((answer, kept)) => {
                            if answer.status == 302 {
                                ledger.answered.lock().unwrap().push(number);
                            } else {
                                *ledger.others.lock().unwrap().entry(answer.status).or_default() += 1;
                            }
                            connection = kept.then_some(open);
                        }
                        Err(Failure::Gone) => {}
                        Err(Failure::Torn) => {
                            ledger.torn.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(Failure::Hung) => {
                            ledger.hung.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        Self { stop, visitors }
    }

    /// Ends when every visit under way is answered.
    pub async fn finish(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.visitors.join_next().await {
            ended.unwrap();
        }
    }
}

fn request(number: u64, host: &str) -> Vec<u8> {
    let slug = LINKS[number as usize % LINKS.len()];
    let visitor = number / 7 % VISITORS;
    format!(
        "GET /{slug}?n={number} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 198.51.{}.{}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n",
        visitor / 200,
        visitor % 200,
    )
    .into_bytes()
}
