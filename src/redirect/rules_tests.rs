use proptest::prelude::*;

use super::super::visitor::tests::Fake;
use super::*;
use crate::domain::link::LinkUtm;

fn rule(on: RuleOn, values: &[&str], percent: Option<f64>, url: &str) -> Rule {
    Rule {
        on,
        values: values.iter().map(ToString::to_string).collect(),
        percent,
        url: format!("https://{url}.example"),
    }
}

fn prepared(rules: Vec<Rule>) -> Option<Rules> {
    Rules::prepare(&LinkFields { rules, ..LinkFields::default() }, |url| Destination::prepare(url, &LinkUtm::default()))
}

/// The name of where a visitor goes.
fn chosen<'a>(rules: &'a Rules, visitor: &Fake) -> &'a str {
    rules
        .choose(visitor)
        .map_or("", |to| to.as_str().strip_prefix("https://").unwrap().strip_suffix(".example").unwrap())
}

#[test]
fn the_first_rule_that_matches_wins() {
    use RuleOn::{Country, Device, Platform};
    let rules = prepared(vec![
        rule(Country, &["us", " CA "], None, "america"),
        rule(Device, &["Tablet"], None, "tablet"),
        rule(Country, &["DE"], None, "german"),
        rule(Platform, &["macos", "windows"], None, "computer"),
        rule(Platform, &["mobile"], None, "phone"),
        rule(Country, &["US"], None, "never"),
    ])
    .unwrap();
    let (tablet, mobile) = (Some(DeviceClass::Tablet), Some(DeviceClass::Mobile));
    for (country, device, platform, expected) in [
        ("US", tablet, "iOS", "america"),
        ("CA", None, "", "america"),
        ("DE", tablet, "iOS", "tablet"),
        ("DE", mobile, "iOS", "german"),
        ("FR", Some(DeviceClass::Desktop), "Mac", "computer"),
        ("FR", None, "Windows", "computer"),
        ("FR", mobile, "Android", "phone"),
        ("FR", None, "Linux", ""),
        ("", None, "", ""),
    ] {
        let visitor = Fake { country, device, platform, ..Fake::default() };
        assert_eq!(chosen(&rules, &visitor), expected, "{country} {device:?} {platform}");
        assert!(visitor.questions.get() <= 3, "nothing is asked twice");
    }
}

#[test]
fn splits_in_a_row_share_a_draw() {
    use RuleOn::{Country, Split};
    let rules = prepared(vec![
        rule(Split, &[], Some(30.0), "a"),
        rule(Split, &[], Some(50.0), "b"),
        rule(Country, &["DE"], None, "german"),
        rule(Split, &[], Some(10.0), "c"),
    ])
    .unwrap();
    for (chance, country, expected) in [
        (0.0, "DE", "a"),
        (0.299, "", "a"),
        (0.3, "", "b"),
        (0.799, "DE", "b"),
        (0.8, "DE", "german"),
        (0.8, "FR", ""),
        (0.999, "", ""),
    ] {
        assert_eq!(chosen(&rules, &Fake { chance, country, ..Fake::default() }), expected, "{chance} {country}");
    }
    let whole = prepared(vec![rule(Split, &[], Some(50.0), "a"), rule(Split, &[], Some(50.0), "b")]).unwrap();
    let visitor = Fake { chance: 0.999_999, ..Fake::default() };
    assert_eq!((chosen(&whole, &visitor), visitor.questions.get()), ("b", 1));
}

#[test]
fn others_may_have_a_share_as_well() {
    let some = prepared(vec![
        rule(RuleOn::Country, &["DE"], Some(25.0), "some"),
        rule(RuleOn::Device, &["mobile"], Some(100.0), "all"),
    ])
    .unwrap();
    let device = Some(DeviceClass::Mobile);
    for (chance, country, expected) in [(0.24, "DE", "some"), (0.25, "DE", "all"), (0.0, "FR", "all")] {
        assert_eq!(chosen(&some, &Fake { chance, country, device, ..Fake::default() }), expected, "{chance} {country}");
    }
    let sure = |country| {
        let visitor = Fake { country, device, ..Fake::default() };
        some.sure(&visitor).map(|to| to.as_str().to_owned())
    };
    assert_eq!(sure("DE").as_deref(), Some("https://all.example"));
    let none = prepared(vec![rule(RuleOn::Split, &[], Some(99.0), "a")]).unwrap();
    assert_eq!(none.sure(&Fake::default()), None);
}

#[test]
fn rules_that_nobody_matches_take_no_part() {
    let bad = [
        rule(RuleOn::Country, &[], None, "a"),
        rule(RuleOn::Country, &["Germany"], None, "a"),
        rule(RuleOn::Device, &["watch"], None, "a"),
        rule(RuleOn::Platform, &[], None, "a"),
        rule(RuleOn::Split, &[], Some(0.0), "a"),
        rule(RuleOn::Split, &[], Some(f64::NAN), "a"),
        Rule { url: "javascript:x".to_owned(), ..rule(RuleOn::Split, &[], Some(50.0), "a") },
    ];
    for bad in bad {
        assert_eq!(prepared(vec![bad.clone()]), None, "{bad:?}");
    }
}

proptest! {
    /// The rule once more, drawn in another way: what a draw comes to is where it lies among the shares put in a row.
    #[test]
    fn shares_are_what_they_say(shares in proptest::collection::vec(1u32..40, 1..4), draw in 0u32..1000) {
        let names = ["a", "b", "c", "d"];
        let splits = shares.iter().zip(names);
        let rules = splits.map(|(&share, name)| rule(RuleOn::Split, &[], Some(f64::from(share)), name)).collect();
        let rules = prepared(rules).unwrap();
        let mut expected = "";
        let mut until = 0;
        for (share, name) in shares.iter().zip(names) {
            until += share * 10;
            if draw < until {
                expected = name;
                break;
            }
        }
        // In the middle of a thousandth, so that no rounding matters.
        let chance = (f64::from(draw) + 0.5) / 1_000.0;
        prop_assert_eq!(chosen(&rules, &Fake { chance, ..Fake::default() }), expected);
    }
}
