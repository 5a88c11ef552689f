//! What is recorded of an event.

use axum::http::Method;
use linktrail::domain::click_id::EventId;
use linktrail::domain::workspace::AddressStorage;
use serde_json::{Value, json};

use super::world::{BOT, CLIENT, FIREFOX, NOW_MS, Scene};

const DAY_MS: i64 = 86_400_000;

fn at(event: &Value) -> i64 {
    let text = event["timestamp"].as_str().unwrap();
    chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap().and_utc().timestamp_millis()
}

#[tokio::test]
async fn a_pageview_is_recorded_with_all_it_says() {
    let scene = Scene::start("collect_pageview").await;
    scene.set(|settings| settings.address_storage = AddressStorage::Truncated).await;
    let click = scene.app.clicks.public(EventId::new(1, 77));
    let event = scene.view(json!({
        "hostname": "www.Shop.example", "pathname": "/pricing",
        "querystring": format!("?utm_source=news&dub_id={click}&lt_cid=AAAAAAAAAAAAAAAA"),
        "page_title": "Prices", "referrer": "https://www.google.com/search?q=x", "language": "de-AT",
        "screenWidth": 1920, "screenHeight": 1080.0, "user_id": null, "visitor_id": "gv_1",
    }));
    let answer = scene.track(&[("origin", "http://www.shop.example:8000")], &event).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true})));
    let events = scene.events().await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    for (column, expected) in [
        ("kind", json!("pageview")),
        ("event_type", json!("pageview")),
        ("site_id", json!(scene.ours.site.0)),
        ("workspace_id", json!(scene.ours.workspace.0)),
        ("link_id", json!(0)),
        (
            "url",
            json!(format!("http://www.shop.example/pricing?utm_source=news&dub_id={click}&lt_cid=AAAAAAAAAAAAAAAA")),
        ),
        ("page", json!("/pricing")),
        ("page_title", json!("Prices")),
        ("utm_source", json!("news")),
        ("referrer_host", json!("google.com")),
        ("screen_width", json!(1920)),
        ("screen_height", json!(1080)),
        ("user_agent", json!(FIREFOX)),
        ("address", json!("81.2.69.0")),
        ("click_event_id", json!(EventId::new(1, 77).0)),
        ("trigger", json!("pageview")),
        ("user_id", json!("")),
        ("language", json!("de-AT")),
    ] {
        assert_eq!(event[column], expected, "{column}");
    }
    assert_eq!(at(event), NOW_MS);
}

#[tokio::test]
async fn every_type_is_recorded_as_what_it_is() {
    let scene = Scene::start("collect_types").await;
    let long = "x".repeat(2_000);
    let big = "y".repeat(4_000);
    let types = [
        ("pageview", json!({}), ""),
        (
            "custom_event",
            json!({"event_name": "é".repeat(256), "properties": "{\"n\": 12345678901234567890123}"}),
            "{\"n\": 12345678901234567890123}",
        ),
        ("performance", json!({"lcp": 1200.5, "cls": 0, "inp": null}), "{\"cls\":0,\"lcp\":1200.5}"),
        ("outbound", json!({"properties": {"url": "https://example.org/"}}), "{\"url\":\"https://example.org/\"}"),
        ("error", json!({"properties": json!({"message": big}).to_string()}), ""),
        ("button_click", json!({"properties": ""}), ""),
        ("copy", json!({"properties": json!({"text": long}).to_string()}), ""),
        ("form_submit", json!({"pathname": "contact"}), ""),
        ("input_change", json!({"page_title": "é".repeat(512)}), ""),
        ("page_leave", json!({"duration_ms": 1500.7}), ""),
        ("identify", json!({"user_id": "jane", "properties": {"plan": "pro"}}), "{\"plan\":\"pro\"}"),
    ];
    for (kind, more, _) in &types {
        let mut event = scene.view(more.clone());
        event["type"] = json!(kind);
        let answer = scene.track(&[], &event).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"success": true})), "{kind}");
    }
    let events = scene.events().await;
    assert_eq!(events.len(), types.len());
    for (event, (kind, _, props)) in events.iter().zip(&types) {
        assert_eq!((event["event_type"].as_str(), event["kind"] == "pageview"), (Some(*kind), *kind == "pageview"));
        if !props.is_empty() {
            assert_eq!(event["metadata"], *props, "{kind}");
        }
    }
    assert_eq!((&events[7]["page"], &events[9]["duration_ms"]), (&json!("/contact"), &json!(1500)));
}

