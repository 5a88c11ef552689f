//! About how many events a workspace has in a span of time, as the last answers told: by this the plan chooses the shorter way.
//! What is remembered never becomes an answer.

use moka::sync::Cache;

use crate::calendar::Range;
use crate::domain::event::EventKind;
use crate::domain::id::WorkspaceId;
use crate::plan::{Bots, Query};

/// Spans that are remembered.
const MOST: u64 = 10_000;
/// A span says something of another of about its length that lies in it but for this part.
const UNKNOWN_PART: i64 = 8;

/// What is remembered. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Sizes(Cache<Key, Counted>);

/// Whose, of which kind, and the length of the span as a power of two.
type Key = (WorkspaceId, EventKind, u32);

#[derive(Clone, Copy, Debug)]
struct Counted {
    range: Range,
    events: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

fn key(query: &Query) -> Key {
    (query.workspace, query.kind, query.range.len_ms().max(1).ilog2())
}

impl Sizes {
    /// Remembers how many events a query counted. Those that a condition left out, or that are not the first of their visitor,
    /// have to be read too, so that only a query without says how many there are; and robots are a small part.
    pub(super) fn learn(&self, query: &Query, events: u64) {
        if query.conditions.is_empty() && !query.counting.unique && query.counting.bots != Bots::Only {
            self.0.insert(key(query), Counted { range: query.range, events });
        }
    }

    /// About how many events lie in the query's range, of its workspace and kind; `None` where that is not known.
    pub(super) fn about(&self, query: &Query) -> Option<u64> {
        let counted = self.0.get(&key(query))?;
        let (asked, known) = (query.range, counted.range);
        let shared_ms = asked.end_ms().min(known.end_ms()) - asked.start_ms().max(known.start_ms());
        (shared_ms >= asked.len_ms() - asked.len_ms() / UNKNOWN_PART).then_some(counted.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::LinkId;
    use crate::filter::Sense;
    use crate::plan::{Condition, Counting, Shape, Source};

    fn query(start_ms: i64, end_ms: i64) -> Query {
        Query {
            workspace: WorkspaceId(1),
            kind: EventKind::Click,
            range: Range::new(start_ms, end_ms).unwrap(),
            counting: Counting { bots: Bots::Exclude, repeats: false, unique: false },
            conditions: Vec::new(),
            links: Vec::new(),
            shape: Shape::Total,
            money: None,
            source: Source::Events,
        }
    }

    #[test]
    fn a_span_speaks_for_those_that_nearly_lie_in_it() {
        let sizes = Sizes::default();
        assert_eq!(sizes.about(&query(1_000, 2_000)), None);
        sizes.learn(&query(1_000, 2_000), 7);
        for (start_ms, end_ms, about) in [
            (1_000, 2_000, Some(7)),
            (1_100, 2_100, Some(7)),
            (900, 1_900, Some(7)),
            (1_200, 2_200, None),
            // Of another length.
            (1_000, 1_400, None),
            (0, 4_000, None),
        ] {
            assert_eq!(sizes.about(&query(start_ms, end_ms)), about, "{start_ms} {end_ms}");
        }
        sizes.learn(&query(1_200, 2_200), 9);
        assert_eq!(sizes.about(&query(1_200, 2_200)), Some(9));
        let other = Query { workspace: WorkspaceId(2), ..query(1_000, 2_000) };
        let lead = Query { kind: EventKind::Lead, ..query(1_000, 2_000) };
        assert_eq!((sizes.about(&other), sizes.about(&lead)), (None, None));
    }

    #[test]
    fn what_counts_a_part_says_nothing_of_the_whole() {
        let sizes = Sizes::default();
        let among = Condition::Links { sense: Sense::Is, ids: vec![LinkId(1)] };
        let of_link = Query { conditions: vec![among], ..query(0, 1_000) };
        let (mut unique, mut robots) = (query(0, 1_000), query(0, 1_000));
        unique.counting.unique = true;
        robots.counting.bots = Bots::Only;
        for part in [&of_link, &unique, &robots] {
            sizes.learn(part, 1);
            assert_eq!(sizes.about(part), None);
        }
        sizes.learn(&query(0, 1_000), 500);
        assert_eq!((sizes.about(&of_link), sizes.about(&unique)), (Some(500), Some(500)));
    }
}
