//! What goes on after a restart, after another node's end, and for how long; and what came of clicks.

use linktrail::domain::id::WebhookId;
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::world::{FIREFOX, World, all_are};

#[tokio::test]
async fn what_waits_goes_on_after_a_restart() {
    let mut world = World::start("hooks_restart").await;
    let receiver = Receiver::start(Manner::Status(500)).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    let (link, _) = world.link("promo").await;
    world.visit(world.hit(link, 1, FIREFOX)).await;
    world.deliveries(&hook, |list| list.len() == 1 && list[0]["lastStatus"] == 500).await;
    world.hush().await;
    receiver.behave(Manner::Status(200));
    world.app.clock.advance(60_000);
    world.tell().await;
    let list = world.deliveries(&hook, |list| all_are(list, 1, "delivered")).await;
    assert_eq!(list[0]["attempts"], 2);
    let told = receiver.requests();
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"]);
    assert_eq!(told[0].body, told[1].body);

    // A node that takes a delivery and is never heard of again.
    world.hush().await;
    world.post(&format!("/webhooks/{}/test", hook["id"].as_str().unwrap()), Value::Null).await;
    let now_ms = world.app.clock.now_ms();
    let taken = world.app.catalog.take_due(&[], 8, 8, now_ms, now_ms + 60_000).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert!(world.app.catalog.take_due(&[], 8, 8, now_ms, now_ms + 60_000).await.unwrap().is_empty(), "taken twice");
    world.tell().await;
    world.app.clock.advance(59_000);
    assert_eq!(receiver.requests().len(), 2);
    world.app.clock.advance(1_000);
    let list = world.deliveries(&hook, |list| all_are(list, 2, "delivered")).await;
    assert_eq!(list[0]["attempts"], 2);
    world.end().await;
}

#[tokio::test]
async fn deliveries_are_kept_for_some_days() {
    let world = World::start("hooks_prune").await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    let path = format!("/webhooks/{}/test", hook["id"].as_str().unwrap());
    world.post(&path, Value::Null).await;
    world.deliveries(&hook, |list| all_are(list, 1, "delivered")).await;
    world.app.clock.advance(1_000);
    world.post(&path, Value::Null).await;
    let list = world.deliveries(&hook, |list| all_are(list, 2, "delivered")).await;
    let second_ms = world.app.clock.now_ms();
    assert_eq!(world.app.catalog.prune_deliveries(second_ms).await.unwrap(), 1);
    assert_eq!(world.app.catalog.prune_deliveries(second_ms).await.unwrap(), 0);
    assert_eq!(world.deliveries(&hook, |_| true).await, list[..1]);
    world.end().await;
}

#[tokio::test]
async fn webhooks_of_a_link_and_those_that_are_gone() {
    let world = World::start("hooks_of_link").await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (link, shown) = world.link("promo").await;
    let (other, _) = world.link("other").await;
    let body =
        json!({"url": receiver.url(), "triggers": "link.clicked,link.clicked", "linkId": shown["id"], "name": "One"});
    let hook = world.post("/webhooks", body).await;
    assert_eq!(json!([hook["linkId"], hook["name"], hook["triggers"]]), json!([shown["id"], "One", ["link.clicked"]]));
    world.heard().await;
    for of in [other, link] {
        world.visit(world.hit(of, 1, FIREFOX)).await;
    }
    let told = receiver.wait_for(1).await;
    assert_eq!(told[0].json()["data"]["link"]["key"], "promo");
    let id = WebhookId::parse(hook["id"].as_str().unwrap()).unwrap();
    assert!(world.app.catalog.remove_webhook(world.ours.workspace, id).await.unwrap());
    world.heard().await;
    world.visit(world.hit(link, 2, FIREFOX)).await;
    world.app.ingest.flushed().await;
    world.heard().await;
    assert_eq!(receiver.requests().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn leads_and_sales_are_told_with_their_click_and_link() {
    let world = World::start("hooks_conversions").await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    world.hook(&receiver.url(), &["lead.created", "sale.created"]).await;
    let (link, shown) = world.link("promo").await;
    let recorded = world.app.ingest.record(&world.hit(link, 1, FIREFOX)).unwrap();
    recorded.synced().await.unwrap();
    world.app.ingest.flushed().await;
    let click = world.app.clicks.public(recorded.id());
    let lead =
        json!({"clickId": click, "eventName": "Sign up", "customerExternalId": "c1", "metadata": {"plan": "pro"}});
    world.post("/track/lead", lead).await;
    let sale = json!({"customerExternalId": "c1", "amount": 1999, "currency": "eur", "invoiceId": "i1"});
    world.post("/track/sale", sale).await;
    let told: Vec<Value> = receiver.wait_for(2).await.iter().map(super::receiver::Request::json).collect();
    let of = |event: &str| told.iter().find(|body| body["event"] == event).unwrap()["data"].clone();
    for data in [of("lead.created"), of("sale.created")] {
        assert_eq!((&data["click"]["id"], &data["link"]["id"]), (&json!(click), &shown["id"]), "{data:#}");
        assert_eq!(data["customer"]["externalId"], "c1");
    }
    assert_eq!(
        (&of("lead.created")["eventName"], &of("lead.created")["metadata"]),
        (&json!("Sign up"), &json!({"plan": "pro"}))
    );
    // Click and customer are those of the lists.
    world.app.ingest.flushed().await;
    for (kind, data) in [("leads", of("lead.created")), ("sales", of("sale.created"))] {
        let listed = world.get(&format!("/events?event={kind}&interval=all")).await[0].clone();
        assert_eq!((&listed["click"], &listed["customer"]), (&data["click"], &data["customer"]), "{kind}");
    }
    let sale = of("sale.created")["sale"].clone();
    assert_eq!((&sale["amount"], &sale["currency"], &sale["invoiceId"]), (&json!(1999), &json!("eur"), &json!("i1")));
    world.end().await;
}
