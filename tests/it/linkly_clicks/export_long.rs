//! Files that do not fit into one piece.

use axum::body::Body;
use axum::http::{Method, Response};
use http_body_util::BodyExt as _;

use super::scene::Scene;

/// Clicks of 2026-10-10, many in the same millisecond; every visitor came three times.
const CLICKS: u64 = 150_000;

async fn long(test: &str) -> Scene {
    let scene = Scene::start(test).await;
    let sql = "INSERT INTO events (workspace_id, kind, timestamp, event_id, link_id, visitor, user_agent) \
               SELECT ?, 'click', toDateTime64('2026-10-10 00:00:00', 3, 'UTC') + intDiv(number, 2), 1000000 + number, ?, \
               number % 50000, repeat(hex(cityHash64(number)), 16) FROM numbers(?)";
    let insert = scene.clickhouse.query(sql).bind(scene.workspace.0).bind(scene.links[0].0).bind(CLICKS);
    insert.execute().await.unwrap();
    scene
}

const DAY: &str = "start=2026-10-10&end=2026-10-10";

/// The body, and whether it came to its end.
async fn read(response: Response<Body>) -> (Vec<u8>, bool) {
    assert_eq!(response.status(), 200);
    assert_eq!(
        (response.headers().get("content-length"), &response.headers()["accept-ranges"]),
        (None, &"bytes".parse().unwrap())
    );
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    loop {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().unwrap()),
            Some(Err(_)) => return (bytes, false),
            None => return (bytes, true),
        }
    }
}

#[tokio::test]
async fn long_files_are_whole_and_in_order() {
    let scene = long("linkly_export_long").await;
    for (query, descending, count) in [
        ("", false, CLICKS),
        ("&sort_dir=desc", true, CLICKS),
        ("&unique=true", false, CLICKS / 3),
        ("&unique=true&sort_dir=desc", true, CLICKS / 3),
    ] {
        let (csv, whole) = read(scene.response(&format!("/export?{DAY}&format=csv{query}")).await).await;
        assert!(whole, "{query}");
        let mut ids = Vec::new();
        for row in csv::Reader::from_reader(csv.as_slice()).records() {
            ids.push(scene.app.clicks.parse(&row.unwrap()[0]).unwrap().0);
        }
        if descending {
            ids.reverse();
        }
        assert!(ids.iter().copied().eq(1_000_000..1_000_000 + count), "{query}: {} rows", ids.len());
    }
    // What DuckDB asks of a remote file: its length, then parts.
    let path = format!("/api/v1/workspace/{}/clicks/export?{DAY}&format=csv", scene.workspace.0);
    let (whole, _) = read(scene.response(&format!("/export?{DAY}&format=csv")).await).await;
    let bearer = format!("Bearer {}", scene.key);
    let head = scene.send(Method::HEAD, &path, &[("authorization", &bearer)], "").await;
    assert_eq!((head.status, &head.headers["content-length"]), (200, &whole.len().to_string().parse().unwrap()));
    for (first, last, status) in [
        (0, 99, 206),
        (5_000_000, 10_242_879, 206),
        (whole.len() - 10, whole.len() + 10, 206),
        (whole.len(), whole.len() + 10, 416),
        (0, whole.len() - 1, 200),
    ] {
        let range = format!("bytes={first}-{last}");
        let part = scene.send(Method::GET, &path, &[("authorization", &bearer), ("range", &range)], "").await;
        let expected = &whole[first..whole.len().min(last + 1)];
        assert_eq!((part.status, part.body.as_bytes() == expected), (status, true), "{range}");
        if status == 206 {
            let place = format!("bytes {first}-{}/", first + expected.len() - 1);
            let told = part.headers["content-range"].to_str().unwrap();
            // The length of all is told where it was come to.
            let total = if last >= whole.len() { whole.len().to_string() } else { "*".to_owned() };
            assert_eq!(told, format!("{place}{total}"));
        }
    }
    let (json, whole) = read(scene.response(&format!("/export?{DAY}")).await).await;
    let array: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
    assert_eq!((whole, array.len() as u64), (true, CLICKS));
}

#[tokio::test]
async fn a_file_that_breaks_off_is_seen_to_be_broken() {
    let scene = long("linkly_export_broken").await;
    for format in ["json", "csv", "tsv"] {
        let response = scene.response(&format!("/export?{DAY}&format={format}")).await;
        // The store ends the query while the client has yet to read on.
        let kill = "KILL QUERY WHERE current_database = currentDatabase() AND query LIKE '%leftPad(hex(event_id)%' \
                    AND query NOT LIKE 'KILL%'";
        scene.clickhouse.query(kill).execute().await.unwrap();
        let (bytes, whole) = read(response).await;
        assert!(!whole && !bytes.is_empty(), "{format}: {} bytes", bytes.len());
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_err());
    }
    // All places are free again.
    let held: Vec<_> = (0..4).map(|_| scene.app.exports.take(scene.workspace).unwrap()).collect();
    let refused = scene.ask(&format!("/export?{DAY}")).await;
    assert_eq!((refused.status, &refused.headers["retry-after"]), (429, &"10".parse().unwrap()));
    let body = refused.json();
    assert_eq!((&body["code"], &body["error"]), (&"rate_limit_exceeded".into(), &"rate_limit_exceeded".into()));
    assert_eq!((body["current_usage"].as_u64(), body["limit"].as_u64()), (Some(4), Some(4)), "{body}");
    drop(held);
    // What fails before its first byte is told.
    scene.clickhouse.query("DROP TABLE events SYNC").execute().await.unwrap();
    let failed = scene.ask(&format!("/export?{DAY}&format=csv")).await;
    assert_eq!((failed.status / 100, failed.json()["code"].is_string()), (5, true), "{}", failed.body);
}
