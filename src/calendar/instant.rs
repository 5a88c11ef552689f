//! Instants as text for machines.

use chrono::{DateTime, SecondsFormat, Utc};

/// `2024-01-31T09:30:00.000Z`. An instant outside the calendar (beyond the year 262,000) is shown as the epoch.
pub fn rfc3339(at_ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_has_a_text() {
        for (at_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_706_693_400_007, "2024-01-31T09:30:00.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MIN, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(at_ms), text);
        }
    }
}
