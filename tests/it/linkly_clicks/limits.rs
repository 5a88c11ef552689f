//! How long a range may be, and what clients in the wild send.

use serde_json::Value;

use super::scene::Scene;

fn length(series: &Value) -> usize {
    series["traffic"].as_array().unwrap().len()
}

#[tokio::test]
async fn ranges_have_so_many_days_and_hours() {
    let scene = Scene::start("linkly_clicks_limits").await;
    // 3,660 days, and one more; 366 days of hours, and one more.
    for (query, points) in [
        ("?start=2016-10-27&end=2026-11-03", 3_660),
        ("?frequency=hour&start=2024-01-01&end=2024-12-31", 8_784),
        ("?frequency=hour&start=2024-01-01&end=2024-12-31&timezone=America/New_York", 8_783),
        ("?start=2026-11-02T11:00:00Z&end=2026-11-02T11:00:00Z", 1),
    ] {
        let series = scene.json(query).await;
        // The skipped hour has no point, the repeated one has one.
        assert_eq!(length(&series), points, "{query}");
    }
    for (query, start) in [
        ("?start=2016-10-26&end=2026-11-03", "start: a range has 3660 days at most"),
        ("?frequency=hour&start=2024-01-01&end=2025-01-01", "start: a range by hour has 366 days at most"),
        ("?start=2026-11-03", "start: the start must not be after the end, which is 2026-11-02 where none is given"),
        ("?start=2026-11-02T12:00:01Z&end=2026-11-02T12:00:00Z", "start: the start must not be after the end"),
    ] {
        let refused = scene.ask(query).await;
        let message = refused.json()["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(refused.status, 400, "{query}");
        assert!(message.starts_with(start), "{query}: {message}");
    }
    let zone = scene.ask("?timezone=%2B02:00").await.json();
    assert_eq!(zone, serde_json::json!({"error": "Unknown time zone: +02:00", "code": "bad_request"}));
}

#[tokio::test]
async fn what_clients_send_besides_does_no_harm() {
    let scene = Scene::start("linkly_clicks_wild").await;
    let total = |answer: &Value| answer["total"].as_u64().unwrap();
    let all = scene.json("/counters/browser").await;
    for query in
        ["counter=browser", "counter=shoes&x=1", "start=&end=&country=&bots=&unique=", "workspace_id=1&email=a@b.c"]
    {
        assert_eq!(scene.json(&format!("/counters/browser?{query}")).await, all, "{query}");
    }
    assert_eq!(scene.json("/counters/browser_name").await, all);
    let classes: Vec<u64> = {
        let mut totals = Vec::new();
        for class in ["desktop", "Mobile", "TABLET"] {
            totals.push(total(&scene.json(&format!("/counters/browser?platform={class}")).await));
        }
        totals
    };
    let counted = |class: &str| scene.events.iter().filter(|event| event.agent.device == class).count() as u64;
    assert_eq!(classes, [counted("Desktop"), counted("Mobile"), counted("Tablet")]);
    assert!(classes[0] > 0 && classes[1] > 0);
}

#[tokio::test]
async fn ten_thousand_values_are_shown_and_all_are_counted() {
    let scene = Scene::start("linkly_clicks_values").await;
    let sql = "INSERT INTO events (workspace_id, kind, timestamp, event_id, link_id, visitor, url, params) \
               SELECT ?, 'click', toDateTime64('2026-09-01 00:00:00', 3, 'UTC') + number, 1000000 + number, ?, number, \
               concat('https://example.com/', leftPad(toString(number % 10050), 5, '0')), \
               concat('n=', leftPad(toString(number % 10050), 5, '0'), '&fbclid=', toString(number)) FROM numbers(10060)";
    let insert = scene.clickhouse.query(sql).bind(scene.workspace.0).bind(scene.links[0].0);
    insert.execute().await.unwrap();
    let day = "start=2026-09-01&end=2026-09-01";
    let first = scene.json(&format!("/counters/destination?{day}")).await;
    let values = first["values"].as_array().unwrap();
    assert_eq!((first["total"].as_u64(), values.len()), (Some(10_060), 10_000));
    // Ten come twice; equals by value.
    for (place, number) in [(0, 0), (9, 9), (10, 10), (9_999, 9_999)] {
        assert_eq!(values[place]["value"], format!("https://example.com/{number:05}"));
        assert_eq!(values[place]["count"], if place < 10 { 2 } else { 1 });
    }
    assert_eq!(scene.json(&format!("/counters/destination?{day}")).await, first);
    let params = scene.json(&format!("/counters/top_params?{day}")).await;
    assert_eq!((params["total"].as_u64(), params["values"].as_array().unwrap().len()), (Some(10_060), 10_000));
    let networks = scene.json(&format!("/counters/ad_network?{day}")).await;
    assert_eq!(networks, serde_json::json!({"total": 10_060, "values": [{"value": "Meta", "count": 10_060}]}));
    let unique = scene.json(&format!("/counters/ad_network?{day}&unique=true&format=json")).await;
    assert_eq!(unique, networks);
}
