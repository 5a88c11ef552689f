//! `{short url}.stats`: the total in public.

use std::sync::atomic::Ordering;

use linktrail::domain::password;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_total_is_shown_where_its_owner_wants_that() {
    let world = World::start().await;
    world.counted.totals.lock().unwrap().insert(7, 12_345);
    world.store.put("open", |fields| fields.public_statistics = true);
    let shown = world.visit("GET", "/Open.stats", "").await;
    assert_eq!(shown.status(), 200);
    assert!(shown.body().contains("<h1>12,345 clicks</h1>"), "{shown:?}");
    assert!(shown.body().contains("<p>go.example/Open</p>"), "{shown:?}");
    assert!(!shown.0.contains("example.com"), "the destination is not told: {shown:?}");
    assert_eq!(shown.header("x-robots-tag"), Some("noindex"));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let head = world.visit("HEAD", "/open.stats/", "").await;
    assert_eq!((head.status(), head.body()), (200, ""));

    // Everything else looks like a link that never was.
    let nothing = world.visit("GET", "/none", "").await;
    assert_eq!(nothing.status(), 404);
    world.store.put("off", |fields| {
        fields.public_statistics = true;
        fields.disabled_at_ms = Some(1);
    });
    world.store.put("later", |fields| {
        fields.public_statistics = true;
        fields.starts_at_ms = Some(i64::MAX);
    });
    let without_date = |answer: &super::world::Answer| {
        answer.0.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
    };
    for path in
        ["/sale.stats", "/none.stats", "/off.stats", "/later.stats", "/.stats", "/open.stats.stats", "/open.stat"]
    {
        let answer = world.visit("GET", path, "").await;
        assert_eq!(without_date(&answer), without_date(&nothing), "{path}");
    }
    let posted = world.visit("POST", "/open.stats", "").await;
    assert_eq!(posted.status(), 405);

    // What guards the destination does not guard the number.
    world.store.put("locked", |fields| {
        fields.public_statistics = true;
        fields.password_hash = Some(password::hash("x").unwrap());
    });
    world.store.put("over", |fields| {
        fields.public_statistics = true;
        fields.expires_at_ms = Some(1);
    });
    for path in ["/locked.stats", "/over.stats"] {
        assert_eq!(world.visit("GET", path, "").await.status(), 200, "{path}");
    }
    assert_eq!(world.hits(), [], "to ask is no click");

    // A link that is really called so comes first.
    world.store.put("real", |fields| fields.public_statistics = true);
    world.store.put("real.stats", |_| {});
    assert_eq!(world.visit("GET", "/real.stats", "").await.header("location"), Some("https://example.com/real.stats"));
    assert_eq!(world.hits().len(), 1);

    world.counted.is_down.store(true, Ordering::SeqCst);
    let away = world.visit("GET", "/open.stats", "").await;
    assert_eq!((away.status(), away.header("retry-after")), (503, Some("5")));
    world.end().await;
}
