//! Counts of several kinds of events, side by side: rows of the store in, one ordered row a key out. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::calendar::Buckets;
use crate::domain::id::LinkId;
use crate::table::Cell;

/// Kinds of events that are counted beside each other at most.
pub(super) const MOST_KINDS: usize = 3;

/// What a row is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// Everything.
    Whole,
    /// The bucket that starts at this instant, in milliseconds.
    Start(i64),
    /// A link in the bucket that starts at this instant.
    StartOf(i64, LinkId),
    /// A value, after what it lies in.
    Values(Vec<String>),
}

impl Key {
    /// As the first cells of a row.
    pub(super) fn cells(self) -> Vec<Cell> {
        match self {
            Self::Whole => Vec::new(),
            Self::Start(start_ms) => vec![Cell::from(start_ms)],
            Self::StartOf(start_ms, link) => vec![Cell::from(start_ms), Cell::from(link.0)],
            Self::Values(values) => values.into_iter().map(Cell::from).collect(),
        }
    }
}

/// What is told of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measures {
    /// Events of each kind, in the order in which kinds were asked for.
    pub counts: [u64; MOST_KINDS],
    /// What was paid.
    pub money: i64,
}

impl Measures {
    fn add(&mut self, other: Self) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum += count;
        }
        self.money = self.money.saturating_add(other.money);
    }
}

/// By what rows stand in order, largest first; equals by their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The number of the first kind, then of the second and the third, then what was paid.
    Count,
    /// What was paid, then the numbers.
    Money,
}

/// Sums by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(HashMap<Key, Measures>);

impl Tally {
    /// Adds to a key.
    pub(super) fn add(&mut self, key: Key, measures: Measures) {
        self.0.entry(key).or_default().add(measures);
    }

    /// The keys so far.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    /// Sums by other keys: each key's measures count for every one of those that `of` gives.
    pub(super) fn regroup(self, of: impl Fn(&Key) -> Vec<Key>) -> Self {
        let mut regrouped = Self::default();
        for (key, measures) in self.0 {
            for other in of(&key) {
                regrouped.add(other, measures);
            }
        }
        regrouped
    }

    /// One row for everything, zeros included.
    pub(super) fn whole(mut self) -> Vec<(Key, Measures)> {
        vec![(Key::Whole, self.0.remove(&Key::Whole).unwrap_or_default())]
    }

    /// A row for each bucket, zeros included, ascending.
    pub(super) fn series(mut self, buckets: &Buckets) -> Vec<(Key, Measures)> {
        let row = |start: &i64| {
            let key = Key::Start(*start);
            let measures = self.0.remove(&key).unwrap_or_default();
            (key, measures)
        };
        buckets.starts().iter().map(row).collect()
    }

    /// A row for each key, ascending by key.
    pub(super) fn by_key(self) -> Vec<(Key, Measures)> {
        let mut rows: Vec<(Key, Measures)> = self.0.into_iter().collect();
        rows.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        rows
    }

    /// A row for each key, in order, at most `limit`.
    pub(super) fn ordered(self, by: By, limit: Option<u64>) -> Vec<(Key, Measures)> {
        let mut rows: Vec<(Key, Measures)> = self.0.into_iter().collect();
        rows.sort_unstable_by(|(left, fewer), (right, more)| {
            let rank = |measures: &Measures| match by {
                By::Count => (0, measures.counts, measures.money),
                By::Money => (measures.money, measures.counts, 0),
            };
            Reverse(rank(fewer)).cmp(&Reverse(rank(more))).then_with(|| left.cmp(right))
        });
        rows.truncate(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::Values(vec![name.to_owned()])
    }

    fn measures(counts: [u64; MOST_KINDS], money: i64) -> Measures {
        Measures { counts, money }
    }

    fn tally() -> Tally {
        let mut tally = Tally::default();
        for (name, counts, money) in [
            ("b", [2, 0, 0], 0),
            ("a", [2, 0, 0], 0),
            ("c", [0, 1, 0], 0),
            ("d", [0, 0, 1], 900),
            ("d", [1, 0, 0], 0),
            ("e", [0, 0, 1], -5),
        ] {
            tally.add(key(name), measures(counts, money));
        }
        tally
    }

    fn names(rows: &[(Key, Measures)]) -> Vec<&str> {
        rows.iter()
            .filter_map(|(key, _)| if let Key::Values(values) = key { Some(values[0].as_str()) } else { None })
            .collect()
    }

    #[test]
    fn kinds_meet_at_their_key_and_none_is_lost() {
        let rows = tally().ordered(By::Count, None);
        assert_eq!(names(&rows), ["a", "b", "d", "c", "e"]);
        assert_eq!(rows[2].1, measures([1, 0, 1], 900));
    }

    #[test]
    fn money_comes_first_where_it_is_asked() {
        assert_eq!(names(&tally().ordered(By::Money, None)), ["d", "a", "b", "c", "e"]);
        assert_eq!(names(&tally().ordered(By::Money, Some(2))), ["d", "a"]);
    }

    #[test]
    fn regrouped_keys_count_for_each_of_theirs() {
        let both = tally().regroup(|other| match other {
            known if *known == key("c") => Vec::new(),
            known if *known == key("d") => vec![key("x"), key("y")],
            _ => vec![key("x")],
        });
        let rows = both.ordered(By::Count, None);
        assert_eq!(rows, [(key("x"), measures([5, 0, 2], 895)), (key("y"), measures([1, 0, 1], 900))]);
    }

    #[test]
    fn a_whole_is_there_without_events() {
        assert_eq!(Tally::default().whole(), [(Key::Whole, Measures::default())]);
    }
}
