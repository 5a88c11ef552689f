//! `/track/click`, `/track/visit` and `/track/open`, as pages and apps call them.

use std::sync::Arc;

use axum::http::Method;
use linktrail::domain::workspace::WorkspaceSettings;
use serde_json::{Value, json};

use super::world::{Answer, World};

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";

async fn report(world: &World, path: &str, agent: &str, origin: &str, body: &Value) -> Answer {
    world.ask(Method::POST, path, &[("user-agent", agent), ("origin", origin)], Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reports_a_click_once_an_hour() {
    let world = Arc::new(World::start("pages_click").await);
    let link = world.link(&world.ours, "spring").await;
    let body = json!({
        "domain": "www.Go.example.com", "key": "Spring", "url": "https://example.com/?utm_source=page#top",
        "referrer": "https://www.example.org/post?secret=1",
    });
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (world, body) = (Arc::clone(&world), body.clone());
            tokio::spawn(async move { report(&world, "/track/click", FIREFOX, "https://any.example", &body).await })
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        ids.push(answer.body["clickId"].as_str().unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!((ids.len(), ids[0].len()), (1, 16));
    // A robot's id is one of a click, too, which counts as a robot's.
    let robot = report(&world, "/track/click", "Googlebot/2.1", "https://any.example", &body).await;
    assert_ne!(robot.body["clickId"], json!(ids[0]));
    world.app.ingest.flushed().await;
    let clicks: Vec<(u64, String, String, String, String, String)> = world
        .clickhouse
        .query(
            "SELECT link_id, toString(trigger), url, referrer_url, toString(utm_source), toString(bot) FROM events \
             ORDER BY event_id",
        )
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(clicks.len(), 2, "{clicks:?}");
    let (of, trigger, url, referrer, source, bot) = &clicks[0];
    assert_eq!((*of, trigger.as_str(), url.as_str()), (link.0, "link", "https://example.com/?utm_source=page#top"));
    assert_eq!((referrer.as_str(), source.as_str(), bot.as_str()), ("https://www.example.org/post", "page", ""));
    assert_ne!(clicks[1].5, "");
    // And a lead may follow it.
    let lead = json!({"clickId": ids[0], "eventName": "Sign up", "customerExternalId": "42"});
    assert!(!world.post("/track/lead", &lead).await["link"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn visits_and_opened_apps() {
    let world = World::start("pages_visit").await;
    let root = json!({"url": "https://example.com", "key": "_root"});
    let (status, root) = world.send(Method::POST, "/links", Some(&root)).await;
    assert_eq!(status, 200, "{root}");
    world.link(&world.ours, "app/open").await;
    let visit = json!({"domain": "go.example.com", "url": "https://example.com/page"});
    let visited = report(&world, "/track/visit", FIREFOX, "https://example.com", &visit).await;
    assert_eq!(visited.body["clickId"].as_str().unwrap().len(), 16);
    let open = json!({"deepLink": "https://go.example.com/app/open?x=1"});
    let opened = report(&world, "/track/open", "MyApp/1.0", "https://example.com", &open).await;
    assert_eq!((opened.status.as_u16(), &opened.body["link"]["key"]), (200, &json!("app/open")), "{}", opened.body);
    assert_eq!(opened.body["link"]["url"], "https://example.com/app/open");
    let nothing = report(&world, "/api/track/open", "MyApp/1.0", "", &json!({"dubDomain": "go.example.com"})).await;
    assert_eq!(nothing.body, json!({"clickId": null, "link": null}));
    world.app.ingest.flushed().await;
    let triggers: Vec<String> =
        world.clickhouse.query("SELECT toString(trigger) FROM events ORDER BY event_id").fetch_all().await.unwrap();
    assert_eq!(triggers, ["pageview", "deeplink"]);
    for (path, body, status, message) in [
        ("/track/click", json!({}), 422, "invalid_type: domain: domain is required."),
        ("/track/click", json!({"domain": "a.b"}), 422, "invalid_type: key: key is required."),
        ("/track/click", json!({"domain": "a.b", "key": "k"}), 404, "Link not found for domain: a.b and key: k."),
        (
            "/track/click",
            json!({"domain": "go.example.com", "key": "none"}),
            404,
            "Link not found for domain: go.example.com and key: none.",
        ),
        ("/track/visit", json!({}), 422, "invalid_type: domain: domain is required."),
        (
            "/track/open",
            json!({"deepLink": "https://go.example.com/none"}),
            404,
            "Deep link not found: https://go.example.com/none",
        ),
        ("/track/open", json!({"deepLink": "nonsense"}), 404, "Deep link not found: nonsense"),
        ("/track/open", json!({}), 422, "custom: deepLink: Either deepLink or dubDomain is required."),
    ] {
        let answer = report(&world, path, FIREFOX, "https://example.com", &body).await;
        assert_eq!((answer.status.as_u16(), answer.body["error"]["message"].as_str()), (status, Some(message)));
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "a page may read why");
    }
    let preflight = world.ask(Method::OPTIONS, "/track/click", &[], None).await;
    assert_eq!((preflight.status.as_u16(), preflight.body), (204, Value::Null));
    assert_eq!(preflight.headers["access-control-allow-methods"], "POST, OPTIONS");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_from_hosts_that_may() {
    let world = World::start("pages_hosts").await;
    let settings = WorkspaceSettings { allowed_hostnames: vec!["*.example.com".to_owned()], ..Default::default() };
    world.app.catalog.set_workspace_settings(world.ours.workspace, &settings).await.unwrap();
    world.link(&world.ours, "a").await;
    let body = json!({"domain": "go.example.com", "key": "a"});
    for (origin, status) in
        [("https://shop.example.com", 200), ("https://example.com", 403), ("https://evil.example", 403)]
    {
        let answer = report(&world, "/track/click", FIREFOX, origin, &body).await;
        assert_eq!(answer.status, status, "{origin} {}", answer.body);
    }
}
