//! Endpoints that behave badly, and what becomes of the rest meanwhile.

use std::time::Duration;

use axum::http::Method;
use linktrail::catalog::NewWebhook;
use linktrail::domain::webhook::{Flavour, HookEvent};
use linktrail::hooks::guard::Policy;
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::world::{FIREFOX, World, all_are, options};

#[tokio::test]
async fn failures_are_tried_again_until_the_schedule_ends() {
    let world = World::start("hooks_retries").await;
    let elsewhere = Receiver::start(Manner::Status(200)).await;
    let receiver = Receiver::start(Manner::Status(500)).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    let (link, _) = world.link("promo").await;
    world.visit(world.hit(link, 1, FIREFOX)).await;
    let list = world.deliveries(&hook, |list| list.len() == 1 && list[0]["lastStatus"] == 500).await;
    assert_eq!(
        json!([list[0]["status"], list[0]["lastStatus"], list[0]["lastError"], list[0]["nextAttemptAt"]]),
        json!(["waiting", 500, "the endpoint answered 500", "2026-09-21T14:14:20.000Z"])
    );
    // Not before its time.
    world.app.clock.advance(59_000);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.requests().len(), 1);
    // A redirect is a failure, and nobody goes where it leads.
    receiver.behave(Manner::Redirect(elsewhere.url()));
    world.app.clock.advance(1_000);
    let list = world.deliveries(&hook, |list| list[0]["lastStatus"] == 302).await;
    assert_eq!((&list[0]["status"], &list[0]["attempts"]), (&json!("waiting"), &json!(2)));
    assert_eq!(elsewhere.connections(), 0);
    // The last one ends it.
    receiver.behave(Manner::Close);
    world.app.clock.advance(600_000);
    let list = world.deliveries(&hook, |list| all_are(list, 1, "failed")).await;
    assert_eq!(
        json!([list[0]["attempts"], list[0]["lastStatus"], list[0]["lastError"], list[0]["nextAttemptAt"]]),
        json!([3, null, "the endpoint cannot be reached", null])
    );
    let ids: Vec<String> = receiver.requests().iter().map(|told| told.headers["webhook-id"].clone()).collect();
    assert!(ids.len() >= 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");

    // By hand it is tried once more.
    receiver.behave(Manner::Status(201));
    let path =
        format!("/webhooks/{}/deliveries/{}/retry", hook["id"].as_str().unwrap(), list[0]["id"].as_str().unwrap());
    assert_eq!(world.post(&path, Value::Null).await["status"], "waiting");
    let list = world.deliveries(&hook, |list| all_are(list, 1, "delivered")).await;
    assert_eq!((&list[0]["attempts"], &list[0]["lastStatus"]), (&json!(4), &json!(201)));
    world.end().await;
}

