//! `/domains`, and what visits see of it.

use axum::http::Method;
use linktrail::domain::principal::Role;
use serde_json::{Value, json};

use super::world::{World, code, message};

/// What a visitor gets: the status, and where to or the body.
async fn visit(world: &World, host: &str, path: &str) -> (u16, String) {
    crate::visiting::visit(&world.app, host, path).await
}

#[tokio::test]
async fn a_domains_life() {
    let world = World::start("dub_domains_life").await;
    let (status, domain) = world
        .post(
            "/domains",
            json!({"slug": "Links.Example.net", "archived": false, "placeholder": "https://example.net/page",
                   "logo": "example.net/logo.png"}),
        )
        .await;
    let mut expected = json!({
        "id": domain["id"], "slug": "links.example.net", "verified": true, "primary": false, "archived": false,
        "placeholder": "https://example.net/page", "expiredUrl": null, "notFoundUrl": null,
        "logo": "https://example.net/logo.png", "assetLinks": null, "appleAppSiteAssociation": null,
        "linkRetentionDays": null, "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
        "registeredDomain": null,
    });
    assert_eq!((status, &domain), (201, &expected));
    assert!(domain["id"].as_str().unwrap().starts_with("dom_"));
    assert_eq!(world.get("/api/domains/LINKS.example.net").await, (200, expected.clone()));

    // Links are made there and visited at once.
    let link = json!({"url": "https://example.com/x", "domain": "links.example.net", "key": "k", "externalId": "e"});
    let link = world.made("/links", link).await;
    assert_eq!(visit(&world, "links.example.net", "/k").await, (302, "https://example.com/x".to_owned()));

    // With its name its links move.
    world.app.clock.advance(1_000);
    let renamed = world.patch("/domains/links.example.net", json!({"slug": "l.example.net", "logo": null})).await;
    (expected["slug"], expected["logo"]) = (json!("l.example.net"), json!(null));
    expected["updatedAt"] = json!("2026-09-21T14:13:21.000Z");
    assert_eq!(renamed, (200, expected));
    assert_eq!(world.get("/links/ext_e").await.1["shortLink"], "https://l.example.net/k");
    assert_eq!(visit(&world, "l.example.net", "/k").await.0, 302);
    assert_eq!(visit(&world, "links.example.net", "/k").await.0, 404);

    // It goes with its links, of which webhooks are told, and nothing of theirs is in the way afterwards.
    world.made("/links", json!({"url": "https://example.com", "domain": "l.example.net", "key": "_root"})).await;
    let kept = world.made("/links", json!({"url": "https://example.com", "key": "kept"})).await;
    world.listen().await;
    let removed = world.delete("/domains/l.example.net").await;
    assert_eq!(removed, (200, json!({"slug": "l.example.net", "deletedLinks": 2})));
    let noted = world.noted().await;
    assert_eq!(noted.len(), 2);
    assert!(noted.contains(&World::note(("link.deleted", link["id"].as_str().unwrap()))), "{noted:?}");
    assert_eq!(visit(&world, "l.example.net", "/k").await.0, 404);
    assert_eq!(world.each("/links", "id").await, [kept["id"].as_str().unwrap()]);
    world.made("/links", json!({"url": "https://example.com", "externalId": "e"})).await;
    let (status, body) = world.delete("/domains/l.example.net").await;
    assert_eq!((status, code(&body), message(&body)), (404, "not_found", "Domain not found."));
    assert_eq!(world.post("/domains", json!({"slug": "l.example.net"})).await.0, 201, "the name is free again");
    assert_eq!(world.get("/links/count?domain=l.example.net").await, (200, json!(0)));
}

