//! What is wrong is named, in Linkly's envelope.

use axum::http::Method;

use super::scene::Scene;

#[tokio::test]
async fn wrong_parameters_are_named() {
    let scene = Scene::start("linkly_clicks_refusals").await;
    for (rest, start) in [
        ("?format=xml", "format: "),
        ("?frequency=week", "frequency: "),
        ("?pivot=country", "pivot: "),
        ("?bots=maybe", "bots: "),
        ("?unique=2", "unique: "),
        ("?country=USA", "country: "),
        ("?link_id=abc", "link_id: "),
        ("?link_ids=1-b", "link_ids: "),
        ("?start=yesterday", "start: "),
        ("?end=2026-02-30", "end: "),
        ("?start=2026-11-05&end=2026-11-01", "start: "),
        ("?start=2012-01-01", "start: a range has 3660 days at most"),
        ("?frequency=hour&start=2025-01-01", "start: a range by hour has 366 days at most"),
        ("?timezone=%2B02:00", "Unknown time zone: +02:00"),
        ("?timezone=america/new_york", "Unknown time zone: america/new_york"),
        ("/counters/shoes", "counter: expected one of country, "),
        ("/counters/country?format=xml", "format: "),
        ("?browser=%FF", "browser: "),
    ] {
        let answer = scene.ask(rest).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["code"]), (400, &"bad_request".into()), "{rest}: {body}");
        assert!(body["error"].as_str().unwrap().starts_with(start), "{rest}: {body}");
    }
}

#[tokio::test]
async fn other_workspaces_are_not_there() {
    let scene = Scene::start("linkly_clicks_tenants").await;
    let bearer = format!("Bearer {}", scene.key);
    let foreign = format!("/api/v1/workspace/{}/clicks", scene.foreign.0);
    let absent = "/api/v1/workspace/999999/clicks".to_owned();
    for path in [foreign, absent, "/api/v1/workspace/x/clicks".to_owned()] {
        for rest in ["", "/counters/country"] {
            let answer = scene.send(Method::GET, &format!("{path}{rest}"), &[("authorization", &bearer)], "").await;
            assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{path}{rest}");
        }
    }
    let path = format!("/api/v1/workspace/{}/clicks", scene.workspace.0);
    assert_eq!(scene.send(Method::GET, &path, &[], "").await.status, 401);
    let by_query = scene.send(Method::GET, &format!("{path}?api_key={}", scene.key), &[], "").await;
    assert_eq!(by_query.status, 200);
}
