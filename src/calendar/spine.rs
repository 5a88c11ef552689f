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

use chrono::{Datelike as _, Days, Months, NaiveDate};

use super::bucket::{Bucket, label};
use super::range::Range;
use super::zone::Zone;

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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::super::zone::tests::any_zone;
    use super::*;

    fn range(start: &str, end: &str) -> Range {
        let ms = |text| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        Range::new(ms(start), ms(end)).unwrap()
    }

    fn labels(bucket: Bucket, range: Range, zone: &str) -> Vec<String> {
        let zone = Zone::parse(zone).unwrap();
        Buckets::cover(bucket, range, &zone, 10_000).unwrap().labels(&zone).collect()
    }

    /// The hours of a local date, as `00-05 01-05 ...`: hour, minutes where there are some, offset.
    fn hours(date: &str, zone: &str) -> String {
        let zone = Zone::parse(zone).unwrap();
        let day = date.parse().unwrap();
        let range = Range::new(zone.day_start_ms(day), zone.day_end_ms(day)).unwrap();
        let buckets = Buckets::cover(Bucket::Hour, range, &zone, 30).unwrap();
        assert_eq!((buckets.starts()[0], buckets.end_ms()), (range.start_ms(), range.end_ms()));
        let short = |label: String| format!("{}{}", &label[11..16], &label[23..]).replacen(":00", "", 1);
        buckets.labels(&zone).take(5).map(short).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn hours_of_odd_days() {
        for (date, zone, expected) in [
            ("2026-03-08", "America/New_York", "00-0500 01-0500 03-0400 04-0400 05-0400"),
            ("2026-11-01", "America/New_York", "00-0400 01-0400 01-0500 02-0500 03-0500"),
            ("2025-03-09", "America/Havana", "01-0400 02-0400 03-0400 04-0400 05-0400"),
            ("2025-11-02", "America/Havana", "00-0400 00-0500 01-0500 02-0500 03-0500"),
            ("2026-03-29", "Asia/Beirut", "01+0300 02+0300 03+0300 04+0300 05+0300"),
            ("2026-04-24", "Africa/Cairo", "01+0300 02+0300 03+0300 04+0300 05+0300"),
            ("2018-11-04", "America/Sao_Paulo", "01-0200 02-0200 03-0200 04-0200 05-0200"),
            ("2011-12-31", "Pacific/Apia", "00+1400 01+1400 02+1400 03+1400 04+1400"),
            ("2026-04-05", "Australia/Lord_Howe", "00+1100 01+1100 01:30+1030 02+1030 03+1030"),
            ("2026-10-04", "Australia/Lord_Howe", "00+1030 01+1030 02:30+1100 03+1100 04+1100"),
            ("2026-04-05", "Pacific/Chatham", "00+1345 01+1345 02+1345 03+1345 02:45+1245"),
            ("2026-06-15", "Asia/Kathmandu", "00+0545 01+0545 02+0545 03+0545 04+0545"),
        ] {
            assert_eq!(hours(date, zone), expected, "{date} {zone}");
        }
    }

    #[test]
    fn days_weeks_and_months_start_with_their_first_day() {
        let april = range("2018-02-15T12:00:00Z", "2018-02-20T03:00:00Z");
        assert_eq!(
            labels(Bucket::Day, april, "America/Sao_Paulo"),
            [
                "2018-02-15T00:00:00.000-0200",
                "2018-02-16T00:00:00.000-0200",
                "2018-02-17T00:00:00.000-0200",
                "2018-02-18T00:00:00.000-0300",
                "2018-02-19T00:00:00.000-0300",
            ]
        );
        assert_eq!(
            labels(Bucket::Day, range("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"), "Pacific/Apia"),
            ["2011-12-29T00:00:00.000-1000", "2011-12-31T00:00:00.000+1400", "2012-01-01T00:00:00.000+1400"]
        );
        assert_eq!(
            labels(Bucket::Week, range("2026-03-08T12:00:00Z", "2026-03-16T12:00:00Z"), "America/New_York"),
            ["2026-03-02T00:00:00.000-0500", "2026-03-09T00:00:00.000-0400", "2026-03-16T00:00:00.000-0400"]
        );
        assert_eq!(
            labels(Bucket::Month, range("2025-12-31T23:00:00Z", "2026-02-28T23:00:00Z"), "Europe/Berlin"),
            ["2026-01-01T00:00:00.000+0100", "2026-02-01T00:00:00.000+0100", "2026-03-01T00:00:00.000+0100"][..2]
        );
        assert_eq!(
            labels(Bucket::Day, range("2026-03-29T10:00:00Z", "2026-03-29T11:00:00Z"), "Asia/Beirut"),
            ["2026-03-29T01:00:00.000+0300"]
        );
    }

    #[test]
    fn an_empty_range_has_no_buckets() {
        let empty = Range::new(1_000, 1_000).unwrap();
        for bucket in Bucket::ALL {
            let buckets = Buckets::cover(bucket, empty, &Zone::utc(), 0).unwrap();
            assert!(buckets.is_empty() && buckets.index_of(1_000).is_none());
            assert_eq!(buckets.end_ms(), 1_000);
        }
    }

    #[test]
    fn more_than_allowed_is_refused_at_once() {
        let all_time = Range::new(i64::MIN, i64::MAX).unwrap();
        let error = Buckets::cover(Bucket::Minute, all_time, &Zone::utc(), 10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the range holds more than 10 minutes; take a shorter range or a coarser granularity"
        );
        let ten = range("2026-01-01T00:00:00Z", "2026-01-01T10:00:00Z");
        assert_eq!(Buckets::cover(Bucket::Hour, ten, &Zone::utc(), 10).unwrap().len(), 10);
        assert!(Buckets::cover(Bucket::Hour, ten, &Zone::utc(), 9).is_err());
        assert_eq!(Buckets::cover(Bucket::Month, all_time, &Zone::utc(), 2_000).unwrap().len(), 130 * 12 + 1);
    }

    #[test]
    fn hours_days_and_months_start_on_a_quarter_of_an_hour() {
        // Newfoundland, Palestine and Casey have changed their clocks at one minute past; nobody has since 2023.
        let (from_secs, until_secs) = (1_704_067_200, 4_102_444_800);
        for zone in Zone::names().map(|name| Zone::parse(name).unwrap()) {
            let mut at_secs = from_secs;
            while let (_, Some(change_secs), offset_secs) = zone.stretch_at(at_secs)
                && change_secs < until_secs
            {
                assert_eq!((offset_secs % 900, change_secs % 900), (0, 0), "{zone}");
                at_secs = change_secs;
            }
            let days = Buckets::cover(Bucket::Day, range("2025-12-01T00:00:00Z", "2027-02-01T00:00:00Z"), &zone, 500);
            assert!(days.unwrap().starts().iter().all(|start| start % 900_000 == 0), "{zone}");
        }
    }

    #[test]
    fn a_century_of_hours_is_walked_in_one_go() {
        let zone = Zone::parse("America/New_York").unwrap();
        let all_time = Range::new(0, i64::MAX).unwrap();
        let buckets = Buckets::cover(Bucket::Hour, all_time, &zone, 2_000_000).unwrap();
        assert_eq!(buckets.len(), 130 * 8_766 + 24 - 12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn buckets_cover_without_gap_or_overlap(
            zone in any_zone(),
            bucket in prop::sample::select(&Bucket::ALL[..]),
            start_ms in 0i64..4_102_444_800_000,
            share in 0.0f64..1.0,
            probe in 0.0f64..1.0,
        ) {
            let longest_ms = match bucket {
                Bucket::Minute => 8.0e6,
                Bucket::Hour => 4.0e8,
                Bucket::Day => 2.0e10,
                Bucket::Week | Bucket::Month => 1.0e11,
            };
            let range = Range::new(start_ms, start_ms + 1 + (share * longest_ms) as i64).unwrap();
            let buckets = Buckets::cover(bucket, range, &zone, 500).unwrap();
            let starts = buckets.starts();

            prop_assert!(starts.is_sorted_by(|a, b| a < b));
            prop_assert!(starts[0] <= range.start_ms() && range.end_ms() <= buckets.end_ms());
            prop_assert!(starts.get(1).is_none_or(|second| *second > range.start_ms()));
            prop_assert!(*starts.last().unwrap() < range.end_ms());

            let labels: Vec<String> = buckets.labels(&zone).collect();
            prop_assert_eq!(labels.iter().collect::<HashSet<_>>().len(), labels.len());
            for (label, start) in labels.iter().zip(starts) {
                let parsed = DateTime::parse_from_str(label, "%Y-%m-%dT%H:%M:%S%.3f%z").unwrap();
                prop_assert_eq!(parsed.timestamp_millis(), *start);
            }

            let at = range.start_ms() + (probe * (range.len_ms() - 1) as f64) as i64;
            let place = buckets.index_of(at).unwrap();
            prop_assert!(starts[place] <= at && starts.get(place + 1).is_none_or(|next| at < *next));
            prop_assert_eq!(buckets.index_of(starts[0] - 1), None);
            prop_assert_eq!(buckets.index_of(buckets.end_ms()), None);

            // The same buckets whatever part of them is asked for.
            let rest = Range::new(at, range.end_ms()).unwrap();
            let part = Buckets::cover(bucket, rest, &zone, 500).unwrap();
            prop_assert_eq!(part.starts(), &starts[place..]);
        }
    }
}
