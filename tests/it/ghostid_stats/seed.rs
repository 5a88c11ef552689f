//! The published examples: whoever reads them reads ours, key by key and type by type.

use std::sync::Arc;

use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{
    Agent, Channel, Conversion, Coordinates, Event, EventKind, PageEvent, Place, Referrer, Utm,
};
use serde_json::{Value, json};

use super::scene::{MINUTE_MS, NOW_MS, Scene};

/// One visitor who clicks, reads, calls for action and buys.
async fn scene(test: &str) -> Scene {
    let scene = Scene::new(test).await;
    let link = scene.add_links(&scene.ours, &[Some("spring-launch")]).await[0];
    let base = |sequence: u64, kind: EventKind, minutes: i64| Event {
        workspace: scene.ours.workspace,
        kind,
        at_ms: NOW_MS - minutes * MINUTE_MS,
        id: EventId::new(1, sequence),
        visitor: 0xa1b2_c3d4_e5f6_a7b8,
        channel: Channel::Organic,
        referrer: Referrer { host: "google.com".into(), url: "https://google.com/".into(), name: "Google".into() },
        place: Place { country: "US".into(), region: "US-TX".into(), city: "Austin".into(), ..Place::default() },
        coordinates: Coordinates { latitude: 302_672, longitude: -977_431 },
        agent: Arc::new(Agent {
            device: "Desktop".into(),
            browser: "Chrome".into(),
            os: "Mac OS".into(),
            ..Agent::default()
        }),
        utm: Utm {
            source: "newsletter".into(),
            medium: "email".into(),
            campaign: "spring-2026".into(),
            ..Utm::default()
        },
        ..Event::default()
    };
    let page = |kind: &str, name: &str, page: &str, props: &str| {
        Some(Box::new(PageEvent {
            event_type: kind.to_owned(),
            name: name.to_owned(),
            page: page.to_owned(),
            title: "Pricing".to_owned(),
            user_id: "jane@example.com".to_owned(),
            props: props.to_owned(),
            ..PageEvent::default()
        }))
    };
    let conversion = Conversion {
        amount: 49_900,
        currency: "usd".into(),
        payment_processor: "stripe".into(),
        invoice_id: "txn_123".into(),
        ..Conversion::default()
    };
    let site = scene.ours.site;
    let events = [
        Event { link, ..base(1, EventKind::Click, 16) },
        Event { site, page: page("pageview", "", "/", ""), ..base(2, EventKind::Pageview, 15) },
        Event { site, page: page("pageview", "", "/pricing", ""), ..base(3, EventKind::Pageview, 12) },
        Event {
            site,
            page: page("custom_event", "cta_clicked", "/pricing", r#"{"section":"hero"}"#),
            ..base(4, EventKind::Custom, 11)
        },
        Event { link, conversion: Some(Box::new(conversion)), ..base(5, EventKind::Sale, 5) },
    ];
    scene.warehouse.insert("seed", &events).await.unwrap();
    scene
}

/// Every key of the example is there with a value of its type; lists are told by their first element.
fn assert_shaped(actual: &Value, example: &Value, path: &str) {
    match (actual, example) {
        (Value::Object(actual), Value::Object(example)) => {
            for (key, value) in example {
                let found = actual.get(key).unwrap_or_else(|| panic!("{path}.{key} is missing"));
                assert_shaped(found, value, &format!("{path}.{key}"));
            }
        }
        (Value::Array(actual), Value::Array(example)) => {
            if let Some(example) = example.first() {
                let first = actual.first().unwrap_or_else(|| panic!("{path} is empty"));
                assert_shaped(first, example, &format!("{path}[0]"));
            }
        }
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) => {}
        (Value::Number(actual), Value::Number(example)) => {
            assert!(actual.is_f64() == example.is_f64(), "{path}: {actual} is no {example}");
        }
        _ => panic!("{path}: {actual} is not of the type of {example}"),
    }
}

