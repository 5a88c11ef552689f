//! The endpoints themselves: what they refuse, what they show, and that nobody sees another's.

use axum::http::Method;
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::world::{FIREFOX, World, all_are};

#[tokio::test]
async fn mistakes_are_told_by_field() {
    let world = World::start("hooks_mistakes").await;
    let url = "https://example.com/hook";
    for (body, expected) in [
        (json!({}), "url: url is required"),
        (json!({"url": url}), "triggers: triggers is required: one or more of link.created, link.updated"),
        (json!({"url": url, "triggers": []}), "triggers: No trigger given"),
        (
            json!({"url": url, "triggers": ["link.clicked", "click"]}),
            "triggers: Unknown trigger \"click\", allowed are",
        ),
        (json!({"url": url, "triggers": "link.clicked", "name": ""}), "name: expected 1 to 40 characters"),
        (json!({"url": 7, "triggers": ["link.clicked"]}), "url: "),
        (json!({"url": "example.com", "triggers": ["link.clicked"]}), "url: Invalid webhook URL: it is not a URL"),
        (
            json!({"url": "ftp://example.com", "triggers": ["link.clicked"]}),
            "its scheme is ftp, allowed are http and https",
        ),
    ] {
        let refused = world.send(&world.ours.key, Method::POST, "/webhooks", &body).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
    }
    for path in ["/webhooks/wh_0", "/webhooks/wh_0000000000000/deliveries", "/webhooks/%00/test"] {
        let method = if path.ends_with("test") { Method::POST } else { Method::GET };
        assert_eq!(world.send(&world.ours.key, method, path, &Value::Null).await.status, 404, "{path}");
    }
    let hook = world.hook(url, &["sale.created"]).await;
    let path = format!("/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
    for (query, expected) in [("limit=0", "limit"), ("limit=101", "limit"), ("startingAfter=x", "startingAfter")] {
        let refused = world.send(&world.ours.key, Method::GET, &format!("{path}?{query}"), &Value::Null).await;
        assert_eq!(refused.status, 422);
        assert!(refused.body["error"]["message"].as_str().unwrap().contains(expected), "{}", refused.body);
    }
    world.end().await;
}

#[tokio::test]
async fn what_is_not_ours_looks_like_what_is_not() {
    let world = World::start("hooks_foreign").await;
    let hook = world.hook("https://example.com/hook", &["link.clicked"]).await;
    let id = hook["id"].as_str().unwrap();
    let (link, _) = world.link("promo").await;
    let number = world.ours.workspace.0;
    let unknown = "wh_0000000000001";
    for (method, end, body) in [
        (Method::GET, "", Value::Null),
        (Method::PATCH, "", json!({"name": "x"})),
        (Method::DELETE, "", Value::Null),
        (Method::POST, "/rotate", Value::Null),
        (Method::POST, "/test", Value::Null),
        (Method::GET, "/deliveries", Value::Null),
        (Method::POST, "/deliveries/dlv_0000000000001/retry", Value::Null),
    ] {
        let theirs = world.send(&world.theirs.key, method.clone(), &format!("/webhooks/{id}{end}"), &body).await;
        let none = world.send(&world.theirs.key, method, &format!("/webhooks/{unknown}{end}"), &body).await;
        assert_eq!((theirs.status, &theirs.body), (404, &none.body), "{end}");
    }
    assert_eq!(world.send(&world.theirs.key, Method::GET, "/webhooks", &Value::Null).await.body, json!([]));
    let linked = json!({"url": "https://example.com/", "triggers": ["link.clicked"], "linkId": link.to_string()});
    assert_eq!(world.send(&world.theirs.key, Method::POST, "/webhooks", &linked).await.status, 404);
    let url = json!({"url": "https://example.com/linkly"});
    for path in [format!("/api/v1/workspace/{number}/webhooks"), format!("/api/v1/link/{}/webhooks", link.0)] {
        world.post(&path, url.clone()).await;
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::POST, path.clone()),
            (Method::DELETE, format!("{path}/https%3A%2F%2Fexample.com%2Flinkly")),
        ] {
            let answer = world.send(&world.theirs.key, method, &path, &url).await;
            assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not_found")), "{path}");
        }
    }
    assert_eq!(world.get(&format!("/webhooks/{id}")).await["url"], "https://example.com/hook");
    world.end().await;
}

#[tokio::test]
async fn linklys_subscriptions_are_named_by_their_address() {
    let world = World::start("hooks_linkly_api").await;
    let (link, _) = world.link("promo").await;
    let url = "https://hooks.zapier.com/hooks/catch/123456/abcdef/";
    for path in
        [format!("/api/v1/workspace/{}/webhooks", world.ours.workspace.0), format!("/api/v1/link/{}/webhooks", link.0)]
    {
        assert_eq!(world.get(&path).await, json!([]));
        let first = world.send(&world.ours.key, Method::POST, &path, &json!({"url": url})).await;
        assert_eq!((first.status, &first.body), (200, &json!({"id": url})));
        assert!(first.headers["webhook-secret"].to_str().unwrap().starts_with("whsec_"));
        // Once more changes nothing and shows nothing.
        let again = world.send(&world.ours.key, Method::POST, &path, &json!({"url": url})).await;
        assert_eq!((again.status, again.headers.get("webhook-secret")), (200, None));
        assert_eq!(world.get(&path).await, json!([{"id": url}]));
        let named = format!("{path}/https%3A%2F%2Fhooks.zapier.com%2Fhooks%2Fcatch%2F123456%2Fabcdef%2F");
        let removed = world.send(&world.ours.key, Method::DELETE, &named, &Value::Null).await;
        assert_eq!((removed.status, &removed.body), (200, &json!("ok")));
        assert_eq!(world.send(&world.ours.key, Method::DELETE, &named, &Value::Null).await.status, 404);
    }
    for body in [json!({}), json!({"url": ""}), json!({"url": "x"}), json!({"url": "https://a:b@example.com"})] {
        let path = format!("/api/v1/workspace/{}/webhooks", world.ours.workspace.0);
        let refused = world.send(&world.ours.key, Method::POST, &path, &body).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!("bad_request")), "{}", refused.body);
        assert!(refused.body["error"].as_str().unwrap().starts_with("url: "), "{}", refused.body);
    }
    // Dub's list shows none of them.
    assert_eq!(world.get("/webhooks").await, json!([]));
    world.end().await;
}

#[tokio::test]
async fn deliveries_are_listed_in_pages() {
    let world = World::start("hooks_pages").await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let hook = world.hook(&receiver.url(), &["link.clicked"]).await;
    let (link, _) = world.link("promo").await;
    for number in 1..=5 {
        world.visit(world.hit(link, number, FIREFOX)).await;
    }
    let all = world.deliveries(&hook, |list| all_are(list, 5, "delivered")).await;
    let path = format!("/webhooks/{}/deliveries?limit=2", hook["id"].as_str().unwrap());
    let mut walked: Vec<Value> = Vec::new();
    loop {
        let after = walked.last().map(|last| format!("&startingAfter={}", last["id"].as_str().unwrap()));
        let page = world.get(&format!("{path}{}", after.unwrap_or_default())).await;
        if page.as_array().unwrap().is_empty() {
            break;
        }
        walked.extend(page.as_array().unwrap().iter().cloned());
    }
    assert_eq!(walked, all);
    // The same events told again, as after an unclean end, are the same deliveries.
    assert_eq!(receiver.requests().len(), 5);
    world.end().await;
}
