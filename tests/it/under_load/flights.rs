//! The same query asked by many at once reaches ClickHouse once.

use futures_util::future::join_all;
use linktrail::config::QueriesConfig;
use serde_json::json;

use super::gate::until;
use super::scene::{Metrics, Scene};

const COUNTED: &str = "AS counted";
const SHARED: &str = "queries_shared_total";

#[tokio::test]
async fn one_answer_for_all_who_ask_the_same() {
    let (metrics, recorder) = Metrics::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let scene = Scene::start("under_load_flights", QueriesConfig::default()).await;
    scene.store_clicks(30).await;
    let [path, ..] = scene.tenants[0].questions();
    scene.gate.hold(COUNTED);
    let ours: Vec<_> = (0..10).map(|_| tokio::spawn(scene.get(0, &path))).collect();
    let theirs: Vec<_> = (0..2).map(|_| tokio::spawn(scene.get(1, &path))).collect();
    until("all but two share", || metrics.value(SHARED) == 10.0).await;
    until("both are asked", || scene.gate.asked(COUNTED) == 2).await;
    // Who asked first loses patience.
    let [first, ..] = &ours[..] else { panic!("ten ask") };
    first.abort();
    scene.gate.open();
    let row = |country: &str| json!({"country": country, "region": "*", "city": "*", "clicks": 10, "leads": 0, "sales": 0, "saleAmount": 0});
    let expected = json!([row("DE"), row("FR"), row("US")]);
    let mut answers = join_all(ours).await.into_iter();
    assert!(answers.next().unwrap().is_err(), "cancelled");
    for answer in answers.map(Result::unwrap) {
        assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    }
    for answer in join_all(theirs).await.into_iter().map(Result::unwrap) {
        assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    }
    assert_eq!(scene.gate.asked(COUNTED), 2, "one for each workspace");
    // What was answered is not kept.
    assert_eq!(scene.get(0, &path).await.status, 200);
    assert_eq!((scene.gate.asked(COUNTED), metrics.value(SHARED)), (3, 10.0));
    assert_eq!(metrics.value("queries_running{class=\"query\"}"), 0.0);
}

#[tokio::test]
async fn what_nobody_waits_for_gives_its_place_back() {
    let (metrics, recorder) = Metrics::new();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let queries = QueriesConfig { at_once: Some(1), queue_secs: 600, ..QueriesConfig::default() };
    let scene = Scene::start("under_load_abandoned", queries).await;
    let [path, ..] = scene.tenants[0].questions();
    scene.gate.hold(COUNTED);
    let gone = tokio::spawn(scene.get(0, &path));
    until("it is asked", || scene.gate.asked(COUNTED) == 1).await;
    let next = tokio::spawn(scene.get(1, &path));
    until("another waits", || metrics.value("queries_waiting{class=\"query\"}") == 1.0).await;
    gone.abort();
    until("the other is asked", || scene.gate.asked(COUNTED) == 2).await;
    scene.gate.open();
    assert_eq!(next.await.unwrap().status, 200);
}
