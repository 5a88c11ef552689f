//! From spooled records to the events of one batch: decode, enrich, group by month.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Datelike};

use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::hit::Hit;
use crate::spool::Batch;

/// Hits that are decoded and enriched together.
const TOGETHER: usize = 1_024;

/// A batch on its way to the store.
pub(super) struct Prepared {
    /// The records; they are what is set aside if need be.
    pub records: Batch,
    /// The records' first and last sequence; `None` when there are none, and only the position moved.
    pub range: Option<(u64, u64)>,
    /// What is stored once this batch is.
    pub through: u64,
    /// It may be stored already, wholly or in part.
    pub doubtful: bool,
    /// In the order of identities.
    pub events: Vec<Event>,
    /// The repeat window of each hit in seconds, in the order of identities.
    pub windows: Vec<(EventId, u32)>,
    /// Records that became no event, and why.
    pub unreadable: Vec<(u64, String)>,
}

/// Decodes and enriches, a few hits at a time, so that a batch is never there as hits and as events. What cannot be decoded,
/// and what the enrichment chokes on, is named and left out.
pub(super) fn prepare(records: Batch, node: u16, enrich: &impl Fn(Vec<(EventId, Hit)>) -> Vec<Event>) -> Prepared {
    let mut events = Vec::with_capacity(records.len());
    let mut windows = Vec::with_capacity(records.len());
    let mut unreadable = Vec::new();
    let mut left = records.iter();
    loop {
        let some: Vec<(u64, &[u8])> = left.by_ref().take(TOGETHER).collect();
        if some.is_empty() {
            break;
        }
        let mut hits = Vec::with_capacity(some.len());
        for (sequence, payload) in &some {
            match Hit::decode(payload) {
                Ok(hit) => hits.push((EventId::new(node, *sequence), hit)),
                Err(error) => unreadable.push((*sequence, error.to_string())),
            }
        }
        windows.extend(hits.iter().map(|(id, hit)| (*id, hit.repeat_window_secs)));
        match catch_unwind(AssertUnwindSafe(|| enrich(hits))) {
            Ok(enriched) => events.extend(enriched),
            // One hit must not stop the others: each by itself.
            Err(_) => {
                for (sequence, payload) in some {
                    let Ok(hit) = Hit::decode(payload) else { continue };
                    match catch_unwind(AssertUnwindSafe(|| enrich(vec![(EventId::new(node, sequence), hit)]))) {
                        Ok(enriched) => events.extend(enriched),
                        Err(_) => unreadable.push((sequence, "enrichment failed on it".to_owned())),
                    }
                }
            }
        }
    }
    drop(left);
    if !unreadable.is_empty() {
        unreadable.sort_unstable();
        windows.retain(|(id, _)| unreadable.binary_search_by_key(&id.sequence(), |(sequence, _)| *sequence).is_err());
    }
    let range = records.range();
    Prepared { through: records.through, records, range, doubtful: false, events, windows, unreadable }
}

/// Events by calendar month (UTC), as `yyyymm`; an insert is atomic only within one.
pub(super) fn by_month(events: Vec<Event>) -> Vec<(u32, Vec<Event>)> {
    // Of one month nearly always.
    let Some(first) = events.first().map(|event| month(event.at_ms)) else { return Vec::new() };
    if events.iter().all(|event| month(event.at_ms) == first) {
        return vec![(first, events)];
    }
    let mut months: Vec<(u32, Vec<Event>)> = Vec::new();
    for event in events {
        let month = month(event.at_ms);
        // Neighbours are of one month nearly always.
        let place = match months.last() {
            Some((last, _)) if *last == month => months.len() - 1,
            _ => months.iter().position(|(known, _)| *known == month).unwrap_or_else(|| {
                months.push((month, Vec::new()));
                months.len() - 1
            }),
        };
        months[place].1.push(event);
    }
    months
}

fn month(at_ms: i64) -> u32 {
    DateTime::from_timestamp_millis(at_ms)
        .and_then(|at| Some(u32::try_from(at.year()).ok()? * 100 + at.month()))
        .unwrap_or(0)
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
}
