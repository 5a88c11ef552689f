//! `PUT /links/upsert`.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::{World, code, message};

async fn upsert(world: &World, body: Value) -> Value {
    let (status, link) = world.put("/links/upsert", body).await;
    assert_eq!(status, 200, "{link}");
    link
}

#[tokio::test]
async fn the_link_to_a_destination_is_changed_or_made() {
    let world = World::start("dub_upsert").await;
    let made = upsert(&world, json!({"url": "https://a.b/x", "title": "T", "keyLength": 9})).await;
    assert_eq!((made["key"].as_str().unwrap().len(), &made["forwardParameters"]), (9, &json!(true)));

    // Found by its destination: what is not named stays, and so does the slug that was drawn.
    world.app.clock.advance(1_000);
    let changed = upsert(&world, json!({"url": "https://a.b/x", "comments": "C", "keyLength": 9})).await;
    let mut expected = made.clone();
    expected["comments"] = json!("C");
    expected["updatedAt"] = json!("2026-09-21T14:13:21.000Z");
    assert_eq!(changed, expected);
    // A scheme is put in front as it was when the link was made.
    assert_eq!(upsert(&world, json!({"url": "a.b/x", "title": null})).await["id"], made["id"]);
    // To the letter.
    for other in ["https://a.b/X", "https://a.b/x/", "http://a.b/x", "https://a.b/x?y"] {
        assert_ne!(upsert(&world, json!({ "url": other })).await["id"], made["id"], "{other}");
    }

    // Campaign parameters beside the address are written into it, and the same call finds what it made.
    let campaign = json!({"url": "https://a.b/c", "utm_source": "s", "ref": "r"});
    let first = upsert(&world, campaign.clone()).await;
    assert_eq!(first["url"], "https://a.b/c?utm_source=s&ref=r");
    let again = upsert(&world, campaign).await;
    assert_eq!((&again["id"], &again["url"]), (&first["id"], &first["url"]));

    // A given slug moves the link, as a change of it does; the oldest of several is meant, unless one is named.
    let moved = upsert(&world, json!({"url": "https://a.b/x", "key": "Moved"})).await;
    assert_eq!((&moved["id"], &moved["key"]), (&made["id"], &json!("Moved")));
    let twin = world.made("/links", json!({"url": "https://a.b/x", "key": "twin", "externalId": "e"})).await;
    assert_eq!(upsert(&world, json!({"url": "https://a.b/x"})).await["id"], made["id"]);
    assert_eq!(upsert(&world, json!({"url": "https://a.b/x", "key": "TWIN"})).await["id"], twin["id"]);
    assert_eq!(upsert(&world, json!({"url": "https://a.b/x", "externalId": "ext_e"})).await["id"], twin["id"]);

    // A deleted link is not found.
    assert_eq!(world.delete(&format!("/links/{}", made["id"].as_str().unwrap())).await.0, 200);
    assert_eq!(world.delete("/links/ext_e").await.0, 200);
    assert_ne!(upsert(&world, json!({"url": "https://a.b/x"})).await["id"], made["id"]);
}

#[tokio::test]
async fn of_many_at_once_one_makes_the_link() {
    let world = World::start("dub_upsert_race").await;
    let answers = (0..12).map(|number| upsert(&world, json!({"url": "https://a.b/x", "title": number.to_string()})));
    let answers = futures_util::future::join_all(answers).await;
    let first = &answers[0]["id"];
    assert!(answers.iter().all(|link| link["id"] == *first), "{answers:?}");
    assert_eq!(world.get("/links/count").await, (200, json!(1)));
    // Two forms of one address are one, too.
    let forms = [json!({"url": "https://a.b/y", "utm_source": "s"}), json!({"url": "https://a.b/y?utm_source=s"})];
    let answers = (0..12).map(|number| upsert(&world, forms[number % 2].clone()));
    futures_util::future::join_all(answers).await;
    assert_eq!(world.get("/links/count").await, (200, json!(2)));
}

#[tokio::test]
async fn refused_and_told_as_single_links_are() {
    let world = World::start("dub_upsert_refused").await;
    for missing in [json!({}), json!({"url": " "}), json!({"url": null})] {
        let (status, body) = world.put("/links/upsert", missing).await;
        assert_eq!((status, code(&body), message(&body)), (400, "bad_request", "Missing destination URL"));
    }
    for (body, wanted) in [
        (json!({"url": "nodot"}), 422),
        (json!({"url": "https://a.b", "domain": "go.other.example"}), 403),
        (json!({"url": "https://a.b", "key": "a b"}), 422),
        (json!({"url": "https://a.b", "keyLength": 2}), 422),
        (json!({"url": "https://a.b", "folderId": "fold_x"}), 404),
    ] {
        assert_eq!(world.put("/links/upsert", body.clone()).await.0, wanted, "{body}");
    }
    assert_eq!(world.get("/links/count").await, (200, json!(0)));

    // Their link to the same place is theirs.
    let body = json!({"url": "https://a.b/x", "key": "k"});
    let theirs = world.send(&world.theirs.key, Method::PUT, "/links/upsert", Some(body.clone())).await.1;
    world.listen().await;
    let ours = upsert(&world, body.clone()).await;
    assert_ne!(ours["id"], theirs["id"]);
    upsert(&world, body).await;
    let id = ours["id"].as_str().unwrap();
    assert_eq!(world.noted().await, [("link.created", id), ("link.updated", id)].map(World::note));

    let reader = world.key(&["links.read"]).await;
    assert_eq!(world.send(&reader, Method::PUT, "/links/upsert", Some(json!({"url": "https://a.b"}))).await.0, 403);
}
