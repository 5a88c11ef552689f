//! Many links in one call.

use axum::http::Method;
use linktrail::config::LimitsConfig;
use serde_json::json;

use super::world::{Setup, World, error};

#[tokio::test]
async fn each_link_is_made_or_refused() {
    let world = World::start("brevr_bulk").await;
    world.link(json!({"customSlug": "taken"})).await;
    let (status, answer) = world
        .post(
            "/links/bulk",
            json!({"domain": "go.example.com", "links": [
                {"url": "https://example.com/1", "customSlug": "one", "title": "One", "redirectType": "PERMANENT_301"},
                {"url": "https://example.com/2", "customSlug": "taken"},
                {"url": "https://example.com/3", "customSlug": "ONE"},
                {"url": "javascript:alert(1)"},
                {"customSlug": "nowhere"},
                5,
                {"url": "https://example.com/7"},
            ]}),
        )
        .await;
    assert_eq!(status, 201, "{answer}");
    let numbers = ["created", "activeCount", "pendingCount"].map(|name| answer[name].as_u64().unwrap());
    assert_eq!(numbers, [2, 2, 0]);
    let failed: Vec<(u64, &str)> = answer["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            (failure["index"].as_u64().unwrap(), failure["error"].as_str().unwrap().split(':').next().unwrap())
        })
        .collect();
    assert_eq!(failed, [(1, "customSlug"), (2, "customSlug"), (3, "url"), (4, "url"), (5, "links.5")]);
    let links = answer["links"].as_array().unwrap();
    assert_eq!(links.len(), 2);
    assert_eq!((&links[0]["shortCode"], &links[0]["url"]), (&json!("one"), &json!("https://example.com/1")));
    assert_eq!((&links[0]["domain"], &links[0]["pendingVerification"]), (&json!("go.example.com"), &json!(false)));
    let (_, one) = world.get(&format!("/links/{}", links[0]["id"].as_str().unwrap())).await;
    assert_eq!((&one["link"]["title"], &one["link"]["redirectType"]), (&json!("One"), &json!("PERMANENT_301")));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_whole() {
    let world = World::start("brevr_bulk_refused").await;
    let many: Vec<_> = (0..101).map(|_| json!({"url": "https://example.com"})).collect();
    for (body, status, start) in [
        (json!({"links": [{"url": "https://example.com"}]}), 400, "domain: it is required"),
        (json!({"domain": "go.example.com"}), 400, "links: it is required"),
        (json!({"domain": "go.example.com", "links": {}}), 400, "links: "),
        (json!({"domain": "go.example.com", "links": []}), 422, "links: expected 1 to 100"),
        (json!({"domain": "go.example.com", "links": many}), 422, "links: expected 1 to 100"),
        (json!({"domain": "go.other.example", "links": [{"url": "https://example.com"}]}), 422, "domain: it must be"),
    ] {
        let (found, answer) = world.post("/links/bulk", body).await;
        assert_eq!(found, status, "{answer}");
        assert!(error(&answer).starts_with(start), "{answer}");
    }
    assert_eq!(world.get("/links").await.1["total"], 0);
}

#[tokio::test]
async fn three_calls_a_minute() {
    let setup = Setup { limits: Some(LimitsConfig::default()), ..Setup::default() };
    let world = World::with("brevr_bulk_limit", setup).await;
    let body = || Some(json!({"domain": "go.example.com", "links": [{"url": "https://example.com"}]}));
    let other_key = world.key(&[], true).await;
    for (key, remaining) in [(&world.ours.key, 2), (&other_key, 1), (&world.ours.key, 0)] {
        let answer = world.ask(key, Method::POST, "/api/v1/links/bulk", body()).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (201, Some(3)), "{}", answer.text);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining));
    }
    let refused = world.ask(&other_key, Method::POST, "/api/v1/links/bulk", body()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some(20)), "{}", refused.text);
    // Others go on, and so does all else of the workspace.
    assert_eq!(world.ask(&world.ours.key, Method::GET, "/api/v1/links", None).await.status, 200);
    let theirs = Some(json!({"domain": "go.other.example", "links": [{"url": "https://example.com"}]}));
    assert_eq!(world.ask(&world.theirs.key, Method::POST, "/api/v1/links/bulk", theirs).await.status, 201);
}
