//! What a change changes, and what null means.

use serde_json::{Value, json};

use super::world::{World, error, id};

#[tokio::test]
async fn null_clears_and_absent_keeps() {
    let world = World::start("brevr_nulls").await;
    let link = world
        .link(json!({
            "customSlug": "full", "title": "t", "description": "d", "image": "https://example.com/i.png",
            "password": "secret", "expiresAt": "2027-01-01T00:00:00Z", "maxClicks": 5, "metaPixelId": "1234567890",
            "googleTagId": "G-ABC123", "webhookUrls": "https://hooks.example.com/a", "gtmContainerId": "GTM-ABC123",
            "headTags": "<meta>", "bodyTags": "<p>", "expiredUrl": "https://example.com/over", "startsAt": "2026-01-01",
            "rules": [{"type": "device", "value": "mobile", "url": "https://m.example.com"}],
        }))
        .await;
    let path = format!("/links/{}", id(&link));
    for (field, cleared) in [
        ("title", Value::Null),
        ("description", Value::Null),
        ("image", Value::Null),
        ("password", Value::Null),
        ("expiresAt", Value::Null),
        ("maxClicks", Value::Null),
        ("metaPixelId", Value::Null),
        ("googleTagId", Value::Null),
        ("webhookUrls", Value::Null),
        ("gtmContainerId", Value::Null),
        ("headTags", Value::Null),
        ("bodyTags", Value::Null),
        ("expiredUrl", Value::Null),
        ("startsAt", Value::Null),
        ("rules", json!([])),
    ] {
        let (_, before) = world.get(&path).await;
        assert_ne!(before["link"][field], cleared, "{field} was set");
        let (status, changed) = world.patch(&path, json!({ field: null })).await;
        assert_eq!((status, &changed["link"][field]), (200, &cleared), "{changed}");
        // Nothing else changes, but what says the same in another place.
        let mut expected = before["link"].clone();
        expected[field] = cleared;
        expected["pixels"] = changed["link"]["pixels"].clone();
        assert_eq!(changed["link"], expected, "{field}");
    }
    let (_, bare) = world.get(&path).await;
    assert_eq!(bare["link"]["pixels"], json!({}));
    let kept = world.app.catalog.link_at(world.ours.workspace, "go.example.com", "full").await.unwrap().unwrap();
    assert!(!kept.fields.custom_preview, "nothing is left to show to social networks");
    for field in ["url", "domain", "redirectType", "linkType", "cloaked", "tagIds", "isActive", "blockBots"] {
        let (status, refused) = world.patch(&path, json!({ field: null })).await;
        assert_eq!(status, 422, "{refused}");
        assert!(error(&refused).starts_with(&format!("{field}: it cannot be null")), "{refused}");
    }
    for field in ["id", "clickCount", "createdAt", "updatedAt", "createdBy", "workspaceId", "qrCode", "tags"] {
        let (status, refused) = world.patch(&path, json!({ field: "x" })).await;
        assert_eq!(status, 422, "{refused}");
        assert!(error(&refused).starts_with(&format!("{field}: it cannot be changed")), "{refused}");
    }
}

