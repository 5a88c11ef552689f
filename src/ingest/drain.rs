//! The drain: spool -> batches -> store -> checkpoint. One runs for each spool.
//!
//! What always holds:
//! - Before a batch is sent, the checkpoint says which records it has; after a crash the same batch is cut again, with the
//!   same repeat flags and the same token, and looked up before it is sent.
//! - The checkpoint moves in order, after the store has answered for everything below it.
//! - One batch is being stored while the next is read, decoded, enriched and packed; no more than that is in memory.
//! - Dropping the drain at any moment is as good as a crash: nothing is lost or doubled.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::accept::Ingest;
use super::batch::{Part, Prepared, Preparing};
use super::clicks::LATEST_MS;
use super::deliver::{Delivery, Patience, SpoolAside, blocking};
use super::live::Live;
use super::repeat::{RepeatWindow, Sameness};
use super::store::{Disposition, EventStore, StoreError};
use crate::calendar::clock::Clock;
use crate::config::IngestConfig;
use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::hit::Hit;
use crate::spool::{Batch, Reader, Spool, SpoolError};
use crate::telemetry::name;

/// A batch has no more than these bytes of hits, however few they are.
const BATCH_BYTES: usize = 64 << 20;
/// The store is asked for past clicks in spans of at most this length.
const LEARN_MS: i64 = 86_400_000;
/// How often the size of the spool is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// How the drain works.
#[derive(Clone, Debug)]
pub struct DrainOptions {
    /// Events in a batch at most. Default 50,000.
    pub batch_rows: usize,
    /// How long an event may wait for others. Default 500 ms.
    pub linger: Duration,
    /// After a shutdown began: what is not stored by then is left for the next start. Default 8 s.
    pub stop_within: Duration,
    /// The pause after a first failure; it doubles with each. Default 100 ms.
    pub first_pause: Duration,
    /// The longest pause. Default 5 s.
    pub longest_pause: Duration,
    /// The pause after a failure that nobody understands. Default 30 s.
    pub stop_pause: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self {
            batch_rows: 50_000,
            linger: Duration::from_millis(500),
            stop_within: Duration::from_secs(8),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            stop_pause: Duration::from_secs(30),
        }
    }
}

impl From<&IngestConfig> for DrainOptions {
    fn from(config: &IngestConfig) -> Self {
        Self {
            batch_rows: config.batch_rows as usize,
            linger: Duration::from_millis(config.batch_linger_ms),
            ..Self::default()
        }
    }
}

/// Stores what is in the spool.
pub struct Drain<S, E> {
    ingest: Ingest,
    reader: Reader,
    store: Arc<S>,
    enrich: Arc<E>,
    clock: Clock,
    options: DrainOptions,
}

impl<S, E> Drain<S, E>
where
    S: EventStore,
    E: Fn(Vec<(EventId, Hit)>) -> Vec<Event> + Send + Sync + 'static,
{
    /// `reader` is the one that came with the `ingest`. `enrich` turns each hit into an event with the same identity, in
    /// the same order; it runs where it may block.
    pub fn new(ingest: Ingest, reader: Reader, store: Arc<S>, enrich: E, clock: Clock, options: DrainOptions) -> Self {
        Self { ingest, reader, store, enrich: Arc::new(enrich), clock, options }
    }

    /// Runs until `shutdown` is cancelled; then everything in the spool is stored, or left for the next start when the
    /// time for that is over. Close the spool first, so that it ends empty and clean.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { ingest, reader, store, enrich, clock, options } = self;
        let patience = Patience { first: options.first_pause, most: options.longest_pause, stop: options.stop_pause };
        let (batches, prepared) = mpsc::channel(1);
        let stop_within = options.stop_within;
        let spool = ingest.spool().clone();
        let source = Source {
            spool: spool.clone(),
            hurry: ingest.watch_hurry(),
            node: ingest.node(),
            store: store.clone(),
            shutdown: shutdown.clone(),
            enrich,
            live: ingest.live().clone(),
            clock,
            options,
            patience,
        };
        let live = ingest.live().clone();
        let aside = SpoolAside { spool: spool.clone(), patience };
        let delivery = Delivery { store, aside, node: ingest.node(), patience, live };
        let work = async { tokio::join!(source.run(reader, batches), deliver_all(delivery, prepared)) };
        let too_late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(stop_within).await;
        };
        tokio::select! {
            _ = work => {}
            () = too_late => {
                let left = spool.stats().pending_records;
                tracing::warn!(left, "the time to stop is over, {left} records are left for the next start");
            }
            () = measure(&spool) => {}
        }
    }
}

