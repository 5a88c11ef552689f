//! Every parameter that takes a list takes thousands of values, wanted or not, and says its limit.

use axum::http::Method;
use linktrail::domain::dimension::{ATTRIBUTES, DIMENSIONS};
use linktrail::filter::MAX_VALUES;
use serde_json::json;

use super::world::World;

const VALUES: usize = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_parameter_takes_thousands_of_values() {
    let world = World::start("dub_errors_every_list").await;
    world.post("/links", &json!({"url": "https://example.com", "key": "a"})).await;
    world.post("/track/click", &json!({"domain": "go.example.com", "key": "a"})).await;
    world.app.ingest.flushed().await;
    // The first folder must be ours.
    let folder = world.post("/folders", &json!({"name": "ours"})).await["id"].as_str().unwrap().to_owned();
    let names =
        DIMENSIONS.iter().filter_map(|line| line.dub_filter).chain(ATTRIBUTES.iter().map(|line| line.dub_filter));
    let names: Vec<&str> = names.chain(["customerId", "tagIds"]).collect();
    assert!(names.len() > 30, "{names:?}");
    let key = format!("Bearer {}", world.key);
    let headers = [("authorization", key.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    for name in names {
        let values = |count: usize| {
            let values = (0..count).map(|place| if place == 0 { folder.clone() } else { format!("x%27%5C{place}") });
            values.collect::<Vec<_>>().join(",")
        };
        let count = async |list: &str| {
            let body = format!("{name}={list}&event=composite&bots=include&repeats=include");
            world.exchange(Method::POST, "/analytics", &headers, body.as_bytes()).await
        };
        for (sense, others) in [("", 0), ("-", 1)] {
            let answer = count(&format!("{sense}{}", values(VALUES))).await;
            // A click has no name of an event and no currency: these say nothing of it.
            let clicks = if matches!(name, "eventName" | "currency") { 1 } else { others };
            assert_eq!((answer.status, answer.body["clicks"].as_u64()), (200, Some(clicks)), "{name}: {}", answer.body);
        }
        let answer = count(&"x,".repeat(MAX_VALUES + 1)).await;
        let message =
            format!("too_big: {name}: Too many values: {} given, at most {MAX_VALUES} are allowed", MAX_VALUES + 1);
        assert_eq!((answer.status, answer.message()), (422, message.as_str()), "{name}");
    }
}
