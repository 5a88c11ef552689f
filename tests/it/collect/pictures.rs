//! The picture of one dot.

use axum::http::Method;
use linktrail::domain::id::LinkId;
use serde_json::json;

use super::world::{Answer, BOT, Scene};

const GMAIL: &str = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";

async fn look(scene: &Scene, method: Method, query: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = scene.ask(method.clone(), &format!("/p.gif?{query}"), headers, "").await;
    assert_eq!(answer.header("content-type"), "image/gif", "{query}");
    assert!(answer.header("cache-control").contains("no-store"), "{query}");
    if method == Method::GET {
        assert!(answer.body.starts_with(b"GIF89a") && answer.body.ends_with(b";"), "{query}");
    }
    answer
}

#[tokio::test]
async fn a_picture_that_is_seen_is_a_pageview() {
    let scene = Scene::start("collect_pixel").await;
    let site = scene.ours.site.0;
    let seen = [
        (format!("site={site}"), vec![], ("pageview", "", "", "", "")),
        (
            format!("site={site}&page=/news%3Fa=1&title=News&event=open&user=jane&utm_source=mail&utm_campaign=m%26m"),
            vec![],
            ("custom", "open", "/news", "mail", "jane"),
        ),
        (
            format!("site={site}&page=https://www.shop.example/x%3Futm_source=page"),
            vec![],
            ("pageview", "", "/x", "page", ""),
        ),
        (
            format!("site={site}"),
            vec![("referer", "https://shop.example/plain?b=2")],
            ("pageview", "", "/plain", "", ""),
        ),
        (format!("site={site}"), vec![("referer", "https://mail.example/inbox")], ("pageview", "", "", "", "")),
        (format!("site={site}"), vec![("user-agent", GMAIL)], ("pageview", "", "", "", "")),
    ];
    for (query, headers, _) in &seen {
        assert_eq!(look(&scene, Method::GET, query, headers).await.status, 200, "{query}");
    }
    let events = scene.events().await;
    assert_eq!(events.len(), seen.len());
    for (event, (query, _, (kind, name, page, source, user))) in events.iter().zip(&seen) {
        let found =
            ["kind", "event_name", "page", "utm_source", "user_id"].map(|column| event[column].as_str().unwrap());
        assert_eq!(found, [*kind, *name, *page, *source, *user], "{query}");
        assert_eq!((&event["event_type"], &event["site_id"]), (&json!("pixel"), &json!(site)));
    }
    assert_eq!(
        (&events[1]["utm_campaign"], &events[1]["params"]),
        (&json!("m&m"), &json!("a=1&utm_source=mail&utm_campaign=m%26m"))
    );
}

#[tokio::test]
async fn whatever_happens_there_is_a_picture() {
    let scene = Scene::start("collect_pixel_all").await;
    let site = format!("site={}", scene.ours.site.0);
    for (method, query, headers, status) in [
        (Method::HEAD, site.as_str(), vec![], 200),
        (Method::GET, &site, vec![("user-agent", BOT)], 200),
        (Method::GET, &site, vec![("sec-purpose", "prefetch")], 200),
        (Method::GET, &format!("{site}&page=https://evil.example/"), vec![], 200),
        (Method::GET, "site=999", vec![], 404),
        (Method::GET, "site=x", vec![], 404),
        (Method::GET, "link=link_x", vec![], 404),
        (Method::GET, "link=999", vec![], 404),
        (Method::GET, "", vec![], 400),
        (Method::GET, "site=%ff", vec![], 422),
        (Method::GET, "site=1%00", vec![], 422),
    ] {
        assert_eq!(look(&scene, method, query, &headers).await.status, status, "{query}");
    }
    let long = format!("{site}&title={}", "x".repeat(600));
    assert_eq!(look(&scene, Method::GET, &long, &[]).await.status, 422);
    assert_eq!((scene.dropped("bot"), scene.dropped("foreign_host")), (1, 1));
    assert_eq!(scene.stored().await.len(), 0);
}

#[tokio::test]
async fn a_link_has_one_too() {
    let scene = Scene::start("collect_pixel_link").await;
    scene.app.holdings.add_domain(scene.ours.workspace, "go.shop.example", false, Default::default()).await.unwrap();
    let bearer = format!("Bearer {}", scene.ours.key);
    let body = json!({"url": "https://example.com/", "key": "mail"}).to_string();
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let made = scene.ask(Method::POST, "/links", &headers, body).await.json();
    let link = made["id"].as_str().unwrap();
    let number = LinkId::parse(link).unwrap().0;
    for query in [format!("link={link}&event=open"), format!("link={number}")] {
        assert_eq!(look(&scene, Method::GET, &query, &[]).await.status, 200);
    }
    let events = scene.events().await;
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!((&event["link_id"], &event["site_id"]), (&json!(number), &json!(0)));
        assert_eq!(event["workspace_id"], scene.ours.workspace.0);
    }
    assert_eq!((&events[0]["kind"], &events[1]["kind"]), (&json!("custom"), &json!("pageview")));
}