/// For ever.
async fn measure(spool: &Spool) {
    loop {
        let stats = spool.stats();
        gauge!(name::SPOOL_BYTES).set(stats.pending_bytes as f64);
        gauge!(name::SPOOL_RECORDS).set(stats.pending_records as f64);
        tokio::time::sleep(MEASURE).await;
    }
}

/// What is needed to make batches.
struct Source<S, E> {
    spool: Spool,
    hurry: watch::Receiver<u64>,
    node: u16,
    store: Arc<S>,
    shutdown: CancellationToken,
    enrich: Arc<E>,
    live: Live,
    clock: Clock,
    options: DrainOptions,
    patience: Patience,
}

impl<S, E> Source<S, E>
where
    S: EventStore,
    E: Fn(Vec<(EventId, Hit)>) -> Vec<Event> + Send + Sync + 'static,
{
    /// Ends after a shutdown, when everything was read.
    async fn run(mut self, mut reader: Reader, batches: mpsc::Sender<Prepared<S::Packed>>) {
        let mut windows = [RepeatWindow::new(Sameness::Click), RepeatWindow::new(Sameness::Name)];
        let checkpoint = self.spool.checkpoint();
        let mut in_flight = checkpoint.in_flight;
        let mut in_doubt = checkpoint.doubt_through > 0;
        // First the place, then the batch: so there are never more than two.
        while let Ok(place) = batches.reserve().await {
            if in_flight.is_none() && !self.wait(reader.position()).await {
                return;
            }
            let before = reader.position();
            let Some((back, read)) = self.read(reader, in_flight, checkpoint.doubt_through).await else { return };
            reader = back;
            let Some(records) = read else { continue };
            let first = records.range().map(|(first, _)| first);
            let doubtful = in_flight.is_some() || first.unwrap_or(u64::MAX) <= checkpoint.doubt_through;
            if first.is_some_and(|first| first > checkpoint.doubt_through) && in_doubt {
                // Past events were asked for as of the first record in doubt; the store may have later ones.
                in_doubt = false;
                windows.iter_mut().for_each(RepeatWindow::ask_again);
            }
            let Some((back, mut batch)) = self.prepare(records, windows).await else { return };
            windows = back;
            batch.doubtful = doubtful;
            if let Some((_, last)) = in_flight.take() {
                batch.through = batch.through.max(last);
            }
            if batch.range.is_none() && batch.through == before {
                continue;
            }
            place.send(batch);
        }
    }

    /// Until there is a batch to cut; `false` when there will be none.
    async fn wait(&mut self, position: u64) -> bool {
        tokio::select! {
            () = self.spool.reach(position + 1) => {}
            () = self.shutdown.cancelled() => {}
        }
        if self.spool.synced_through() <= position {
            return false;
        }
        // Gaps in the sequences count as records here; a batch is sent a little early then.
        let full = position + self.options.batch_rows as u64;
        tokio::select! {
            () = self.spool.reach(full) => {}
            _ = self.hurry.wait_for(|hurry| *hurry > position) => {}
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(self.options.linger) => {}
        }
        true
    }

    /// Reads the records of one batch. The inner `None`: the disk failed, and a pause was made.
    async fn read(
        &self,
        mut reader: Reader,
        in_flight: Option<(u64, u64)>,
        doubt_through: u64,
    ) -> Option<(Reader, Option<Batch>)> {
        let rows = self.options.batch_rows;
        let (reader, read) = blocking(move || {
            let read: Result<Batch, SpoolError> = match in_flight {
                Some((_, last)) => reader.read_through(last),
                // A batch in doubt is looked up by its first and last identity. Between those in doubt and the next there may
                // be others in the store, if the folder was put back from a copy.
                None if reader.position() < doubt_through => reader.read_up_to(doubt_through, rows, BATCH_BYTES),
                None => reader.read(rows, BATCH_BYTES),
            };
            (reader, read)
        })
        .await?;
        match read {
            Ok(records) => Some((reader, Some(records))),
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read, it is tried again");
                self.patience.wait(u32::MAX, Disposition::Retry).await;
                Some((reader, None))
            }
        }
    }

    /// Decodes, enriches, marks and packs.
    async fn prepare<const N: usize>(
        &self,
        records: Batch,
        mut windows: [RepeatWindow; N],
    ) -> Option<([RepeatWindow; N], Prepared<S::Packed>)> {
        let before = EventId::new(self.node, records.range().map_or(0, |(first, _)| first));
        let mut preparing = Preparing::new(records);
        let mut learnt: Option<Part> = None;
        loop {
            let (node, enrich, live) = (self.node, self.enrich.clone(), self.live.clone());
            let (back, windows_back, unlearnt) = blocking(move || {
                if let Some(part) = learnt {
                    preparing.mark(part, &mut windows, &live);
                }
                let unlearnt = preparing.go_on(node, &*enrich, &mut windows, &live);
                (preparing, windows, unlearnt)
            })
            .await?;
            (preparing, windows) = (back, windows_back);
            let Some(part) = unlearnt else { return Some((windows, preparing.done())) };
            for window in &mut windows {
                self.learn(window, &part, before).await;
            }
            learnt = Some(part);
        }
    }

    /// Asks the store for the past events, of those with identities below `before`, that may make repeats of this part's.
    async fn learn(&self, window: &mut RepeatWindow, part: &Part, before: EventId) {
        let missing = window.missing(&part.events, &part.windows);
        for (mut start_ms, end_ms) in missing.iter() {
            while start_ms < end_ms {
                let to_ms = start_ms.saturating_add(LEARN_MS).min(end_ms);
                let complete = to_ms == end_ms && end_ms > self.clock.now_ms();
                // After the present there is nothing, unless the clock was ahead of what it says now.
                let asked_ms = if complete { end_ms.max(LATEST_MS) } else { to_ms };
                let clicks = self.recent(window.sameness(), before, start_ms, asked_ms).await;
                window.learn(start_ms, to_ms, complete, &clicks);
                start_ms = to_ms;
            }
        }
    }

    async fn recent(&self, sameness: Sameness, before: EventId, start_ms: i64, end_ms: i64) -> Vec<super::RecentClick> {
        let mut failures = 0_u32;
        loop {
            match self.store.recent(sameness, before, start_ms, end_ms).await {
                Ok(clicks) => return clicks,
                Err(StoreError { message, disposition }) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::warn!(failures, "past events cannot be read, it is tried again: {message}");
                    }
                    self.patience.wait(failures, disposition).await;
                }
            }
        }
    }
}