#[tokio::test]
async fn where_no_link_answers_the_domain_does() {
    let world = World::start("dub_domains_visits").await;
    let association = json!({"applinks": {"details": []}}).to_string();
    let (status, _) = world
        .patch(
            "/domains/go.example.com",
            json!({"notFoundUrl": "https://example.com/none", "expiredUrl": "https://example.com/late",
                   "assetLinks": "[]", "appleAppSiteAssociation": association}),
        )
        .await;
    assert_eq!(status, 200);
    for body in [
        json!({"key": "late", "expiresAt": "2020-01-01"}),
        json!({"key": "late-itself", "expiresAt": "2020-01-01", "expiredUrl": "https://example.com/own"}),
        json!({"key": "off", "disabledAt": "2020-01-01"}),
    ] {
        let mut body = body;
        body["url"] = json!("https://example.com/x");
        world.made("/links", body).await;
    }
    let none = (302, "https://example.com/none".to_owned());
    for (path, expected) in [
        ("/nothing", none.clone()),
        // A link that is not followed looks like none.
        ("/off", none),
        ("/late", (302, "https://example.com/late".to_owned())),
        ("/late-itself", (302, "https://example.com/own".to_owned())),
        ("/.well-known/assetlinks.json", (200, "[]".to_owned())),
        ("/.well-known/apple-app-site-association", (200, association.clone())),
        ("/apple-app-site-association", (200, association)),
    ] {
        assert_eq!(visit(&world, "GO.example.com:443", path).await, expected, "{path}");
    }
    // Not on hosts that only borrow the slugs, nor on other domains.
    for host in ["localhost:8080", "go.other.example"] {
        assert_eq!(visit(&world, host, "/nothing").await.0, 404, "{host}");
        assert_eq!(visit(&world, host, "/.well-known/assetlinks.json").await.0, 404, "{host}");
    }
    let body = json!({"notFoundUrl": null, "expiredUrl": "", "assetLinks": null});
    assert_eq!(world.patch("/domains/go.example.com", body).await.0, 200);
    for (path, status) in [("/nothing", 404), ("/late", 410), ("/.well-known/assetlinks.json", 404)] {
        assert_eq!(visit(&world, "go.example.com", path).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn one_is_primary_and_archived_ones_step_back() {
    let world = World::start("dub_domains_primary").await;
    for slug in ["b.example.com", "c.example.com"] {
        world.made("/domains", json!({ "slug": slug })).await;
    }
    let primary = async || {
        let domains = world.get("/domains?archived=true").await.1;
        let is_primary = |domain: &&Value| domain["primary"] == true;
        let names = domains.as_array().unwrap().iter().filter(is_primary).map(|domain| domain["slug"].clone());
        names.map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let new_link = async || {
        let link = world.made("/links", json!({"url": "https://example.com"})).await;
        link["domain"].as_str().unwrap().to_owned()
    };
    assert_eq!(primary().await, ["go.example.com"]);
    let (status, domain) = world.post("/domains/c.example.com/primary", json!({})).await;
    assert_eq!((status, &domain["primary"]), (200, &json!(true)));
    assert_eq!((primary().await, new_link().await), (vec!["c.example.com".to_owned()], "c.example.com".to_owned()));

    // An archived one hands it on, is left out of lists, and goes on redirecting.
    let link = world.made("/links", json!({"url": "https://example.com/x", "key": "k"})).await;
    assert_eq!(link["domain"], "c.example.com");
    assert_eq!(world.patch("/domains/c.example.com", json!({"archived": true})).await.1["primary"], false);
    assert_eq!((primary().await, new_link().await), (vec!["go.example.com".to_owned()], "go.example.com".to_owned()));
    assert_eq!(world.each("/domains", "slug").await, ["go.example.com", "b.example.com"]);
    assert_eq!(visit(&world, "c.example.com", "/k").await.0, 302);
    let (status, body) = world.post("/domains/c.example.com/primary", json!({})).await;
    assert_eq!((status, code(&body)), (422, "unprocessable_entity"));

    // So does a removed one, and the last one keeps it.
    assert_eq!(world.delete("/domains/go.example.com").await.0, 200);
    assert_eq!(primary().await, ["b.example.com"]);
    assert_eq!(world.patch("/domains/b.example.com", json!({"archived": true})).await.1["primary"], true);
    let (status, body) = world.post("/links", json!({"url": "https://example.com"})).await;
    assert_eq!(status, 422, "{body}");
    assert_eq!(world.patch("/domains/c.example.com", json!({"archived": false})).await.0, 200);
    assert_eq!(new_link().await, "c.example.com");

    for (query, slugs) in [
        ("archived=true", vec!["b.example.com", "c.example.com"]),
        ("search=C.EX", vec!["c.example.com"]),
        ("search=%25", vec![]),
        ("archived=true&pageSize=1&page=2", vec!["c.example.com"]),
    ] {
        assert_eq!(world.each(&format!("/domains?{query}"), "slug").await, slugs, "{query}");
    }
    assert_eq!(world.get("/domains?archived=maybe").await.0, 422);
}

#[tokio::test]
async fn refused_domains() {
    let world = World::start("dub_domains_refused").await;
    let long = format!("\"{}\"", "x".repeat(32_768));
    for (body, wanted, said) in [
        (json!({}), 422, "invalid_type: slug: slug is required"),
        (json!({"slug": "no domain"}), 422, "custom: slug: Invalid domain"),
        (json!({"slug": "https://x.example"}), 422, "custom: slug: Invalid domain"),
        // Names that would answer for this server's own requests.
        (json!({"slug": "localhost"}), 422, "custom: slug: Invalid domain"),
        (json!({"slug": "127.0.0.1"}), 422, "custom: slug: Invalid domain"),
        (json!({"slug": "go.other.example"}), 409, "Domain is already in use."),
        (json!({"slug": "GO.example.com"}), 409, "Domain is already in use."),
        (json!({"slug": "x.example", "expiredUrl": "javascript:x"}), 422, "custom: expiredUrl: Invalid URL"),
        (json!({"slug": "x.example", "notFoundUrl": "https://x.example/y"}), 422, "custom: notFoundUrl: Invalid URL"),
        (json!({"slug": "x.example", "notFoundUrl": "go.other.example"}), 422, "custom: notFoundUrl: Invalid URL"),
        (json!({"slug": "x.example", "assetLinks": "{"}), 422, "custom: assetLinks: Invalid JSON"),
        (json!({"slug": "x.example", "appleAppSiteAssociation": long}), 422, "too_big: appleAppSiteAssociation: "),
        (json!({"slug": "x.example", "archived": "no"}), 422, "invalid_type: archived: "),
    ] {
        let (status, answer) = world.post("/domains", body.clone()).await;
        assert_eq!(status, wanted, "{body}: {answer}");
        assert!(message(&answer).starts_with(said), "{body}: {answer}");
    }
    assert_eq!(world.patch("/domains/go.example.com", json!({"slug": "go.other.example"})).await.0, 409);
    assert_eq!(world.each("/domains", "slug").await, ["go.example.com"]);

    let status = world.get("/domains/status?domains=go.other.example,new.example,nonsense").await;
    let entry = |name: &str, available: bool| json!({"domain": name, "available": available, "premium": null, "prices": null, "price": null});
    let expected = json!([entry("go.other.example", false), entry("new.example", true), entry("nonsense", false)]);
    assert_eq!(status, (200, expected));
    assert_eq!(world.get("/domains/status").await.0, 422);
    let (status, body) = world.post("/domains/register", json!({"domain": "new.link"})).await;
    assert_eq!((status, code(&body)), (403, "forbidden"));
    assert!(message(&body).starts_with("Domains cannot be bought here."), "{body}");
}

#[tokio::test]
async fn domains_of_others_and_keys_that_may_not() {
    let world = World::start("dub_domains_tenants").await;
    world.hides("/domains/go.other.example", "/domains/nobody.example").await;
    let primary = world.post("/domains/go.other.example/primary", json!({})).await;
    assert_eq!(primary, world.post("/domains/nobody.example/primary", json!({})).await);
    assert_eq!(primary.0, 404);
    let theirs = world.send(&world.theirs.key, Method::GET, "/domains", None).await.1;
    assert_eq!(
        (theirs[0]["slug"].as_str(), theirs[0]["updatedAt"].as_str()),
        (Some("go.other.example"), Some("2026-09-21T14:13:20.000Z"))
    );
    assert_eq!(world.get("/domains/%ff").await.0, 404);

    let body = || Some(json!({"slug": "x.example"}));
    let reader = world.key(&["domains.read"]).await;
    assert_eq!(world.send(&reader, Method::GET, "/domains", None).await.0, 200);
    assert_eq!(world.send(&reader, Method::POST, "/domains", body()).await.0, 403);
    let other = world.key(&["links.write"]).await;
    assert_eq!(world.send(&other, Method::GET, "/domains", None).await.0, 403);
    let member = world.colleague(Role::Member).await;
    assert_eq!(world.send(&member, Method::GET, "/domains", None).await.0, 200);
    for (method, path) in [
        (Method::POST, "/domains"),
        (Method::PATCH, "/domains/go.example.com"),
        (Method::DELETE, "/domains/go.example.com"),
        (Method::POST, "/domains/go.example.com/primary"),
        (Method::POST, "/domains/register"),
    ] {
        let (status, answer) = world.send(&member, method, path, body()).await;
        assert_eq!((status, code(&answer)), (403, "forbidden"), "{path}");
    }
    assert_eq!(world.each("/domains", "slug").await, ["go.example.com"]);
}
