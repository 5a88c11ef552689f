//! What is another workspace's is not there, on every endpoint.

use axum::http::Method;
use linktrail::domain::id::{DomainId, LinkId, PixelId, TagId};
use linktrail::domain::principal::Role;
use serde_json::{Value, json};

use super::world::{World, id};

/// What of theirs our key cannot see, and ids that are nobody's.
async fn things(world: &World) -> Vec<(&'static str, String, String)> {
    let post = async |path: &str, body: Value| {
        let answer = world.ask(&world.theirs.key, Method::POST, &format!("/api/v1{path}"), Some(body)).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text);
        answer.json()
    };
    let link = post("/links", json!({"url": "https://example.com", "domain": "go.other.example"})).await;
    let tag = post("/tags", json!({"name": "theirs"})).await;
    let pixel = post("/pixels", json!({"name": "theirs", "network": "meta", "pixelId": "12345"})).await;
    let domain = post("/domains", json!({"domain": "claim.other.example"})).await;
    vec![
        ("links", id(&link["link"]).to_owned(), LinkId(999).cuid()),
        ("tags", id(&tag["tag"]).to_owned(), TagId(999).cuid()),
        ("pixels", id(&pixel["pixel"]).to_owned(), PixelId(999).cuid()),
        ("domains", id(&domain["domain"]).to_owned(), DomainId(999).cuid()),
    ]
}

#[tokio::test]
async fn foreign_ids_are_like_unknown_ones() {
    let world = World::start("brevr_tenants").await;
    let things = things(&world).await;
    for (kind, foreign, unknown) in &things {
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            if *kind == "domains" && method == Method::PATCH {
                continue;
            }
            let body = || (method == Method::PATCH).then(|| json!({"title": "x", "name": "x"}));
            let mut answers = Vec::new();
            for id in [foreign.as_str(), unknown, "nonsense", &TagId(1).to_string()] {
                let path = format!("/api/v1/{kind}/{id}");
                let answer = world.ask(&world.ours.key, method.clone(), &path, body()).await;
                answers.push((answer.status, answer.text));
            }
            assert_eq!(answers[0].0, 404, "{method} {kind}");
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{method} {kind}: {answers:?}");
        }
    }
    let domain = &things[3].1;
    assert_eq!(world.post(&format!("/domains/{domain}/verify"), json!({})).await.0, 404);
    // Nor can they be named elsewhere.
    let (link, tag, pixel) = (&things[0].1, &things[1].1, &things[2].1);
    for path in ["summary", "timeseries", "geo", "devices", "referrers", "utm", "export"] {
        for filter in [format!("linkId={link}"), format!("tagId={tag}"), "linkId=nonsense".to_owned()] {
            let (status, refused) = world.get(&format!("/analytics/{path}?{filter}")).await;
            assert_eq!(status, 404, "{path} {filter}: {refused}");
        }
    }
    let body =
        |field: &str, id: &String| json!({"url": "https://example.com", "domain": "go.example.com", field: [id]});
    assert_eq!(world.post("/links", body("tagIds", tag)).await.0, 422);
    assert_eq!(world.post("/links", body("pixelIds", pixel)).await.0, 422);
    for (list, total) in [("links", 0), ("tags", 0), ("pixels", 0), ("domains", 1)] {
        assert_eq!(world.get(&format!("/{list}")).await.1["total"], total, "{list}");
    }
    // All of it is still there for them.
    for (kind, foreign, _) in &things {
        let path = format!("/api/v1/{kind}/{foreign}");
        assert_eq!(world.ask(&world.theirs.key, Method::GET, &path, None).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn a_key_has_one_workspace() {
    let world = World::start("brevr_workspaces").await;
    let (ours, theirs) = (world.ours.workspace, world.theirs.workspace);
    let status = async |key: &str, query: &str| {
        let answer = world.ask(key, Method::GET, &format!("/api/v1/links{query}"), None).await;
        answer.status
    };
    let bound = &world.ours.key;
    assert_eq!(status(bound, "").await, 200);
    assert_eq!(status(bound, &format!("?workspaceId={}", ours.cuid())).await, 200);
    assert_eq!(status(bound, &format!("?workspaceId={ours}")).await, 200);
    assert_eq!(status(bound, &format!("?workspaceId={}", theirs.cuid())).await, 404);
    assert_eq!(status(bound, "?workspaceId=nonsense").await, 404);
    // A key of somebody with one workspace needs no name for it; with two it does.
    let free = world.key(&[], false).await;
    assert_eq!(status(&free, "").await, 200);
    world.app.catalog.set_member(theirs, world.ours.user, Role::Member).await.unwrap();
    world.app.auth.forget();
    assert_eq!(status(&free, "").await, 400);
    assert_eq!(status(&free, &format!("?workspaceId={}", theirs.cuid())).await, 200);
    assert_eq!(status(bound, &format!("?workspaceId={}", theirs.cuid())).await, 404);
}
