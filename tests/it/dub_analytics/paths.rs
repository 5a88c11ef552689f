//! The older addresses.

use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn older_addresses_answer_as_they_did() {
    let scene = Scene::start("dub_analytics_paths").await;
    for (path, expected) in [
        ("/analytics/clicks", json!(4)),
        ("/analytics/leads", json!(3)),
        ("/api/analytics/sales/count", json!(3)),
        ("/analytics/clicks/clicks", json!(4)),
        ("/analytics/composite", json!({"clicks": 4, "leads": 3, "sales": 3, "saleAmount": 1500})),
        ("/analytics/count?country=US", json!(3)),
    ] {
        assert_eq!(scene.json(path).await, expected, "{path}");
    }
    let today = scene.json("/analytics?groupBy=countries&event=leads").await;
    for path in ["/analytics/leads/country", "/analytics/leads/countries", "/analytics/country?event=leads"] {
        assert_eq!(scene.json(path).await, today, "{path}");
    }
    let (_, _, csv) = scene.ask("/analytics/clicks?format=csv").await;
    assert_eq!(csv, "clicks,leads,sales,saleAmount\n4,0,0,0\n");
    for (path, start) in [
        ("/analytics/shoes", "invalid_value: groupBy: Invalid type value."),
        ("/analytics/shoes/country", "invalid_value: event: Invalid event type."),
        ("/analytics/clicks/shoes", "invalid_value: groupBy: Invalid type value."),
    ] {
        let (status, _, body) = scene.ask(path).await;
        assert!(status == 422 && body.contains(start), "{path}: {status} {body}");
    }
}
