//! So many queries at once; the rest waits, and is refused in each surface's words.

use linktrail::calendar::{EARLIEST_MS, LATEST_MS, Range};
use linktrail::config::QueriesConfig;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::EventKind;
use linktrail::plan::{Bots, Counting, Request, Shape, build};
use serde_json::json;

use super::gate::until;
use super::scene::{Answer, Metrics, Scene};

const EVENTS: &str = " FROM events";
const RUNNING: &str = "queries_running{class=\"query\"}";
const WAITING: &str = "queries_waiting{class=\"query\"}";

/// Asks about one country, so that no query is another's.
fn about(country: &str) -> String {
    format!("/analytics?groupBy=countries&country={country}&start=2026-09-01&end=2026-09-20")
}

fn assert_shapes(answers: &[Answer], status: u16, code: &str, message: &str) {
    let [dub, linkly, ghostid, brevr] = answers else { panic!("four surfaces") };
    let doc_url = format!("https://dub.co/docs/api-reference/errors#{}", code.replacen('_', "-", 1));
    assert_eq!(dub.json(), json!({"error": {"code": code, "message": message, "doc_url": doc_url}}));
    let in_linkly = match status {
        429 => json!({"error": code, "code": code, "message": message}),
        _ => json!({"error": message, "code": code}),
    };
    assert_eq!(linkly.json(), in_linkly);
    for plain in [ghostid, brevr] {
        assert_eq!(plain.json(), json!({"error": message}));
    }
    for answer in answers {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.retry_after().is_some_and(|seconds| seconds >= 1));
    }
}

#[tokio::test]
async fn the_rest_waits_or_is_refused() {
    let (metrics, recorder) = Metrics::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let queries = QueriesConfig {
        at_once: Some(2),
        per_workspace: Some(1),
        queue: 2,
        queue_secs: 600,
        ..QueriesConfig::default()
    };
    let scene = Scene::start("under_load_places", queries).await;
    scene.store_clicks(9).await;
    scene.gate.hold(EVENTS);
    let first = tokio::spawn(scene.get(0, &about("DE")));
    until("one runs", || scene.gate.asked(EVENTS) == 1).await;
    let second = tokio::spawn(scene.get(0, &about("FR")));
    until("one waits", || metrics.value(WAITING) == 1.0).await;

    // The workspace has one running and one waiting, as it may.
    let mut refused = Vec::new();
    for path in scene.tenants[0].questions() {
        refused.push(scene.get(0, &path).await);
    }
    let own = "Too many queries of this workspace are running. Please try again.";
    assert_shapes(&refused, 429, "rate_limit_exceeded", own);
    assert_eq!(refused[0].retry_after(), Some(600));
    assert_eq!(metrics.value("queries_refused_total{class=\"query\",reason=\"own_queue_full\"}"), 4.0);

    // Another one is not in its way.
    let third = tokio::spawn(scene.get(1, &about("DE")));
    until("another runs", || scene.gate.asked(EVENTS) == 2).await;
    assert_eq!(metrics.value(RUNNING), 2.0);
    let fourth = tokio::spawn(scene.get(1, &about("FR")));
    until("two wait", || metrics.value(WAITING) == 2.0).await;

    // The whole is full.
    let mut refused = Vec::new();
    for path in scene.tenants[2].questions() {
        refused.push(scene.get(2, &path).await);
    }
    assert_shapes(
        &refused,
        503,
        "service_unavailable",
        "Too many queries are running at the moment. Please try again.",
    );

    // Visits, conversions and the sign of life wait for nobody.
    scene.gate.hold("GROUP BY country");
    scene.warehouse.ping().await.unwrap();
    assert_eq!(scene.warehouse.click(scene.tenants[0].workspace, EventId(77)).await.unwrap(), None);
    let of_a_visit = build(Request {
        workspace: scene.tenants[0].workspace,
        kind: EventKind::Click,
        range: Range::new(EARLIEST_MS, LATEST_MS).unwrap(),
        counting: Counting { bots: Bots::Include, repeats: true, unique: false },
        filters: Vec::new(),
        link: None,
        root: None,
        shape: Shape::Total,
    });
    assert_eq!(scene.app.analytics.total_for_visit(of_a_visit).await.unwrap(), 9);
    assert_eq!((metrics.value(RUNNING), metrics.value(WAITING)), (2.0, 2.0));

    scene.gate.open();
    for (answer, country) in [(first, "DE"), (second, "FR"), (third, "DE"), (fourth, "FR")] {
        let answer = answer.await.unwrap();
        let expected = json!([
            {"country": country, "region": "*", "city": "*", "clicks": 3, "leads": 0, "sales": 0, "saleAmount": 0}
        ]);
        assert_eq!((answer.status, answer.json()), (200, expected));
    }
    assert_eq!((metrics.value(RUNNING), metrics.value(WAITING)), (0.0, 0.0));
    assert_eq!(metrics.value("query_wait_seconds_count{class=\"query\"}"), 4.0);
}