#[tokio::test]
async fn an_endpoint_that_only_fails_is_turned_off() {
    let mut options = options();
    options.schedule = vec![Duration::ZERO; 30];
    let world = World::with("hooks_off", options, Policy { allowed: vec!["127.0.0.0/8".parse().unwrap()] }).await;
    let receiver = Receiver::start(Manner::Status(503)).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    world.post(&format!("{path}/test"), Value::Null).await;
    let mut off = Value::Null;
    for _ in 0..1_200 {
        off = world.get(&path).await;
        if !off["disabledAt"].is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(off["consecutiveFailures"], 20, "{off}");
    assert_eq!(off["disabledReason"], "20 attempts failed in a row, the last one: the endpoint answered 503");
    assert_eq!(receiver.requests().len(), 20);
    let refused = world.send(&world.ours.key, Method::POST, &format!("{path}/test"), &Value::Null).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    // What waits goes on when it is turned on again.
    receiver.behave(Manner::Status(200));
    let on = world.send(&world.ours.key, Method::PATCH, &path, &json!({"disabled": false})).await;
    assert_eq!(json!([on.body["disabledAt"], on.body["consecutiveFailures"]]), json!([null, 0]), "{}", on.body);
    world.deliveries(&hook, |list| all_are(list, 1, "delivered")).await;
    world.end().await;
}

#[tokio::test]
async fn a_target_that_is_not_public_is_never_connected_to() {
    let world = World::with("hooks_private", options(), Policy::default()).await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let port = receiver.address.port();
    for url in [
        receiver.url(),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "gopher://example.com/".to_owned(),
    ] {
        let body = json!({"url": url, "triggers": ["link.clicked"]});
        let refused = world.send(&world.ours.key, Method::POST, "/webhooks", &body).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("custom: url: Invalid webhook URL: "), "{message}");
        let path = format!("/api/v1/workspace/{}/webhooks", world.ours.workspace.0);
        let refused = world.send(&world.ours.key, Method::POST, &path, &json!({"url": url})).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
    // One that was allowed once, and a name that leads inside.
    let (link, _) = world.link("promo").await;
    for (flavour, url) in [
        (Flavour::Dub, receiver.url()),
        (Flavour::Dub, format!("http://localhost:{port}/")),
        (Flavour::Linkly, receiver.url()),
        (Flavour::Linkly, format!("http://localhost:{port}/")),
    ] {
        let events = vec![HookEvent::LinkClicked];
        let new = NewWebhook { link: None, flavour, name: "n".into(), url, secret: "whsec_AAAA".into(), events };
        world.app.catalog.add_webhook(world.ours.workspace, &new, world.app.clock.now_ms()).await.unwrap();
    }
    world.heard().await;
    world.visit(world.hit(link, 1, FIREFOX)).await;
    for hook in world.get("/webhooks").await.as_array().unwrap() {
        let list = world.deliveries(hook, |list| list.len() == 1 && !list[0]["lastError"].is_null()).await;
        assert_eq!(list[0]["lastError"], "the target's address is not public");
    }
    assert_eq!(receiver.connections(), 0);
    world.end().await;
}

#[tokio::test]
async fn what_an_endpoint_answers_beside_its_status_does_not_matter() {
    let world = World::start("hooks_bodies").await;
    for manner in [Manner::Endless, Manner::Slow] {
        let receiver = Receiver::start(manner).await;
        let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
        world.post(&format!("/webhooks/{}/test", hook["id"].as_str().unwrap()), Value::Null).await;
        world.deliveries(&hook, |list| all_are(list, 1, "delivered")).await;
    }
    let receiver = Receiver::start(Manner::Hang).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    world.post(&format!("/webhooks/{}/test", hook["id"].as_str().unwrap()), Value::Null).await;
    let list = world.deliveries(&hook, |list| !list[0]["lastError"].is_null()).await;
    assert_eq!(list[0]["lastError"], "the endpoint did not answer within 5 seconds");
    world.end().await;
}

#[tokio::test]
async fn a_dead_endpoint_slows_nothing() {
    const CLICKS: u64 = 5_000;
    let world = World::start("hooks_dead").await;
    let (dead, alive) = (Receiver::start(Manner::Hang).await, Receiver::start(Manner::Status(200)).await);
    let path = format!("/api/v1/workspace/{}/webhooks", world.ours.workspace.0);
    for receiver in [&dead, &alive] {
        world.post(&path, json!({"url": receiver.url()})).await;
    }
    let hook = world.hook(&dead.url(), &["link.clicked"]).await;
    let (link, _) = world.link("promo").await;
    let hit = |number: u64| {
        let mut hit = world.hit(link, 1, FIREFOX);
        hit.address = std::net::Ipv4Addr::from_bits(0x5102_0000 + number as u32).into();
        hit
    };
    let hits: Vec<_> = (0..CLICKS).map(hit).collect();
    world.app.ingest.record_many(&hits).await.unwrap();
    world.app.ingest.flushed().await;
    let count = world.get("/analytics?event=clicks&interval=all").await;
    assert_eq!(count["clicks"], CLICKS, "{count}");
    // The other endpoint hears of what fits its queue, the dead one had a few places and no more.
    alive.wait_for(1_000).await;
    assert!(dead.connections() <= 64, "{}", dead.connections());
    // What is kept is kept: all of it, or as much as may wait for one webhook.
    let page = format!("/webhooks/{}/deliveries?limit=100", hook["id"].as_str().unwrap());
    assert_eq!(world.get(&page).await.as_array().unwrap().len(), 100);
    world.end().await;
}
