//! What webhooks are told of links is what the API shows of them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::hooks::receiver::{Manner, Receiver, Request};
use crate::hooks::world::World;

#[tokio::test]
async fn a_links_life_is_told_as_the_api_shows_it() {
    let world = World::start("linkly_links_told").await;
    let of_workspace = Receiver::start(Manner::Status(200)).await;
    let of_link = Receiver::start(Manner::Status(200)).await;
    let number = world.ours.workspace.0;
    world.post(&format!("/api/v1/workspace/{number}/webhooks"), json!({"url": of_workspace.url()})).await;
    let body = json!({
        "url": "https://www.example.com", "name": "Summer promo", "domain": "go.example.com", "slug": "/promo",
        "utm_source": "newsletter", "gtm_id": "GTM-K1234", "linkify_words": ["sale"], "password": "secret",
        "rules": [{"what": "country", "matches": "US", "url": "https://example.com/us"}],
    });
    let made = world.post("/api/v1/link", body).await;
    let told: Vec<Value> = of_workspace.wait_for(1).await.iter().map(Request::json).collect();
    assert_eq!(told[0], json!({"event": "link.created", "timestamp": "2026-09-21T14:13:20.000000Z", "link": made}));

    // The subscriptions of the link alone are part of it.
    world.app.clock.advance(1_000);
    let changed =
        world.post("/api/v1/link", json!({"id": made["id"], "webhooks": [of_link.url()], "name": "New"})).await;
    assert_eq!(changed["webhooks"], json!([of_link.url()]));
    let listed = world.get(&format!("/api/v1/link/{}/webhooks", made["id"])).await;
    assert_eq!(listed, json!([{"id": of_link.url()}]));
    world.heard().await;
    let path = format!("/api/v1/workspace/{number}/links/{}", made["id"]);
    let answer = world.send(&world.ours.key, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told: Vec<Value> = of_link.wait_for(1).await.iter().map(Request::json).collect();
    let mut deleted = changed.clone();
    deleted["deleted"] = json!(true);
    let at = "2026-09-21T14:13:21.000000Z";
    assert_eq!(told.last().unwrap(), &json!({"event": "link.deleted", "timestamp": at, "link": deleted}));
    // It comes back, and goes for good without a word.
    let restored = world.post(&format!("{path}/restore"), Value::Null).await;
    assert_eq!(restored, changed);
    world.send(&world.ours.key, Method::DELETE, &path, &Value::Null).await;
    world.send(&world.ours.key, Method::DELETE, &format!("{path}?purge=true"), &Value::Null).await;
    world.post("/api/v1/link", json!({"url": "https://example.com/last"})).await;
    let told = of_workspace.wait_for(6).await;
    let events: Vec<Value> = told.iter().map(|request| request.json()["event"].clone()).collect();
    let expected = ["link.created", "link.updated", "link.deleted", "link.updated", "link.deleted", "link.created"];
    assert_eq!(events, expected);
    world.end().await;
}
