//! One batch into the store, exactly once, whatever the store answers.
//!
//! - A batch whose outcome is unknown is looked up before it is sent (again). All there: the rollups are reconciled, and
//!   it is done. Nothing there: it is sent with the same token. A part of it there (a checkpoint that was lost, or a store
//!   that lost a part): it is halved until each piece is there or is not, and only what is missing is sent.
//! - A batch that is refused for its data is halved too, until the bad rows are alone and [set aside](Aside). Beyond
//!   [`HALVINGS`] refusals what is left of it is set aside as it is: a store that refuses everything is not asked a
//!   hundred thousand times.
//! - A failure that may pass is tried again with growing pauses; one that nobody understands, with long ones and loudly.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use super::batch::{Month, Prepared};
use super::live::Live;
use super::store::{Disposition, EventStore, PackedEvents, StoreError};
use crate::spool::{Batch, Spool, SpoolError};
use crate::telemetry::name;
use crate::warehouse::batch::statement_prefix;

/// Refusals of one batch after which its bad rows are no longer isolated.
const HALVINGS: u32 = 256;

/// Pauses between attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// After the first failure; doubled after each.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
    /// After a failure that nobody understands.
    pub stop: Duration,
}

impl Patience {
    /// The pause after so many failures, between half and one and a half of its nominal length, so that several nodes do
    /// not come at once.
    fn pause(&self, failures: u32, disposition: Disposition) -> Duration {
        let nominal = match disposition {
            Disposition::Stop => self.stop,
            Disposition::Retry | Disposition::SetAside => {
                self.first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.most)
            }
        };
        nominal.mul_f64(0.5 + rand::random::<f64>())
    }

    /// Sleeps after a failure.
    pub async fn wait(&self, failures: u32, disposition: Disposition) {
        tokio::time::sleep(self.pause(failures, disposition)).await;
    }
}

/// Runs what blocks on a thread that may; `None` when the runtime is ending. A panic goes on here.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// Where events go that the store will never take.
pub(super) trait Aside: Send + Sync + 'static {
    /// What a batch was made of.
    type Source: Send + Sync + 'static;

    /// Keeps the parts of `source` from which the events with these sequences (in their order) were made, for somebody to
    /// look at; returns once they are safe. `name` is of this batch and part alone.
    fn set_aside(
        &self,
        name: &str,
        source: &Arc<Self::Source>,
        sequences: Vec<u64>,
        reason: &str,
    ) -> impl Future<Output = ()> + Send;
}

/// Records of a spool are set aside in files beside it.
pub(super) struct SpoolAside {
    pub spool: Spool,
    pub patience: Patience,
}

impl Aside for SpoolAside {
    type Source = Batch;

    async fn set_aside(&self, name: &str, records: &Arc<Batch>, wanted: Vec<u64>, reason: &str) {
        let count = wanted.len();
        let wanted = Arc::new(wanted);
        let mut failures = 0;
        loop {
            let (spool, name, records, wanted) = (self.spool.clone(), name.to_owned(), records.clone(), wanted.clone());
            let written = blocking(move || -> Result<_, SpoolError> {
                let chosen: Vec<(u64, &[u8])> =
                    records.iter().filter(|(sequence, _)| wanted.binary_search(sequence).is_ok()).collect();
                spool.set_aside(&name, &chosen)
            })
            .await;
            match written {
                None => return std::future::pending().await,
                Some(Ok(path)) => {
                    let path = path.display();
                    tracing::error!(%path, events = count, reason, "{count} events are set aside in {path}: {reason}");
                    return;
                }
                Some(Err(error)) => {
                    failures += 1;
                    tracing::error!(%error, failures, "events cannot be set aside");
                    self.patience.wait(failures, Disposition::Retry).await;
                }
            }
        }
    }
}

/// Brings batches into the store.
pub(super) struct Delivery<S, A> {
    pub store: Arc<S>,
    pub aside: A,
    pub node: u16,
    pub patience: Patience,
    pub live: Live,
}

/// A part of a batch: neighbours of one month.
struct Piece {
    from: usize,
    to: usize,
    doubtful: bool,
}

impl Piece {
    fn halves(&self, doubtful: bool) -> [Self; 2] {
        let middle = self.from + (self.to - self.from) / 2;
        // The first one is worked on first: it is the last of a stack.
        [Self { from: middle, to: self.to, doubtful }, Self { from: self.from, to: middle, doubtful }]
    }
}

enum Outcome {
    Stored,
    Split { doubtful: bool },
    SetAside(String),
}

impl<S: EventStore> Delivery<S, SpoolAside> {
    /// Returns once every record of the batch is stored or set aside.
    pub async fn deliver(&self, batch: Prepared<S::Packed>) {
        let Prepared { records, doubtful, months, unreadable, .. } = batch;
        let records = Arc::new(records);
        if let (Some((first, reason)), Some((last, _))) = (unreadable.first(), unreadable.last()) {
            let wanted = unreadable.iter().map(|(sequence, _)| *sequence).collect();
            let name = format!("{first}-{last}-unreadable");
            self.aside.set_aside(&name, &records, wanted, reason).await;
        }
        self.deliver_months(months, doubtful, &records).await;
    }
}