#[tokio::test]
async fn a_person_is_made_known() {
    let scene = Scene::start("collect_identify").await;
    let body = json!({"site_id": scene.ours.site.0.to_string(), "user_id": "jane@example.com",
        "traits": {"plan": "pro"}, "is_new_identify": true});
    let answer = scene.ask(Method::POST, "/api/identify", &[], body.to_string()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true})));
    let events = scene.events().await;
    assert_eq!((&events[0]["event_type"], &events[0]["user_id"]), (&json!("identify"), &json!("jane@example.com")));
    assert_eq!((&events[0]["metadata"], &events[0]["kind"]), (&json!("{\"plan\":\"pro\"}"), &json!("custom")));
    for (body, word) in [
        (json!({"site_id": scene.ours.site.0}), "user_id"),
        (json!({"site_id": scene.ours.site.0, "user_id": "a", "traits": "x"}), "traits"),
        (json!({"site_id": scene.ours.site.0, "user_id": "a", "traits": {"a": "x".repeat(2_050)}}), "traits"),
        (json!({"site_id": scene.ours.site.0, "user_id": "a", "is_new_identify": "yes"}), "is_new_identify"),
        (json!({"site_id": scene.ours.site.0, "user_id": "a", "type": "pageview"}), "Unrecognized"),
        (json!([{"site_id": scene.ours.site.0, "user_id": "a"}]), "object"),
    ] {
        let answer = scene.ask(Method::POST, "/api/identify", &[], body.to_string()).await;
        assert_eq!((answer.status, answer.json()["success"].as_bool()), (400, Some(false)), "{body}");
        assert!(answer.json()["details"].to_string().contains(word), "{:?}", answer.json());
    }
    assert_eq!(scene.events().await.len(), 1);
}

#[tokio::test]
async fn retries_count_once_and_time_is_the_events_own() {
    let scene = Scene::start("collect_retries").await;
    let named = |age_ms: i64| scene.view(json!({"event_id": "a", "age_ms": age_ms}));
    // The first report, its retry a while later, the same name on another site, and without a name.
    scene.track(&[], &named(2 * DAY_MS)).await;
    scene.track(&[], &named(2 * DAY_MS + 900)).await;
    scene.track(&[], &json!([named(2 * DAY_MS), named(2 * DAY_MS)])).await;
    let mut foreign = named(2 * DAY_MS);
    foreign["site_id"] = json!(scene.theirs.site.0);
    foreign["hostname"] = json!("other.example");
    scene.track(&[], &foreign).await;
    for _ in 0..2 {
        scene.track(&[], &scene.view(json!({"timestamp": NOW_MS - DAY_MS}))).await;
    }
    scene.track(&[], &scene.view(json!({"timestamp": NOW_MS + DAY_MS}))).await;
    scene.track(&[], &scene.view(json!({"timestamp": "2026-09-20T12:00:00Z"}))).await;
    assert_eq!(scene.stored().await.len(), 9);
    let events = scene.events().await;
    let times: Vec<i64> = events.iter().map(at).collect();
    let sent = linktrail::web::instant::parse("2026-09-20T12:00:00Z").unwrap();
    assert_eq!(
        times,
        [NOW_MS - 2 * DAY_MS, NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS, NOW_MS - DAY_MS, NOW_MS, sent],
        "never ahead of now"
    );
}

#[tokio::test]
async fn a_key_speaks_for_others() {
    let scene = Scene::start("collect_keyed").await;
    scene.set(|settings| settings.address_storage = AddressStorage::Full).await;
    let bearer = format!("Bearer {}", scene.ours.key);
    let spoken = scene.view(json!({"ip_address": "2001:db8::7", "user_agent": FIREFOX, "visitor_id": "v"}));
    let answer = scene.track(&[("authorization", &bearer), ("user-agent", BOT)], &spoken).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true})));
    let answer = scene.track(&[("authorization", &bearer), ("user-agent", BOT)], &scene.view(json!({}))).await;
    assert_eq!(answer.json(), json!({"success": true}), "robots are welcome with a key");
    let events = scene.events().await;
    assert_eq!((&events[0]["address"], &events[0]["user_agent"]), (&json!("2001:db8::7"), &json!(FIREFOX)));
    assert_eq!((&events[1]["address"], &events[1]["user_agent"]), (&json!(CLIENT), &json!(BOT)));

    // Without a key nobody speaks for others; with another's one neither.
    let answer = scene.track(&[], &spoken).await;
    assert_eq!(answer.status, 400);
    let fields = &answer.json()["details"]["fieldErrors"];
    assert!(fields["ip_address"].is_array() && fields["user_agent"].is_array(), "{fields}");
    let foreign = format!("Bearer {}", scene.theirs.key);
    let answer = scene.track(&[("authorization", &foreign)], &spoken).await;
    assert_eq!((answer.status, answer.json()["success"].as_bool()), (403, Some(false)));
    let answer = scene.track(&[("authorization", "Bearer dub_nothing")], &spoken).await;
    assert_eq!((answer.status, answer.json()["success"].as_bool()), (401, Some(false)));
    assert_eq!(scene.events().await.len(), 2);
}
