//! Two programs on the same stores: what one changes the other knows, and their events stay apart.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::ask;
use super::home::{HASTY, Home, PATIENCE};
use super::ledger::Ledger;
use super::load::Load;
use super::outages::until_it_leads_to;
use crate::world::clickhouse_client;

/// Visits a link until it answers so.
async fn until_status(home: &Home, slug: &str, status: u16) {
    let begun = Instant::now();
    loop {
        let answer = home.visit(slug).await;
        if answer.status == status {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "/{slug} answers {}", answer.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_agree_on_links_and_store_their_own_events() {
    let first = Home::furnished(&HASTY).await;
    let server = first.start().await;
    let second = Home::beside(&first, &HASTY);
    let ledger = Ledger::new();
    let other = second.start().await;
    assert_eq!(other.descendants(), [0; 0], "it has no engines of its own");
    let loads = [Load::start(&ledger, &first, 4), Load::start(&ledger, &second, 4)];
    ledger.reach(500).await;

    // Nobody has it, which the second node remembers for a while.
    assert_eq!(second.visit("shared").await.status, 404);
    let made = first.call("POST", "/links", Some(&json!({ "url": "https://example.com/1", "key": "shared" }))).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let path = format!("/links/{}", made["id"].as_str().unwrap());
    let begun = Instant::now();
    until_it_leads_to(&second, "shared", "https://example.com/1").await;
    for (change, destination) in [
        (json!({ "url": "https://example.com/2" }), Some("https://example.com/2")),
        (json!({ "disabledAt": "2020-01-01T00:00:00Z" }), None),
        (json!({ "disabledAt": null }), Some("https://example.com/2")),
    ] {
        let changed = first.call("PATCH", &path, Some(&change)).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        match destination {
            Some(destination) => until_it_leads_to(&second, "shared", destination).await,
            None => until_status(&second, "shared", 404).await,
        }
    }
    assert_eq!(first.call("DELETE", &path, None).await.status, 200);
    until_status(&second, "shared", 404).await;
    // Five changes; each alone is heard of in milliseconds, and "there is none" is believed for five seconds.
    assert!(begun.elapsed() < Duration::from_secs(10), "five changes took {:?}", begun.elapsed());

    // The first one's end takes the stores away; the second goes on, and carries on when they are back.
    ledger.reach_more(500).await;
    server.kill().await;
    let alone = ledger.answered();
    ledger.reach(alone + 200).await;
    assert_eq!(ask(second.address, "GET", "/one", "", "").await.unwrap().status, 302);
    let server = first.start().await;
    ledger.reach_more(500).await;
    for load in loads {
        load.finish().await;
    }
    ledger.assert_exactly_once(&[&first, &second]).await;
    let nodes = clickhouse_client(&first.urls().reader)
        .query("SELECT uniqExact(bitShiftRight(event_id, 48)) FROM events")
        .fetch_one::<u64>()
        .await
        .unwrap();
    assert_eq!(nodes, 2);
    assert!(other.stop().await.success());
    assert!(server.stop().await.success());
}
