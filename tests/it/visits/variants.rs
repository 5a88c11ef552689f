//! Tests of several destinations: shares, and that a visitor keeps the one drawn.

use linktrail::domain::link::{LinkFields, TestVariant};

use super::agents::{GOOGLEBOT, IPHONE, MAC, agent};
use super::world::{NOW_MS, World};

const A: &str = "https://a.example/";
const B: &str = "https://b.example/";

fn compare(fields: &mut LinkFields, share_of_a: f64) {
    let variant = |url: &str, percentage| TestVariant { url: url.to_owned(), percentage };
    fields.test_variants = vec![variant(A, share_of_a), variant(B, 100.0 - share_of_a)];
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_kept() {
    const VISITS: usize = 1_500;
    let world = World::start().await;
    world.store.put("ab", |fields| compare(fields, 20.0));
    let mut to_a = 0;
    for _ in 0..VISITS {
        let answer = world.visit("GET", "/ab", &agent(MAC)).await;
        match answer.header("location") {
            Some(A) => to_a += 1,
            other => assert_eq!(other, Some(B)),
        }
    }
    // 300 are expected, and 15.5 is the standard deviation: beyond eight of them lies less than one run in 10^14.
    assert!((176..=424).contains(&to_a), "{to_a}");
    let recorded = world.hits();
    assert_eq!(recorded.iter().filter(|hit| hit.url == A).count(), to_a);
    assert_eq!(recorded.iter().filter(|hit| hit.url == B).count(), VISITS - to_a);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_keeps_the_destination_drawn() {
    let world = World::start().await;
    world.store.put("ab", |fields| compare(fields, 50.0));
    let first = world.visit("GET", "/ab?x=1", &agent(MAC)).await;
    let location = first.header("location").unwrap().to_owned();
    let cookie = first.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("dub_test_url=") && !pair.contains("example"), "{pair}");
    assert_eq!(attributes, "Path=/ab; Max-Age=604800; HttpOnly; SameSite=Lax");
    for _ in 0..60 {
        let again = world.visit("GET", "/ab", &format!("{}Cookie: other=1; {pair}\r\n", agent(IPHONE))).await;
        assert_eq!(again.header("location"), Some(location.as_str()));
        assert_eq!(again.header("set-cookie"), None);
    }
    // What is no destination of the test is drawn anew.
    for cookie in ["dub_test_url=0000000000000001", "dub_test_url=https://evil.example", "dub_test_url="] {
        let again = world.visit("GET", "/ab", &format!("{}Cookie: {cookie}\r\n", agent(MAC))).await;
        assert!([A, B].contains(&again.header("location").unwrap()));
        assert!(again.header("set-cookie").is_some(), "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_in_a_test() {
    type Change = fn(&mut LinkFields);
    let world = World::start().await;
    let cases: [(&str, Change, &str); 5] = [
        ("over", |fields| fields.test_completed_at_ms = Some(NOW_MS), "https://example.com/over"),
        ("early", |fields| fields.test_started_at_ms = Some(NOW_MS + 1), "https://example.com/early"),
        ("phones", |fields| fields.ios_url = Some("https://apps.example/".to_owned()), "https://apps.example/"),
        ("none", |fields| fields.test_variants.clear(), "https://example.com/none"),
        (
            "bad",
            |fields| fields.test_variants.iter_mut().for_each(|variant| variant.url = "data:x".to_owned()),
            "https://example.com/bad",
        ),
    ];
    for (slug, change, expected) in cases {
        world.store.put(slug, |fields| {
            compare(fields, 50.0);
            change(fields);
        });
        let answer = world.visit("GET", &format!("/{slug}"), &agent(IPHONE)).await;
        assert_eq!((answer.header("location"), answer.header("set-cookie")), (Some(expected), None), "{slug}");
    }
    world.store.put("ab", |fields| {
        compare(fields, 50.0);
        fields.test_started_at_ms = Some(NOW_MS);
        fields.test_completed_at_ms = Some(NOW_MS + 1);
    });
    world.store.set("ab", |settings| settings.honor_do_not_track = true);
    for (method, path, headers, keeps) in [
        ("GET", "/ab", agent(MAC), true),
        ("GET", "/ab", agent(GOOGLEBOT), false),
        ("HEAD", "/ab", agent(MAC), false),
        ("GET", "/ab", agent(MAC) + "DNT: 1\r\n", false),
        ("GET", "/ab", agent(MAC) + "Purpose: prefetch\r\n", false),
        ("GET", "/ab", agent(MAC) + "dub-no-track: 1\r\n", false),
        ("GET", "/ab?dub-no-track=1", agent(MAC), false),
    ] {
        let answer = world.visit(method, path, &headers).await;
        assert!([A, B].contains(&answer.header("location").unwrap()), "{method} {path} {headers}");
        assert_eq!(answer.header("set-cookie").is_some(), keeps, "{method} {path} {headers}");
    }
}
