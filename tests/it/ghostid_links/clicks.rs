//! Which clicks count.

use linktrail::domain::id::LinkId;
use serde_json::json;

use crate::people::scene::{HOUR_MS, Scene};

#[tokio::test]
async fn humans_count_unless_others_are_asked_for() {
    let scene = Scene::new("ghostid_links_clicks").await;
    scene.app.holdings.add_domain(scene.workspace, "go.example", false, Default::default()).await.unwrap();
    let cookie = scene.sign_in(&scene.viewer).await;
    let key = format!("Bearer {}", scene.key);
    let body = json!({"siteId": scene.site.id.0, "destinationUrl": "https://example.com", "slug": "a", "source": "s"});
    let made = scene.send("POST", "/api/links", &[("authorization", &key)], Some(&body)).await.json();
    let link = LinkId::parse_with_prefix("lnk_", made["link"]["id"].as_str().unwrap()).unwrap();
    // 2026-03-10T17:30Z: midnight was 17 and a half hours ago.
    let midnight_ms = 17 * HOUR_MS + HOUR_MS / 2;
    let clicks = [
        (0, false, 1, false),
        (60_000, false, 1, true),
        (midnight_ms, false, 2, false),
        (midnight_ms + 1, false, 1, false),
        (10_000, true, 3, false),
        (48 * HOUR_MS, true, 3, false),
    ];
    scene.clicks("clicks", link, &clicks).await;
    let none = json!({"totalLinks": 1, "totalClicks": 0, "clicksToday": 0, "topSource": null});
    for (query, total, today, last) in [
        ("", 4, 3, "2026-03-10T17:30:00.000Z"),
        ("bots=exclude", 4, 3, "2026-03-10T17:30:00.000Z"),
        ("bots=include", 6, 4, "2026-03-10T17:30:00.000Z"),
        ("bots=only", 2, 1, "2026-03-10T17:29:50.000Z"),
        ("repeats=exclude", 3, 2, "2026-03-10T17:30:00.000Z"),
        // Of a visitor the first click counts; today that is another one than ever.
        ("unique=true", 2, 2, "2026-03-10T17:30:00.000Z"),
        ("unique=true&bots=include", 3, 3, "2026-03-10T17:30:00.000Z"),
    ] {
        let answer = scene.send("GET", &format!("/api/links?{query}"), &[("cookie", &cookie)], None).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        let list = answer.json();
        let shown = &list["links"][0];
        assert_eq!(
            (&shown["total_clicks"], &shown["clicks_today"], &shown["last_clicked_at"]),
            (&json!(total), &json!(today), &json!(last)),
            "{query}"
        );
        let stats = json!({"totalLinks": 1, "totalClicks": total, "clicksToday": today, "topSource": "s"});
        assert_eq!(list["stats"], stats, "{query}");
    }
    for (query, words) in [("bots=all", "bots"), ("unique=1", "unique"), ("repeats=x", "repeats")] {
        let answer = scene.send("GET", &format!("/api/links?{query}"), &[("cookie", &cookie)], None).await;
        assert_eq!((answer.status, answer.text.contains(words)), (400, true), "{query}: {}", answer.text);
    }
    // Another site of ours has links of its own.
    let other = crate::people::scene::site(&scene.app, scene.workspace, "other").await;
    scene.app.sites.load().await.unwrap();
    let body = json!({"siteId": other.id.0, "destinationUrl": "https://example.com", "slug": "a"});
    assert_eq!(scene.send("POST", "/api/links", &[("authorization", &key)], Some(&body)).await.status, 200);
    let list =
        scene.send("GET", &format!("/api/links?siteId={}", other.id.0), &[("cookie", &cookie)], None).await.json();
    assert_eq!((&list["siteSlug"], &list["stats"]), (&json!("other"), &none));
    assert_eq!(list["links"][0]["last_clicked_at"], serde_json::Value::Null);
}
