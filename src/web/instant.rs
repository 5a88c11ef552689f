//! Instants as JSON shows them. Ranges, zones and intervals are the business of `calendar`.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

pub use crate::calendar::rfc3339 as format;

/// Milliseconds since the epoch of an RFC 3339 instant, or of a date or a date with time, which are taken as UTC. The years
/// 0 to 9999 only, so that what is shown can be read again.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() > 64 || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let at = DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_millis())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc().timestamp_millis())
        })
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").map(|at| at.and_utc().timestamp_millis()))
        .or_else(|_| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
        })
        .ok()?;
    const YEAR_0_MS: i64 = -62_167_219_200_000;
    const YEAR_10000_MS: i64 = 253_402_300_800_000;
    (YEAR_0_MS..YEAR_10000_MS).contains(&at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_usual_forms() {
        let table = [
            ("2024-01-31T09:30:00Z", Some("2024-01-31T09:30:00.000Z")),
            ("2024-01-31T09:30:00.123456+02:00", Some("2024-01-31T07:30:00.123Z")),
            ("2024-01-31", Some("2024-01-31T00:00:00.000Z")),
            ("2024-01-31T09:30", Some("2024-01-31T09:30:00.000Z")),
            ("2024-02-30", None),
            ("tomorrow", None),
            ("", None),
            ("+262000-01-01", None),
            ("1700000000000", None),
        ];
        for (text, shown) in table {
            assert_eq!(parse(text).map(format).as_deref(), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_read_again(text in "[0-9TZ:+. -]{0,40}") {
            if let Some(at) = parse(&text) {
                prop_assert_eq!(parse(&format(at)), Some(at));
            }
        }

        #[test]
        fn any_instant_is_shown(at in any::<i64>()) {
            let _ = format(at);
        }
    }
}
