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
    /// [`Reversed`] when the start is after the end, or after the last instant of the day that is the end.
    pub fn between(start: &Bound, end: Option<&Bound>, now_ms: i64, zone: &Zone) -> Result<Self, Reversed> {
        let today = Bound::Day(zone.day_at(now_ms));
        let end = end.unwrap_or(&today);
        let (start_ms, end_ms) = (start.as_start(zone), end.as_end(zone));
        // The instant after a day is no part of it. A day that was skipped is empty, and starts where it ends.
        if matches!(end, Bound::Day(_)) && start_ms >= end_ms && start_ms > end.as_start(zone) {
            return Err(Reversed { start_ms, end_ms: end_ms - 1 });
        }
        Ok(Self::of(Range::new(start_ms, end_ms)?, zone))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::spine::Buckets;
    use super::super::zone::tests::any_zone;
    use super::*;

    fn ms(rfc3339: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis()
    }

    #[test]
    fn names_are_exact() {
        for (name, interval) in Interval::NAMES.into_iter().zip(Interval::ALL) {
            assert_eq!(Interval::parse(name), Ok(interval));
            assert_eq!(interval.name(), name);
        }
        let message = Interval::parse("24H").unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown interval \"24H\"; allowed are 1h, 24h, 7d, 30d, 90d, 1y, mtd, qtd, ytd, all, all_unfiltered, today, \
             yesterday"
        );
        assert!(Interval::parse(&"d".repeat(10_000)).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn each_interval_has_its_span() {
        let now = "2026-11-20T14:25:30.500-05:00";
        let present_ends = "2026-11-20T14:25:30.501-05:00";
        let today_ends = "2026-11-21T00:00:00-05:00";
        // name, start, end, bucket, rows
        let cases = [
            ("1h", "2026-11-20T13:25:30.500-05:00", present_ends, Bucket::Minute, 61),
            ("24h", "2026-11-19T14:25:30.500-05:00", present_ends, Bucket::Hour, 25),
            ("7d", "2026-11-13T14:25:30.500-05:00", today_ends, Bucket::Day, 8),
            ("30d", "2026-10-21T14:25:30.500-04:00", today_ends, Bucket::Day, 31),
            ("90d", "2026-08-22T14:25:30.500-04:00", today_ends, Bucket::Day, 91),
            ("1y", "2025-11-20T14:25:30.500-05:00", today_ends, Bucket::Month, 13),
            ("mtd", "2026-11-01T00:00:00-04:00", today_ends, Bucket::Day, 20),
            ("qtd", "2026-10-01T00:00:00-04:00", today_ends, Bucket::Day, 51),
            ("ytd", "2026-01-01T00:00:00-05:00", today_ends, Bucket::Month, 11),
            ("all", "2026-11-18T00:00:00-05:00", today_ends, Bucket::Hour, 72),
            ("all_unfiltered", "2022-09-22T00:00:00Z", today_ends, Bucket::Month, 51),
            ("today", "2026-11-20T00:00:00-05:00", today_ends, Bucket::Hour, 24),
            ("yesterday", "2026-11-19T00:00:00-05:00", "2026-11-20T00:00:00-05:00", Bucket::Hour, 24),
        ];
        assert_eq!(cases.map(|case| case.0), Interval::NAMES);
        let zone = Zone::parse("America/New_York").unwrap();
        let beginning_ms = ms("2026-11-18T20:00:00-05:00");
        for (name, start, end, bucket, rows) in cases {
            let span = Interval::parse(name).unwrap().resolve(ms(now), &zone, beginning_ms);
            assert_eq!(span, Span { range: Range::new(ms(start), ms(end)).unwrap(), bucket }, "{name}");
            assert_eq!(Buckets::cover(bucket, span.range, &zone, 1_000).unwrap().len(), rows, "{name}");
        }
    }

    #[test]
    fn the_zone_decides_which_day_it_is() {
        let now_ms = ms("2026-11-20T12:00:00Z");
        for (name, start, end) in [
            ("UTC", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
            ("Pacific/Kiritimati", "2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"),
            ("Etc/GMT+12", "2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z"),
            ("Asia/Kathmandu", "2026-11-19T18:15:00Z", "2026-11-20T18:15:00Z"),
            ("America/Vancouver", "2026-11-20T07:00:00Z", "2026-11-21T07:00:00Z"),
        ] {
            let span = Interval::Today.resolve(now_ms, &Zone::parse(name).unwrap(), 0);
            assert_eq!(span.range, Range::new(ms(start), ms(end)).unwrap(), "{name}");
        }
    }

    #[test]
    fn the_present_millisecond_is_inside() {
        let now_ms = ms("2026-11-20T10:00:00Z");
        for interval in Interval::ALL.into_iter().filter(|interval| *interval != Interval::Yesterday) {
            assert!(interval.resolve(now_ms, &Zone::utc(), 0).range.contains(now_ms), "{}", interval.name());
        }
        let rows = |interval: Interval| {
            let span = interval.resolve(now_ms, &Zone::utc(), 0);
            Buckets::cover(span.bucket, span.range, &Zone::utc(), 100).unwrap().len()
        };
        assert_eq!((rows(Interval::LastDay), rows(Interval::LastHour)), (25, 61));
    }

    #[test]
    fn yesterday_is_the_last_day_there_was() {
        let apia = Zone::parse("Pacific/Apia").unwrap();
        let span = Interval::Yesterday.resolve(ms("2011-12-31T12:00:00+14:00"), &apia, 0);
        assert_eq!(span.range, Range::new(ms("2011-12-29T10:00:00Z"), ms("2011-12-30T10:00:00Z")).unwrap());
    }

    #[test]
    fn months_are_cut_at_their_last_day() {
        let span = Interval::LastYear.resolve(ms("2024-02-29T12:00:00Z"), &Zone::utc(), 0);
        assert_eq!(span.range.start_ms(), ms("2023-02-28T12:00:00Z"));
        assert_eq!(Buckets::cover(span.bucket, span.range, &Zone::utc(), 100).unwrap().len(), 13);
    }

    #[test]
    fn all_begins_with_the_data_and_takes_its_bucket_from_the_length() {
        let now_ms = ms("2026-11-20T12:00:00Z");
        for (beginning, start, bucket) in [
            ("2026-11-20T11:00:00Z", "2026-11-20T00:00:00Z", Bucket::Hour),
            ("2026-11-18T11:00:00Z", "2026-11-18T00:00:00Z", Bucket::Hour),
            ("2026-11-17T11:00:00Z", "2026-11-17T00:00:00Z", Bucket::Day),
            ("2026-05-24T00:00:00Z", "2026-05-24T00:00:00Z", Bucket::Day),
            ("2026-05-23T23:59:00Z", "2026-05-23T00:00:00Z", Bucket::Month),
            ("2015-01-01T00:00:00Z", "2015-01-01T00:00:00Z", Bucket::Month),
            ("2090-01-01T00:00:00Z", "2026-11-20T00:00:00Z", Bucket::Hour),
        ] {
            let span = Interval::All.resolve(now_ms, &Zone::utc(), ms(beginning));
            assert_eq!((span.range.start_ms(), span.bucket), (ms(start), bucket), "{beginning}");
            assert_eq!(span.range.end_ms(), ms("2026-11-21T00:00:00Z"));
            let unfiltered = Interval::AllUnfiltered.resolve(now_ms, &Zone::utc(), ms(beginning));
            assert_eq!(unfiltered.range.start_ms(), ms(start).min(UNFILTERED_FROM_MS));
            assert_eq!(unfiltered.bucket, Bucket::Month);
        }
    }

    #[test]
    fn dates_take_their_bucket_from_their_number_whatever_the_switch() {
        let zone = Zone::parse("America/New_York").unwrap();
        for (start, end, bucket) in [
            ("2026-11-01", "2026-11-01", Bucket::Hour),
            ("2026-10-31", "2026-11-02", Bucket::Hour), // 73 hours
            ("2026-10-31", "2026-11-03", Bucket::Day),
            ("2026-03-07", "2026-03-10", Bucket::Day), // 95 hours
            ("2026-01-01", "2026-06-30", Bucket::Day), // 181 dates
            ("2026-01-01", "2026-07-01", Bucket::Month),
            ("2026-06-01", "2026-11-28", Bucket::Day),
            ("2026-06-01", "2026-11-29", Bucket::Month),
        ] {
            let bounds = (Bound::parse(start).unwrap(), Bound::parse(end).unwrap());
            let span = Span::between(&bounds.0, Some(&bounds.1), 0, &zone).unwrap();
            assert_eq!(span.bucket, bucket, "{start} {end}");
        }
        let empty = Range::new(0, 0).unwrap();
        assert_eq!(Span::of(empty, &zone), Span { range: empty, bucket: Bucket::Hour });
    }

    #[test]
    fn without_an_end_a_span_goes_to_the_end_of_today() {
        let zone = Zone::parse("Asia/Tokyo").unwrap();
        let now_ms = ms("2026-11-20T16:00:00Z");
        let start = Bound::parse("2026-11-21").unwrap();
        let span = Span::between(&start, None, now_ms, &zone).unwrap();
        assert_eq!(span.range, Range::new(ms("2026-11-20T15:00:00Z"), ms("2026-11-21T15:00:00Z")).unwrap());
        for later in ["2026-11-22", "2026-11-23", "2026-11-22T00:00"] {
            assert!(Span::between(&Bound::parse(later).unwrap(), None, now_ms, &zone).is_err(), "{later}");
        }
    }

    #[test]
    fn a_start_past_the_last_day_is_refused() {
        let between = |start: &str, end: &str, zone: &str| {
            let bounds = (Bound::parse(start).unwrap(), Bound::parse(end).unwrap());
            Span::between(&bounds.0, Some(&bounds.1), 0, &Zone::parse(zone).unwrap()).map(|span| span.range.len_ms())
        };
        let message = between("2026-03-09", "2026-03-08", "UTC").unwrap_err().to_string();
        assert_eq!(message, "start (2026-03-09T00:00:00.000Z) is after end (2026-03-08T23:59:59.999Z)");
        assert!(between("2026-03-09T00:00Z", "2026-03-08", "UTC").is_err());
        assert_eq!(between("2026-03-08T23:59:59.999Z", "2026-03-08", "UTC"), Ok(1));
        assert_eq!(between("2026-03-08T00:00Z", "2026-03-08T00:00Z", "UTC"), Ok(0));
        // The day that never was.
        assert_eq!(between("2011-12-30", "2011-12-30", "Pacific/Apia"), Ok(0));
        assert!(between("2011-12-31", "2011-12-29", "Pacific/Apia").is_err());
    }

    proptest! {
        #[test]
        fn any_moment_has_its_spans(
            zone in any_zone(),
            now_ms in any::<i64>(),
            beginning_ms in any::<i64>(),
        ) {
            for interval in Interval::ALL {
                let span = interval.resolve(now_ms, &zone, beginning_ms);
                prop_assert!(span.range.start_ms() < span.range.end_ms(), "{}", interval.name());
            }
        }

        #[test]
        fn rolling_spans_have_a_fixed_number_of_rows(zone in any_zone(), now_ms in 1_500_000_000_000i64..2_500_000_000_000) {
            for (interval, expected) in [(Interval::LastHour, 61), (Interval::LastWeek, 8), (Interval::LastYear, 13)] {
                let span = interval.resolve(now_ms, &zone, 0);
                let buckets = Buckets::cover(span.bucket, span.range, &zone, 200).unwrap();
                prop_assert_eq!(buckets.len(), expected, "{}", interval.name());
            }
        }
    }
}
