//! A stretch of time: half-open, in order, and within the years that the stores can count in.

use chrono::{DateTime, SecondsFormat};

/// The first instant a range can hold: 1970-01-01T00:00:00Z.
pub const EARLIEST_MS: i64 = 0;
/// The last instant a range can end at: 2100-01-02T00:00:00Z, so that the last day of 2099 is whole in every zone.
pub const LATEST_MS: i64 = 4_102_531_200_000;

/// `ms` if it lies between [`EARLIEST_MS`] and [`LATEST_MS`], else the nearer of them.
pub fn clamp_ms(ms: i64) -> i64 {
    ms.clamp(EARLIEST_MS, LATEST_MS)
}

/// The instants from `start_ms` up to, but not including, `end_ms`. The start is never after the end, and both lie
/// between [`EARLIEST_MS`] and [`LATEST_MS`]; a range may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    start_ms: i64,
    end_ms: i64,
}

/// The start lies after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("start ({}) is after end ({})", rfc3339(*start_ms), rfc3339(*end_ms))]
pub struct Reversed {
    /// The start that was asked for.
    pub start_ms: i64,
    /// The end that was asked for.
    pub end_ms: i64,
}

impl Range {
    /// The range between two instants; ends outside of [`EARLIEST_MS`] to [`LATEST_MS`] are moved to those.
    ///
    /// # Errors
    /// [`Reversed`] when the start is after the end. An equal pair is an empty range.
    pub fn new(start_ms: i64, end_ms: i64) -> Result<Self, Reversed> {
        if start_ms > end_ms {
            return Err(Reversed { start_ms, end_ms });
        }
        Ok(Self { start_ms: clamp_ms(start_ms), end_ms: clamp_ms(end_ms) })
    }

    /// The range that ends at `end_ms` and starts at `start_ms`, or is empty where that is later.
    pub(super) fn ending(start_ms: i64, end_ms: i64) -> Self {
        let end_ms = clamp_ms(end_ms);
        Self { start_ms: clamp_ms(start_ms).min(end_ms), end_ms }
    }

    /// The first instant inside, in ms.
    pub fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// The first instant after it, in ms.
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// Its length in ms.
    pub fn len_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }

    /// Whether no instant lies inside.
    pub fn is_empty(&self) -> bool {
        self.start_ms == self.end_ms
    }

    /// Whether an instant lies inside.
    pub fn contains(&self, ms: i64) -> bool {
        self.start_ms <= ms && ms < self.end_ms
    }
}

fn rfc3339(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .map_or_else(|| format!("{ms} ms"), |instant| instant.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_half_open() {
        let range = Range::new(10, 20).unwrap();
        assert!(range.contains(10) && range.contains(19));
        assert!(!range.contains(9) && !range.contains(20));
        assert_eq!((range.start_ms(), range.end_ms(), range.len_ms()), (10, 20, 10));
        let empty = Range::new(10, 10).unwrap();
        assert!(empty.is_empty() && !empty.contains(10));
    }

    #[test]
    fn a_reversed_range_says_both_ends() {
        let error = Range::new(1_772_928_000_000, 0).unwrap_err();
        assert_eq!(error.to_string(), "start (2026-03-08T00:00:00.000Z) is after end (1970-01-01T00:00:00.000Z)");
        assert!(Range::new(i64::MAX, 0).unwrap_err().to_string().contains("9223372036854775807 ms"));
    }

    proptest! {
        #[test]
        fn a_range_is_never_inverted_and_never_far_out(start in any::<i64>(), end in any::<i64>()) {
            match Range::new(start, end) {
                Err(reversed) => {
                    prop_assert!(start > end);
                    prop_assert_eq!(reversed, Reversed { start_ms: start, end_ms: end });
                }
                Ok(range) => {
                    prop_assert!(start <= end && range.start_ms() <= range.end_ms());
                    prop_assert!(EARLIEST_MS <= range.start_ms() && range.end_ms() <= LATEST_MS);
                }
            }
            let ending = Range::ending(start, end);
            prop_assert!(ending.start_ms() <= ending.end_ms());
            prop_assert_eq!(ending.end_ms(), clamp_ms(end));
        }
    }
}