#[tokio::test]
async fn answers_have_the_published_shapes() {
    let scene = scene("ghostid_seed").await;
    let site = scene.ours.site.0;
    let vid = "gv_a1b2c3d4_e5f6a7b8";
    let sessions = scene.json(&format!("/api/sessions?siteId={site}")).await;
    let session = sessions[0]["session_id"].as_str().unwrap().to_owned();
    for (path, example) in [
        (
            format!("/api/stats?siteId={site}&timeRange=7d"),
            json!({
                "overview": {
                    "unique_visitors": 142, "sessions": 188, "pageviews": 913, "total_events": 1410,
                    "identified_visitors": 37, "hot_leads": 21,
                },
                "top_pages": [{ "page": "/", "views": 210 }],
                "countries": [{ "country": "United States", "visitors": 88 }],
                "time_range": "7d",
            }),
        ),
        (
            format!("/api/session/{session}?siteId={site}"),
            json!({
                "session_id": "gs_123", "ghost_vid": vid, "identified_user_id": "jane@example.com",
                "country": "United States", "city": "Austin", "device_type": "desktop", "browser": "Chrome",
                "os": "macOS", "started_at": "2026-03-10T17:09:10.000Z", "ended_at": "2026-03-10T17:14:22.000Z",
                "duration_seconds": 312, "event_count": 9, "pageview_count": 5, "entry_page": "/",
                "exit_page": "/pricing", "referrer": "https://google.com", "pages": ["/"],
                "timeline": [{
                    "type": "pageview", "event_name": "", "page": "/", "page_title": "Home",
                    "timestamp": "2026-03-10T17:09:10.000Z", "time_on_previous_page": 0, "props": {},
                }],
            }),
        ),
        (
            format!("/api/visitors?siteId={site}"),
            json!({
                "visitors": [{
                    "ghost_vid": vid, "identified_user_id": "jane@example.com", "country": "United States",
                    "city": "Austin", "region": "Texas", "page": "/pricing", "pages_viewed": 6, "duration_seconds": 214,
                    "lat": 30.2672, "lon": -97.7431, "device_type": "desktop", "browser": "Chrome",
                    "referrer": "https://google.com", "last_seen": "2026-03-10T17:14:22.000Z", "session_count": 2,
                    "hot": true, "clicks": 1,
                }],
                "activity": [{
                    "ghost_vid": vid, "identified_user_id": "jane@example.com", "type": "pageview", "page": "/pricing",
                    "timestamp": "2026-03-10T17:14:22.000Z",
                }],
                "stats": { "unique_visitors": 42, "sessions": 55, "pageviews": 181, "avg_duration": 0 },
                "countries": [{ "country": "United States", "visitors": 25 }],
                "pages": [{ "page": "/pricing", "views": 31 }],
                "timestamp": "2026-03-10T17:15:00.000Z",
            }),
        ),
        (
            format!("/api/link-analytics?siteId={site}&range=30d&campaign=spring-2026"),
            json!({
                "clicks": [{
                    "id": "91", "ghost_vid": vid, "slug": "spring-launch", "campaign": "spring-2026",
                    "source": "newsletter", "country": "United States", "city": "Austin", "lat": 30.2672,
                    "lon": -97.7431, "device_type": "desktop", "browser": "Chrome",
                    "created_at": "2026-03-10T17:13:51.000Z",
                }],
                "byCountry": [{ "country": "United States", "clicks": 88 }],
                "byCity": [
                    { "city": "Austin", "country": "United States", "clicks": 15, "lat": 30.2672, "lon": -97.7431 },
                ],
                "byCampaign": [{ "campaign": "spring-2026", "clicks": 102 }],
                "bySource": [{ "source": "newsletter", "clicks": 77 }],
                "byDay": [{ "date": "2026-03-10", "clicks": 14 }],
                "total": 102,
            }),
        ),
        (
            format!("/api/revenue?siteId={site}&timeRange=30d"),
            json!({
                "summary": {
                    "total_revenue": "19452.00", "total_transactions": "83", "avg_order_value": "234.36",
                    "unique_customers": "51", "largest_transaction": "2499.00",
                },
                "by_attribution": [{
                    "channel": "Organic", "source": "google", "revenue": "8450.00", "transactions": "29",
                    "customers": "21",
                }],
                "by_campaign": [{
                    "campaign": "spring-2026", "source": "newsletter", "medium": "email", "revenue": "3200.00",
                    "transactions": "11", "customers": "8",
                }],
                "recent_transactions": [{
                    "id": 912, "ghost_vid": vid, "amount": "499.00", "currency": "USD", "source": "stripe",
                    "first_touch_channel": "Organic", "first_touch_source": "google",
                    "first_touch_campaign": "brand-search", "identified_email": "jane@example.com",
                    "transaction_id": "txn_123", "created_at": "2026-03-10T17:10:02.000Z",
                }],
                "daily": [{ "date": "2026-03-01T00:00:00.000Z", "revenue": "1299.00", "transactions": "5" }],
            }),
        ),
        (
            "/api/sites".to_owned(),
            json!({ "sites": [{ "siteId": 4, "name": "Ghost ID", "domain": "ghostid.ai", "trackingMode": "third-party" }] }),
        ),
    ] {
        assert_shaped(&scene.json(&path).await, &example, &path);
    }
    // The click is counted beside its visitor, and the sale is the site's.
    let stream = scene.json(&format!("/api/visitors?siteId={site}")).await;
    assert_eq!((&stream["visitors"][0]["clicks"], &stream["visitors"][0]["region"]), (&json!(1), &json!("Texas")));
    let profile = scene.json(&format!("/api/visitor/{vid}?siteId={site}")).await;
    assert_eq!(
        (&profile["visitor"]["clicks"], &profile["first_touch"]["campaign"]),
        (&json!(1), &json!("spring-2026"))
    );
    // 10, and 25 for the prices, and 20 for the name, and 10 for more than three minutes.
    assert_eq!((&profile["visitor"]["score"], &profile["visitor"]["score_label"]), (&json!(65), &json!("hot")));
    let revenue = scene.json(&format!("/api/revenue?siteId={site}")).await;
    assert_eq!(revenue["recent_transactions"][0]["amount"], "499.00");
}
