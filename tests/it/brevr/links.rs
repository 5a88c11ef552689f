//! Links are made as they are asked for, shown in full, and refused by name.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::{World, error, id};

/// Every field of the seed, and the others that can be written.
fn everything(tag: &str) -> Value {
    json!({
        "url": "https://example.com/page?utm_source=old&q=1#part",
        "domain": "go.example.com",
        "customSlug": "my-campaign",
        "title": "Spring",
        "description": "All of it",
        "image": "https://example.com/og.png",
        "redirectType": "PERMANENT_301",
        "linkType": "URL",
        "cloaked": true,
        "password": "open sesame",
        "expiresAt": "2027-01-31T09:30:00+01:00",
        "maxClicks": 500,
        "tagIds": [tag],
        "forwardParameters": true,
        "blockBots": true,
        "utmSource": "news letter",
        "utmMedium": "email",
        "utmCampaign": "spring",
        "utmTerm": "shoes",
        "utmContent": "top",
        "metaPixelId": "1234567890",
        "googleTagId": "G-ABC123",
        "webhookUrls": "https://hooks.example.com/a, https://hooks.example.com/b",
        "gtmContainerId": "GTM-ABC123",
        "headTags": "<meta name=\"a\">",
        "bodyTags": "<p>b</p>",
        "hideReferrer": true,
        "skipSocialCrawlerTracking": true,
        "expiredUrl": "https://example.com/over",
        "startsAt": "2026-10-01",
        "rules": [
            {"type": "country", "values": ["de"], "url": "https://example.de"},
            {"type": "device", "values": ["mobile"], "url": "https://m.example.com"},
            {"type": "split", "percentage": 25, "url": "https://b.example.com"},
        ],
    })
}

#[tokio::test]
async fn every_field_is_kept_and_shown() {
    let world = World::start("brevr_every_field").await;
    let (_, tag) = world.post("/tags", json!({"name": "Spring", "color": "green"})).await;
    let (status, made) = world.post("/links", everything(id(&tag["tag"]))).await;
    assert_eq!(status, 201, "{made}");
    insta::assert_snapshot!("every_field", format!("{made:#}"));
    let link = &made["link"];
    let (status, read) = world.get(&format!("/links/{}", id(link))).await;
    assert_eq!((status, &read), (200, &made));
    // What is kept of the password opens the link, and is no password.
    let kept = world.app.catalog.link_at(world.ours.workspace, "go.example.com", "my-campaign").await.unwrap().unwrap();
    let hash = kept.fields.password_hash.unwrap();
    assert!(hash.starts_with("$argon2id$") && !made.to_string().contains("argon2"), "{hash}");
    assert!(kept.fields.custom_preview, "description and image are what social networks show");
}

#[tokio::test]
async fn a_plain_link_has_every_key() {
    let world = World::start("brevr_plain").await;
    let link = world.link(json!({"customSlug": "plain"})).await;
    insta::assert_snapshot!("plain", format!("{link:#}"));
    let random = world.link(json!({})).await;
    let code = random["shortCode"].as_str().unwrap();
    assert!(code.len() >= 7, "{code}");
    let id = id(&random);
    assert!(id.len() == 25 && id.starts_with('c'), "{id}");
}

