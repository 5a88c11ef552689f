//! Cutting a range into buckets of local time.
//!
//! What always holds of [`Buckets`]: the starts ascend strictly; each bucket ends where the next one starts, so nothing
//! is counted twice or left out; the first starts at or before the range, the last ends at or after it; no two labels
//! are equal.
//!
//! Minutes and hours lie within one offset: wherever a zone's offset changes a new bucket begins. So the hour that comes
//! twice is two buckets told apart by their offset, the hour that is skipped is none, and in Lord Howe, which moves by
//! half an hour, the day of the switch has one bucket of half an hour (01:30+1030 in April, 02:30+1100 in October). Days,
//! weeks and months begin with the first instant of their first local day, and are as long as the zone makes them.

use std::fmt::Write as _;

use chrono::{Datelike as _, Days, Months, NaiveDate, Timelike as _};

use super::quote::quoted;
use super::range::Range;
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

/// The range holds more buckets than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the range holds more than {max} {}s; take a shorter range{}",
    bucket.name(),
    match bucket { Bucket::Month => "", _ => " or a coarser granularity" }
)]
pub struct TooManyBuckets {
    /// The bucket that was asked for.
    pub bucket: Bucket,
    /// How many were allowed.
    pub max: usize,
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

/// The buckets that cover a range, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    bucket: Bucket,
    starts: Vec<i64>,
    end_ms: i64,
}

impl Buckets {
    /// The buckets that hold any instant of `range`, whole: the first may start before the range and the last may end
    /// after it. An empty range has none.
    ///
    /// # Errors
    /// [`TooManyBuckets`] when there are more than `max`; no more than that are worked out.
    pub fn cover(bucket: Bucket, range: Range, zone: &Zone, max: usize) -> Result<Self, TooManyBuckets> {
        let mut starts = Vec::new();
        let end_ms = match range.is_empty() {
            true => range.start_ms(),
            false => fill(bucket, range, zone, max, &mut starts).ok_or(TooManyBuckets { bucket, max })?,
        };
        Ok(Self { bucket, starts, end_ms })
    }

    /// The length of each.
    pub fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// The first instant of each, in ms, strictly ascending.
    pub fn starts(&self) -> &[i64] {
        &self.starts
    }

    /// The first instant after the last bucket, in ms; for no buckets, the start of the range.
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The place of the bucket that an instant lies in; `None` before the first and after the last.
    pub fn index_of(&self, ms: i64) -> Option<usize> {
        if ms >= self.end_ms {
            return None;
        }
        self.starts.partition_point(|start| *start <= ms).checked_sub(1)
    }

    /// The label of each, in the zone that they were cut in.
    pub fn labels(&self, zone: &Zone) -> impl Iterator<Item = String> {
        self.starts.iter().map(move |start| label(*start, zone))
    }
}

/// Appends the starts of all buckets and gives the end of the last; `None` when there are more than `max`.
fn fill(bucket: Bucket, range: Range, zone: &Zone, max: usize, starts: &mut Vec<i64>) -> Option<i64> {
    let mut step = Steps::before(bucket, range.start_ms(), zone);
    let mut start_ms = step.start_ms();
    while start_ms < range.end_ms() {
        if starts.len() == max {
            return None;
        }
        starts.push(start_ms);
        // A skipped day starts where the next one does, and holds nothing.
        let mut next_ms = step.next_ms();
        while next_ms <= start_ms {
            next_ms = step.next_ms();
        }
        start_ms = next_ms;
    }
    Some(start_ms)
}

/// Walks from one bucket's start to the next.
enum Steps<'a> {
    /// Minutes and hours: equal steps within a stretch of constant offset.
    Even { zone: &'a Zone, unit_secs: i64, at_secs: i64, until_secs: Option<i64>, offset_secs: i64 },
    /// Days, weeks and months: by their first local day.
    ByDate { zone: &'a Zone, bucket: Bucket, first_day: NaiveDate },
}

impl<'a> Steps<'a> {
    /// Stands on the last start at or before `ms`.
    fn before(bucket: Bucket, ms: i64, zone: &'a Zone) -> Self {
        let day = || zone.day_at(ms);
        let first_day = match bucket {
            Bucket::Minute => return Self::even(zone, 60, ms.div_euclid(1000)),
            Bucket::Hour => return Self::even(zone, 3600, ms.div_euclid(1000)),
            Bucket::Day => day(),
            Bucket::Week => {
                let since_monday = Days::new(day().weekday().num_days_from_monday().into());
                day().checked_sub_days(since_monday).unwrap_or_else(day)
            }
            Bucket::Month => day().with_day(1).unwrap_or_else(day),
        };
        Self::ByDate { zone, bucket, first_day }
    }

    fn even(zone: &'a Zone, unit_secs: i64, secs: i64) -> Self {
        let (from_secs, until_secs, offset_secs) = zone.stretch_at(secs);
        let offset_secs = i64::from(offset_secs);
        let floor_secs = (secs + offset_secs).div_euclid(unit_secs) * unit_secs - offset_secs;
        Self::Even { zone, unit_secs, at_secs: floor_secs.max(from_secs), until_secs, offset_secs }
    }

    fn start_ms(&self) -> i64 {
        match self {
            Self::Even { at_secs, .. } => at_secs * 1000,
            Self::ByDate { zone, first_day, .. } => zone.day_start_ms(*first_day),
        }
    }

    /// Goes on to the next start.
    fn next_ms(&mut self) -> i64 {
        match self {
            Self::Even { zone, unit_secs, at_secs, until_secs, offset_secs } => {
                let wall_secs = *at_secs + *offset_secs;
                let next_secs = *at_secs + *unit_secs - wall_secs.rem_euclid(*unit_secs);
                match *until_secs {
                    Some(until_secs) if next_secs >= until_secs => *self = Self::even(zone, *unit_secs, until_secs),
                    _ => *at_secs = next_secs,
                }
            }
            Self::ByDate { bucket, first_day, .. } => {
                let next = match bucket {
                    Bucket::Month => first_day.checked_add_months(Months::new(1)),
                    Bucket::Week => first_day.checked_add_days(Days::new(7)),
                    Bucket::Day | Bucket::Hour | Bucket::Minute => first_day.checked_add_days(Days::new(1)),
                };
                *first_day = next.unwrap_or(NaiveDate::MAX);
            }
        }
        self.start_ms()
    }
}

/// The label of a bucket that starts at `start_ms`: local time with its offset, `2024-01-01T00:00:00.000-0500`, and
/// `+0000` in UTC. Always the same instant; an offset that is no whole minute (Liberia until 1972) is shown cut down to
/// one, with the clock that goes with it.
pub fn label(start_ms: i64, zone: &Zone) -> String {
    let offset_secs = zone.offset_secs_at(start_ms.div_euclid(1000));
    let odd_secs = offset_secs.rem_euclid(60);
    let wall = zone.wall_at(start_ms) - chrono::TimeDelta::seconds(odd_secs.into());
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
