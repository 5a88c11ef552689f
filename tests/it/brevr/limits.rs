//! The budget of requests, which is the workspace's.

use axum::http::Method;
use linktrail::config::LimitsConfig;
use serde_json::json;

use super::world::{NOW, Setup, World};

#[tokio::test]
async fn a_workspace_has_one_budget() {
    let limits = LimitsConfig { per_minute: 4, ..LimitsConfig::default() };
    let world = World::with("brevr_limits", Setup { limits: Some(limits), ..Setup::default() }).await;
    let other_key = world.key(&[], true).await;
    for (key, path, status, remaining) in [
        (&world.ours.key, "links", 200, 3),
        (&other_key, "links/nonsense", 404, 2),
        (&world.ours.key, "analytics/summary", 200, 1),
        (&other_key, "analytics/geo?limit=0", 400, 0),
    ] {
        let answer = world.ask(key, Method::GET, &format!("/api/v1/{path}"), None).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (status, Some(4)), "{path}: {}", answer.text);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining), "{path}");
        assert!(answer.header("x-ratelimit-reset").unwrap() > NOW / 1_000, "{path}");
    }
    let refused = world.ask(&world.ours.key, Method::GET, "/api/v1/links", None).await;
    assert_eq!((refused.status, refused.json()), (429, json!({"error": "Too many requests."})));
    assert_eq!((refused.header("retry-after"), refused.header("x-ratelimit-remaining")), (Some(15), Some(0)));
    assert_eq!(world.ask(&world.theirs.key, Method::GET, "/api/v1/links", None).await.status, 200);
}
