//! One page of a list of events, from as short a stretch of time as holds it: a page shows the last hundred of what may be a
//! hundred million.
//!
//! A near page is looked for in the last days, then in the last weeks, then everywhere. A far one is found by the counts of days
//! where those say which events are meant.

use crate::calendar::{EARLIEST_MS, Range};
use crate::plan::{From, Order, Page, Query, Shape, Source};
use crate::warehouse::event::{self, EventRow, Extent};
use crate::warehouse::series::{self, DayRow};

use super::{Analytics, Error};

const DAY_MS: i64 = 86_400_000;
/// Where a near page is looked for first, and how many times longer each stretch is than the one before.
const FIRST_MS: i64 = 3 * DAY_MS;
const LONGER: i64 = 16;
/// Stretches that are tried before the whole range is.
const TRIES: u32 = 2;
/// Events up to the end of a page that is near.
const NEAR: u64 = 1_000;
/// Events that are found sooner by reading all of them than by reading each part of the store from its end.
const FEW: i64 = 1_000_000;

impl Analytics {
    /// The events of a page, in order. Links are resolved already.
    pub(super) async fn page(&self, query: &Query, order: Order, page: Page) -> Result<Vec<EventRow>, Error> {
        let near = match page.from {
            From::Offset(offset) => offset.saturating_add(page.limit) <= NEAR,
            From::After { .. } => page.limit <= NEAR,
        };
        match page.from {
            // Which events are the first of their visitors shows in the whole range alone.
            _ if query.counting.unique => {}
            _ if near => return self.near_page(query, order, page).await,
            From::Offset(offset) => {
                if let Some(rows) = self.far_page(query, order, page, offset).await? {
                    return Ok(rows);
                }
            }
            From::After { .. } => {}
        }
        self.page_within(query, query.range, order, page, Extent::Unknown).await
    }

    async fn page_within(
        &self,
        query: &Query,
        range: Range,
        order: Order,
        page: Page,
        extent: Extent,
    ) -> Result<Vec<EventRow>, Error> {
        let query = Query { range, ..query.clone() };
        Ok(self.warehouse.collect(&event::events(&query, order, page, extent)).await?)
    }

    async fn near_page(&self, query: &Query, order: Order, page: Page) -> Result<Vec<EventRow>, Error> {
        let mut extent = Extent::Unknown;
        for stretch in stretches(query.range, order, page.from) {
            let rows = self.page_within(query, stretch, order, page, extent).await?;
            if rows.len() as u64 >= page.limit {
                return Ok(rows);
            }
            // So many in so short a time: about how many in all.
            let times = query.range.len_ms() / stretch.len_ms().max(1);
            extent = match i64::try_from(rows.len()) {
                Ok(found @ 1..) if found.saturating_mul(times) <= FEW => Extent::Few,
                _ => Extent::Unknown,
            };
        }
        self.page_within(query, query.range, order, page, extent).await
    }

    /// A page by the counts of days; `None` where they cannot tell it.
    async fn far_page(
        &self,
        query: &Query,
        order: Order,
        page: Page,
        offset: u64,
    ) -> Result<Option<Vec<EventRow>>, Error> {
        let counted = self.planned(Query { shape: Shape::Total, ..query.clone() });
        if counted.source == Source::Events {
            return Ok(None);
        }
        let mut days: Vec<DayRow> = self.warehouse.collect(&series::days(&counted)).await?;
        if order == Order::Descending {
            days.reverse();
        }
        let Some(found) = place(&days, query.range, offset, page.limit) else { return Ok(Some(Vec::new())) };
        let within = Page { from: From::Offset(offset - found.passed), ..page };
        let rows = self.page_within(query, found.range, order, within, Extent::Unknown).await?;
        // The counts of what was stored just now may come a moment later than it does.
        Ok((rows.len() as u64 == found.rows).then_some(rows))
    }
}

/// The stretches in which a page is looked for before all of the range is, shortest first.
fn stretches(range: Range, order: Order, from: From) -> impl Iterator<Item = Range> {
    let (start_ms, end_ms) = match (order, from) {
        (Order::Descending, From::After { at_ms, .. }) => {
            (range.start_ms(), range.end_ms().min(at_ms.saturating_add(1)))
        }
        (Order::Ascending, From::After { at_ms, .. }) => (range.start_ms().max(at_ms), range.end_ms()),
        (_, From::Offset(_)) => (range.start_ms(), range.end_ms()),
    };
    // Where a range that begins with time itself begins, there are no events.
    let blind = order == Order::Ascending && start_ms == EARLIEST_MS;
    (0..if blind { 0 } else { TRIES })
        .map(|tried| FIRST_MS * LONGER.pow(tried))
        .take_while(move |length| *length < end_ms - start_ms)
        .filter_map(move |length| match order {
            Order::Descending => Range::new(end_ms - length, end_ms).ok(),
            Order::Ascending => Range::new(start_ms, start_ms + length).ok(),
        })
}