/// Ends when no more batches come.
async fn deliver_all<S: EventStore>(
    delivery: Delivery<S, SpoolAside>,
    mut batches: mpsc::Receiver<Prepared<S::Packed>>,
) {
    let mut marked = delivery.aside.spool.checkpoint().in_flight;
    let mut next = None;
    loop {
        let batch = match next.take() {
            Some(batch) => batch,
            None => match batches.recv().await {
                Some(batch) => batch,
                None => return,
            },
        };
        let (range, through) = (batch.range, batch.through);
        if let Some((first, last)) = range.filter(|range| marked != Some(*range)) {
            mark(&delivery, move |spool| spool.begin(first, last)).await;
        }
        delivery.deliver(batch).await;
        // If the next one is ready, one write of the checkpoint serves both.
        next = batches.try_recv().ok();
        marked = next.as_ref().and_then(|next| next.range);
        mark(&delivery, move |spool| spool.advance(through, marked)).await;
    }
}

/// Changes the checkpoint, however long that takes.
async fn mark<S>(
    delivery: &Delivery<S, SpoolAside>,
    change: impl Fn(&Spool) -> Result<(), SpoolError> + Clone + Send + 'static,
) {
    let mut failures = 0;
    loop {
        let (spool, change) = (delivery.aside.spool.clone(), change.clone());
        match blocking(move || change(&spool)).await {
            Some(Ok(())) => return,
            None => return std::future::pending().await,
            Some(Err(error)) => {
                failures += 1;
                tracing::error!(%error, failures, "the checkpoint cannot be written, it is tried again");
                delivery.patience.wait(failures, Disposition::Retry).await;
            }
        }
    }
}
