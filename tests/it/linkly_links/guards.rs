//! What is refused is refused whole, and what was answered is so at once, whichever surface wrote it.

use axum::http::Method;
use linktrail::api::brevr;
use serde_json::{Value, json};

use super::world::World;
use crate::visiting::visit;

#[tokio::test]
async fn a_refused_change_leaves_a_link_in_the_trash() {
    let world = World::start("linkly_links_refused_restore").await;
    let place = |slug: &str| json!({"url": "https://example.com", "domain": "go.example.com", "slug": slug});
    let (id, _) = world.link(place("/one")).await;
    world.link(place("/two")).await;
    world.ask(Method::DELETE, &world.path(&format!("/links/{}", id.0)), &Value::Null).await;
    let back = json!({"id": id.0, "deleted": false, "slug": "/two"});
    let refused = world.send_as(&world.ours, Method::POST, "/api/v1/link", &back).await;
    assert_eq!((refused.status, refused.json()), (400, json!({"slug": ["has already been taken"]})));
    assert_eq!(world.get(&format!("/api/v1/link/{}", id.0)).await["deleted"], json!(true));
    assert_eq!(visit(&world.app, "go.example.com", "/one").await.0, 404);
    let moved = world.post("/api/v1/link", json!({"id": id.0, "deleted": false, "slug": "/three"})).await;
    assert_eq!((&moved["deleted"], &moved["slug"]), (&json!(false), &json!("/three")));
    assert_eq!(visit(&world.app, "go.example.com", "/three").await.0, 302);
}

#[tokio::test]
async fn what_stands_for_a_password_makes_no_open_link() {
    let world = World::start("linkly_links_mask").await;
    let guarded = json!({"url": "https://example.com", "domain": "go.example.com", "password": "open sesame"});
    let (_, mut copy) = world.link(guarded).await;
    copy.as_object_mut().unwrap().retain(|name, _| matches!(name.as_str(), "url" | "domain" | "password"));
    assert_eq!(copy["password"], "********");
    let refused = world.send_as(&world.ours, Method::POST, "/api/v1/link", &copy).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.json()["password"].is_array(), "{}", refused.text);
    let dub = world.send_as(&world.ours, Method::POST, "/links", &copy).await;
    assert_eq!((dub.status, dub.json()["error"]["code"].clone()), (422, json!("unprocessable_entity")));
}

#[tokio::test]
async fn what_is_nested_too_deep_is_kept_nowhere() {
    let world = World::start("linkly_links_depth").await;
    let body = |levels: usize| {
        let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!("{{\"url\":\"https://a.b\",\"domain\":\"go.example.com\",\"replacements\":{nested}}}")
    };
    let bearer = format!("Bearer {}", world.ours.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for (levels, status) in [(63, 200), (64, 400), (126, 400), (127, 400), (10_000, 400)] {
        let answer = world.send(Method::POST, "/api/v1/link", &headers, &body(levels)).await;
        assert_eq!(answer.status, status, "{levels}: {:.200}", answer.text);
    }
    assert_eq!(world.get(&world.path("/list_links")).await["total_entries"], 1);
}

#[tokio::test]
async fn the_next_visit_sees_what_was_answered() {
    let world = World::start("linkly_links_at_once").await;
    let brevr = brevr::routes().with_state(world.app.clone());
    let world = World { router: world.router.clone().merge(brevr), ..world };
    let seen = async |path: &str| visit(&world.app, "go.example.com", path).await.0;
    for number in 0..10 {
        let (key, path) = (format!("k{number}"), format!("/k{number}"));
        // Looked for before it is there: that there is nothing is remembered, too.
        assert_eq!(seen(&path).await, 404);
        let made = json!({"url": "https://example.com", "domain": "go.example.com", "key": key});
        let link = world.post("/links", made).await;
        assert_eq!(seen(&path).await, 302);
        let one = format!("/links/{}", link["id"].as_str().unwrap());
        world.ask(Method::PATCH, &one, &json!({"key": format!("moved{number}")})).await;
        assert_eq!((seen(&path).await, seen(&format!("/moved{number}")).await), (404, 302));
        world.ask(Method::DELETE, &one, &Value::Null).await;
        assert_eq!(seen(&format!("/moved{number}")).await, 404);
    }
    let made = json!({"url": "https://example.com", "domain": "go.example.com", "customSlug": "b"});
    let answer = world.send_as(&world.ours, Method::POST, "/api/v1/links", &made).await;
    assert_eq!((answer.status, seen("/b").await), (201, 302));
    let one = format!("/api/v1/links/{}", answer.json()["link"]["id"].as_str().unwrap());
    for (active, status) in [(false, 404), (true, 302), (false, 404)] {
        let changed = world.send_as(&world.ours, Method::PATCH, &one, &json!({ "isActive": active })).await;
        assert_eq!((changed.status, seen("/b").await), (200, status));
    }
}