#[tokio::test]
async fn nobody_waits_for_long() {
    let queries = QueriesConfig { at_once: Some(2), per_workspace: Some(1), queue_secs: 1, ..QueriesConfig::default() };
    let scene = Scene::start("under_load_patience", queries).await;
    scene.gate.hold(EVENTS);
    let first = tokio::spawn(scene.get(0, &about("DE")));
    until("one runs", || scene.gate.asked(EVENTS) == 1).await;
    let own = scene.get(0, &about("FR")).await;
    assert_eq!((own.status, own.retry_after()), (429, Some(1)), "its own place is taken");
    let second = tokio::spawn(scene.get(1, &about("DE")));
    until("two run", || scene.gate.asked(EVENTS) == 2).await;
    let whole = scene.get(2, &about("DE")).await;
    assert_eq!((whole.status, whole.retry_after()), (503, Some(5)), "all places are taken");
    scene.gate.open();
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn exports_have_places_of_their_own() {
    let queries =
        QueriesConfig { at_once: Some(1), exports_at_once: Some(1), queue_secs: 1, ..QueriesConfig::default() };
    let scene = Scene::start("under_load_exports", queries).await;
    scene.store_clicks(9).await;
    // The file of clicks, and the slices of the other kind.
    scene.gate.hold("ORDER BY ");
    let linkly = |tenant: usize| {
        format!("/api/v1/workspace/{}/clicks/export?start=2026-09-01&end=2026-09-20", scene.tenants[tenant].workspace.0)
    };
    let first = tokio::spawn(scene.get(0, &linkly(0)));
    until("an export is under way", || scene.gate.asked("hex(event_id)") == 1).await;
    // Dashboards go on, where they sort nothing; other exports do not.
    let total = scene.get(0, "/analytics?groupBy=count&start=2026-09-01&end=2026-09-20").await;
    assert_eq!((total.status, total.json()), (200, json!({"clicks": 9, "leads": 0, "sales": 0, "saleAmount": 0})));
    let dub = "/events/export?columns=timestamp,country&start=2026-09-01&end=2026-09-20";
    let brevr = "/api/v1/analytics/export?startDate=2026-09-01&endDate=2026-09-20";
    for path in [linkly(1), dub.to_owned(), brevr.to_owned()] {
        let refused = scene.get(1, &path).await;
        assert!(matches!(refused.status, 429 | 503), "{path}: {} {}", refused.status, refused.text);
        assert!(refused.retry_after().is_some(), "{path}");
    }
    scene.gate.open();
    let whole = first.await.unwrap();
    assert_eq!((whole.status, whole.json().as_array().map(Vec::len)), (200, Some(9)));
    for (path, lines) in [(linkly(1) + "&format=csv", 10), (dub.to_owned(), 10), (brevr.to_owned(), 10)] {
        let answer = scene.get(1, &path).await;
        assert_eq!((answer.status, answer.text.lines().count()), (200, lines), "{path}: {}", answer.text);
    }
}
