//! The named intervals, and what span of time each means at a given moment in a given zone.
//!
//! Days, months and quarters are those of the zone's calendar. "The end of today" is the first instant of the next local
//! day. A rolling interval ends with the present millisecond, which it includes.

use chrono::{Datelike as _, Days, Months, NaiveDate};

use super::bound::Bound;
use super::bucket::Bucket;
use super::quote::quoted;
use super::range::{EARLIEST_MS, LATEST_MS, Range, Reversed};
use super::zone::Zone;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Where `all_unfiltered` begins at the latest: 2022-09-22T00:00:00Z, the founding day of the product whose API has it.
pub const UNFILTERED_FROM_MS: i64 = 1_663_804_800_000;

/// A range and the buckets that a series over it is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The instants asked about.
    pub range: Range,
    /// The length of a series' buckets.
    pub bucket: Bucket,
}

/// An interval by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interval {
    /// `1h`: the last 60 minutes, by minute.
    LastHour,
    /// `24h`: the last 24 hours, by hour.
    LastDay,
    /// `7d`: from 7 days ago at this clock time to the end of today, by day.
    LastWeek,
    /// `30d`: from 30 days ago at this clock time to the end of today, by day.
    Last30Days,
    /// `90d`: from 90 days ago at this clock time to the end of today, by day.
    Last90Days,
    /// `1y`: from 12 months ago at this clock time to the end of today, by month.
    LastYear,
    /// `mtd`: this month to the end of today, by day.
    MonthToDate,
    /// `qtd`: this quarter to the end of today, by day.
    QuarterToDate,
    /// `ytd`: this year to the end of today, by month.
    YearToDate,
    /// `all`: from the day on which the data begin to the end of today.
    All,
    /// `all_unfiltered`: as `all`, but never beginning after [`UNFILTERED_FROM_MS`].
    AllUnfiltered,
    /// `today`: the local day, by hour.
    Today,
    /// `yesterday`: the local day before, by hour.
    Yesterday,
}

/// The text is no name of an interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown interval {given}; allowed are {}", Interval::NAMES.join(", "))]
pub struct UnknownInterval {
    given: String,
}

impl Interval {
    /// Every interval.
    pub const ALL: [Self; 13] = [
        Self::LastHour,
        Self::LastDay,
        Self::LastWeek,
        Self::Last30Days,
        Self::Last90Days,
        Self::LastYear,
        Self::MonthToDate,
        Self::QuarterToDate,
        Self::YearToDate,
        Self::All,
        Self::AllUnfiltered,
        Self::Today,
        Self::Yesterday,
    ];

    /// The names, in the order of [`ALL`](Self::ALL).
    pub const NAMES: [&'static str; 13] =
        ["1h", "24h", "7d", "30d", "90d", "1y", "mtd", "qtd", "ytd", "all", "all_unfiltered", "today", "yesterday"];

    /// The interval of a name, which must be exact.
    ///
    /// # Errors
    /// [`UnknownInterval`] for any other text.
    pub fn parse(name: &str) -> Result<Self, UnknownInterval> {
        let index = Self::NAMES.iter().position(|known| *known == name);
        index.map(|index| Self::ALL[index]).ok_or_else(|| UnknownInterval { given: quoted(name) })
    }

    /// The name, as a caller writes it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What the interval means at `now_ms` in `zone`, for a workspace whose data begin at `beginning_ms`.
    ///
    /// The intervals of days and months take fixed buckets; `all` and `all_unfiltered` take theirs by length, as
    /// [`Span::of`] does.
    pub fn resolve(self, now_ms: i64, zone: &Zone, beginning_ms: i64) -> Span {
        // A day's room at both ends, so that "7 days ago" and "tomorrow" are instants too.
        let now_ms = now_ms.clamp(EARLIEST_MS + DAY_MS, LATEST_MS - DAY_MS);
        let present_ends_ms = now_ms + 1;
        let now = zone.wall_at(now_ms);
        let today = zone.day_at(now_ms);
        let today_ends_ms = zone.day_end_ms(today);

        let days_ago = |days| now.checked_sub_days(Days::new(days)).map_or(EARLIEST_MS, |wall| zone.instant_ms(wall));
        let from_first_day = |first: Option<NaiveDate>| zone.day_start_ms(first.unwrap_or(today));
        let to_date = |start_ms: i64| Range::ending(start_ms, today_ends_ms);
        // Data that begin in the future leave today.
        let beginning_ms = zone.day_start_ms(zone.day_at(beginning_ms)).min(zone.day_start_ms(today));

        let (range, bucket) = match self {
            Self::LastHour => (Range::ending(now_ms - HOUR_MS, present_ends_ms), Bucket::Minute),
            Self::LastDay => (Range::ending(now_ms - DAY_MS, present_ends_ms), Bucket::Hour),
            Self::LastWeek => (to_date(days_ago(7)), Bucket::Day),
            Self::Last30Days => (to_date(days_ago(30)), Bucket::Day),
            Self::Last90Days => (to_date(days_ago(90)), Bucket::Day),
            Self::LastYear => {
                let year_ago = now.checked_sub_months(Months::new(12));
                (to_date(year_ago.map_or(EARLIEST_MS, |wall| zone.instant_ms(wall))), Bucket::Month)
            }
            Self::MonthToDate => (to_date(from_first_day(today.with_day(1))), Bucket::Day),
            Self::QuarterToDate => {
                let first_month = today.month0() / 3 * 3;
                (to_date(from_first_day(today.with_day(1).and_then(|day| day.with_month0(first_month)))), Bucket::Day)
            }
            Self::YearToDate => (to_date(from_first_day(today.with_ordinal(1))), Bucket::Month),
            Self::All => return Span::of(to_date(beginning_ms), zone),
            Self::AllUnfiltered => return Span::of(to_date(beginning_ms.min(UNFILTERED_FROM_MS)), zone),
            Self::Today => (to_date(zone.day_start_ms(today)), Bucket::Hour),
            Self::Yesterday => {
                let today_starts_ms = zone.day_start_ms(today);
                let yesterday = zone.day_at(today_starts_ms - 1);
                (Range::ending(zone.day_start_ms(yesterday), today_starts_ms), Bucket::Hour)
            }
        };
        Span { range, bucket }
    }
}

impl Span {
    /// A range with the bucket that suits its length, in whole days on the zone's clock from its first to its last
    /// millisecond: up to 2 days the hour, up to 180 the day, beyond that the month. So three local dates are shown by
    /// hour and 181 by day, however long their switch days are.
    pub fn of(range: Range, zone: &Zone) -> Self {
        let last_ms = (range.end_ms() - 1).max(range.start_ms());
        let bucket = match (zone.wall_at(last_ms) - zone.wall_at(range.start_ms())).num_days() {
            ..=2 => Bucket::Hour,
            3..=180 => Bucket::Day,
            _ => Bucket::Month,
        };
        Self { range, bucket }
    }

    /// The span between two bounds; without an end it goes to the end of the local today.
    ///
    /// # Errors
    /// [`Reversed`] when the start is after the end.
    pub fn between(start: &Bound, end: Option<&Bound>, now_ms: i64, zone: &Zone) -> Result<Self, Reversed> {
        let end_ms = end.map_or_else(|| zone.day_end_ms(zone.day_at(now_ms)), |end| end.as_end(zone));
        Ok(Self::of(Range::new(start.as_start(zone), end_ms)?, zone))
    }
}
