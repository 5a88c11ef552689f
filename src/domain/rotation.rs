//! When the keys of visitor hashes change.
//!
//! An epoch is the number of a period. The numbers of one kind of period never are those of another, nor 0, which stands for
//! "never": a workspace that changes its mind begins with a fresh key, and never comes back to one of before.

use chrono::{DateTime, Datelike};
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
/// Each kind of period counts in a span of its own.
const SPAN: u32 = 1 << 28;

/// When the key of visitor hashes changes. After a change the same person is another visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VisitorRotation {
    /// Uniques hold over any range.
    #[default]
    Never,
    /// At midnight UTC; uniques are per day.
    Daily,
    /// On Mondays at midnight UTC; uniques are per week.
    Weekly,
    /// On the first of a month at midnight UTC; uniques are per month.
    Monthly,
}

impl VisitorRotation {
    /// Every setting.
    pub const ALL: [Self; 4] = [Self::Never, Self::Daily, Self::Weekly, Self::Monthly];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The rotation of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rotation| rotation.name() == name)
    }

    /// Within what a visitor is known again, as answers say it; `None` where that is for ever.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::Daily => Some("per day"),
            Self::Weekly => Some("per week"),
            Self::Monthly => Some("per month"),
        }
    }

    /// The period that an instant falls in.
    pub fn epoch(self, at_ms: i64) -> u32 {
        let day = at_ms.div_euclid(DAY_MS);
        let (kind, number) = match self {
            Self::Never => return 0,
            Self::Daily => (0, day),
            // The first day of 1970 was a Thursday.
            Self::Weekly => (1, (day + 3).div_euclid(7)),
            Self::Monthly => (2, months(at_ms)),
        };
        // What lies outside the years that events may have shares a period: 0 is never's.
        kind * SPAN + u32::try_from(number.clamp(1, i64::from(SPAN - 1))).unwrap_or(1)
    }
}

/// Months since January 1970.
fn months(at_ms: i64) -> i64 {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    (i64::from(at.year()) - 1970) * 12 + i64::from(at.month0())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn a_period_ends_where_the_next_begins() {
        let edges = [
            (VisitorRotation::Daily, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
            (VisitorRotation::Weekly, "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
            (VisitorRotation::Monthly, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            (VisitorRotation::Monthly, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ];
        for (rotation, start, end) in edges {
            let epoch = rotation.epoch(ms(start));
            assert_eq!(rotation.epoch(ms(end) - 1), epoch, "{start}");
            assert_eq!(rotation.epoch(ms(start) - 1), epoch - 1, "{start}");
            assert_eq!(rotation.epoch(ms(end)), epoch + 1, "{end}");
        }
        // What was stored before there were other kinds stays what it was.
        assert_eq!(VisitorRotation::Daily.epoch(ms("2026-11-21T12:00:00Z")), 20_778);
    }

    #[test]
    fn kinds_never_share_an_epoch() {
        for at_ms in [i64::MIN, -1, 0, 1, 86_400_000, ms("2026-11-21T12:00:00Z"), ms("9999-12-31T23:59:59Z"), i64::MAX]
        {
            let epochs = VisitorRotation::ALL.map(|rotation| rotation.epoch(at_ms));
            assert_eq!(epochs[0], 0);
            let kinds = epochs.map(|epoch| if epoch == 0 { None } else { Some(epoch / SPAN) });
            assert_eq!(kinds, [None, Some(0), Some(1), Some(2)], "{at_ms}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for rotation in VisitorRotation::ALL {
            assert_eq!(VisitorRotation::parse(rotation.name()), Some(rotation));
            assert_eq!(rotation.scope().is_none(), rotation == VisitorRotation::Never);
        }
        assert_eq!(VisitorRotation::parse("hourly"), None);
    }
}
