//! `GET /links` in its orders and `GET /links/count` in its groups.

use axum::http::Method;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Conversion, Event, EventKind};
use linktrail::domain::id::{CustomerId, LinkId};
use serde_json::{Value, json};

use super::world::{NOW, World, code, message};

/// Five links made a second apart: `a` and `b` in a folder, `c` with a tag, `d` with two, `e` archived on another domain.
async fn links(world: &World) -> Vec<String> {
    world.app.catalog.add_domain(world.ours.workspace, "second.example.com", false, NOW).await.unwrap();
    let folder = world.made("/folders", json!({"name": "f"})).await["id"].clone();
    let one = world.made("/tags", json!({"name": "one"})).await["id"].clone();
    let two = world.made("/tags", json!({"name": "two"})).await["id"].clone();
    let mut ids = Vec::new();
    for body in [
        json!({"key": "a", "folderId": folder}),
        json!({"key": "b", "folderId": folder, "tenantId": "t"}),
        json!({"key": "c", "tagIds": [one]}),
        json!({"key": "d", "tagIds": [one, two]}),
        json!({"key": "e", "domain": "second.example.com", "archived": true}),
    ] {
        let mut body = body;
        body["url"] = json!("https://example.com");
        ids.push(world.made("/links", body).await["id"].as_str().unwrap().to_owned());
        world.app.clock.advance(1_000);
    }
    ids
}

#[tokio::test]
async fn sorted_by_what_came_of_them() {
    let world = World::start("dub_links_sorted").await;
    let ids = links(&world).await;
    let mut sequence = 0;
    let mut event = |link: usize, kind: EventKind, at_ms: i64, amount: i64| {
        sequence += 1;
        let conversion = Conversion {
            amount,
            currency: if amount > 0 { "usd".to_owned() } else { String::new() },
            customer: CustomerId(1),
            ..Conversion::default()
        };
        Event {
            workspace: world.ours.workspace,
            kind,
            at_ms,
            id: EventId::new(1, sequence),
            link: LinkId::parse(&ids[link]).unwrap(),
            visitor: sequence,
            conversion: (kind != EventKind::Click).then(|| Box::new(conversion)),
            ..Event::default()
        }
    };
    // Clicks: d 3, c 1; the last one is c's. Sales: c 500, e 900, d none.
    let events = [
        event(3, EventKind::Click, NOW - 9_000, 0),
        event(3, EventKind::Click, NOW - 8_000, 0),
        event(3, EventKind::Click, NOW - 7_000, 0),
        event(2, EventKind::Click, NOW - 1_000, 0),
        event(2, EventKind::Sale, NOW - 900, 500),
        event(4, EventKind::Sale, NOW - 900, 900),
    ];
    world.warehouse.insert("events", &events).await.unwrap();
    for (query, keys) in [
        ("showArchived=true", vec!["e", "d", "c"]),
        ("sortBy=createdAt&sortOrder=asc", vec!["c", "d"]),
        ("sortBy=clicks", vec!["d", "c"]),
        ("sortBy=clicks&sortOrder=asc&showArchived=true", vec!["e", "c", "d"]),
        ("sortBy=lastClicked&showArchived=true", vec!["c", "d", "e"]),
        ("sortBy=saleAmount&showArchived=true", vec!["e", "c", "d"]),
        ("sortBy=saleAmount&showArchived=true&pageSize=1&page=2", vec!["c"]),
        ("sortBy=clicks&domain=go.example.com", vec!["d", "c", "b", "a"]),
    ] {
        assert_eq!(world.each(&format!("/links?{query}"), "key").await, keys, "{query}");
    }
    let shown = world.get(&format!("/links/{}", ids[3])).await.1;
    assert_eq!(shown["clicks"], 3);
    for (query, said) in [
        (format!("sortBy=clicks&startingAfter={}", ids[3]), "A cursor goes with sortBy=createdAt only"),
        ("sortBy=title".to_owned(), "invalid_value: sortBy: Invalid option: expected one of \"createdAt\"|\"clicks\""),
        ("page=1001".to_owned(), "Page is too big (cannot be more than 1000), recommend using cursor-based pagination"),
        ("page=0".to_owned(), "too_small: page: Page must be greater than 0."),
        ("pageSize=101".to_owned(), "too_big: pageSize: Max page size is 100."),
    ] {
        let (status, body) = world.get(&format!("/links?{query}")).await;
        assert_eq!((status, code(&body)), (422, "unprocessable_entity"), "{query}");
        assert!(message(&body).starts_with(said), "{query}: {body}");
    }
}

