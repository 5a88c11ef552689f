//! The decision by table: who gets what, and what is asked for it.

use std::sync::Arc;

use proptest::prelude::*;
use url::Url;

use super::super::target::tests::found;
use super::super::visitor::System;
use super::super::visitor::tests::Fake;
use super::*;
use crate::domain::device::DeviceClass;
use crate::domain::link::{LinkFields, ROOT_SLUG, RedirectKind, Rule, RuleOn, TestVariant};
use crate::domain::workspace::WorkspaceSettings;

const NOW_MS: i64 = 1_700_000_000_000;

fn target(change: impl FnOnce(&mut LinkFields)) -> Target {
    let mut fields = LinkFields { url: "https://example.com/?a=1".to_owned(), ..LinkFields::default() };
    change(&mut fields);
    Target::prepare(&found(1, fields)).unwrap()
}

fn visit(query: &str) -> Visit<'_> {
    Visit { query: Some(query), follows: true, ..Visit::default() }
}

fn redirected(target: &Target, visit: &Visit<'_>) -> Redirect {
    match decide(target, visit, NOW_MS, &Fake::default()) {
        Decision::Redirect(redirect) => redirect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_turned_away() {
    type Change = fn(&mut LinkFields);
    let elsewhere = HeaderValue::from_static("https://example.org/over");
    let cases: [(Change, Decision); 14] = [
        (|fields| fields.url.clear(), Decision::Nowhere),
        (|fields| fields.url = "data:text/html,x".to_owned(), Decision::Nowhere),
        (|fields| fields.password_hash = Some("x".to_owned()), Decision::Password),
        (|fields| fields.disabled_at_ms = Some(NOW_MS + 1), Decision::Disabled),
        (|fields| fields.starts_at_ms = Some(NOW_MS + 1), Decision::NotStarted),
        (|fields| fields.expires_at_ms = Some(NOW_MS), Decision::Expired(None)),
        (
            |fields| {
                fields.expires_at_ms = Some(NOW_MS);
                fields.expired_url = Some("https://example.org/over".to_owned());
            },
            Decision::Expired(Some(elsewhere)),
        ),
        (
            |fields| {
                fields.expires_at_ms = Some(NOW_MS);
                fields.expired_url = Some("javascript:alert(1)".to_owned());
            },
            Decision::Expired(None),
        ),
        (
            |fields| {
                fields.disabled_at_ms = Some(0);
                fields.expires_at_ms = Some(0);
            },
            Decision::Disabled,
        ),
        (|fields| fields.block_bots = true, Decision::Blocked),
        // Whoever does not know the password learns nothing of the link, not even that it is over.
        (
            |fields| {
                fields.password_hash = Some("x".to_owned());
                fields.expires_at_ms = Some(0);
                fields.expired_url = Some("https://example.org/over".to_owned());
            },
            Decision::Password,
        ),
        (
            |fields| {
                fields.password_hash = Some("x".to_owned());
                fields.custom_preview = true;
                fields.cloak = true;
            },
            Decision::Password,
        ),
        // What is as if it were not there asks for no password.
        (
            |fields| {
                fields.password_hash = Some("x".to_owned());
                fields.disabled_at_ms = Some(0);
            },
            Decision::Disabled,
        ),
        (
            |fields| {
                fields.password_hash = Some("x".to_owned());
                fields.block_bots = true;
            },
            Decision::Blocked,
        ),
    ];
    let robot = Fake { bot: true, previewer: true, ..Fake::default() };
    for (place, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(decide(&target(change), &visit(""), NOW_MS, &robot), expected, "case {place}");
    }
}

#[test]
fn who_is_sent_on() {
    type Change = fn(&mut LinkFields);
    let cases: [Change; 6] = [
        |_| {},
        |fields| fields.starts_at_ms = Some(NOW_MS),
        |fields| fields.expires_at_ms = Some(NOW_MS + 1),
        |fields| fields.archived = true,
        |fields| fields.block_bots = true,
        |fields| fields.expired_url = Some("https://example.org".to_owned()),
    ];
    for change in cases {
        assert_eq!(redirected(&target(change), &visit("")).location, "https://example.com/?a=1");
    }
}

#[test]
fn visitors_are_asked_only_what_matters() {
    type Change = fn(&mut LinkFields);
    let cases: [(Change, u32); 11] = [
        (|_| {}, 0),
        (|fields| fields.track_conversion = true, 0),
        (|fields| fields.block_bots = true, 1),
        (|fields| fields.password_hash = Some("x".to_owned()), 1),
        (|fields| fields.cloak = true, 0),
        (|fields| fields.ios_url = Some("https://i.example".to_owned()), 1),
        (|fields| fields.max_clicks = Some(1), 1),
        (|fields| fields.skip_social_crawlers = true, 1),
        (|fields| fields.rules = vec![rule(RuleOn::Country, &["DE"], "https://de.example")], 1),
        (|fields| fields.rules = vec![rule(RuleOn::Device, &["tablet"], "https://t.example")], 1),
        (|fields| _ = fields.geo_urls.insert("DE".to_owned(), "https://de.example".to_owned()), 1),
    ];
    for (place, (change, questions)) in cases.into_iter().enumerate() {
        let visitor = Fake { unlocked: true, ..Fake::default() };
        let decision = decide(&target(change), &visit(""), NOW_MS, &visitor);
        assert!(matches!(decision, Decision::Redirect(_) | Decision::Cloak(_)), "case {place}");
        assert_eq!(visitor.questions.get(), questions, "case {place}");
    }
}

fn rule(on: RuleOn, values: &[&str], url: &str) -> Rule {
    Rule { on, values: values.iter().map(ToString::to_string).collect(), percent: None, url: url.to_owned() }
}

#[test]
fn rules_come_before_targets_and_tests() {
    let target = |cloak| {
        target(|fields| {
            fields.rules = vec![
                rule(RuleOn::Country, &["de"], "https://rule.example/de"),
                rule(RuleOn::Device, &["mobile"], "tel:+4930123456"),
                Rule { percent: Some(50.0), ..rule(RuleOn::Split, &[], "https://half.example") },
            ];
            fields.ios_url = Some("https://i.example".to_owned());
            fields.geo_urls = [("DE".to_owned(), "https://geo.example".to_owned())].into();
            fields.test_variants = vec![TestVariant { url: "https://a.example".to_owned(), percentage: 100.0 }];
            fields.utm.source = Some("s".to_owned());
            fields.cloak = cloak;
        })
    };
    let mobile = Some(DeviceClass::Mobile);
    for (cloak, system, country, device, chance, expected) in [
        (false, System::Ios, "DE", mobile, 0.0, "https://rule.example/de?utm_source=s"),
        (false, System::Ios, "FR", mobile, 0.0, "tel:+4930123456"),
        (false, System::Ios, "FR", None, 0.4, "https://half.example?utm_source=s"),
        (false, System::Ios, "FR", None, 0.6, "https://i.example"),
        (false, System::Other, "FR", None, 0.6, "https://a.example?utm_source=s"),
        (true, System::Ios, "DE", mobile, 0.0, "cloak https://rule.example/de?utm_source=s"),
        // A frame shows no telephone.
        (true, System::Ios, "FR", mobile, 0.0, "tel:+4930123456"),
        (true, System::Ios, "FR", None, 0.6, "cloak https://a.example?utm_source=s"),
    ] {
        let visitor = Fake { system, country, device, chance, ..Fake::default() };
        let target = target(cloak);
        let got = match decide(&target, &visit(""), NOW_MS, &visitor) {
            Decision::Redirect(on) => on.location.to_str().unwrap().to_owned(),
            Decision::Cloak(on) => format!("cloak {}", on.location.to_str().unwrap()),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{cloak} {system:?} {country} {chance}");
        let seen = decide(&target, &Visit { inspects: true, ..visit("") }, NOW_MS, &visitor);
        let sure = match (country, device) {
            ("DE", _) => "https://rule.example/de?utm_source=s",
            (_, Some(_)) => "tel:+4930123456",
            _ if system == System::Ios && !cloak => "https://i.example",
            _ => "https://example.com/?a=1&utm_source=s",
        };
        assert_eq!(seen, Decision::Inspect(Inspection { address: sure.to_owned(), varies: true }));
    }
    let redirected = redirected(&target(false), &visit("redir_url=https://half.example/x"));
    assert_eq!(redirected.location, "https://half.example/x");
}

#[test]
fn who_takes_a_click_of_a_limited_link() {
    let limited: fn(&mut LinkFields) = |fields| fields.max_clicks = Some(2);
    let limited = target(limited);
    let on = |visit: &Visit<'_>, bot| {
        let visitor = Fake { bot, ..Fake::default() };
        let (Decision::Redirect(on) | Decision::Cloak(on)) = decide(&limited, visit, NOW_MS, &visitor) else {
            panic!()
        };
        (on.takes, on.click.is_some())
    };
    assert_eq!(on(&visit(""), false), (true, true));
    // A robot is recorded and takes nothing; one who is not recorded takes all the same.
    assert_eq!(on(&visit(""), true), (false, true));
    assert_eq!(on(&visit("dub-no-track=1"), false), (true, false));
    assert_eq!(on(&visit("bot=1"), false), (true, false));
    assert_eq!(on(&Visit { opts_out: true, ..visit("") }, false), (true, false));
    assert_eq!(on(&Visit::default(), false), (false, false));
    assert!(!redirected(&target(|_| {}), &visit("")).takes);
    limited.limit().unwrap().use_up();
    assert_eq!(decide(&limited, &visit(""), NOW_MS, &Fake::default()), Decision::Expired(None));
    let locked = target(|fields| {
        fields.max_clicks = Some(2);
        fields.password_hash = Some("x".to_owned());
    });
    locked.limit().unwrap().use_up();
    assert_eq!(decide(&locked, &visit(""), NOW_MS, &Fake::default()), Decision::Password);
}

#[test]
fn robots_of_social_networks_need_not_count() {
    let skipping = target(|fields| fields.skip_social_crawlers = true);
    let click = |target: &Target, visitor: &Fake| {
        let Decision::Redirect(on) = decide(target, &visit(""), NOW_MS, visitor) else { panic!() };
        on.click
    };
    let previewer = || Fake { bot: true, previewer: true, ..Fake::default() };
    assert_eq!(click(&skipping, &previewer()), None);
    assert!(click(&target(|_| {}), &previewer()).is_some());
    assert!(click(&skipping, &Fake { bot: true, ..Fake::default() }).is_some());
    assert!(click(&skipping, &Fake::default()).is_some());
}

#[test]
fn one_who_says_that_it_is_a_robot_is_taken_for_one() {
    let human = Fake::default();
    let says = visit("bot=1");
    assert_eq!(decide(&target(|fields| fields.block_bots = true), &says, NOW_MS, &human), Decision::Blocked);
    let previewed = target(|fields| fields.custom_preview = true);
    assert!(matches!(decide(&previewed, &says, NOW_MS, &human), Decision::Preview(_)));
    assert!(matches!(decide(&previewed, &visit("bot="), NOW_MS, &human), Decision::Redirect(_)));
    assert_eq!(redirected(&target(|_| {}), &says).click, None);
}

#[test]
fn device_comes_before_country_before_all() {
    let target = target(|fields| {
        fields.ios_url = Some("https://i.example".to_owned());
        fields.android_url = Some("https://a.example".to_owned());
        fields.geo_urls = [("DE", "https://de.example"), ("AT", "https://at.example"), ("FR", "javascript:x")]
            .map(|(country, url)| (country.to_owned(), url.to_owned()))
            .into();
    });
    for (system, country, expected) in [
        (System::Ios, "DE", "https://i.example"),
        (System::Android, "", "https://a.example"),
        (System::Other, "DE", "https://de.example"),
        (System::Other, "AT", "https://at.example"),
        (System::Other, "FR", "https://example.com/?a=1"),
        (System::Other, "US", "https://example.com/?a=1"),
        (System::Other, "", "https://example.com/?a=1"),
    ] {
        let visitor = Fake { system, country, ..Fake::default() };
        let Decision::Redirect(redirect) = decide(&target, &visit(""), NOW_MS, &visitor) else { panic!() };
        assert_eq!(redirect.location, expected, "{system:?} {country}");
        assert_eq!(redirect.click.unwrap().url, expected, "{system:?} {country}");
    }
}

#[test]
fn inspections_tell_where_a_link_leads_to_whoever_may_follow_it() {
    let inspection = |change: fn(&mut LinkFields), visitor: &Fake| {
        let visit = Visit { inspects: true, ..visit("redir_url=https://example.com/x") };
        decide(&target(change), &visit, NOW_MS, visitor)
    };
    let seen = |address: &str, varies| Decision::Inspect(Inspection { address: address.to_owned(), varies });
    let anyone = Fake::default();
    assert_eq!(inspection(|_| {}, &anyone), seen("https://example.com/?a=1", false));
    let cloaked: fn(&mut LinkFields) = |fields| (fields.cloak, fields.custom_preview) = (true, true);
    assert_eq!(inspection(cloaked, &anyone), seen("https://example.com/?a=1", false));
    let for_phones: fn(&mut LinkFields) = |fields| fields.ios_url = Some("https://i.example".to_owned());
    assert_eq!(inspection(for_phones, &anyone), seen("https://example.com/?a=1", true));
    let phone = Fake { system: System::Ios, ..Fake::default() };
    assert_eq!(inspection(for_phones, &phone), seen("https://i.example", true));
    let tested: fn(&mut LinkFields) = |fields| {
        fields.test_variants = vec![TestVariant { url: "https://a.example".to_owned(), percentage: 100.0 }];
    };
    assert_eq!(inspection(tested, &anyone), seen("https://example.com/?a=1", true));
    let locked: fn(&mut LinkFields) = |fields| fields.password_hash = Some("x".to_owned());
    assert_eq!(inspection(locked, &anyone), Decision::Password);
    assert_eq!(inspection(|fields| fields.disabled_at_ms = Some(0), &anyone), Decision::Disabled);
    assert_eq!(inspection(|fields| fields.expires_at_ms = Some(0), &anyone), Decision::Expired(None));
}

#[test]
fn roots_without_a_destination_say_so() {
    let root = |change: fn(&mut LinkFields)| {
        let mut found = found(1, LinkFields::default());
        change(&mut found.link.fields);
        found.link.slug = ROOT_SLUG.to_owned();
        let target = Target::prepare(&found).unwrap();
        decide(&target, &visit(""), NOW_MS, &Fake::default())
    };
    assert_eq!(root(|_| {}), Decision::Placeholder);
    assert_eq!(root(|fields| fields.disabled_at_ms = Some(0)), Decision::Nowhere);
    assert_eq!(root(|fields| fields.url = "data:text/html,x".to_owned()), Decision::Nowhere);
    let Decision::Redirect(on) = root(|fields| fields.url = "https://example.com".to_owned()) else { panic!() };
    assert!(on.permanent);
}

#[test]
fn what_was_drawn_in_a_test_is_to_be_shown_again() {
    let tested = |cloak| {
        target(|fields| {
            let variant = |url: &str, percentage| TestVariant { url: url.to_owned(), percentage };
            fields.test_variants = vec![variant("https://a.example", 30.0), variant("https://b.example", 70.0)];
            fields.test_completed_at_ms = Some(NOW_MS);
            fields.utm.source = Some("s".to_owned());
            fields.cloak = cloak;
        })
    };
    for cloak in [false, true] {
        for (chance, at_ms, expected, is_drawn) in [
            (0.29, NOW_MS - 1, "https://a.example?utm_source=s", true),
            (0.31, NOW_MS - 1, "https://b.example?utm_source=s", true),
            (0.31, NOW_MS, "https://example.com/?a=1&utm_source=s", false),
        ] {
            let visitor = Fake { chance, ..Fake::default() };
            let (Decision::Redirect(on) | Decision::Cloak(on)) = decide(&tested(cloak), &visit(""), at_ms, &visitor)
            else {
                panic!()
            };
            assert_eq!((on.location.to_str().unwrap(), on.variant.is_some()), (expected, is_drawn));
            assert_eq!(on.click.unwrap().url, expected);
        }
    }
}

#[test]
fn partners_links_say_whose_they_are() {
    for (program, partner, expected, names) in [
        (Some("p"), Some("k"), "https://example.com/?a=1&via=slug", true),
        (Some("p"), None, "https://example.com/?a=1", false),
        (None, Some("k"), "https://example.com/?a=1", false),
    ] {
        let target = target(|fields| {
            (fields.program_id, fields.partner_id) = (program.map(str::to_owned), partner.map(str::to_owned));
        });
        let on = redirected(&target, &visit(""));
        assert_eq!((on.location.to_str().unwrap(), on.name_click), (expected, names));
        assert_eq!(target.extras.is_some_and(|extras| extras.click_cookie.is_some()), names);
    }
}

#[test]
fn pages_instead_of_redirects() {
    let both = target(|fields| {
        fields.custom_preview = true;
        fields.cloak = true;
        fields.ios_url = Some("https://i.example".to_owned());
    });
    let robot = Fake { previewer: true, ..Fake::default() };
    assert!(matches!(decide(&both, &visit(""), NOW_MS, &robot), Decision::Preview(_)));
    let phone = Fake { system: System::Ios, ..Fake::default() };
    let Decision::Cloak(framed) = decide(&both, &visit(""), NOW_MS, &phone) else { panic!() };
    assert_eq!(framed.location, "https://example.com/?a=1");
    let mail = target(|fields| {
        fields.url = "mailto:a@example.com".to_owned();
        fields.cloak = true;
    });
    assert_eq!(redirected(&mail, &visit("")).location, "mailto:a@example.com");
    let locked = target(|fields| fields.password_hash = Some("x".to_owned()));
    let knows = Fake { unlocked: true, ..Fake::default() };
    assert!(matches!(decide(&locked, &visit(""), NOW_MS, &knows), Decision::Redirect(_)));
}

#[test]
fn how_they_are_sent() {
    let plain = redirected(&target(|_| {}), &visit(""));
    assert_eq!((plain.permanent, plain.hide_referrer, plain.index), (false, false, false));
    let all = redirected(
        &target(|fields| {
            fields.redirect = RedirectKind::Permanent;
            fields.hide_referrer = true;
            fields.index = true;
        }),
        &visit(""),
    );
    assert_eq!((all.permanent, all.hide_referrer, all.index), (true, true, true));
}

#[test]
fn what_goes_on_and_what_is_recorded() {
    let campaign = || LinkUtm { source: Some("own".to_owned()), ..LinkUtm::default() };
    for (forward, query, location, recorded) in [
        (false, "", "?a=1&utm_source=own", "?a=1&utm_source=own"),
        (false, "a=2", "?a=1&utm_source=own", "?a=1&utm_source=own"),
        (true, "a=2&qr=1", "?a=2&utm_source=own", "?a=2&utm_source=own"),
        (false, "utm_source=theirs", "?a=1&utm_source=own", "?a=1&utm_source=own"),
        (true, "utm_source=theirs", "?a=1&utm_source=theirs", "?a=1&utm_source=theirs"),
        (false, "utm_term=t", "?a=1&utm_source=own", "?a=1&utm_source=own&utm_term=t"),
        (true, "utm_term=t", "?a=1&utm_source=own&utm_term=t", "?a=1&utm_source=own&utm_term=t"),
    ] {
        let target = target(|fields| {
            fields.forward_parameters = forward;
            fields.utm = campaign();
        });
        let redirect = redirected(&target, &visit(query));
        assert_eq!(redirect.location, format!("https://example.com/{location}"), "{query}");
        assert_eq!(redirect.click.unwrap().url, format!("https://example.com/{recorded}"), "{query}");
    }
}

#[test]
fn what_is_a_click() {
    let target = target(|_| {});
    assert_eq!(redirected(&target, &visit("qr=1")).click.unwrap().trigger, Trigger::Qr);
    assert_eq!(redirected(&target, &visit("")).click.unwrap().trigger, Trigger::Link);
    assert_eq!(redirected(&target, &visit("dub-no-track=1")).click, None);
    assert_eq!(redirected(&target, &Visit::default()).click, None);
}

#[test]
fn recorded_addresses_are_cut_between_escapes() {
    for (tail, length) in [("%C3%A9", 4_095), ("x%C3%A9", 4_096), ("", 4_096)] {
        let address = format!("{:x<1$}{tail}{2:y<3000}", "", 4_095 - usize::from(tail.starts_with('x')), "");
        let cut = cut(address);
        assert!(cut.len() <= length && !cut.ends_with('%') && cut.len() >= 4_093, "{tail} {}", cut.len());
    }
    assert_eq!(cut("short".to_owned()), "short");
}

proptest! {
    #[test]
    fn no_visit_leads_to_a_strangers_host(
        scheme in "(https?|javascript|data|)(:|%3A)?",
        parts in proptest::collection::vec(
            prop_oneof![
                Just("/"), Just("%2F"), Just("\\"), Just("%5C"), Just("@"), Just("%40"), Just("#"), Just("%23"), Just("?"),
                Just("."), Just(":"), Just("%00"), Just("%0A"), Just("%09"), Just("+"), Just("evil.example"),
                Just("example.com"), Just("www."), Just("example%2Ecom"), Just("\u{ff0e}"), Just("[::1]"), Just("127.1"),
            ],
            0..12,
        ),
    ) {
        let query = format!("redir_url={scheme}//{}", parts.concat());
        let mut target = target(|fields| fields.forward_parameters = true);
        let settings = WorkspaceSettings {
            allowed_hostnames: vec!["*.shop.example".to_owned()], ..WorkspaceSettings::default()
        };
        target.settings = Arc::new(settings);
        let redirect = redirected(&target, &visit(&query));
        let location = Url::parse(redirect.location.to_str().unwrap()).unwrap();
        prop_assert!(["http", "https"].contains(&location.scheme()), "{query} {location}");
        let host = location.host_str().unwrap_or_default();
        prop_assert!(["example.com", "www.example.com", "example.com.", "www.example.com."].contains(&host), "{query} {location}");
        prop_assert!(location.username().is_empty() && location.password().is_none(), "{query} {location}");
    }
}
