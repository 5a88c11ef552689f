//! `/tags`.

use axum::http::Method;
use linktrail::domain::id::TagId;
use linktrail::domain::principal::Role;
use serde_json::json;

use super::world::{World, code, message};

#[tokio::test]
async fn a_tags_life() {
    let world = World::start("dub_tags_life").await;
    let (status, tag) = world.post("/tags", json!({"name": " News ", "color": "pink"})).await;
    let id = tag["id"].as_str().unwrap().to_owned();
    assert_eq!((status, &tag), (201, &json!({"id": id, "name": "News", "color": "pink"})));
    assert_eq!(world.get(&format!("/api/tags/{id}")).await, (200, tag));

    // Without a color one is chosen; the older name of the field works.
    let (status, other) = world.post("/tags", json!({"tag": "Old"})).await;
    assert_eq!((status, &other["name"]), (201, &json!("Old")));
    let colors = ["red", "yellow", "green", "blue", "purple", "brown", "gray", "pink"];
    assert!(colors.contains(&other["color"].as_str().unwrap()), "{other}");

    let link = world.made("/links", json!({"url": "https://example.com", "tagIds": [id, other["id"]]})).await;
    let changed = json!({"id": id, "name": "Newer", "color": "red"});
    assert_eq!(world.patch(&format!("/tags/{id}"), json!({"name": "Newer", "color": "red"})).await, (200, changed));
    assert_eq!(world.put(&format!("/tags/{id}"), json!({})).await.1["name"], "Newer");
    let path = format!("/links/{}", link["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.1["tags"][0]["name"], "Newer");

    assert_eq!(world.delete(&format!("/tags/{id}")).await, (200, json!({ "id": id })));
    assert_eq!(world.get(&path).await.1["tags"], json!([other]));
    let (status, body) = world.delete(&format!("/tags/{id}")).await;
    assert_eq!((status, code(&body), message(&body)), (404, "not_found", "Tag not found."));
}

#[tokio::test]
async fn lists_of_tags() {
    let world = World::start("dub_tags_lists").await;
    let mut ids = Vec::new();
    for name in ["beta", "Alpha", "100%", "gamma"] {
        ids.push(world.made("/tags", json!({ "name": name })).await["id"].as_str().unwrap().to_owned());
        world.app.clock.advance(1_000);
    }
    let foreign = world.send(&world.theirs.key, Method::POST, "/tags", Some(json!({"name": "beta"}))).await.1;
    let foreign = foreign["id"].as_str().unwrap();
    for (query, names) in [
        ("".to_owned(), vec!["100%", "Alpha", "beta", "gamma"]),
        ("sortOrder=desc".to_owned(), vec!["gamma", "beta", "Alpha", "100%"]),
        ("sortBy=createdAt".to_owned(), vec!["beta", "Alpha", "100%", "gamma"]),
        ("sortBy=createdAt&sortOrder=desc&pageSize=2".to_owned(), vec!["gamma", "100%"]),
        ("pageSize=3&page=2".to_owned(), vec!["gamma"]),
        ("search=A".to_owned(), vec!["Alpha", "beta", "gamma"]),
        ("search=%25".to_owned(), vec!["100%"]),
        ("search=nothing".to_owned(), vec![]),
        (format!("ids={},{}", ids[0], ids[3]), vec!["beta", "gamma"]),
        (format!("ids={}&ids={}", ids[0], ids[3]), vec!["beta", "gamma"]),
        (format!("ids={foreign}"), vec![]),
        ("ids=nonsense".to_owned(), vec![]),
    ] {
        assert_eq!(world.each(&format!("/tags?{query}"), "name").await, names, "{query}");
    }
    for (query, said) in [
        ("page=0", "too_small: page: Page must be greater than 0."),
        ("pageSize=101", "too_big: pageSize: Max page size is 100."),
        ("sortBy=color", "invalid_value: sortBy: Invalid option: expected one of \"name\"|\"createdAt\""),
        ("sortOrder=up", "invalid_value: sortOrder: Invalid option: expected one of \"asc\"|\"desc\""),
    ] {
        let (status, body) = world.get(&format!("/tags?{query}")).await;
        assert_eq!((status, code(&body)), (422, "unprocessable_entity"), "{query}");
        assert!(message(&body).starts_with(said), "{body}");
    }
}

#[tokio::test]
async fn refused_tags() {
    let world = World::start("dub_tags_refused").await;
    world.made("/tags", json!({"name": "News"})).await;
    let id = world.made("/tags", json!({"name": "Other"})).await["id"].as_str().unwrap().to_owned();
    let (status, body) = world.post("/tags", json!({"name": "nEWS"})).await;
    assert_eq!((status, code(&body), message(&body)), (409, "conflict", "A tag with that name already exists."));
    assert_eq!(world.patch(&format!("/tags/{id}"), json!({"name": "news"})).await.0, 409);
    for (body, said) in [
        (json!({}), "invalid_type: name: "),
        (json!({"name": "  "}), "too_small: name: Too small: expected string to have >=1 characters"),
        (json!({"name": "x".repeat(51)}), "too_big: name: Too big: expected string to have <=50 characters"),
        (json!({"name": 5}), "invalid_type: name: Invalid input: expected string"),
        (json!({"name": "a\0"}), "invalid_format: name: "),
        (json!({"name": "a", "color": "black"}), "invalid_value: color: Invalid option: expected one of \"red\"|"),
    ] {
        let (status, answer) = world.post("/tags", body.clone()).await;
        assert_eq!(status, 422, "{body}: {answer}");
        assert!(message(&answer).starts_with(said), "{body}: {answer}");
    }
    assert_eq!(world.each("/tags", "name").await, ["News", "Other"]);
    for path in ["/tags/nonsense", "/tags/%ff", "/tags/link_0000000000001"] {
        assert_eq!(world.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn tags_of_others_and_keys_without_the_scope() {
    let world = World::start("dub_tags_tenants").await;
    let theirs = world.send(&world.theirs.key, Method::POST, "/tags", Some(json!({"name": "x"}))).await.1;
    let foreign = format!("/tags/{}", theirs["id"].as_str().unwrap());
    world.hides(&foreign, &format!("/tags/{}", TagId(99_999))).await;
    assert_eq!(world.send(&world.theirs.key, Method::GET, &foreign, None).await, (200, theirs), "untouched");
    // The same name in another workspace is another tag.
    assert_eq!(world.post("/tags", json!({"name": "x"})).await.0, 201);

    let reader = world.key(&["tags.read"]).await;
    assert_eq!(world.send(&reader, Method::GET, "/tags", None).await.0, 200);
    let (status, body) = world.send(&reader, Method::POST, "/tags", Some(json!({"name": "y"}))).await;
    assert_eq!((status, code(&body)), (403, "forbidden"));
    let other = world.key(&["links.write"]).await;
    assert_eq!(world.send(&other, Method::GET, "/tags", None).await.0, 403);
    let viewer = world.colleague(Role::Viewer).await;
    assert_eq!(world.send(&viewer, Method::GET, "/tags", None).await.0, 200);
    assert_eq!(world.send(&viewer, Method::POST, "/tags", Some(json!({"name": "y"}))).await.0, 403);
}