#[tokio::test]
async fn values_replace_values() {
    let world = World::start("brevr_patches").await;
    let tag = async |name: &str| {
        let (status, tag) = world.post("/tags", json!({ "name": name, "color": "red" })).await;
        assert_eq!(status, 201);
        tag["tag"].clone()
    };
    let (one, two, three) = (tag("one").await, tag("two").await, tag("three").await);
    let link = world.link(json!({"customSlug": "x", "tagIds": [id(&one), id(&two)], "utmSource": "a"})).await;
    assert_eq!(link["url"], "https://example.com?utm_source=a");
    let path = format!("/links/{}", id(&link));
    let patched = async |body: Value| {
        let (status, link) = world.patch(&path, body.clone()).await;
        assert_eq!(status, 200, "{body}: {link}");
        link["link"].clone()
    };
    let link = patched(json!({"tagIds": [id(&three)]})).await;
    assert_eq!(link["tags"], json!([{"tag": {"id": id(&three), "name": "three", "color": "red"}}]));
    assert_eq!(patched(json!({"tagIds": []})).await["tags"], json!([]));
    assert_eq!(patched(json!({"isActive": false})).await["isActive"], false);
    assert_eq!(patched(json!({"title": "t"})).await["isActive"], false);
    assert_eq!(patched(json!({"isActive": true})).await["isActive"], true);
    assert_eq!(patched(json!({"redirectType": "PERMANENT_301"})).await["redirectType"], "PERMANENT_301");
    assert_eq!(patched(json!({"password": "p"})).await["password"], "********");
    // The mask sent back, as by a client that reads, edits and writes, is no password.
    let before = world.app.catalog.link_at(world.ours.workspace, "go.example.com", "x").await.unwrap().unwrap();
    patched(json!({"password": "********"})).await;
    let after = world.app.catalog.link_at(world.ours.workspace, "go.example.com", "x").await.unwrap().unwrap();
    assert_eq!(before.fields.password_hash, after.fields.password_hash);
    // Another address is the whole address.
    assert_eq!(patched(json!({"utmMedium": "m"})).await["url"], "https://example.com?utm_source=a&utm_medium=m");
    assert_eq!(patched(json!({"utmSource": null})).await["url"], "https://example.com?utm_medium=m");
    assert_eq!(patched(json!({"url": "https://example.org/y#z"})).await["url"], "https://example.org/y#z");
    let both = patched(json!({"url": "https://example.org/?utm_term=t#z", "utmSource": "b"})).await;
    assert_eq!(both["url"], "https://example.org/?utm_term=t&utm_source=b#z");
    let contact = patched(json!({"url": "mailto:a@example.com", "linkType": "MAILTO"})).await;
    assert_eq!((&contact["linkType"], &contact["url"]), (&json!("MAILTO"), &json!("mailto:a@example.com")));
    let (status, refused) = world.patch(&path, json!({"linkType": "URL"})).await;
    assert_eq!((status, error(&refused)), (422, "linkType: another type needs another url: send both"));
    // It moves, unless somebody is there.
    world.link(json!({"customSlug": "there"})).await;
    assert_eq!(world.patch(&path, json!({"customSlug": "there"})).await.0, 409);
    assert_eq!(patched(json!({"customSlug": "moved"})).await["shortCode"], "moved");
    assert_eq!(world.patch(&path, json!({"domain": "go.other.example"})).await.0, 422);
}

#[tokio::test]
async fn a_link_out_of_clicks_is_not_active() {
    let world = World::start("brevr_spent").await;
    let link = world.link(json!({"customSlug": "once", "maxClicks": 1})).await;
    let path = format!("/links/{}", id(&link));
    assert_eq!(link["isActive"], true);
    let known = world.app.catalog.link_at(world.ours.workspace, "go.example.com", "once").await.unwrap().unwrap();
    world.app.catalog.take_clicks(world.ours.workspace, known.id, 1).await.unwrap();
    assert_eq!(world.get(&path).await.1["link"]["isActive"], false);
    assert_eq!(world.get("/links?isActive=true").await.1["total"], 0);
    assert_eq!(world.get("/links?isActive=false").await.1["total"], 1);
    // It cannot be said to be what it is not.
    for body in [json!({"isActive": true}), json!({"isActive": true, "maxClicks": 1, "title": "t"})] {
        let (status, refused) = world.patch(&path, body.clone()).await;
        assert_eq!(status, 422, "{body}: {refused}");
        assert!(error(&refused).starts_with("isActive: ") && error(&refused).contains("raise maxClicks"), "{refused}");
    }
    let (_, shown) = world.get(&path).await;
    assert_eq!((&shown["link"]["isActive"], &shown["link"]["title"]), (&json!(false), &Value::Null));
    assert_eq!(world.patch(&path, json!({"isActive": false})).await.0, 200);
    let (status, more) = world.patch(&path, json!({"maxClicks": 2, "isActive": true})).await;
    assert_eq!((status, &more["link"]["isActive"]), (200, &json!(true)), "{more}");
    world.app.catalog.take_clicks(world.ours.workspace, known.id, 1).await.unwrap();
    let (status, free) = world.patch(&path, json!({"maxClicks": null, "isActive": true})).await;
    assert_eq!((status, &free["link"]["isActive"]), (200, &json!(true)), "{free}");
}
