//! `GET /analytics/dashboard`: what anyone may see of a link, and what nobody else may.

use axum::http::Method;
use linktrail::config::LimitsConfig;
use serde_json::{Value, json};

use crate::dub_errors::world::{Answer, World, assert_enveloped};

const PUBLIC: &str = "/analytics/dashboard?domain=go.example.com&key=open";

async fn look(world: &World, query: &str) -> Answer {
    world.exchange(Method::GET, &format!("/analytics/dashboard?{query}"), &[], b"").await
}

/// A click with a browser's agent, from a page.
async fn visit(world: &World, key: &str, agent: &str) {
    let body = json!({"domain": "go.example.com", "key": key, "referrer": "https://news.example/story?secret=1"});
    let agent = format!("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 {agent}");
    let headers = [("user-agent", agent.as_str())];
    let answer = world.exchange(Method::POST, "/track/click", &headers, body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_clicks_of_a_public_link() {
    let world = World::start("dashboard_open").await;
    let destination = "https://example.com/landing?token=private";
    let open = json!({"url": destination, "key": "open", "publicStats": true, "comments": "for us", "externalId": "e"});
    let open = world.post("/links", &open).await;
    world.post("/links", &json!({"url": "https://example.org", "key": "other"})).await;
    for (key, agent) in [("open", "a"), ("open", "b"), ("other", "a")] {
        visit(&world, key, agent).await;
    }
    world.app.ingest.flushed().await;
    let named = "domain=go.example.com&key=open";
    let counted = look(&world, named).await;
    assert_eq!((counted.status, &counted.body["clicks"]), (200, &json!(2)), "{}", counted.body);
    assert_eq!(counted.headers["cache-control"], "public, max-age=60");
    assert_eq!(counted.headers["access-control-allow-origin"], "*");
    for (query, expected) in [
        ("groupBy=browsers", json!([{"browser": "Firefox", "clicks": 2, "leads": 0, "sales": 0, "saleAmount": 0}])),
        (
            "groupBy=referers",
            json!([{"referer": "news.example", "clicks": 2, "leads": 0, "sales": 0, "saleAmount": 0}]),
        ),
        ("browser=Chrome", json!({"clicks": 0, "leads": 0, "sales": 0, "saleAmount": 0})),
        ("browser=-Chrome&interval=7d", json!({"clicks": 2, "leads": 0, "sales": 0, "saleAmount": 0})),
        ("event=clicks&unique=true", json!({"clicks": 2, "leads": 0, "sales": 0, "saleAmount": 0})),
        // What nobody knows is ignored, also by whose name it goes.
        ("workspaceId=ws_x&whatever=1", json!({"clicks": 2, "leads": 0, "sales": 0, "saleAmount": 0})),
    ] {
        let answer = look(&world, &format!("{named}&{query}")).await;
        assert_eq!((answer.status, &answer.body), (200, &expected), "{query}");
    }
    // With and without `/api`, whatever the case, and in every format.
    let headers = [("accept", "text/csv")];
    let path = "/api/analytics/dashboard?domain=GO.example.com&key=open&groupBy=os";
    let csv = world.exchange(Method::GET, path, &headers, b"").await;
    assert_eq!((csv.status, csv.headers["content-type"].to_str().unwrap()), (200, "text/csv; charset=utf-8"));
    // Nothing that only the owner wrote or knows, in any grouping that is public.
    for group in ["timeseries", "countries", "cities", "referer_urls", "top_base_urls", "utm_sources", "triggers", "os"]
    {
        let answer = look(&world, &format!("{named}&groupBy={group}")).await;
        assert_eq!(answer.status, 200, "{group}: {}", answer.body);
        let text = answer.body.to_string();
        for secret in ["for us", "private", "secret", open["id"].as_str().unwrap(), "192.0.2", "example.org"] {
            assert!(!text.contains(secret), "{group}: {text}");
        }
    }
    // The minute's answer again, although there is more by now; another question is asked anew.
    visit(&world, "open", "c").await;
    world.app.ingest.flushed().await;
    assert_eq!(look(&world, named).await.body["clicks"], 2);
    assert_eq!(look(&world, &format!("{named}&interval=30d")).await.body["clicks"], 3);
    // What the owner takes back is gone at once.
    let path = format!("/links/{}", open["id"].as_str().unwrap());
    assert_eq!(world.send(Method::PATCH, &path, &world.key, r#"{"publicStats": false}"#).await.status, 200);
    assert_eq!(look(&world, named).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_more() {
    let world = World::start("dashboard_closed").await;
    let make = async |more: Value| {
        let mut body = json!({"url": "https://example.com", "publicStats": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("/links", &body).await["id"].as_str().unwrap().to_owned()
    };
    make(json!({"key": "open"})).await;
    let other = make(json!({"key": "private", "publicStats": false, "externalId": "p"})).await;
    make(json!({"key": "locked", "password": "secret"})).await;
    make(json!({"key": "disabled", "disabledAt": "2020-01-01T00:00:00Z"})).await;
    let gone = make(json!({"key": "gone"})).await;
    assert_eq!(world.send(Method::DELETE, &format!("/links/{gone}"), &world.key, "").await.status, 200);
    let folder = world.post("/folders", &json!({"name": "News"})).await;
    let folder = folder["id"].as_str().unwrap();
    let closed = "The statistics of this link are not public.";
    let open = "domain=go.example.com&key=open";
    let parameter = "This parameter is not for public statistics: ";
    for (query, status, message) in [
        (String::new(), 400, "A domain and a key are required."),
        ("domain=go.example.com".to_owned(), 400, "A domain and a key are required."),
        ("key=open".to_owned(), 400, "A domain and a key are required."),
        (format!("folderId={folder}"), 403, "The statistics of this folder are not public."),
        ("folderId=fold_x".to_owned(), 403, "The statistics of this folder are not public."),
        ("domain=go.example.com&key=private".to_owned(), 403, closed),
        ("domain=go.example.com&key=locked".to_owned(), 403, closed),
        ("domain=go.example.com&key=disabled".to_owned(), 403, closed),
        ("domain=go.example.com&key=gone".to_owned(), 403, closed),
        ("domain=go.example.com&key=nothing".to_owned(), 403, closed),
        ("domain=go.other.example&key=open".to_owned(), 403, closed),
        ("domain=go.example.com,go.other.example&key=open".to_owned(), 403, closed),
        ("domain=-go.example.com&key=open".to_owned(), 403, closed),
        (format!("{open}&linkId={other}"), 403, parameter),
        (format!("{open}&externalId=ext_p"), 403, parameter),
        (format!("{open}&folderId={folder}"), 403, parameter),
        (format!("{open}&bots=include"), 403, parameter),
        (format!("{open}&groupBy=top_links"), 403, "This is not public. groupBy: \"top_links\""),
        (format!("{open}&event=sales"), 403, "Only clicks are public."),
        (format!("{open}&event=composite&groupBy=countries"), 403, "Only clicks are public."),
        (format!("{open}&event=x"), 422, "invalid_value: event: Invalid event type."),
        (format!("{open}&groupBy=x"), 422, "invalid_value: groupBy: Invalid type value."),
        (format!("{open}&interval=x"), 422, "invalid_value: interval: Invalid option"),
        (format!("{open}&start=x"), 422, "custom: start: Invalid date"),
    ] {
        let answer = look(&world, &query).await;
        assert_enveloped(&answer, &query);
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        assert!(answer.message().starts_with(message), "{query}: {}", answer.body);
        assert!(!answer.headers.contains_key("cache-control"), "{query}: a refusal is not kept");
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{query}: a page may read why");
    }
    // A key changes nothing.
    let headers = [("authorization", format!("Bearer {}", world.key))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = "/analytics/dashboard?domain=go.example.com&key=private";
    assert_eq!(world.exchange(Method::GET, path, &headers, b"").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_looks_so_often_only() {
    let limits = LimitsConfig { public_per_minute: 2, ..LimitsConfig::off() };
    let world = World::start_with("dashboard_limits", &limits).await;
    world.post("/links", &json!({"url": "https://example.com", "key": "open", "publicStats": true})).await;
    for (path, status, remaining) in [(PUBLIC, 200, "1"), ("/analytics/dashboard", 400, "0"), (PUBLIC, 429, "0")] {
        let answer = world.exchange(Method::GET, path, &[], b"").await;
        let shown = answer.headers["access-control-expose-headers"].to_str().unwrap();
        assert!(shown.contains("Retry-After"), "{shown}");
        assert_eq!(
            (answer.status, answer.headers["x-ratelimit-remaining"].to_str().unwrap()),
            (status, remaining),
            "{path}"
        );
    }
    let refused = world.exchange(Method::GET, PUBLIC, &[], b"").await;
    assert_eq!((refused.message(), refused.headers["retry-after"].to_str().unwrap()), ("Too many requests.", "30"));
    world.app.clock.advance(30_000);
    assert_eq!(world.exchange(Method::GET, PUBLIC, &[], b"").await.status, 200);
}
