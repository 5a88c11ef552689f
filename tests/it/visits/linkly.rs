//! What Linkly's fields do to visitors: pixels, tags, texts for social networks, statistics in public.

use serde_json::json;

use super::agents::MAC;
use crate::linkly_links::world::{DAY_MS, HOUR_MS, World};
use crate::visiting::{visit, visit_as};

const HOST: &str = "go.example.com";

#[tokio::test(flavor = "multi_thread")]
async fn pixels_and_texts_come_from_the_fields() {
    let world = World::start("visits_linkly_pixels").await;
    let ids = json!({
        "fb_pixel_id": "1234567890", "ga4_tag_id": "g-abc123", "gtm_id": "GTM-ABC123", "tiktok_pixel_id": "C4A1B2C3D4E5F6G7H8I9",
        "linkedin_partner_id": "1234567", "microsoft_uet_tag_id": "12345678", "pinterest_tag_id": "2612345678901",
        "reddit_pixel_id": "a2_abc123", "snapchat_pixel_id": "01234567-89ab-cdef-0123-456789abcdef", "twitter_pixel_id": "o1a2b"
    });
    let mut body = json!({
        "url": "https://example.com/x", "domain": HOST, "slug": "/ad", "head_tags": "<meta name=mine>",
        "body_tags": "<b>mine</b>", "og_description": "For networks"
    });
    body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
    world.link(body).await;
    let (status, page) = visit_as(&world.app, MAC, HOST, "/ad").await;
    assert_eq!(status, 200, "{page}");
    // Here the API answers, too: networks that have a picture count by that.
    for part in [
        "facebook.com/tr?id=1234567890",
        "('config','G-ABC123')",
        "gtm.js?id=GTM-ABC123",
        "sdkid=C4A1B2C3D4E5F6G7H8I9",
        "pid=1234567&",
        "ti=12345678&",
        "tid=2612345678901&",
        "('init','a2_abc123')",
        "('init','01234567-89ab-cdef-0123-456789abcdef')",
        "('config','o1a2b')",
        "<meta name=mine>\n</head>",
        "<b>mine</b>\n</body>",
        "to=\"https://example.com/x\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let robot = visit_as(&world.app, "Googlebot/2.1", HOST, "/ad").await;
    assert_eq!(robot, (302, "https://example.com/x".to_owned()));
    let (status, preview) = visit_as(&world.app, "facebookexternalhit/1.1", HOST, "/ad").await;
    assert!(status == 200 && preview.contains("og:description\" content=\"For networks\""), "{preview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn public_statistics_tell_what_the_list_tells() {
    let world = World::start("visits_linkly_stats").await;
    let (open, made) = world
        .link(json!({
            "url": "https://example.com/x", "domain": HOST, "slug": "/open", "public_analytics": true
        }))
        .await;
    world.link(json!({"url": "https://example.com/y", "domain": HOST, "slug": "/shut"})).await;
    assert_eq!(made["public_analytics"], true);
    world
        .clicks("open", open, &[(0, false, 3), (HOUR_MS, true, 2), (40 * DAY_MS, false, 4), (900 * DAY_MS, true, 1)])
        .await;
    let row = world.get(&format!("/api/v1/link/{}", open.0)).await;
    assert_eq!(row["clicks_total"], 10);
    let (status, page) = visit(&world.app, HOST, "/open.stats").await;
    assert!(status == 200 && page.contains("<h1>10 clicks</h1>"), "{page}");
    let (status, page) = visit(&world.app, HOST, "/shut.stats").await;
    assert_eq!((status, page), visit(&world.app, HOST, "/none").await);
    assert_eq!(status, 404);
    // Taken back, it is as if it had never been shown.
    world.post("/api/v1/link", json!({"id": open.0, "public_analytics": false})).await;
    assert_eq!(visit(&world.app, HOST, "/open.stats").await.0, 404);
}
