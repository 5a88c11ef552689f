//! Whatever is sent is answered in Brevr's shape, and never by a failure of ours.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::world::{World, id};

const TEXTS: [&str; 14] = [
    "%00",
    "%FF",
    "%27%20OR%201%3D1--",
    "%7Bx%3AIdentifier%7D",
    "%3B%20DROP%20TABLE%20link",
    "-",
    "-,-",
    "999999999999999999999",
    "-1",
    "1e309",
    "NaN",
    "%F0%9F%92%A9",
    "2026-02-30",
    "%E2%80%AE..%2F..%2Fetc",
];

#[tokio::test]
async fn any_parameter_is_answered() {
    let world = World::start("brevr_hostile_params").await;
    for path in ["links", "tags", "pixels", "domains"] {
        for name in
            ["page", "limit", "search", "domain", "tagId", "isActive", "sortBy", "network", "format", "workspaceId"]
        {
            for text in TEXTS {
                let path = format!("/api/v1/{path}?{name}={text}");
                let answer = world.ask(&world.ours.key, Method::GET, &path, None).await;
                assert!(matches!(answer.status, 200 | 400 | 404), "{path}: {} {}", answer.status, answer.text);
            }
        }
    }
    for path in ["summary", "timeseries", "geo", "devices", "referrers", "utm", "export"] {
        for name in [
            "period",
            "start",
            "end",
            "timezone",
            "linkId",
            "country",
            "region",
            "city",
            "utmSource",
            "bots",
            "groupBy",
        ] {
            for text in &TEXTS[..8] {
                let path = format!("/api/v1/analytics/{path}?{name}={text}");
                let answer = world.ask(&world.ours.key, Method::GET, &path, None).await;
                assert!(matches!(answer.status, 200 | 400 | 404), "{path}: {} {}", answer.status, answer.text);
            }
        }
    }
}

#[tokio::test]
async fn any_body_is_answered() {
    let world = World::start("brevr_hostile_bodies").await;
    let link = world.link(json!({"customSlug": "kept"})).await;
    let fields = [
        "url",
        "domain",
        "customSlug",
        "title",
        "description",
        "image",
        "redirectType",
        "linkType",
        "cloaked",
        "password",
        "expiresAt",
        "maxClicks",
        "tagIds",
        "forwardParameters",
        "utmSource",
        "metaPixelId",
        "webhookUrls",
        "rules",
        "pixelIds",
        "isActive",
        "headTags",
        "expiredUrl",
    ];
    let values = [
        json!("\u{202e}'; DROP TABLE link; --"),
        json!(""),
        json!(-1),
        json!(1e300),
        json!(true),
        json!([]),
        json!([null]),
        json!([[[["x"]]]]),
        json!({"type": {}}),
        json!("x".repeat(20_000)),
        json!("\r\nSet-Cookie: a=b"),
    ];
    for field in fields {
        for value in &values {
            let mut body = json!({"url": "https://example.com", "domain": "go.example.com"});
            body[field] = value.clone();
            let bulk = json!({"domain": "go.example.com", "links": [body.clone()]});
            for (method, path, body) in [
                (Method::POST, "/api/v1/links".to_owned(), body.clone()),
                (Method::PATCH, format!("/api/v1/links/{}", id(&link)), json!({ field: value })),
                (Method::POST, "/api/v1/links/bulk".to_owned(), bulk),
            ] {
                let answer = world.ask(&world.ours.key, method.clone(), &path, Some(body)).await;
                let fits = matches!(answer.status, 200 | 201 | 400 | 409 | 422);
                assert!(fits, "{method} {field} {value}: {} {}", answer.status, answer.text);
            }
        }
    }
    for bytes in [&b""[..], b"{", b"[]", b"null", b"\xff\xfe", b"{\"url\": \"\\ud800\"}", &b"[".repeat(10_000)] {
        for path in ["links", "links/bulk", "tags", "pixels", "domains"] {
            let request = Request::post(format!("/api/v1/{path}"))
                .header("authorization", format!("Bearer {}", world.ours.key))
                .body(Body::from(bytes.to_vec()));
            assert_eq!(world.send(request.unwrap()).await.status, 400, "{path}");
        }
    }
    let large = Request::post("/api/v1/links").header("authorization", format!("Bearer {}", world.ours.key));
    assert_eq!(world.send(large.body(Body::from(vec![b' '; 200_000])).unwrap()).await.status, 413);
}
