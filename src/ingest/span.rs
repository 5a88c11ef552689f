//! Sets of half-open spans of time, in milliseconds: which past clicks are in memory.

/// Spans in order, none of which touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spans(Vec<(i64, i64)>);

impl Spans {
    /// The set of many spans, which may overlap; empty ones vanish.
    pub fn new(mut spans: Vec<(i64, i64)>) -> Self {
        spans.retain(|(start, end)| start < end);
        spans.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }

    /// Adds a span.
    pub fn add(&mut self, start: i64, end: i64) {
        let mut spans = std::mem::take(&mut self.0);
        spans.push((start, end));
        *self = Self::new(spans);
    }

    /// What of these spans is not in `others`.
    pub fn minus(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for &(mut start, end) in &self.0 {
            for &(from, to) in &others.0 {
                if to <= start || from >= end {
                    continue;
                }
                left.push((start, from));
                start = start.max(to);
            }
            left.push((start, end));
        }
        Self::new(left)
    }

    /// Whether no time is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spans_are_sets(
            one in prop::collection::vec((0i64..50, 0i64..50), 0..8),
            other in prop::collection::vec((0i64..50, 0i64..50), 0..8),
        ) {
            let inside = |spans: &[(i64, i64)], at: i64| spans.iter().any(|&(start, end)| start <= at && at < end);
            let (a, mut b) = (Spans::new(one.clone()), Spans::default());
            for &(start, end) in &other {
                b.add(start, end);
            }
            let left = a.minus(&b);
            for at in 0..50 {
                prop_assert_eq!(inside(&a.0, at), inside(&one, at));
                prop_assert_eq!(inside(&b.0, at), inside(&other, at));
                prop_assert_eq!(inside(&left.0, at), inside(&one, at) && !inside(&other, at));
            }
            prop_assert!(left.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
