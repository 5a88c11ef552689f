//! What a caller wrote as `start` or `end`: a local day, an instant, or a local clock time.
//!
//! A day is whole: as a start it is the day's first instant, as an end the first instant of the next day. A time is that
//! instant, exactly; as an end it is not included. Events are counted in milliseconds, so finer fractions are rounded
//! up: no event lies between the time that was written and the one that is used.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::quote::quoted;
use super::zone::Zone;

/// The years that a bound may be written with.
const YEARS: std::ops::RangeInclusive<u32> = 1970..=2099;

/// One end of a range, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `2026-03-08`: the whole local day.
    Day(NaiveDate),
    /// `2026-03-08T14:30:00Z`: an instant, in ms.
    Instant(i64),
    /// `2026-03-08T14:30`: a local clock time, whole in milliseconds.
    Local(NaiveDateTime),
}

/// The text is no date and no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} {}; write a date (2026-03-08), a local time (2026-03-08T14:30 or 2026-03-08T14:30:00.000) or an instant \
     (2026-03-08T14:30:00Z or 2026-03-08T14:30:00-05:00), with a year from 1970 to 2099",
    match fault {
        Fault::Form => "is no date or time",
        Fault::Year => "has a year out of bounds",
        Fault::Day => "names a day that is in no calendar",
        Fault::Time => "names a time that is on no clock",
    }
)]
pub struct BadBound {
    given: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Form,
    Year,
    Day,
    Time,
}

impl Bound {
    /// Reads a date (`YYYY-MM-DD`), a date and time with a zone (RFC 3339) or without one.
    ///
    /// Between date and time stands `T`, `t` or a space. Seconds and up to nine digits of a fraction may be absent. The
    /// zone is `Z`, `z` or an offset, with a colon or without; a space in the place of its `+`, which form decoding
    /// leaves, is taken as one.
    ///
    /// # Errors
    /// [`BadBound`] for any other text, for days and times that do not exist and for years outside of 1970 to 2099.
    pub fn parse(text: &str) -> Result<Self, BadBound> {
        read(text.as_bytes()).map_err(|fault| BadBound { given: quoted(text), fault })
    }

    /// The first instant of a range that starts here, in ms.
    pub fn as_start(&self, zone: &Zone) -> i64 {
        match *self {
            Self::Day(day) => zone.day_start_ms(day),
            Self::Instant(ms) => ms,
            Self::Local(wall) => zone.instant_ms(wall),
        }
    }

    /// The first instant after a range that ends here, in ms.
    pub fn as_end(&self, zone: &Zone) -> i64 {
        match *self {
            Self::Day(day) => zone.day_end_ms(day),
            Self::Instant(_) | Self::Local(_) => self.as_start(zone),
        }
    }
}

fn read(text: &[u8]) -> Result<Bound, Fault> {
    let mut rest = Rest(text);
    let day = read_day(&mut rest)?;
    if rest.is_empty() {
        return Ok(Bound::Day(day));
    }
    rest.take_one_of(b"Tt ").ok_or(Fault::Form)?;
    let wall = read_clock(&mut rest, day)?;
    if rest.is_empty() {
        return Ok(Bound::Local(wall));
    }
    let offset = read_offset(&mut rest)?;
    if !rest.is_empty() {
        return Err(Fault::Form);
    }
    Ok(Bound::Instant((wall - offset).and_utc().timestamp_millis()))
}

fn read_day(rest: &mut Rest<'_>) -> Result<NaiveDate, Fault> {
    let year = rest.digits(4).ok_or(Fault::Form)?;
    rest.take_one_of(b"-").ok_or(Fault::Form)?;
    let month = rest.digits(2).ok_or(Fault::Form)?;
    rest.take_one_of(b"-").ok_or(Fault::Form)?;
    let day = rest.digits(2).ok_or(Fault::Form)?;
    if !YEARS.contains(&year) {
        return Err(Fault::Year);
    }
    let year = i32::try_from(year).map_err(|_| Fault::Year)?;
    NaiveDate::from_ymd_opt(year, month, day).ok_or(Fault::Day)
}

