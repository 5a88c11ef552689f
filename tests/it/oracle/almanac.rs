//! Local time as the oracle reckons it: the offset at each quarter of an hour, as jiff tells it, and counting from there.
//! Nothing here knows of stretches, steps or binary searches, as the program's calendar does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

pub const MINUTE_MS: i64 = 60_000;
pub const QUARTER_MS: i64 = 15 * MINUTE_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// 2022-08-01T00:00Z and 2027-03-01T00:00Z: the time within which offsets are looked up once.
const TABLE: std::ops::Range<i64> = 1_659_312_000_000..1_803_859_200_000;

/// Zones with something to get wrong, and some plain ones. Cuba is left out: jiff's rules for its winter of 2026 are older
/// than the program's.
pub const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "US/Pacific",
    "America/Chicago",
    "America/Vancouver",
    "America/Edmonton",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "America/Nuuk",
    "America/Scoresbysund",
    "Atlantic/Azores",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Istanbul",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/El_Aaiun",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Asia/Kabul",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Yangon",
    "Asia/Almaty",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Australia/Eucla",
    "Australia/Sydney",
    "Pacific/Norfolk",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Marquesas",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Antarctica/Troll",
    "Etc/GMT+12",
];

/// What tells one bucket from another.
pub type Key = (i64, i64);

/// The wall clock of one zone.
pub struct Almanac {
    zone: TimeZone,
    /// Seconds that local time is ahead, at each quarter of [`TABLE`].
    offsets: Vec<i32>,
}

impl Almanac {
    /// The zone's, worked out once.
    pub fn of(name: &'static str) -> Arc<Self> {
        static KNOWN: Mutex<Option<HashMap<&'static str, Arc<Almanac>>>> = Mutex::new(None);
        let mut known = KNOWN.lock().unwrap();
        let known = known.get_or_insert_default();
        Arc::clone(known.entry(name).or_insert_with(|| Arc::new(Self::new(name))))
    }

    fn new(name: &str) -> Self {
        let zone = TimeZone::get(name).unwrap();
        let quarters = TABLE.step_by(usize::try_from(QUARTER_MS).unwrap());
        let offsets = quarters.map(|ms| zone.to_offset(timestamp(ms)).seconds()).collect();
        Self { zone, offsets }
    }

    /// Seconds that local time is ahead of UTC.
    fn offset_secs(&self, ms: i64) -> i64 {
        let place = usize::try_from((ms - TABLE.start).div_euclid(QUARTER_MS)).ok();
        let known = place.and_then(|place| self.offsets.get(place).copied());
        i64::from(known.unwrap_or_else(|| self.zone.to_offset(timestamp(ms)).seconds()))
    }

    /// Milliseconds since the local 1970-01-01T00:00, on the wall clock.
    pub fn wall_ms(&self, ms: i64) -> i64 {
        ms + self.offset_secs(ms) * 1_000
    }

    /// Local date and time.
    pub fn wall(&self, ms: i64) -> DateTime {
        TimeZone::UTC.to_datetime(timestamp(self.wall_ms(ms)))
    }

    /// Local days since 1970-01-01.
    pub fn day(&self, ms: i64) -> i64 {
        self.wall_ms(ms).div_euclid(DAY_MS)
    }

    /// The first quarter of an hour at which the local date is `day` or later.
    pub fn start_of(&self, day: i64) -> i64 {
        let mut ms = day * DAY_MS - 16 * HOUR_MS;
        while self.day(ms) < day {
            ms += QUARTER_MS;
        }
        ms
    }

    /// The instant of a local time: the earlier of two, and past a gap as far as it is past the gap's beginning.
    pub fn instant(&self, wall: DateTime) -> i64 {
        self.zone.to_ambiguous_timestamp(wall).compatible().unwrap().as_millisecond()
    }

    /// Which bucket an instant lies in. Minutes and hours of one name but another offset are not the same.
    pub fn key(&self, bucket: &str, ms: i64) -> Key {
        let day = self.day(ms);
        match bucket {
            "minute" => (self.wall_ms(ms).div_euclid(MINUTE_MS), self.offset_secs(ms)),
            "hour" => (self.wall_ms(ms).div_euclid(HOUR_MS), self.offset_secs(ms)),
            "day" => (day, 0),
            // 1970-01-01 was a Thursday.
            "week" => (day - (day + 3).rem_euclid(7), 0),
            "month" => {
                let date = date(day);
                (i64::from(date.year()) * 12 + i64::from(date.month()), 0)
            }
            other => panic!("no bucket {other}"),
        }
    }

    /// Every bucket that holds an instant from `start_ms` up to `end_ms`, with its first instant; `None` when there are
    /// more than `most`.
    pub fn buckets(&self, bucket: &str, start_ms: i64, end_ms: i64, most: usize) -> Option<Vec<(Key, i64)>> {
        let step = if bucket == "minute" { MINUTE_MS } else { QUARTER_MS };
        let mut ms = start_ms.div_euclid(step) * step;
        let first = self.key(bucket, ms);
        while self.key(bucket, ms - step) == first {
            ms -= step;
        }
        let mut found: Vec<(Key, i64)> = Vec::new();
        let mut last_day = None;
        while ms < end_ms {
            // Only a new day can begin a month or a week.
            let day = self.day(ms);
            let may_begin = matches!(bucket, "minute" | "hour") || last_day != Some(day);
            last_day = Some(day);
            if may_begin {
                let key = self.key(bucket, ms);
                if found.last().is_none_or(|(last, _)| *last != key) {
                    if found.len() == most {
                        return None;
                    }
                    found.push((key, ms));
                }
            }
            ms += step;
        }
        Some(found)
    }
}

/// The date that is so many days after 1970-01-01.
pub fn date(day: i64) -> Date {
    TimeZone::UTC.to_datetime(timestamp(day * DAY_MS)).date()
}

/// Days since 1970-01-01.
pub fn day_of(date: Date) -> i64 {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap().as_millisecond() / DAY_MS
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}
