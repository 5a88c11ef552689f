//! `/folders`.

use axum::http::Method;
use linktrail::domain::id::FolderId;
use serde_json::json;

use super::world::{World, code, message};

#[tokio::test]
async fn a_folders_life() {
    let world = World::start("dub_folders_life").await;
    // The clients always send the access level.
    let (status, folder) = world.post("/folders", json!({"name": "Spring", "accessLevel": "write"})).await;
    let id = folder["id"].as_str().unwrap().to_owned();
    let mut expected = json!({
        "id": id, "name": "Spring", "description": null, "type": "default", "accessLevel": "write",
        "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
    });
    assert_eq!((status, &folder), (201, &expected));

    world.app.clock.advance(1_000);
    expected["description"] = json!("Campaigns");
    expected["updatedAt"] = json!("2026-09-21T14:13:21.000Z");
    let path = format!("/folders/{id}");
    assert_eq!(world.patch(&path, json!({"description": " Campaigns "})).await, (200, expected.clone()));
    assert_eq!(world.get(&path).await, (200, expected.clone()));
    expected["name"] = json!("Summer");
    assert_eq!(world.patch(&path, json!({"name": "Summer"})).await, (200, expected.clone()));
    expected["description"] = json!(null);
    assert_eq!(world.patch(&path, json!({"description": null})).await, (200, expected));

    // Its links stay when it goes.
    let link = world.made("/links", json!({"url": "https://example.com", "key": "k", "folderId": id})).await;
    assert_eq!(link["folderId"], json!(id));
    assert_eq!(world.each("/links", "key").await, [""; 0]);
    assert_eq!(world.delete(&path).await, (200, json!({ "id": id })));
    assert_eq!(world.each("/links", "key").await, ["k"]);
    assert_eq!(world.get("/links/info?domain=go.example.com&key=k").await.1["folderId"], json!(null));
    let (status, body) = world.delete(&path).await;
    assert_eq!((status, code(&body), message(&body)), (404, "not_found", "Folder not found."));
}

#[tokio::test]
async fn lists_of_folders() {
    let world = World::start("dub_folders_lists").await;
    for (name, description) in [("beta", json!("all of it")), ("Alpha", json!(null)), ("gamma", json!("100%"))] {
        world.made("/folders", json!({"name": name, "description": description})).await;
    }
    world.send(&world.theirs.key, Method::POST, "/folders", Some(json!({"name": "beta"}))).await;
    for (query, names) in [
        ("", vec!["Alpha", "beta", "gamma"]),
        ("search=AL", vec!["Alpha", "beta"]),
        ("search=%25", vec!["gamma"]),
        ("pageSize=2", vec!["Alpha", "beta"]),
        ("pageSize=2&page=2", vec!["gamma"]),
    ] {
        assert_eq!(world.each(&format!("/folders?{query}"), "name").await, names, "{query}");
    }
    assert_eq!(world.get("/folders?pageSize=101").await.0, 422);
    assert_eq!(world.get("/folders?page=1001").await.0, 422);
}

#[tokio::test]
async fn refused_folders() {
    let world = World::start("dub_folders_refused").await;
    world.made("/folders", json!({"name": "News"})).await;
    let (status, body) = world.post("/folders", json!({"name": "news"})).await;
    assert_eq!((status, code(&body), message(&body)), (409, "conflict", "A folder with that name already exists."));
    for (body, wanted, said) in [
        (json!({}), 422, "invalid_type: name: "),
        (json!({"name": ""}), 422, "too_small: name: "),
        (json!({"name": "x".repeat(191)}), 422, "too_big: name: "),
        (json!({"name": "a", "description": "x".repeat(501)}), 422, "too_big: description: "),
        (json!({"name": "a", "type": "huge"}), 422, "invalid_value: type: "),
        (json!({"name": "a", "accessLevel": "all"}), 422, "invalid_value: accessLevel: "),
        (json!({"name": "a", "accessLevel": "read"}), 403, "Folders cannot be closed"),
        (json!({"name": "a", "accessLevel": null}), 403, "Folders cannot be closed"),
    ] {
        let (status, answer) = world.post("/folders", body.clone()).await;
        assert_eq!(status, wanted, "{body}: {answer}");
        assert!(message(&answer).starts_with(said), "{body}: {answer}");
    }
    assert_eq!(world.each("/folders", "name").await, ["News"]);
}

#[tokio::test]
async fn folders_of_others_and_keys_without_the_scope() {
    let world = World::start("dub_folders_tenants").await;
    let theirs = world.send(&world.theirs.key, Method::POST, "/folders", Some(json!({"name": "x"}))).await.1;
    let foreign = format!("/folders/{}", theirs["id"].as_str().unwrap());
    world.hides(&foreign, &format!("/folders/{}", FolderId(99_999))).await;
    assert_eq!(world.send(&world.theirs.key, Method::GET, &foreign, None).await, (200, theirs), "untouched");

    let reader = world.key(&["folders.read"]).await;
    assert_eq!(world.send(&reader, Method::GET, "/folders", None).await.0, 200);
    assert_eq!(world.send(&reader, Method::POST, "/folders", Some(json!({"name": "y"}))).await.0, 403);
    let other = world.key(&["tags.write"]).await;
    assert_eq!(world.send(&other, Method::GET, "/folders", None).await.0, 403);
}
