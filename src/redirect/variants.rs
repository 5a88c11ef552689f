//! A test of several destinations: which of them a visitor gets.
//!
//! A visitor who has none yet draws one by the shares, and is to be told so that the browser can show it at the next visit.
//! What it shows is a hash of the destination, so that shares may be changed while the test runs, and one that the owner
//! took out is drawn anew.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::destination::Destination;
use super::visitor::Visitor;
use crate::domain::link::LinkFields;

/// A test, prepared for visits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    starts_at_ms: Option<i64>,
    ends_at_ms: Option<i64>,
    /// At least one.
    variants: Vec<Variant>,
    /// What the shares add up to.
    total: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct Variant {
    destination: Destination,
    percentage: f64,
    mark: u64,
}

/// What a visitor gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chosen<'a> {
    pub(super) destination: &'a Destination,
    /// By what the visitor gets it again, when it was drawn now.
    pub(super) mark: Option<u64>,
}

impl Test {
    /// The test of a link, if it has one; addresses that may not be sent take no part.
    pub(super) fn prepare(fields: &LinkFields, aim: impl Fn(&str) -> Option<Destination>) -> Option<Self> {
        let variants: Vec<Variant> = fields
            .test_variants
            .iter()
            .filter_map(|variant| {
                let destination = aim(&variant.url)?;
                Some(Variant { mark: mark(&variant.url), destination, percentage: variant.percentage })
            })
            .collect();
        let total = variants.iter().map(|variant| variant.percentage).sum();
        let (starts_at_ms, ends_at_ms) = (fields.test_started_at_ms, fields.test_completed_at_ms);
        (!variants.is_empty()).then_some(Self { starts_at_ms, ends_at_ms, variants, total })
    }

    /// Whether it has begun and is not over.
    pub(super) fn is_running(&self, now_ms: i64) -> bool {
        self.starts_at_ms.is_none_or(|starts_at_ms| starts_at_ms <= now_ms)
            && self.ends_at_ms.is_none_or(|ends_at_ms| now_ms < ends_at_ms)
    }

    /// The one that this visitor had before, or else one by chance.
    pub(super) fn choose(&self, visitor: &impl Visitor) -> Option<Chosen<'_>> {
        let shown = visitor.variant();
        if let Some(known) = self.variants.iter().find(|variant| Some(variant.mark) == shown) {
            return Some(Chosen { destination: &known.destination, mark: None });
        }
        let mut rest = visitor.chance() * self.total;
        let drawn = self.variants.iter().find(|variant| {
            rest -= variant.percentage;
            rest < 0.0
        });
        // Sums of fractions may fall short of their total by a hair.
        let drawn = drawn.or(self.variants.last())?;
        Some(Chosen { destination: &drawn.destination, mark: Some(drawn.mark) })
    }

    /// Bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let each = |variant: &Variant| size_of::<Variant>() + variant.destination.weight();
        size_of::<Self>() + self.variants.iter().map(each).sum::<usize>()
    }

    /// Where its visitors may be sent.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.variants.iter().map(|variant| &variant.destination)
    }
}

fn mark(url: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(url.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::visitor::tests::Fake;
    use super::*;
    use crate::domain::link::{LinkUtm, TestVariant};

    fn test(shares: &[(&str, f64)]) -> Option<Test> {
        let variant = |&(url, percentage): &(&str, f64)| TestVariant { url: url.to_owned(), percentage };
        let fields = LinkFields {
            test_variants: shares.iter().map(variant).collect(),
            test_started_at_ms: Some(10),
            test_completed_at_ms: Some(20),
            ..LinkFields::default()
        };
        Test::prepare(&fields, |url| Destination::prepare(url, &LinkUtm::default()))
    }

    #[test]
    fn chance_is_shared_out() {
        let test = test(&[("https://a.b", 20.0), ("https://c.d", 30.0), ("https://e.f", 50.0)]).unwrap();
        for (chance, expected) in [
            (0.0, "https://a.b"),
            (0.199, "https://a.b"),
            (0.2, "https://c.d"),
            (0.499, "https://c.d"),
            (0.5, "https://e.f"),
            (0.999_999_9, "https://e.f"),
            (1.0, "https://e.f"),
        ] {
            let drawn = test.choose(&Fake { chance, ..Fake::default() }).unwrap();
            assert_eq!((drawn.destination.as_str(), drawn.mark), (expected, Some(mark(expected))), "{chance}");
            let again = test.choose(&Fake { variant: drawn.mark, chance: 1.0 - chance, ..Fake::default() }).unwrap();
            assert_eq!((again.destination.as_str(), again.mark), (expected, None), "{chance}");
        }
        let stranger = test.choose(&Fake { variant: Some(7), ..Fake::default() }).unwrap();
        assert_eq!((stranger.destination.as_str(), stranger.mark.is_some()), ("https://a.b", true));
    }

    #[test]
    fn what_may_not_be_sent_takes_no_part() {
        let left = test(&[("javascript:x", 50.0), ("https://c.d", 25.0), ("https://e.f", 25.0)]).unwrap();
        for (chance, expected) in [(0.0, "https://c.d"), (0.49, "https://c.d"), (0.51, "https://e.f")] {
            let drawn = left.choose(&Fake { chance, ..Fake::default() }).unwrap();
            assert_eq!(drawn.destination.as_str(), expected);
        }
        assert_eq!(test(&[("javascript:x", 100.0)]), None);
        assert_eq!(test(&[]), None);
    }

    #[test]
    fn a_test_runs_between_its_times() {
        let mut test = test(&[("https://a.b", 100.0)]).unwrap();
        for (now_ms, expected) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(test.is_running(now_ms), expected, "{now_ms}");
        }
        (test.starts_at_ms, test.ends_at_ms) = (None, None);
        assert!(test.is_running(i64::MIN) && test.is_running(i64::MAX));
    }
}
