//! One kind of events, their order, and money.

use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn kinds_that_are_not_asked_for_are_zero() {
    let scene = Scene::start("dub_analytics_kinds").await;
    for (event, count, countries) in [
        ("clicks", "4,0,0,0", vec!["US,*,*,3,0,0,0", "FR,*,*,1,0,0,0"]),
        ("leads", "0,3,0,0", vec!["DE,*,*,0,2,0,0", "US,*,*,0,1,0,0"]),
        // By what was paid, not by how often.
        ("sales", "0,0,3,1500", vec!["US,*,*,0,0,1,1000", "FR,*,*,0,0,1,500", "DE,*,*,0,0,1,0"]),
    ] {
        assert_eq!(scene.rows(&format!("event={event}")).await, [count], "{event}");
        assert_eq!(scene.rows(&format!("event={event}&groupBy=countries")).await, countries, "{event}");
    }
    // Clicks have no event names: unknown of all of them, which is told only where it is asked for.
    assert_eq!(scene.rows("event=clicks&groupBy=event_names").await, [""; 0]);
    assert_eq!(scene.rows("event=clicks&groupBy=event_names&includeUnknown=true").await, ["(not set),4,0,0,0"]);
}

#[tokio::test]
async fn series_hold_every_kind_in_every_bucket() {
    let scene = Scene::start("dub_analytics_series").await;
    let rows = scene.rows("event=composite&groupBy=timeseries&interval=today&timezone=Europe/Paris").await;
    assert_eq!(rows.len(), 24);
    let with_events: Vec<&String> = rows.iter().filter(|row| !row.ends_with(",0,0,0,0")).collect();
    assert_eq!(
        with_events,
        [
            "2026-03-10T14:00:00.000+0100,3,1,0,0",
            "2026-03-10T15:00:00.000+0100,1,1,1,0",
            "2026-03-10T16:00:00.000+0100,0,1,2,1500",
        ]
        .iter()
        .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn currencies_are_never_added_up() {
    let scene = Scene::start("dub_analytics_money").await;
    for (query, currency, amount) in [
        ("event=sales", "usd", 1_500),
        ("event=composite", "usd", 1_500),
        ("event=sales&currency=eur", "eur", 9_900),
        ("event=sales&country=DE", "eur", 9_900),
        ("event=sales&eventName=Purchase", "usd", 1_500),
        ("event=sales&country=JP", "", 0),
        ("event=leads", "", 0),
    ] {
        let (status, said, body) = scene.ask(&format!("/analytics?{query}")).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, said.as_str(), &body["saleAmount"]), (200, currency, &json!(amount)), "{query}");
    }
}

#[tokio::test]
async fn every_currency_has_its_own_sum() {
    let scene = Scene::start("dub_analytics_currencies").await;
    // The most sales first: amounts of different currencies are not compared.
    for query in ["event=sales", "event=sales&unique=true&country=FR,DE,US", "event=sales&includeUnknown=true"] {
        let rows = scene.rows(&format!("{query}&groupBy=currencies")).await;
        let unique = query.contains("unique");
        let expected = if unique { ["eur,0,0,1,9900", "usd,0,0,1,1000"] } else { ["usd,0,0,2,1500", "eur,0,0,1,9900"] };
        assert_eq!(rows, expected, "{query}");
        let (status, said, _) = scene.ask(&format!("/analytics?{query}&groupBy=currencies")).await;
        assert_eq!((status, said.as_str()), (200, ""), "{query}: no one currency is that of all rows");
    }
    assert_eq!(scene.rows("event=sales&groupBy=currencies&currency=eur").await, ["eur,0,0,1,9900"]);
}

#[tokio::test]
async fn uniques_are_told_of_each_kind() {
    let scene = Scene::start("dub_analytics_uniques").await;
    // One visitor's two leads on a link are one; of two sales the first counts, with what was paid for it.
    assert_eq!(scene.rows("event=composite&unique=true").await, ["4,2,2,9900"]);
    assert_eq!(scene.rows("event=composite&unique=true&currency=usd").await, ["4,2,1,1000"]);
}
