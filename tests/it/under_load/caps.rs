//! Each cap of a query, over all surfaces.

use linktrail::config::QueriesConfig;
use serde_json::json;

use super::gate::Trick;
use super::scene::{Answer, Scene};

fn assert_told(answers: &[Answer], message: &str) {
    let [dub, linkly, ghostid, brevr] = answers else { panic!("four surfaces") };
    assert_eq!((dub.status, linkly.status, ghostid.status, brevr.status), (422, 400, 400, 422), "{}", dub.text);
    let (code, doc_url) = ("unprocessable_entity", "https://dub.co/docs/api-reference/errors#unprocessable-entity");
    assert_eq!(dub.json(), json!({"error": {"code": code, "message": message, "doc_url": doc_url}}));
    assert_eq!(linkly.json(), json!({"error": message, "code": "bad_request"}));
    for plain in [ghostid, brevr] {
        assert_eq!(plain.json(), json!({"error": message}));
    }
}

#[tokio::test]
async fn too_many_rows() {
    let scene = Scene::start("under_load_rows", QueriesConfig { max_rows: 50, ..QueriesConfig::default() }).await;
    store(&scene, 100).await;
    let message = "The query reads more than the 50 rows that one may. Ask for a shorter range, or for fewer links.";
    assert_told(&scene.tricked(Trick::None).await, message);
}

#[tokio::test]
async fn too_much_memory() {
    let queries = QueriesConfig { max_memory_bytes: 10_000, ..QueriesConfig::default() };
    let scene = Scene::start("under_load_memory", queries).await;
    store(&scene, 100_000).await;
    let message = "The query takes more than the 10000 bytes of memory that one may. Ask for a shorter range, or by \
                   something that has fewer different values.";
    assert_told(&scene.tricked(Trick::None).await, message);
}

#[tokio::test]
async fn too_much_time() {
    let scene = Scene::start("under_load_time", QueriesConfig { max_secs: 7, ..QueriesConfig::default() }).await;
    store(&scene, 100_000).await;
    let message =
        "The query takes longer than the 7 seconds that one may. Ask for a shorter range, or for fewer links.";
    assert_told(&scene.tricked(Trick::Hurry).await, message);
}

#[tokio::test]
async fn too_many_for_clickhouse() {
    let scene = Scene::start("under_load_too_many", QueriesConfig::default()).await;
    let message = "The event store does not answer at the moment. Please try again.";
    let answers = scene.tricked(Trick::TooMany).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.retry_after()), (503, Some(5)), "{}", answer.text);
    }
    assert_eq!(answers[1].json(), json!({"error": message, "code": "service_unavailable"}));
    // Nobody is kept out for that.
    for answer in scene.tricked(Trick::None).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

/// Clicks, and pageviews of as many people, of the first tenant in the days that are asked about.
async fn store(scene: &Scene, count: u64) {
    let tenant = &scene.tenants[0];
    let sql = "INSERT INTO events (workspace_id, kind, timestamp, event_id, link_id, site_id, visitor, country, page) \
               SELECT ?, if(number % 2, 'click', 'pageview'), \
               toDateTime64('2026-09-18 00:00:00', 3, 'UTC') + number % 200000, 900000000 + number, number % 2, \
               if(number % 2, 0, ?), number, toString(number % 200), toString(number) FROM numbers(?)";
    let insert = scene.clickhouse.query(sql).bind(tenant.workspace.0).bind(tenant.site.0).bind(2 * count);
    insert.execute().await.unwrap();
}