#[tokio::test]
async fn contacts_bring_or_gain_their_scheme() {
    let world = World::start("brevr_contacts").await;
    for (kind, given, url) in [
        ("MAILTO", "a@example.com", "mailto:a@example.com"),
        ("MAILTO", "mailto:a@example.com?subject=Hi", "mailto:a@example.com?subject=Hi"),
        ("TEL", "+15551234", "tel:+15551234"),
        ("TEL", "tel:+15551234", "tel:+15551234"),
        ("SMS", "+15551234", "sms:+15551234"),
        ("URL", "example.com/x", "https://example.com/x"),
    ] {
        let link = world.link(json!({"url": given, "linkType": kind})).await;
        assert_eq!((&link["url"], &link["linkType"]), (&json!(url), &json!(kind)), "{given}");
    }
    let inferred = world.link(json!({"url": "mailto:a@example.com"})).await;
    assert_eq!(inferred["linkType"], "MAILTO");
    for (kind, url) in [("URL", "mailto:a@example.com"), ("TEL", "https://example.com"), ("MAILTO", "tel:+15551234")] {
        let body = json!({"url": url, "linkType": kind, "domain": "go.example.com"});
        let (status, body) = world.post("/links", body).await;
        assert_eq!(status, 422, "{kind} {url}: {body}");
        assert!(error(&body).starts_with("url: "), "{body}");
    }
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let world = World::start("brevr_refusals").await;
    world.link(json!({"customSlug": "taken"})).await;
    let with = |field: &str, value: Value| {
        let mut body = json!({"url": "https://example.com", "domain": "go.example.com"});
        body[field] = value;
        body
    };
    for (body, status, start) in [
        (json!({"domain": "go.example.com"}), 400, "url: it is required"),
        (json!({"url": "https://example.com"}), 400, "domain: it is required"),
        (with("url", json!(5)), 400, "url: Invalid input: expected string"),
        (with("url", json!("javascript:alert(1)")), 422, "url: only http, https"),
        (with("url", json!("nonsense")), 422, "url: it is not an address"),
        (with("url", json!("https://go.other.example/x")), 422, "url: go.other.example is a short domain itself"),
        (with("domain", json!("go.unknown.example")), 422, "domain: it must be a domain that is verified"),
        (with("domain", json!("go.other.example")), 422, "domain: it must be a domain that is verified"),
        (with("customSlug", json!("taken")), 409, "customSlug: this short code is in use"),
        (with("customSlug", json!("TAKEN")), 409, "customSlug: this short code is in use"),
        (with("customSlug", json!("a b")), 422, "customSlug: "),
        (with("redirectType", json!("302")), 422, "redirectType: expected one of PERMANENT_301, TEMPORARY_302"),
        (with("linkType", json!("FAX")), 422, "linkType: expected one of URL, MAILTO, TEL, SMS"),
        (with("cloaked", json!("yes")), 400, "cloaked: "),
        (with("maxClicks", json!(0)), 422, "maxClicks: "),
        (with("maxClicks", json!("5")), 400, "maxClicks: "),
        (with("expiresAt", json!("soon")), 422, "expiresAt: Invalid date"),
        (with("tagIds", json!(["nonsense"])), 422, "tagIds: there are no such tags"),
        (
            with("webhookUrls", json!("https://10.0.0.1/x")),
            422,
            "webhookUrls: it leads to an address that is not public",
        ),
        (with("metaPixelId", json!("</script>")), 422, "metaPixelId: expected 5 to 20 digits"),
        (with("image", json!("javascript:x")), 422, "image: "),
        (with("utmSource", json!("x".repeat(300))), 422, "utmSource: Too big"),
        (with("rules", json!([{"type": "country", "values": ["XX"], "url": "https://a.b"}])), 422, "rules.0.values: "),
        (with("title", json!("a\u{0}")), 400, "title: Invalid character"),
    ] {
        let (found, answer) = world.post("/links", body.clone()).await;
        assert_eq!(found, status, "{body}: {answer}");
        assert!(error(&answer).starts_with(start), "{body}: {answer}");
    }
    let broken =
        axum::http::Request::post("/api/v1/links").header("authorization", format!("Bearer {}", world.ours.key));
    let answer = world.send(broken.body("{".into()).unwrap()).await;
    assert_eq!(answer.status, 400);
    let (_, list) = world.get("/links").await;
    assert_eq!(list["total"], 1, "nothing that was refused was made");
}

#[tokio::test]
async fn links_are_deleted_for_good() {
    let world = World::start("brevr_delete").await;
    let link = world.link(json!({"customSlug": "gone"})).await;
    let path = format!("/links/{}", id(&link));
    assert_eq!(world.delete(&path).await, (200, json!({"success": true, "id": id(&link)})));
    assert_eq!(world.get(&path).await.0, 404);
    assert_eq!(world.delete(&path).await.0, 404);
    // Its short code is free.
    world.link(json!({"customSlug": "gone"})).await;
}

#[tokio::test]
async fn keys_scopes_and_paths() {
    let world = World::start("brevr_keys").await;
    let reader = world.key(&["links.read"], true).await;
    let body = || Some(json!({"url": "https://example.com", "domain": "go.example.com"}));
    for (key, method, path, status) in [
        ("", Method::GET, "/api/v1/links", 401),
        ("lt_wrong", Method::GET, "/api/v1/links", 401),
        (reader.as_str(), Method::GET, "/api/v1/links", 200),
        (reader.as_str(), Method::POST, "/api/v1/links", 403),
        (reader.as_str(), Method::GET, "/api/v1/analytics/summary", 403),
        (reader.as_str(), Method::GET, "/api/v1/domains", 403),
        (world.ours.key.as_str(), Method::PUT, "/api/v1/links", 405),
        (world.ours.key.as_str(), Method::GET, "/api/v1/links/x/y", 404),
        (world.ours.key.as_str(), Method::GET, "/api/v1/analytics", 404),
        (world.ours.key.as_str(), Method::GET, "/api/v1/analytics/moon", 404),
        (world.ours.key.as_str(), Method::GET, "/api/v1/links/nonsense", 404),
        (world.ours.key.as_str(), Method::GET, "/api/v1/links/%FF", 404),
    ] {
        let body = if method == Method::POST { body() } else { None };
        let answer = world.ask(key, method.clone(), path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    }
    let basic = axum::http::Request::get("/api/v1/links").header("authorization", "Basic eDp5");
    assert_eq!(world.send(basic.body(axum::body::Body::empty()).unwrap()).await.status, 401);
    // Linkly's part of `/api/v1` is still Linkly's.
    let request =
        axum::http::Request::get("/api/v1/workspaces").header("authorization", format!("Bearer {}", world.ours.key));
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.json()[0]["name"].as_str()), (200, Some("ours@example.com")));
}
