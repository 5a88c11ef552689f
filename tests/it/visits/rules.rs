//! Links whose destination depends on who comes, and what counts of those who do.

use linktrail::domain::link::{LinkFields, LinkKind, Rule, RuleOn};

use super::agents::{GALAXY_TAB, IPHONE, MAC, PIXEL, WINDOWS, agent};
use super::world::World;

fn rule(on: RuleOn, values: &[&str], url: &str) -> Rule {
    Rule { on, values: values.iter().map(ToString::to_string).collect(), percent: None, url: url.to_owned() }
}

async fn ruled(rules: Vec<Rule>) -> World {
    let world = World::start().await;
    world.store.put("ruled", |fields| fields.rules = rules);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_tried_in_order() {
    let world = ruled(vec![
        rule(RuleOn::Country, &["fr", "BE"], "https://fr.example/"),
        rule(RuleOn::Device, &["Tablet"], "https://tablet.example/"),
        rule(RuleOn::Platform, &["macOS", "ios"], "https://apple.example/"),
        rule(RuleOn::Device, &["mobile"], "tel:+4930123456"),
        rule(RuleOn::Country, &["DE"], "https://de.example/"),
    ])
    .await;
    for (user_agent, country, expected) in [
        (IPHONE, "FR", "https://fr.example/"),
        (GALAXY_TAB, "DE", "https://tablet.example/"),
        (IPHONE, "DE", "https://apple.example/"),
        (MAC, "", "https://apple.example/"),
        (PIXEL, "DE", "tel:+4930123456"),
        (WINDOWS, "DE", "https://de.example/"),
        (WINDOWS, "US", "https://example.com/ruled"),
        (WINDOWS, "XX", "https://example.com/ruled"),
    ] {
        let headers = format!("{}CF-IPCountry: {country}\r\n", agent(user_agent));
        let answer = world.visit("GET", "/ruled", &headers).await;
        assert_eq!((answer.status(), answer.header("location")), (302, Some(expected)), "{user_agent} {country}");
        assert_eq!(world.hits()[0].url, expected, "{user_agent} {country}");
    }
    let seen = world.visit("GET", "/ruled+", &format!("{}CF-IPCountry: DE\r\n", agent(WINDOWS))).await;
    assert!(seen.body().contains("https://de.example/") && seen.body().contains("elsewhere"), "{}", seen.body());
    // A visit may ask for a place on any host that the link leads to, and on no other.
    for (asked, expected) in [
        ("https%3A%2F%2Ftablet.example%2Fx", "https://tablet.example/x"),
        ("https%3A%2F%2Fevil.example%2Fx", "https://de.example/"),
    ] {
        let headers = format!("{}CF-IPCountry: DE\r\n", agent(WINDOWS));
        let answer = world.visit("GET", &format!("/ruled?redir_url={asked}"), &headers).await;
        assert_eq!(answer.header("location"), Some(expected));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_share_their_visitors_out() {
    const VISITS: u32 = 400;
    let split = |percent, url: &str| Rule { percent: Some(percent), ..rule(RuleOn::Split, &[], url) };
    let world = ruled(vec![split(50.0, "https://a.example/"), split(25.0, "https://b.example/")]).await;
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..VISITS {
        let answer = world.visit("GET", "/ruled", &agent(WINDOWS)).await;
        assert_eq!(answer.header("set-cookie"), None, "every visit draws anew");
        *counts.entry(answer.header("location").unwrap().to_owned()).or_insert(0) += 1;
    }
    // 7 standard deviations; what is exact is tested where the draw is known.
    for (url, expected) in
        [("https://a.example/", 200), ("https://b.example/", 100), ("https://example.com/ruled", 100)]
    {
        assert!((expected - 70..=expected + 70).contains(&counts[url]), "{counts:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_and_calls_are_begun() {
    let world = World::start().await;
    let contact = |kind, url: &'static str| {
        move |fields: &mut LinkFields| {
            (fields.kind, fields.url) = (kind, url.to_owned());
            (fields.cloak, fields.forward_parameters) = (true, true);
        }
    };
    world.store.put("mail", contact(LinkKind::Mailto, "mailto:a@example.com?subject=Hi"));
    world.store.put("call", contact(LinkKind::Tel, "tel:+15550100"));
    world.store.put("text", contact(LinkKind::Sms, "sms:+15550100"));
    for (path, expected) in [
        ("/mail", "mailto:a@example.com?subject=Hi"),
        ("/mail?body=a+b&bcc=evil@example.com&utm_source=x", "mailto:a@example.com?subject=Hi&body=a%20b"),
        ("/mail?subject=New", "mailto:a@example.com?subject=New"),
        ("/call?body=x", "tel:+15550100"),
        ("/text?body=On%20my%20way", "sms:+15550100?body=On%20my%20way"),
    ] {
        let answer = world.visit("GET", path, &agent(IPHONE)).await;
        assert_eq!((answer.status(), answer.header("location")), (302, Some(expected)), "{path}");
    }
    assert_eq!(world.hits().len(), 5);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_of_social_networks_and_self_declared_ones() {
    const FACEBOOK: &str = "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)";
    let world = World::start().await;
    world.store.put("shared", |fields| fields.skip_social_crawlers = true);
    world.store.put("people", |fields| fields.block_bots = true);
    for (path, user_agent, status, is_kept) in [
        ("/sale", FACEBOOK, 302, true),
        ("/shared", FACEBOOK, 302, false),
        ("/shared", super::agents::GOOGLEBOT, 302, true),
        ("/shared", WINDOWS, 302, true),
        ("/sale?bot=1", WINDOWS, 302, false),
        ("/sale?bot=", WINDOWS, 302, true),
        ("/people", WINDOWS, 302, true),
        ("/people", FACEBOOK, 404, false),
        ("/people?bot=1", WINDOWS, 404, false),
    ] {
        let answer = world.visit("GET", path, &agent(user_agent)).await;
        assert_eq!(answer.status(), status, "{path} {user_agent}");
        assert_eq!(world.hits().len(), usize::from(is_kept), "{path} {user_agent}");
    }
    world.end().await;
}