impl<S: EventStore, A: Aside> Delivery<S, A> {
    /// Returns once every event is stored or set aside. `doubtful` when some may be stored already.
    pub async fn deliver_months(&self, months: Vec<Month<S::Packed>>, doubtful: bool, source: &Arc<A::Source>) {
        for Month { number, packed, events } in months {
            self.deliver_month(number, &packed, doubtful, source).await;
            self.live.publish(events);
        }
    }

    async fn deliver_month(&self, month: u32, events: &S::Packed, doubtful: bool, source: &Arc<A::Source>) {
        let mut pieces = vec![Piece { from: 0, to: events.len(), doubtful }];
        let mut refusals = 0;
        let mut found_some = false;
        while let Some(piece) = pieces.pop() {
            let part;
            let events = if piece.to - piece.from == events.len() {
                events
            } else {
                part = events.part(piece.from..piece.to);
                &part
            };
            match self.attempt(month, events, piece.doubtful, &mut refusals, &mut found_some).await {
                Outcome::Stored => {}
                Outcome::Split { doubtful } => pieces.extend(piece.halves(doubtful)),
                Outcome::SetAside(reason) => {
                    let (first, last) = bounds(events);
                    let wanted = (0..events.len()).map(|place| events.key(place).0.sequence()).collect();
                    self.aside.set_aside(&format!("{first}-{last}-refused"), source, wanted, &reason).await;
                }
            }
        }
        if found_some {
            let (start_ms, end_ms) = span(events);
            let mut failures = 0;
            while let Err(error) = self.store.reconcile(self.node, start_ms, end_ms).await {
                failures += 1;
                self.pause(&error, failures, events).await;
            }
        }
    }

    /// Tries until something is certain.
    async fn attempt(
        &self,
        month: u32,
        events: &S::Packed,
        mut doubtful: bool,
        refusals: &mut u32,
        found_some: &mut bool,
    ) -> Outcome {
        let Some(end) = events.len().checked_sub(1) else { return Outcome::Stored };
        let ((first, _), (last, _)) = (events.key(0), events.key(end));
        let (start_ms, end_ms) = span(events);
        let (first_sequence, last_sequence) = bounds(events);
        let token = format!("{}{first_sequence}-{last_sequence}-{month}", statement_prefix(self.node));
        let mut failures = 0;
        loop {
            let answer = if doubtful {
                match self.store.stored(first, last, start_ms, end_ms).await {
                    Ok(count) if count >= events.len() as u64 => {
                        *found_some = true;
                        tracing::info!(token, "a batch in doubt is stored already");
                        return Outcome::Stored;
                    }
                    Ok(0) => {
                        doubtful = false;
                        continue;
                    }
                    Ok(count) => {
                        *found_some = true;
                        tracing::warn!(token, count, events = events.len(), "a batch in doubt is stored in part");
                        return Outcome::Split { doubtful: true };
                    }
                    // What is refused here is the question, not the events.
                    Err(error) if error.disposition == Disposition::SetAside => {
                        Err(StoreError { disposition: Disposition::Stop, ..error })
                    }
                    Err(error) => Err(error),
                }
            } else {
                self.store.insert(&token, events).await
            };
            let error = match answer {
                Ok(()) => {
                    counter!(name::EVENTS_STORED_TOTAL).increment(events.len() as u64);
                    return Outcome::Stored;
                }
                Err(error) => error,
            };
            failures += 1;
            if error.disposition == Disposition::SetAside {
                counter!(name::BATCH_FAILURES_TOTAL, "next" => error.disposition.name()).increment(1);
                *refusals += 1;
                if events.len() == 1 || *refusals > HALVINGS {
                    return Outcome::SetAside(error.message);
                }
                return Outcome::Split { doubtful: false };
            }
            self.pause(&error, failures, events).await;
            doubtful = true;
        }
    }

    async fn pause(&self, error: &StoreError, failures: u32, events: &S::Packed) {
        let (first, last) = bounds(events);
        counter!(name::BATCH_FAILURES_TOTAL, "next" => error.disposition.name()).increment(1);
        match error.disposition {
            Disposition::Stop => {
                tracing::error!(%error, first, last, failures, "the store fails in a way that needs a look; nothing is lost");
            }
            // The first of a series, and then now and then.
            Disposition::Retry | Disposition::SetAside if failures.is_power_of_two() => {
                tracing::warn!(%error, first, last, failures, "a batch could not be stored, it is tried again");
            }
            Disposition::Retry | Disposition::SetAside => {}
        }
        self.patience.wait(failures, error.disposition).await;
    }
}

/// The sequences of the first and the last event.
fn bounds(events: &impl PackedEvents) -> (u64, u64) {
    let sequence = |place| if events.is_empty() { 0 } else { events.key(place).0.sequence() };
    (sequence(0), sequence(events.len().saturating_sub(1)))
}

/// The half-open span of the events' times.
fn span(events: &impl PackedEvents) -> (i64, i64) {
    let times = || (0..events.len()).map(|place| events.key(place).1);
    (times().min().unwrap_or(0), times().max().unwrap_or(0).saturating_add(1))
}
