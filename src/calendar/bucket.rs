//! The lengths of a series' buckets, and how a bucket is labelled. [`spine`](super::spine) cuts a range into them.

use std::fmt::Write as _;

use chrono::{Datelike as _, TimeDelta, Timelike as _};

use super::quote::quoted;
use super::zone::Zone;

/// The length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// A minute.
    Minute,
    /// An hour on the local clock.
    Hour,
    /// A local day.
    Day,
    /// Seven local days, from Monday on.
    Week,
    /// A local calendar month.
    Month,
}

/// The text is no name of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown granularity {given}; allowed are {}", Bucket::NAMES.join(", "))]
pub struct UnknownBucket {
    given: String,
}

impl Bucket {
    /// Every bucket, from the shortest.
    pub const ALL: [Self; 5] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The names, in the order of [`ALL`](Self::ALL).
    pub const NAMES: [&'static str; 5] = ["minute", "hour", "day", "week", "month"];

    /// The bucket of a name, which must be exact.
    ///
    /// # Errors
    /// [`UnknownBucket`] for any other text.
    pub fn parse(name: &str) -> Result<Self, UnknownBucket> {
        let index = Self::NAMES.iter().position(|known| *known == name);
        index.map(|index| Self::ALL[index]).ok_or_else(|| UnknownBucket { given: quoted(name) })
    }

    /// The name, as a caller writes it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// The label of a bucket that starts at `start_ms`: local time with its offset, `2024-01-01T00:00:00.000-0500`, and
/// `+0000` in UTC. Always the same instant; an offset that is no whole minute (Liberia until 1972) is shown cut down to
/// one, with the clock that goes with it.
pub fn label(start_ms: i64, zone: &Zone) -> String {
    let offset_secs = zone.offset_secs_at(start_ms.div_euclid(1000));
    let odd_secs = offset_secs.rem_euclid(60);
    let wall = zone.wall_at(start_ms) - TimeDelta::seconds(odd_secs.into());
    let offset_minutes = (offset_secs - odd_secs) / 60;
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset_minutes.abs() / 60, offset_minutes.abs() % 60);

    let mut text = String::with_capacity(28);
    let written = write!(
        text,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{sign}{hours:02}{minutes:02}",
        wall.year(),
        wall.month(),
        wall.day(),
        wall.hour(),
        wall.minute(),
        wall.second(),
        wall.nanosecond() / 1_000_000,
    );
    debug_assert!(written.is_ok(), "a String takes every write");
    text
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn names_are_exact() {
        for (name, bucket) in Bucket::NAMES.into_iter().zip(Bucket::ALL) {
            assert_eq!(Bucket::parse(name), Ok(bucket));
            assert_eq!(bucket.name(), name);
        }
        let message = Bucket::parse("Hour").unwrap_err().to_string();
        assert_eq!(message, "unknown granularity \"Hour\"; allowed are minute, hour, day, week, month");
    }

    #[test]
    fn labels_are_local_time_with_its_offset() {
        for (instant, zone, expected) in [
            ("2024-01-01T05:00:00Z", "America/New_York", "2024-01-01T00:00:00.000-0500"),
            ("2024-01-01T00:01:02.003Z", "UTC", "2024-01-01T00:01:02.003+0000"),
            ("2024-01-01T00:00:00Z", "America/St_Johns", "2023-12-31T20:30:00.000-0330"),
            ("2024-01-01T00:00:00Z", "Pacific/Kiritimati", "2024-01-01T14:00:00.000+1400"),
            ("1970-01-01T00:44:30Z", "Africa/Monrovia", "1969-12-31T23:59:30.000-0045"),
        ] {
            let start = DateTime::parse_from_rfc3339(instant).unwrap();
            let label = label(start.timestamp_millis(), &Zone::parse(zone).unwrap());
            assert_eq!(label, expected);
            assert_eq!(DateTime::parse_from_str(&label, "%Y-%m-%dT%H:%M:%S%.3f%z").unwrap(), start);
        }
    }
}
