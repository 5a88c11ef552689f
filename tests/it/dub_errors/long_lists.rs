//! Filters of thousands of values: in a body, where no address has room for them.

use axum::http::Method;
use linktrail::domain::id::LinkId;
use serde_json::json;

use super::world::{MAX_BODY, World, assert_enveloped};

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_links_are_asked_for_in_a_body() {
    let world = World::start("dub_errors_long").await;
    let made = world.post("/links", &json!({"url": "https://example.com", "key": "a"})).await;
    let click = world.post("/track/click", &json!({"domain": "go.example.com", "key": "a"})).await;
    assert!(click["clickId"].is_string());
    world.app.ingest.flushed().await;
    let others: Vec<String> = (1_000_000..1_004_999).map(|number| LinkId(number).to_string()).collect();
    let list = format!("{},{}", others.join(","), made["id"].as_str().unwrap());
    assert!(list.len() > 64 << 10, "a GET would do");
    let key = format!("Bearer {}", world.key);
    let form = "application/x-www-form-urlencoded";
    let send = async |path: &str, content_type: &str, body: &str| {
        let headers = [("authorization", key.as_str()), ("content-type", content_type)];
        world.exchange(Method::POST, path, &headers, body.as_bytes()).await
    };
    for (sense, clicks) in [("", 1), ("-", 0)] {
        let body = format!("linkId={sense}{list}&repeats=include&bots=include");
        let object = json!({"linkId": format!("{sense}{list}").split(',').collect::<Vec<_>>(), "bots": "include"});
        for (content_type, body) in [(form, body), ("application/json; charset=utf-8", object.to_string())] {
            let counted = send("/analytics?groupBy=count", content_type, &body).await;
            assert_eq!((counted.status, counted.body["clicks"].as_u64()), (200, Some(clicks)), "{}", counted.body);
            let events = send("/api/events?limit=10", content_type, &body).await;
            assert_eq!(events.body.as_array().map(Vec::len), Some(usize::try_from(clicks).unwrap()), "{}", events.body);
        }
    }
    let many = vec!["x"; 10_001].join(",");
    for (path, content_type, body, status, message) in [
        (
            "/analytics",
            form,
            format!("country={many}"),
            422,
            "too_big: country: Too many values: 10001 given, at most 10000 are allowed",
        ),
        (
            "/events",
            "application/json",
            json!({"linkId": many}).to_string(),
            422,
            "too_big: linkId: Too many values: 10001 given, at most 10000 are allowed",
        ),
        ("/analytics?interval=7d", form, "interval=x".to_owned(), 422, "invalid_value: interval: Invalid option"),
        ("/analytics?interval=x", form, "interval=7d".to_owned(), 200, ""),
        ("/analytics", form, String::new(), 200, ""),
        ("/analytics", "", String::new(), 200, ""),
        (
            "/analytics",
            "text/plain",
            "country=DE".to_owned(),
            400,
            "The parameters in a body must be application/json or application/x-www-form-urlencoded. Content-Type: \"text/plain\"",
        ),
        ("/events", "application/json", "country=DE".to_owned(), 400, "Invalid JSON format in request body"),
        (
            "/events",
            "application/json",
            r#"{"country": {}}"#.to_owned(),
            422,
            "invalid_type: country: Invalid input: expected string, received object",
        ),
        ("/events", form, "x".repeat(MAX_BODY + 1), 413, "The request body is larger than 200000 bytes."),
    ] {
        let answer = send(path, content_type, &body).await;
        let what = format!("{path} {content_type} {body:.30}: {}", answer.body);
        assert_eq!(answer.status, status, "{what}");
        assert!(answer.message().starts_with(message), "{what}");
        if status != 200 {
            assert_enveloped(&answer, &what);
        }
    }
}