/// A clock time on `day`, rounded up to the millisecond.
fn read_clock(rest: &mut Rest<'_>, day: NaiveDate) -> Result<NaiveDateTime, Fault> {
    let hour = rest.digits(2).ok_or(Fault::Form)?;
    rest.take_one_of(b":").ok_or(Fault::Form)?;
    let minute = rest.digits(2).ok_or(Fault::Form)?;
    let mut second = 0;
    let mut nanos = 0;
    if rest.take_one_of(b":").is_some() {
        second = rest.digits(2).ok_or(Fault::Form)?;
        if rest.take_one_of(b".").is_some() {
            nanos = rest.fraction().ok_or(Fault::Form)?;
        }
    }
    let time = NaiveTime::from_hms_opt(hour, minute, second).ok_or(Fault::Time)?;
    Ok(day.and_time(time) + TimeDelta::milliseconds(i64::from(nanos.div_ceil(1_000_000))))
}

/// What local time is ahead of UTC.
fn read_offset(rest: &mut Rest<'_>) -> Result<TimeDelta, Fault> {
    let sign = match rest.take_one_of(b"Zz+- ").ok_or(Fault::Form)? {
        b'Z' | b'z' => return Ok(TimeDelta::zero()),
        b'-' => -1,
        _ => 1,
    };
    let hours = rest.digits(2).ok_or(Fault::Form)?;
    let _ = rest.take_one_of(b":");
    let minutes = rest.digits(2).ok_or(Fault::Form)?;
    if hours > 23 || minutes > 59 {
        return Err(Fault::Time);
    }
    Ok(TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take_one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        allowed.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// A number of exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(count)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// One to nine digits after the point, in nanoseconds.
    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let mut nanos = self.digits(count)?;
        for _ in count..9 {
            nanos *= 10;
        }
        Some(nanos)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The start and the end that `text` means in `zone`, in RFC 3339.
    fn ends(text: &str, zone: &str) -> (String, String) {
        let zone = Zone::parse(zone).unwrap();
        let bound = Bound::parse(text).unwrap();
        let print = |ms| chrono::DateTime::from_timestamp_millis(ms).unwrap().format("%FT%T%.fZ").to_string();
        (print(bound.as_start(&zone)), print(bound.as_end(&zone)))
    }

    #[test]
    fn a_date_is_the_whole_local_day() {
        let cases = [
            ("2026-03-08", "UTC", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"),
            ("2026-03-08", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("2026-11-01", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
            ("2026-04-05", "Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"),
            ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
            ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
            ("2024-02-29", "Asia/Kathmandu", "2024-02-28T18:15:00Z", "2024-02-29T18:15:00Z"),
            ("1970-01-01", "Asia/Tokyo", "1969-12-31T15:00:00Z", "1970-01-01T15:00:00Z"),
            ("2099-12-31", "America/New_York", "2099-12-31T05:00:00Z", "2100-01-01T05:00:00Z"),
        ];
        for (text, zone, start, end) in cases {
            assert_eq!(ends(text, zone), (start.to_owned(), end.to_owned()), "{text} {zone}");
        }
    }

    #[test]
    fn a_time_is_an_instant() {
        let cases = [
            ("2026-03-08T14:30:00Z", "2026-03-08T14:30:00Z"),
            ("2026-03-08t14:30:00z", "2026-03-08T14:30:00Z"),
            ("2026-03-08 14:30Z", "2026-03-08T14:30:00Z"),
            ("2026-03-08T14:30:00.5Z", "2026-03-08T14:30:00.500Z"),
            ("2026-03-08T14:30:00.123Z", "2026-03-08T14:30:00.123Z"),
            ("2026-03-08T23:59:59.999999Z", "2026-03-09T00:00:00Z"),
            ("2026-03-08T14:30:00.000000001Z", "2026-03-08T14:30:00.001Z"),
            ("2026-03-08T14:30:00+02:00", "2026-03-08T12:30:00Z"),
            ("2026-03-08T14:30:00 02:00", "2026-03-08T12:30:00Z"),
            ("2026-03-08 14:30 05:45", "2026-03-08T08:45:00Z"),
            ("2026-03-08T14:30:00.000-0500", "2026-03-08T19:30:00Z"),
            ("2026-03-08T14:30:00-00:00", "2026-03-08T14:30:00Z"),
            // Local time in New York: before, in and after the gap, and in the hour that comes twice.
            ("2026-03-08T01:59:59", "2026-03-08T06:59:59Z"),
            ("2026-03-08T02:00", "2026-03-08T07:00:00Z"),
            ("2026-03-08 02:30:00.250", "2026-03-08T07:30:00.250Z"),
            ("2026-03-08T03:30", "2026-03-08T07:30:00Z"),
            ("2026-11-01T01:30", "2026-11-01T05:30:00Z"),
            ("2026-11-01t02:00", "2026-11-01T07:00:00Z"),
        ];
        for (text, instant) in cases {
            assert_eq!(ends(text, "America/New_York"), (instant.to_owned(), instant.to_owned()), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let forms = [
            "",
            " ",
            "2026",
            "2026-03",
            "2026-3-8",
            "20260308",
            "2026-03-08T",
            "2026-03-08T14",
            "2026-03-08T14:3",
            "2026-03-08T14:30:",
            "2026-03-08T14:30:00.",
            "2026-03-08T14:30:00.1234567890Z",
            "2026-03-08T14:30:00+",
            "2026-03-08T14:30:00+02",
            "2026-03-08T14:30:00Z ",
            " 2026-03-08",
            "2026-03-08 ",
            "2026-03-08Z",
            "yesterday",
            "1772928000000",
            "-2026-03-08",
            "２０２６-03-08",
            "2026-03-08T14:30:00\u{2212}05:00",
            "2026-03-08T14:30\0",
            "2026-03-08T14:30:00 America/New_York",
            "'; DROP TABLE events",
            "2026-03-08T14.30",
        ];
        for text in forms {
            let error = Bound::parse(text).unwrap_err();
            assert_eq!(error.fault, Fault::Form, "{text}");
        }
        for (text, fault) in [
            ("1969-12-31", Fault::Year),
            ("2100-01-01T00:00Z", Fault::Year),
            ("0000-00-00", Fault::Year),
            ("9999-12-31", Fault::Year),
            ("2026-02-29", Fault::Day),
            ("2026-13-01", Fault::Day),
            ("2026-00-10", Fault::Day),
            ("2026-01-00", Fault::Day),
            ("2026-01-99", Fault::Day),
            ("2026-03-08T24:00", Fault::Time),
            ("2026-03-08T14:60", Fault::Time),
            ("2026-03-08T23:59:60Z", Fault::Time),
            ("2026-03-08T14:30+24:00", Fault::Time),
            ("2026-03-08T14:30-05:60", Fault::Time),
        ] {
            assert_eq!(Bound::parse(text).unwrap_err().fault, fault, "{text}");
        }
    }

    #[test]
    fn the_error_says_what_was_given_and_what_would_do() {
        let message = Bound::parse("2026-02-30\n").unwrap_err().to_string();
        assert_eq!(
            message,
            "\"2026-02-30\\n\" names a day that is in no calendar; write a date (2026-03-08), a local time \
             (2026-03-08T14:30 or 2026-03-08T14:30:00.000) or an instant (2026-03-08T14:30:00Z or \
             2026-03-08T14:30:00-05:00), with a year from 1970 to 2099"
        );
        assert!(Bound::parse(&"9".repeat(10_000)).unwrap_err().to_string().len() < 400);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[0-9TtZz:. +-]{0,40}|2[0-9]{3}-[01][0-9]-[0-3][0-9][Tt ][0-9:.+Z-]{0,20}") {
            if let Ok(bound) = Bound::parse(&text) {
                let zone = Zone::utc();
                prop_assert!(bound.as_start(&zone) <= bound.as_end(&zone));
            }
        }

        #[test]
        fn rfc_3339_is_read_back(ms in 86_400_000i64..4_102_358_400_000, minutes in -1439i32..=1439) {
            let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let text = chrono::DateTime::from_timestamp_millis(ms).unwrap().with_timezone(&offset).to_rfc3339();
            prop_assert_eq!(Bound::parse(&text), Ok(Bound::Instant(ms)));
        }
    }
}
