//! A range in slices, so that however many events it holds, few are in memory at a time.

use clickhouse::Row;
use serde::Deserialize;

use super::LongReading;
use super::condition::{TimeColumn, push_where};
use super::failure::Error;
use super::sql::Sql;
use crate::calendar::Range;
use crate::plan::{Condition, Query, Source};

const SLOT_MS: i64 = 900_000;

#[derive(Row, Deserialize)]
struct SlotRow {
    at_ms: i64,
    events: u64,
}

impl LongReading {
    /// Cuts a range into parts with about `most` of the rollup's events each, as far as they do not happen in the same
    /// second; in order. `push_where` says which of them are meant.
    ///
    /// # Errors
    /// When ClickHouse cannot answer.
    pub(super) async fn slices(
        &self,
        range: Range,
        most: u64,
        push_where: impl FnOnce(&mut Sql),
    ) -> Result<Vec<Range>, Error> {
        let mut sql =
            Sql::new("SELECT toInt64(toUnixTimestamp(slot)) * 1000 AS at_ms, sum(events) AS events FROM events_15m");
        push_where(&mut sql);
        sql.push(" GROUP BY slot ORDER BY slot");
        let slots: Vec<SlotRow> = self.collect(&sql).await?;
        Ok(cut(range, most, slots.iter().map(|slot| (slot.at_ms, slot.events))))
    }

    /// The range of a query in slices, in order, that hold about `most` of the events of its kind and links. What else it
    /// asks for can only make them smaller.
    ///
    /// # Errors
    /// When ClickHouse cannot answer.
    pub async fn slices_of(&self, query: &Query, most: u64) -> Result<Vec<Range>, Error> {
        let mut counted = query.clone();
        counted.conditions.retain(|condition| matches!(condition, Condition::Links { .. }));
        let start_ms = query.range.start_ms().div_euclid(SLOT_MS) * SLOT_MS;
        let slots = Range::new(start_ms, query.range.end_ms()).unwrap_or(query.range);
        counted.source = Source::Rollup(query.range);
        self.slices(query.range, most, |sql| push_where(sql, &counted, slots, TimeColumn::Slot)).await
    }
}

/// Cuts a range into parts with about `most` events each, by the counts of its quarters of an hour. Every instant of the
/// range is in exactly one, whatever the counts say.
fn cut(range: Range, most: u64, slots: impl Iterator<Item = (i64, u64)>) -> Vec<Range> {
    let mut edges = Vec::new();
    let mut gathered = 0;
    for (at_ms, events) in slots {
        if gathered + events > most && gathered > 0 {
            edges.push(at_ms);
            gathered = 0;
        }
        gathered += events;
        // A crowded quarter is cut into equal parts.
        let parts = i64::try_from(events.div_ceil(most)).unwrap_or(i64::MAX).min(SLOT_MS / 1_000);
        edges.extend((1..parts).map(|part| at_ms + SLOT_MS * part / parts));
        if parts > 1 {
            gathered = events / parts.unsigned_abs();
        }
    }
    let mut start_ms = range.start_ms();
    let mut slices = Vec::new();
    for edge in edges.into_iter().chain([range.end_ms()]) {
        if start_ms < edge.min(range.end_ms())
            && let Ok(slice) = Range::new(start_ms, edge.min(range.end_ms()))
        {
            slices.push(slice);
            start_ms = slice.end_ms();
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn crowded_times_are_cut_smaller() {
        let range = Range::new(0, 10 * SLOT_MS).unwrap();
        let cut = |slots: &[(i64, u64)]| {
            let slots = slots.iter().map(|(slot, events)| (slot * SLOT_MS, *events));
            cut(range, 100_000, slots).iter().map(|slice| slice.end_ms() * 10 / SLOT_MS).collect::<Vec<_>>()
        };
        assert_eq!(cut(&[]), [100]);
        assert_eq!(cut(&[(1, 60_000), (2, 40_000), (3, 1), (5, 100_000)]), [30, 50, 100]);
        assert_eq!(cut(&[(1, 200_000), (2, 1)]), [15, 20, 100]);
    }

    proptest! {
        #[test]
        fn every_instant_is_in_one_slice(
            start in 0i64..20, length in 0i64..20, slots in prop::collection::btree_map(0i64..40, 0u64..500_000, 0..12)
        ) {
            let range = Range::new(start * 1_000_000, (start + length) * 1_000_000).unwrap();
            let slices = cut(range, 100_000, slots.into_iter().map(|(slot, events)| (slot * SLOT_MS, events)));
            prop_assert_eq!(slices.is_empty(), length == 0);
            let mut at = range.start_ms();
            for slice in &slices {
                prop_assert_eq!(slice.start_ms(), at);
                prop_assert!(slice.end_ms() > at);
                at = slice.end_ms();
            }
            prop_assert_eq!(at, range.end_ms());
        }
    }
}
