//! From spooled records to what is stored of one batch: decode, enrich, mark repeats, pack by month.
//!
//! All steps are taken by a few records together, so that a batch is there as records and packed, and hardly ever as events.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Datelike};

use super::live::Live;
use super::repeat::RepeatWindow;
use super::store::PackedEvents;
use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::hit::Hit;
use crate::spool::Batch;

/// Hits that go through all steps together: few enough to stay in the processor's cache.
const TOGETHER: usize = 256;
const DAY_MS: i64 = 86_400_000;

/// Events of one calendar month (UTC); an insert is atomic only within one.
pub struct Month<P> {
    /// As `yyyymm`.
    pub number: u32,
    /// In the order of identities.
    pub packed: P,
    /// The same, for those who listen; none when nobody does.
    pub events: Vec<Event>,
}

/// Events by month.
pub struct Months<P>(Vec<Month<P>>);

impl<P> Default for Months<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<P: PackedEvents> Months<P> {
    /// Adds events, in the order of identities; `keep` when somebody listens.
    pub fn add(&mut self, events: Vec<Event>, keep: bool) {
        // Neighbours are of one month nearly always.
        let day = |event: &Event| event.at_ms.div_euclid(DAY_MS);
        for neighbours in events.chunk_by(|one, next| day(one) == day(next) || month(one.at_ms) == month(next.at_ms)) {
            if let Some(first) = neighbours.first() {
                self.month(first).packed.add(neighbours);
            }
        }
        if keep {
            for event in events {
                self.month(&event).events.push(event);
            }
        }
    }

