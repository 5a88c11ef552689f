//! Domains by Linkly's paths, and the pictures that browsers show beside their addresses.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::World;
use crate::visiting::visit;

#[tokio::test]
async fn a_domains_life() {
    let world = World::start("linkly_links_domains").await;
    let path = world.path("/domains");
    let headers = [
        ("authorization", &*format!("Bearer {}", world.ours.key)),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let added = world.send(Method::POST, &path, &headers, "name=Links.Example.net").await;
    assert_eq!(added.status, 200, "{}", added.text);
    let added = added.json();
    let expected = json!({
        "id": added["id"], "name": "links.example.net", "primary": false, "verified": true, "favicon_url": null,
        "inserted_at": "2026-11-20T12:00:00.000Z",
    });
    assert_eq!(added, expected);
    let listed = world.get(&path).await;
    let names: Vec<&Value> = listed["domains"].as_array().unwrap().iter().map(|domain| &domain["name"]).collect();
    assert_eq!(names, ["go.example.com", "links.example.net"]);
    let csv = world.send_as(&world.ours, Method::GET, &format!("{path}?format=csv"), &Value::Null).await;
    assert_eq!(csv.text.lines().next(), Some("id,name,primary,verified,favicon_url,inserted_at"));

    world.link(json!({"url": "https://example.com/x", "domain": "links.example.net", "slug": "/x"})).await;
    assert_eq!(visit(&world.app, "links.example.net", "/x").await.0, 302);
    assert_eq!(visit(&world.app, "links.example.net", "/favicon.ico").await.0, 404);
    let icon = json!({"favicon_url": "https://example.net/icon.png"});
    let changed = world.ask(Method::PUT, &format!("{path}/{}/favicon", added["id"]), &icon).await;
    assert_eq!(changed["favicon_url"], "https://example.net/icon.png");
    let shown = visit(&world.app, "links.example.net", "/favicon.ico").await;
    assert_eq!(shown, (302, "https://example.net/icon.png".to_owned()));
    world.ask(Method::PUT, &format!("{path}/links.example.net/favicon"), &json!({"favicon_url": null})).await;
    assert_eq!(visit(&world.app, "links.example.net", "/favicon.ico").await.0, 404);

    let removed = world.ask(Method::DELETE, &format!("{path}/{}", added["id"]), &Value::Null).await;
    assert_eq!(removed, "links.example.net was removed with its 1 links.");
    assert_eq!(visit(&world.app, "links.example.net", "/x").await.0, 404);

    for (body, expected) in [
        (json!({}), json!({"name": ["can't be blank", "the domain, such as go.example.com"]})),
        (json!({"name": "go.other.example"}), json!({"name": ["has already been taken"]})),
        (json!({"name": "go.example.com"}), json!({"name": ["has already been taken"]})),
    ] {
        let answer = world.send_as(&world.ours, Method::POST, &path, &body).await;
        assert_eq!((answer.status, answer.json()), (400, expected), "{body}");
    }
    for (body, field) in [
        (json!({"name": "https://x.example/"}), "name"),
        (json!({"name": "localhost"}), "name"),
        (json!({"name": "x.example", "favicon_url": "javascript:alert(1)"}), "favicon_url"),
    ] {
        let answer = world.send_as(&world.ours, Method::POST, &path, &body).await;
        assert_eq!((answer.status, &answer.json()[field][0]), (400, &json!("is invalid")), "{}", answer.text);
    }
}

#[tokio::test]
async fn workspaces_are_listed_in_every_form() {
    let world = World::start("linkly_links_workspaces").await;
    let expected = json!([{"id": world.ours.workspace.0, "name": "ours@example.com"}]);
    assert_eq!(world.get("/api/v1/workspaces").await, expected);
    let csv = world.send_as(&world.ours, Method::GET, "/api/v1/workspaces?format=csv", &Value::Null).await;
    assert_eq!(csv.text, format!("id,name\n{},ours@example.com\n", world.ours.workspace.0));
}
