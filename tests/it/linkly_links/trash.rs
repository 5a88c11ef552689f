//! The life of a link that is thrown away: found by nobody, taken back, deleted for good (contract, D14).

use axum::http::Method;
use serde_json::{Value, json};

use super::world::{HOUR_MS, World};
use crate::visiting::visit;

#[tokio::test]
async fn a_link_goes_to_the_trash_and_comes_back() {
    let world = World::start("linkly_links_trash").await;
    let place = json!({"url": "https://example.com/x", "domain": "go.example.com", "slug": "/x"});
    let (id, made) = world.link(place.clone()).await;
    world.clicks("x", id, &[(HOUR_MS, false, 3), (HOUR_MS, true, 1)]).await;
    let visited = async || visit(&world.app, "go.example.com", "/x").await;
    assert_eq!(visited().await, (302, "https://example.com/x".to_owned()));
    let (one, trash) = (format!("/api/v1/link/{}", id.0), world.path(&format!("/links/{}", id.0)));

    let said = world.ask(Method::DELETE, &trash, &Value::Null).await;
    assert_eq!(said, "The link was moved to the trash.");
    assert_eq!(visited().await.0, 404);
    let shown = world.get(&one).await;
    assert_eq!((&shown["deleted"], &shown["slug"], &shown["clicks_total"]), (&json!(true), &json!("/x"), &json!(4)));
    // Its history stays, by itself and in sums.
    let clicks = world.get(&world.path(&format!("/clicks?link_id={}", id.0))).await;
    assert_eq!(clicks["traffic"][30], json!({"t": "2026-11-20", "y": 4}));
    let counted = world.get(&world.path("/clicks/counters/link_id")).await;
    assert_eq!(counted, json!({"total": 4, "values": [{"count": 4, "value": id.0.to_string()}]}));
    // Its slug stays taken, on every surface.
    let again = world.send_as(&world.ours, Method::POST, "/api/v1/link", &place).await;
    assert_eq!((again.status, again.json()), (400, json!({"slug": ["has already been taken"]})));
    let dub = json!({"url": "https://example.com/y", "domain": "go.example.com", "key": "x"});
    assert_eq!(world.send_as(&world.ours, Method::POST, "/links", &dub).await.status, 409);
    assert_eq!(world.send_as(&world.ours, Method::GET, &format!("/links/{id}"), &Value::Null).await.status, 404);
    let names =
        |list: &Value| list["links"].as_array().unwrap().iter().map(|link| link["id"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&world.get(&world.path("/list_links")).await), Vec::<Value>::new());
    let listed = world.get(&world.path("/list_links?deleted=true")).await;
    assert_eq!((names(&listed), &listed["workspace_link_count"]), (vec![json!(id.0)], &json!(0)));
    // It cannot be changed there, and being thrown away twice changes nothing.
    let changed = world.send_as(&world.ours, Method::POST, "/api/v1/link", &json!({"id": id.0, "name": "n"})).await;
    assert_eq!((changed.status, changed.json()["id"][0].clone()), (400, json!("is in the trash")));
    world.ask(Method::DELETE, &trash, &Value::Null).await;

    let restored = world.post("/api/v1/link", json!({"id": id.0, "deleted": false, "name": "Back"})).await;
    assert_eq!((&restored["deleted"], &restored["name"]), (&json!(false), &json!("Back")));
    assert_eq!(visited().await.0, 302);
    let gone = world.post("/api/v1/link", json!({"id": id.0, "deleted": true})).await;
    assert_eq!((&gone["deleted"], visited().await.0), (&json!(true), 404));
    let back = world.post(&format!("{trash}/restore"), Value::Null).await;
    assert_eq!((&back["deleted"], &back["full_url"]), (&json!(false), &made["full_url"]));
    assert_eq!(visited().await.0, 302);
    // Restoring what is there is no change.
    assert_eq!(world.post(&format!("{trash}/restore"), Value::Null).await, back);
}

#[tokio::test]
async fn a_purge_is_for_good() {
    let world = World::start("linkly_links_purge").await;
    let place = json!({"url": "https://example.com/x", "domain": "go.example.com", "slug": "/x"});
    let (first, _) = world.link(place.clone()).await;
    world.clicks("x", first, &[(HOUR_MS, false, 3)]).await;
    let path = |id: u64| world.path(&format!("/links/{id}"));
    world.ask(Method::DELETE, &path(first.0), &Value::Null).await;
    let said = world.ask(Method::DELETE, &format!("{}?purge=true", path(first.0)), &Value::Null).await;
    assert_eq!(said, "The link was deleted for good.");
    for answer in [
        world.send_as(&world.ours, Method::GET, &format!("/api/v1/link/{}", first.0), &Value::Null).await,
        world.send_as(&world.ours, Method::DELETE, &path(first.0), &Value::Null).await,
        world.send_as(&world.ours, Method::POST, &format!("{}/restore", path(first.0)), &Value::Null).await,
        world.send_as(&world.ours, Method::POST, "/api/v1/link", &json!({"id": first.0, "deleted": false})).await,
    ] {
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_found")), "{}", answer.text);
    }
    // The slug is free, the clicks stay the old link's.
    let (second, _) = world.link(place).await;
    assert_ne!(first, second);
    let clicks = world.get(&world.path(&format!("/clicks?link_id={}", first.0))).await;
    assert_eq!(clicks["traffic"][30]["y"], 3);
    assert_eq!(world.get(&format!("/api/v1/link/{}", second.0)).await["clicks_total"], 0);
    // A link that is not in the trash goes at once, when that is asked.
    world.ask(Method::DELETE, &format!("{}?purge=1", path(second.0)), &Value::Null).await;
    assert_eq!(visit(&world.app, "go.example.com", "/x").await.0, 404);
    let refused =
        world.send_as(&world.ours, Method::DELETE, &format!("{}?purge=maybe", path(second.0)), &Value::Null).await;
    assert_eq!(refused.status, 404, "a link that is not there comes first: {}", refused.text);
}