#[tokio::test]
async fn counted_by_what_they_have() {
    let world = World::start("dub_links_counted").await;
    links(&world).await;
    let body = json!({"url": "https://example.com", "key": "a"});
    world.send(&world.theirs.key, Method::POST, "/links", Some(body)).await;
    let tags: Vec<Value> = world.each("/tags", "id").await.into_iter().map(Value::from).collect();
    let folder = world.each("/folders", "id").await.remove(0);
    let user = world.ours.user.to_string();
    for (query, groups) in [
        ("groupBy=domain", json!([{"domain": "go.example.com", "_count": 2}])),
        (
            "groupBy=domain&showArchived=true",
            json!([{"domain": "go.example.com", "_count": 2}, {"domain": "second.example.com", "_count": 1}]),
        ),
        ("groupBy=tagId", json!([{"tagId": tags[0], "_count": 2}, {"tagId": tags[1], "_count": 1}])),
        (
            &format!("groupBy=tagId&tagIds={}", tags[1].as_str().unwrap()),
            json!([{"tagId": tags[0], "_count": 1}, {"tagId": tags[1], "_count": 1}]),
        ),
        ("groupBy=userId", json!([{"userId": user, "_count": 2}])),
        // Who asks for folders means the links in them.
        ("groupBy=folderId", json!([{"folderId": folder, "_count": 2}, {"folderId": null, "_count": 2}])),
        (&format!("groupBy=folderId&folderId={folder}"), json!([{"folderId": folder, "_count": 2}])),
        ("groupBy=folderId&tenantId=t", json!([{"folderId": folder, "_count": 1}])),
        ("groupBy=domain&search=nothing", json!([])),
    ] {
        assert_eq!(world.get(&format!("/links/count?{query}")).await, (200, groups), "{query}");
    }
    assert_eq!(world.get("/links/count").await, (200, json!(2)));
    let (status, body) = world.get("/links/count?groupBy=key").await;
    assert_eq!(status, 422);
    assert!(message(&body).starts_with("invalid_value: groupBy: "), "{body}");
    let foreign = world.send(&world.theirs.key, Method::GET, "/links/count?groupBy=domain", None).await;
    assert_eq!(foreign, (200, json!([{"domain": "go.other.example", "_count": 1}])));
}

#[tokio::test]
async fn fields_that_do_not_fit() {
    let world = World::start("dub_links_fields").await;
    let long = "x".repeat(256);
    for (field, value, said) in [
        ("externalId", json!(""), "too_small: externalId: Too small: expected string to have >=1 characters"),
        ("externalId", json!("ext_"), "too_small: externalId: Too small: expected string to have >=1 characters"),
        ("externalId", json!(long), "too_big: externalId: Too big: expected string to have <=255 characters"),
        ("utm_source", json!(long), "too_big: utm_source: Too big: expected string to have <=255 characters"),
        ("keyLength", json!(2), "too_small: keyLength: Too small: expected number to be >=3"),
        ("keyLength", json!(191), "too_big: keyLength: Too big: expected number to be <=190"),
        ("tagIds", json!("tag_x"), "Invalid tagIds detected: \"tag_x\""),
        ("tagNames", json!(["none"]), "Invalid tagNames detected: \"none\""),
    ] {
        let (status, body) = world.post("/links", json!({"url": "https://a.b", field: value})).await;
        assert_eq!(status, 422, "{field}: {body}");
        assert!(message(&body).starts_with(said), "{field}: {body}");
    }
    let link = world
        .made("/links", json!({"url": "https://a.b", "title": "t".repeat(130), "description": "d".repeat(250)}))
        .await;
    assert_eq!((link["title"].as_str().unwrap().len(), link["description"].as_str().unwrap().len()), (120, 240));
}
