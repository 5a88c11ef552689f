//! From a visit to the app that was installed because of it.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::http::{Method, Request};
use linktrail::domain::workspace::WorkspaceSettings;
use linktrail::web::client::Peer;
use serde_json::{Value, json};

use super::agents::MAC;
use super::leads::visits;
use crate::conversions::world::World;

/// The address that requests have here which name none.
const NOBODY: &str = "0.0.0.0";

async fn visit(world: &World, path: &str, address: &str, agent: &str) {
    let request = Request::builder().uri(path).header("host", "go.example.com").header("user-agent", agent);
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(SocketAddr::new(address.parse::<IpAddr>().unwrap(), 1)));
    let visits = visits(world);
    let answer = visits.fallback(request).await;
    assert_eq!(answer.status(), 302, "{path}");
}

async fn open(world: &World, domain: &str) -> Value {
    let body = json!({ "dubDomain": domain });
    let answer = world.ask(Method::POST, "/track/open", &[("user-agent", "MyApp/1.0")], Some(&body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installed_app_learns_what_its_address_followed_last() {
    let world = World::start("visits_apps").await;
    let nothing = json!({"clickId": null, "link": null});
    for body in [
        json!({"url": "https://a.example/1", "key": "app/One", "ios": "https://apps.example/1", "trackConversion": true}),
        json!({"url": "https://a.example/2", "key": "two", "android": "https://apps.example/2"}),
        json!({"url": "https://a.example/3", "key": "plain"}),
    ] {
        let (status, link) = world.send(Method::POST, "/links", Some(&body)).await;
        assert_eq!(status, 200, "{link}");
    }
    assert_eq!(open(&world, "go.example.com").await, nothing);
    visit(&world, "/app/one", NOBODY, MAC).await;
    // Neither somebody else's visits, nor a robot's, nor those of links that lead to no app.
    visit(&world, "/two", "198.51.100.7", MAC).await;
    visit(&world, "/two", NOBODY, "Googlebot/2.1").await;
    visit(&world, "/plain", NOBODY, MAC).await;
    let opened = open(&world, "www.Go.example.com").await;
    let (click, link) = (opened["clickId"].as_str().unwrap(), &opened["link"]);
    assert_eq!((&link["domain"], &link["key"]), (&json!("go.example.com"), &json!("app/one")), "{opened}");
    assert_eq!(link["url"], "https://a.example/1");
    // It was a click already, and leads belong to it.
    world.app.ingest.flushed().await;
    let clicks: u64 = world.clickhouse.query("SELECT count() FROM events").fetch_one().await.unwrap();
    assert_eq!(clicks, 4);
    let lead = json!({"clickId": click, "eventName": "Installed", "customerExternalId": "42"});
    assert_eq!(world.post("/track/lead", &lead).await["link"]["id"], link["id"]);
    for domain in ["go.other.example", "unknown.example"] {
        assert_eq!(open(&world, domain).await, nothing, "{domain}");
    }
    // The last one counts.
    visit(&world, "/two", NOBODY, MAC).await;
    assert_eq!(open(&world, "go.example.com").await["link"]["key"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_page_does_not_learn_what_its_visitor_followed() {
    let world = World::start("visits_apps_pages").await;
    let link = json!({"url": "https://a.example/1", "key": "one", "ios": "https://apps.example/1"});
    assert_eq!(world.send(Method::POST, "/links", Some(&link)).await.0, 200);
    visit(&world, "/one", NOBODY, MAC).await;
    let ask = async |origin: Option<&str>, body: Value| {
        let headers: Vec<(&str, &str)> = origin.iter().map(|origin| ("origin", *origin)).collect();
        let answer = world.ask(Method::POST, "/track/open", &headers, Some(&body)).await;
        (answer.status.as_u16(), answer.body["link"]["key"] == "one")
    };
    let installed = json!({"dubDomain": "go.example.com"});
    let opened = json!({"deepLink": "https://go.example.com/one"});
    let (shop, evil) = (Some("https://shop.example"), Some("https://evil.example"));
    for (origin, of_installed, of_opened) in
        [(None, (200, true), (200, true)), (shop, (200, false), (200, true)), (Some("null"), (200, false), (200, true))]
    {
        assert_eq!(ask(origin, installed.clone()).await, of_installed, "{origin:?}");
        assert_eq!(ask(origin, opened.clone()).await, of_opened, "{origin:?}");
    }
    // Where hosts are listed, these may; apps, which are on no host, go on.
    let settings = WorkspaceSettings { allowed_hostnames: vec!["shop.example".to_owned()], ..Default::default() };
    world.app.catalog.set_workspace_settings(world.ours.workspace, &settings).await.unwrap();
    world.app.resolver.forget_all();
    for (origin, of_installed, of_opened) in [
        (None, (200, true), (200, true)),
        (shop, (200, true), (200, true)),
        (evil, (200, false), (403, false)),
        (Some("null"), (200, false), (403, false)),
    ] {
        assert_eq!(ask(origin, installed.clone()).await, of_installed, "{origin:?}");
        assert_eq!(ask(origin, opened.clone()).await, of_opened, "{origin:?}");
    }
}