/// The days that hold a page, how many events come before them, and how many the page has.
#[derive(Debug, PartialEq)]
struct Found {
    range: Range,
    passed: u64,
    rows: u64,
}

/// Finds a page by the counts of the days of a range, which come in its order; `None` beyond the last event.
fn place(days: &[DayRow], range: Range, offset: u64, limit: u64) -> Option<Found> {
    let start_ms = |day: &DayRow| i64::from(day.day) * DAY_MS;
    let (mut counted, mut passed) = (0, 0);
    let mut edges: Option<(i64, i64)> = None;
    for day in days {
        if counted + day.events > offset && counted < offset.saturating_add(limit) {
            let (first_ms, last_ms) = edges.unwrap_or_else(|| {
                passed = counted;
                (start_ms(day), start_ms(day))
            });
            edges = Some((first_ms.min(start_ms(day)), last_ms.max(start_ms(day))));
        }
        counted += day.events;
    }
    let (first_ms, last_ms) = edges?;
    let (start_ms, end_ms) = (first_ms.max(range.start_ms()), (last_ms + DAY_MS).min(range.end_ms()));
    let rows = limit.min(counted - offset);
    Range::new(start_ms, end_ms).ok().map(|range| Found { range, passed, rows })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::click_id::EventId;

    fn range(first_day: i64, last_day: i64) -> Range {
        Range::new(first_day * DAY_MS, last_day * DAY_MS).unwrap()
    }

    #[test]
    fn near_pages_are_looked_for_in_longer_and_longer_stretches() {
        let offset = From::Offset(0);
        let after = |day: i64| From::After { at_ms: day * DAY_MS, id: EventId(1) };
        for (asked, order, from, expected) in [
            (range(1_000, 2_000), Order::Descending, offset, vec![range(1_997, 2_000), range(1_952, 2_000)]),
            (range(1_000, 2_000), Order::Ascending, offset, vec![range(1_000, 1_003), range(1_000, 1_048)]),
            (range(1_000, 1_040), Order::Descending, offset, vec![range(1_037, 1_040)]),
            (range(1_000, 1_003), Order::Descending, offset, vec![]),
            (range(0, 2_000), Order::Descending, offset, vec![range(1_997, 2_000), range(1_952, 2_000)]),
            (range(0, 2_000), Order::Ascending, offset, vec![]),
            (range(0, 2_000), Order::Ascending, after(500), vec![range(500, 503), range(500, 548)]),
            (range(1_000, 2_000), Order::Ascending, after(1_999), vec![]),
        ] {
            let tried: Vec<Range> = stretches(asked, order, from).collect();
            assert_eq!(tried, expected, "{asked:?} {order:?} {from:?}");
        }
        // The event of a cursor is in the stretch; those of the same millisecond are told apart by their identity.
        let tried: Vec<Range> = stretches(range(0, 2_000), Order::Descending, after(1_500)).collect();
        assert!(tried.len() == 2 && tried.iter().all(|stretch| stretch.end_ms() == 1_500 * DAY_MS + 1), "{tried:?}");
    }

    proptest! {
        #[test]
        fn far_pages_are_where_a_list_has_them(
            counts in prop::collection::vec(0u64..6, 0..20), offset in 0u64..60, limit in 1u64..12, newest_first: bool
        ) {
            // Each day's events, as (day, place).
            let events: Vec<(u32, u64)> =
                (0..).zip(&counts).flat_map(|(day, &count)| (0..count).map(move |place| (day, place))).collect();
            let mut days: Vec<DayRow> =
                (0..).zip(&counts).filter(|(_, count)| **count > 0).map(|(day, &events)| DayRow { day, events }).collect();
            let mut list = events;
            if newest_first {
                days.reverse();
                list.reverse();
            }
            let whole = range(0, i64::try_from(counts.len()).unwrap());
            let wanted: Vec<(u32, u64)> = list.iter().copied().skip(offset as usize).take(limit as usize).collect();
            match place(&days, whole, offset, limit) {
                None => prop_assert!(wanted.is_empty()),
                Some(found) => {
                    let within = list.iter().filter(|(day, _)| found.range.contains(i64::from(*day) * DAY_MS));
                    let skipped = (offset - found.passed) as usize;
                    let page: Vec<(u32, u64)> = within.copied().skip(skipped).take(limit as usize).collect();
                    prop_assert_eq!(&page, &wanted);
                    prop_assert_eq!(page.len() as u64, found.rows);
                }
            }
        }
    }
}
