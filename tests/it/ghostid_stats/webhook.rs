//! A visitor's profile, sent once.

use axum::http::Method;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Channel, Event, EventKind, PageEvent};
use serde_json::{Value, json};

use super::scene::{NOW_MS, Scene};
use crate::hooks::receiver::{Manner, Receiver};

async fn scene(test: &str) -> Scene {
    let scene = Scene::new(test).await;
    let seen = Event {
        workspace: scene.ours.workspace,
        site: scene.ours.site,
        kind: EventKind::Pageview,
        at_ms: NOW_MS - 60_000,
        id: EventId::new(1, 1),
        visitor: 7,
        channel: Channel::Email,
        page: Some(Box::new(PageEvent {
            event_type: "pageview".to_owned(),
            page: "/pricing".to_owned(),
            user_id: "<!channel> jane@example.com".to_owned(),
            ..PageEvent::default()
        })),
        ..Event::default()
    };
    scene.warehouse.insert("seen", &[seen]).await.unwrap();
    scene
}

async fn sent(scene: &Scene, key: &str, body: Value) -> (u16, Value) {
    let (status, body) = scene.send(Method::POST, "/api/webhook", key, Some(body)).await;
    (status.as_u16(), serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn a_profile_is_sent_as_its_target_understands_it() {
    let scene = scene("ghostid_webhook").await;
    let target = Receiver::start(Manner::Status(200)).await;
    let id = "gv_00000000_00000007";
    let types = scene.json("/api/webhook").await;
    assert_eq!(types["supported_types"], json!(["custom", "hubspot", "salesforce", "slack", "discord"]));
    for (place, kind) in ["custom", "hubspot", "salesforce", "slack", "discord"].into_iter().enumerate() {
        let body =
            json!({ "ghost_vid": id, "webhook_url": target.url(), "webhook_type": kind, "siteId": scene.ours.site.0 });
        let (status, answer) = sent(&scene, &scene.ours.key, body).await;
        let expected = json!({
            "success": true, "ghost_vid": id, "webhook_type": kind, "delivered_at": "2026-03-10T17:30:00.000Z",
            "status": 200,
        });
        assert_eq!((status, answer), (200, expected));
        let told = target.wait_for(place + 1).await[place].json();
        let shown = match kind {
            "custom" => {
                assert_eq!(told["event"], "visitor.exported");
                assert_eq!(told["sessions"].as_array().unwrap().len(), 1);
                assert_eq!(told["events"][0]["page"], "/pricing");
                assert_eq!(told["first_touch"]["channel"], "Email");
                told["visitor"]["identified_user_id"].clone()
            }
            "hubspot" => told["properties"]["email"].clone(),
            "salesforce" => told["Email"].clone(),
            "slack" => told["text"].clone(),
            _ => {
                assert_eq!(told["allowed_mentions"], json!({ "parse": [] }));
                told["content"].clone()
            }
        };
        let name = if kind == "slack" { "&lt;!channel&gt; jane@example.com" } else { "<!channel> jane@example.com" };
        assert!(shown.as_str().unwrap().contains(name), "{kind}: {shown}");
    }
    let body = json!({
        "ghost_vid": id, "webhook_url": target.url(), "include_journey": false, "include_events": false,
    });
    assert_eq!(sent(&scene, &scene.ours.key, body).await.0, 200);
    let told = target.wait_for(6).await[5].json();
    assert!(told["visitor"].is_object() && told.get("events").is_none() && told.get("sessions").is_none(), "{told}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    let scene = scene("ghostid_webhook_refused").await;
    let target = Receiver::start(Manner::Status(500)).await;
    let id = "gv_00000000_00000007";
    let body = |vid: &str, url: &str| json!({ "ghost_vid": vid, "webhook_url": url });
    let mut wrong = body(id, &target.url());
    wrong["webhook_type"] = json!("fax");
    for (body, status, words) in [
        (body(id, &target.url()), 400, "answered 500"),
        (body(id, "http://10.0.0.1/hook"), 400, "webhook_url"),
        (body(id, "file:///etc/passwd"), 400, "webhook_url"),
        (body(id, ""), 400, "webhook_url"),
        (body("", &target.url()), 400, "ghost_vid"),
        (body("gv_00000000_00000008", &target.url()), 404, "Visitor not found"),
        (wrong, 400, "webhook_type"),
    ] {
        let (given, answer) = sent(&scene, &scene.ours.key, body.clone()).await;
        assert_eq!((given, answer["error"].as_str().unwrap().contains(words)), (status, true), "{body}: {answer}");
    }
    let mut foreign = body(id, &target.url());
    assert_eq!(sent(&scene, &scene.theirs.key, foreign.clone()).await.0, 404);
    foreign["siteId"] = json!(scene.ours.site.0);
    assert!(matches!(sent(&scene, &scene.theirs.key, foreign.clone()).await.0, 403 | 404));
    assert_eq!(sent(&scene, "", foreign).await.0, 401);
    assert_eq!(target.requests().len(), 1);
}