    fn month(&mut self, event: &Event) -> &mut Month<P> {
        let number = month(event.at_ms);
        let known = self.0.iter().position(|month| month.number == number);
        let place = known.unwrap_or_else(|| {
            self.0.push(Month { number, packed: P::default(), events: Vec::new() });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// All are added: the months, in the order in which they first came.
    pub fn done(mut self) -> Vec<Month<P>> {
        self.0.iter_mut().for_each(|month| month.packed.shrink());
        self.0
    }
}

fn month(at_ms: i64) -> u32 {
    DateTime::from_timestamp_millis(at_ms)
        .and_then(|at| Some(u32::try_from(at.year()).ok()? * 100 + at.month()))
        .unwrap_or(0)
}

/// A batch on its way to the store.
pub(super) struct Prepared<P> {
    /// The records; they are what is set aside if need be.
    pub records: Batch,
    /// The records' first and last sequence; `None` when there are none, and only the position moved.
    pub range: Option<(u64, u64)>,
    /// What is stored once this batch is.
    pub through: u64,
    /// It may be stored already, wholly or in part.
    pub doubtful: bool,
    /// Its events.
    pub months: Vec<Month<P>>,
    /// Records that became no event, and why.
    pub unreadable: Vec<(u64, String)>,
}

/// A few events of a batch.
pub(super) struct Part {
    /// In the order of identities.
    pub events: Vec<Event>,
    /// The repeat window of each hit in seconds, in the order of identities.
    pub windows: Vec<(EventId, u32)>,
}

/// A batch that is being prepared.
pub(super) struct Preparing<P> {
    records: Batch,
    /// So many records were decoded.
    decoded: usize,
    months: Months<P>,
    unreadable: Vec<(u64, String)>,
}

impl<P: PackedEvents> Preparing<P> {
    /// Nothing of these records is decoded yet.
    pub fn new(records: Batch) -> Self {
        Self { records, decoded: 0, months: Months::default(), unreadable: Vec::new() }
    }

    /// Goes on until all is packed, or until the store must be asked for past events before a part can be marked; that part is
    /// answered, and to be [marked](Self::mark) then.
    pub fn go_on(
        &mut self,
        node: u16,
        enrich: &impl Fn(Vec<(EventId, Hit)>) -> Vec<Event>,
        repeats: &mut [RepeatWindow],
        live: &Live,
    ) -> Option<Part> {
        while self.decoded < self.records.len() {
            let part = self.decode(node, enrich);
            if repeats.iter().any(|window| !window.missing(&part.events, &part.windows).is_empty()) {
                return Some(part);
            }
            self.mark(part, repeats, live);
        }
        repeats.iter_mut().for_each(RepeatWindow::sweep);
        None
    }

    /// Marks the repeats of a part, and packs it.
    pub fn mark(&mut self, part: Part, repeats: &mut [RepeatWindow], live: &Live) {
        let Part { mut events, windows } = part;
        for window in repeats {
            window.mark(&mut events, &windows);
        }
        // Few take little memory, and who begins to listen before they are stored hears of them.
        let keep = self.records.len() <= TOGETHER || live.is_wanted();
        self.months.add(events, keep);
    }

    /// Decodes and enriches a few. What cannot be decoded, and what the enrichment chokes on, is named and left out.
    fn decode(&mut self, node: u16, enrich: &impl Fn(Vec<(EventId, Hit)>) -> Vec<Event>) -> Part {
        let some: Vec<(u64, &[u8])> = self.records.iter().skip(self.decoded).take(TOGETHER).collect();
        self.decoded += some.len();
        let mut unreadable = Vec::new();
        let mut hits = Vec::with_capacity(some.len());
        for (sequence, payload) in &some {
            match Hit::decode(payload) {
                Ok(hit) => hits.push((EventId::new(node, *sequence), hit)),
                Err(error) => unreadable.push((*sequence, error.to_string())),
            }
        }
        let mut windows: Vec<(EventId, u32)> = hits.iter().map(|(id, hit)| (*id, hit.repeat_window_secs)).collect();
        let events = match catch_unwind(AssertUnwindSafe(|| enrich(hits))) {
            Ok(events) => events,
            // One hit must not stop the others: each by itself.
            Err(_) => {
                let mut events = Vec::with_capacity(windows.len());
                for (sequence, payload) in some {
                    let Ok(hit) = Hit::decode(payload) else { continue };
                    match catch_unwind(AssertUnwindSafe(|| enrich(vec![(EventId::new(node, sequence), hit)]))) {
                        Ok(enriched) => events.extend(enriched),
                        Err(_) => unreadable.push((sequence, "enrichment failed on it".to_owned())),
                    }
                }
                events
            }
        };
        if !unreadable.is_empty() {
            unreadable.sort_unstable();
            windows
                .retain(|(id, _)| unreadable.binary_search_by_key(&id.sequence(), |(sequence, _)| *sequence).is_err());
            self.unreadable.append(&mut unreadable);
        }
        Part { events, windows }
    }

    /// All is packed.
    pub fn done(self) -> Prepared<P> {
        let Self { records, months, unreadable, .. } = self;
        let range = records.range();
        Prepared { through: records.through, records, range, doubtful: false, months: months.done(), unreadable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_of_utc() {
        for (at_ms, expected) in [
            (0, 197_001),
            (-1, 196_912),
            (1_772_323_199_999, 202_602),
            (1_772_323_200_000, 202_603),
            (i64::MAX, 0),
            (i64::MIN, 0),
        ] {
            assert_eq!(month(at_ms), expected, "{at_ms}");
        }
    }

    #[test]
    fn events_are_parted_by_month_and_keep_their_order() {
        let at_ms = [1_772_323_200_000, 1_772_323_199_999, 1_772_323_200_001, 1_774_000_000_000, 0];
        let event = |(number, at_ms)| Event { id: EventId(number), at_ms, ..Event::default() };
        let events: Vec<Event> = (1..).zip(at_ms).map(event).collect();
        let mut months = Months::<Vec<Event>>::default();
        months.add(events.clone(), false);
        months.add(events, true);
        let ids = |events: &[Event]| events.iter().map(|event| event.id.0).collect::<Vec<_>>();
        let found: Vec<_> =
            months.done().iter().map(|month| (month.number, ids(&month.packed), ids(&month.events))).collect();
        let expected = [
            (202_603, vec![1, 3, 4, 1, 3, 4], vec![1, 3, 4]),
            (202_602, vec![2, 2], vec![2]),
            (197_001, vec![5, 5], vec![5]),
        ];
        assert_eq!(found, expected);
    }
}
