//! What a visit hands on to a mail or a message that somebody is to write: `subject` and `body` to `mailto:`, `body` to
//! `sms:`, and nothing else. Whoever writes a short address could otherwise add recipients that its visitors do not see.
//!
//! As for web addresses, a field that the destination has keeps its place and takes the visit's value, others are added at
//! the end in the order of the visit. A field is a single line but for the body, and is given once: the last one counts.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::destination::{Destination, Growing, MAX_LOCATION_BYTES, Parts};
use super::forward::{Pair, pairs};

const BODY: &str = "body";
/// What a value keeps as it is. A plus sign is one here, and no blank.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The fields that a visit may fill in.
fn fields(destination: &str) -> &'static [&'static str] {
    let scheme = destination.split(':').next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("mailto") {
        &["subject", BODY]
    } else if scheme.eq_ignore_ascii_case("sms") {
        &[BODY]
    } else {
        &[]
    }
}

/// The destination with the visit's fields; `None` when it hands on none, or the address would become too long.
pub(super) fn filled_in(destination: &Destination, incoming: &[Pair<'_>]) -> Option<String> {
    let known = fields(destination.as_str());
    let field_of = |pair: &Pair<'_>| {
        known.iter().position(|field| pair.key.eq_ignore_ascii_case(field.as_bytes())).map(|place| known[place])
    };
    let mut written: Vec<(&str, String)> = Vec::new();
    for pair in incoming {
        let Some(field) = field_of(pair) else { continue };
        let text = format!("{field}={}", percent_encode(&value(field, pair), KEPT));
        match written.iter_mut().find(|(known, _)| *known == field) {
            Some((_, earlier)) => *earlier = text,
            None => written.push((field, text)),
        }
    }
    if written.is_empty() {
        return None;
    }
    let parts = Parts::of(destination.as_str());
    let mut growing = Growing::base(parts, parts.query.map_or(0, str::len) + 64);
    let mut placed: Vec<&str> = Vec::new();
    for pair in pairs(parts.query.unwrap_or_default()) {
        let filled = field_of(&pair).and_then(|field| written.iter().find(|(known, _)| *known == field));
        match filled {
            None => growing.add_written(pair.written),
            Some((field, text)) => {
                if !placed.contains(field) {
                    placed.push(field);
                    growing.add_written(text);
                }
            }
        }
    }
    for (_, text) in written.iter().filter(|(field, _)| !placed.contains(field)) {
        growing.add_written(text);
    }
    Some(growing.finish()).filter(|address| address.len() <= MAX_LOCATION_BYTES)
}

/// A value without what could begin another header of the mail.
fn value(field: &str, pair: &Pair<'_>) -> Vec<u8> {
    let may_break = field == BODY;
    let is_kept = |byte: &u8| !byte.is_ascii_control() || (may_break && matches!(byte, b'\r' | b'\n' | b'\t'));
    pair.decoded_value().iter().copied().filter(|byte| is_kept(byte)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::forward::VisitQuery;
    use super::*;
    use crate::domain::link::LinkUtm;

    fn forwarded(to: &str, query: &str) -> Option<String> {
        VisitQuery(query).forwarded(&Destination::prepare(to, &LinkUtm::default()).unwrap())
    }

    #[test]
    fn what_is_filled_in() {
        for (to, query, expected) in [
            ("mailto:a@e.com", "subject=Hello+World", Some("mailto:a@e.com?subject=Hello%20World")),
            ("mailto:a@e.com", "a=1&body=x%0D%0Ay&Subject=1%2B1", Some("mailto:a@e.com?body=x%0D%0Ay&subject=1%2B1")),
            (
                "mailto:a@e.com?subject=Own&cc=b@e.com",
                "body=x&subject=y",
                Some("mailto:a@e.com?subject=y&cc=b@e.com&body=x"),
            ),
            ("mailto:a@e.com?SUBJECT=Own", "subject=x&subject=y", Some("mailto:a@e.com?subject=y")),
            ("mailto:a@e.com", "subject=x%0D%0ABcc:b@e.com", Some("mailto:a@e.com?subject=xBcc%3Ab%40e.com")),
            ("mailto:a@e.com", "bcc=b@e.com&cc=c@e.com&to=d@e.com&utm_source=x", None),
            ("sms:+15550100", "body=Hi%20there&subject=no", Some("sms:+15550100?body=Hi%20there")),
            ("tel:+15550100", "body=x&subject=y", None),
            ("mailto:a@e.com", "", None),
        ] {
            assert_eq!(forwarded(to, query).as_deref(), expected, "{to} {query}");
        }
        assert_eq!(forwarded("mailto:a@e.com", &format!("body={}", "x".repeat(8_190))), None);
    }

    proptest! {
        #[test]
        fn nobody_is_added_to_a_mail(query in "([&=+%?]|%[0-9a-f]{2}|cc|bcc|to|subject=|body=|[a-z@]){0,40}") {
            if let Some(address) = forwarded("mailto:a@e.com?cc=b@e.com", &query) {
                let (_, fields) = address.split_once('?').unwrap();
                let names: Vec<_> = fields.split('&').map(|field| field.split('=').next().unwrap()).collect();
                prop_assert_eq!(names.iter().filter(|name| **name == "cc").count(), 1);
                prop_assert!(names.iter().all(|name| ["cc", "subject", "body"].contains(name)), "{}", address);
                prop_assert!(address.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
