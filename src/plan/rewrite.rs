//! The rewrites that a query passes before it becomes SQL. None changes the answer.

use crate::calendar::{Bucket, Range};
use crate::domain::dimension::Dimension;

use super::{Condition, Query, Shape, Source};

/// Events that are read sooner than it takes to plan for the rollup and for events at its edges. ClickHouse: each table of a
/// question takes 3 ms before its first row is read, in which a core reads about so many events.
const FEW: u64 = 400_000;

/// Length of a rollup slot. Every zone's offset is a multiple of it, so buckets of an hour and more are made of slots.
const SLOT_MS: i64 = 15 * 60 * 1_000;

/// Applies all rewrites. `about` is how many events of its workspace and kind the query's range holds, where that is
/// known: it says which way is shorter, and need not be exact.
pub fn rewrite(query: Query, about: Option<u64>) -> Query {
    pick_source(drop_doubles(query), about)
}

/// Sorts and thins value lists, so that equal questions look equal and the store compares no value twice.
fn drop_doubles(mut query: Query) -> Query {
    for condition in &mut query.conditions {
        match condition {
            Condition::Dimension { list, .. } | Condition::ReferrerDomain { list } => {
                list.values.sort_unstable();
                list.values.dedup();
            }
            Condition::Links { ids, .. } => {
                ids.sort_unstable();
                ids.dedup();
            }
            Condition::Customers { ids, .. } => {
                ids.sort_unstable();
                ids.dedup();
            }
            Condition::SaleType(_) | Condition::Metadata(_) => {}
        }
    }
    query
}

/// Takes counts from the rollup where every condition and the shape live in it, and only for whole slots; the odd minutes
/// at the edges of a rolling range still come from events, so the answer stays exact. Few events are read themselves instead,
/// where some would have to be anyhow.
fn pick_source(mut query: Query, about: Option<u64>) -> Query {
    let fits = match &query.shape {
        Shape::Total | Shape::Groups { by: Dimension::Link, .. } | Shape::Attributes(_) => true,
        Shape::Series(buckets) | Shape::Pivot(buckets) => {
            buckets.bucket() != Bucket::Minute && buckets.starts().iter().all(|start| start.rem_euclid(SLOT_MS) == 0)
        }
        Shape::Groups { .. } | Shape::Params { .. } | Shape::Events { .. } => false,
    };
    let served = query.conditions.iter().all(|condition| matches!(condition, Condition::Links { .. }));
    // The rollup counts and does not add up.
    if fits && served && !query.counting.unique && query.money.is_none() {
        let inner_start = align_up(query.range.start_ms());
        let inner_end = query.range.end_ms().div_euclid(SLOT_MS) * SLOT_MS;
        let inner = Range::new(inner_start, inner_end).ok().filter(|inner| !inner.is_empty());
        let is_few = about.is_some_and(|events| events <= FEW);
        if let Some(inner) = inner.filter(|inner| *inner == query.range || !is_few) {
            query.source = Source::Rollup(inner);
        }
    }
    query
}

fn align_up(at_ms: i64) -> i64 {
    at_ms.div_euclid(SLOT_MS) * SLOT_MS + if at_ms.rem_euclid(SLOT_MS) == 0 { 0 } else { SLOT_MS }
}
