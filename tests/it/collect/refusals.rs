//! What makes no sense is refused with everything that is wrong with it, and nothing breaks.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::Scene;

#[tokio::test]
async fn what_is_wrong_is_named() {
    let scene = Scene::start("collect_refusals").await;
    let text = |length: usize| "é".repeat(length);
    let table: Vec<(Value, &str)> = vec![
        (json!({"unknown": 1, "also": 2}), "Unrecognized key(s) in object: \\\"also\\\", \\\"unknown\\\""),
        (json!({"type": "click"}), "type"),
        (json!({"type": null}), "type"),
        (json!({"type": "pixel"}), "type"),
        (json!({"site_id": "x"}), "site_id"),
        (json!({"site_id": -1}), "site_id"),
        (json!({"site_id": 1.5}), "site_id"),
        (json!({"site_id": null}), "site_id"),
        (json!({"type": "custom_event"}), "event_name"),
        (json!({"type": "custom_event", "event_name": ""}), "event_name"),
        (json!({"type": "custom_event", "event_name": text(257)}), "event_name"),
        (json!({"type": "identify"}), "user_id"),
        (json!({"hostname": "https://shop.example"}), "hostname"),
        (json!({"hostname": "a".repeat(254)}), "hostname"),
        (json!({"pathname": text(2_049)}), "pathname"),
        (json!({"querystring": text(2_049)}), "querystring"),
        (json!({"page_title": text(513)}), "page_title"),
        (json!({"referrer": text(2_049)}), "referrer"),
        (json!({"language": text(36)}), "language"),
        (json!({"screenWidth": "wide"}), "screenWidth"),
        (json!({"screenHeight": 65_536}), "screenHeight"),
        (json!({"screenHeight": -1}), "screenHeight"),
        (json!({"user_id": text(256)}), "user_id"),
        (json!({"user_id": 7}), "user_id"),
        (json!({"visitor_id": text(256)}), "visitor_id"),
        (json!({"properties": text(2_049)}), "properties"),
        (json!({"properties": "{broken"}), "properties"),
        (json!({"properties": "[1]"}), "properties"),
        (json!({"properties": 1}), "properties"),
        (json!({"properties": {"a": text(2_049)}}), "properties"),
        (json!({"properties": "{\"a\": \"\\u0000\"}"}), "NUL"),
        (json!({"type": "error", "properties": json!({"a": text(4_097)}).to_string()}), "properties"),
        (json!({"lcp": 1}), "Unrecognized"),
        (json!({"type": "performance", "lcp": "1"}), "lcp"),
        (json!({"page_title": "a\u{0}b"}), "NUL"),
        (json!({"ip_address": "256.1.1.1"}), "ip_address"),
        (json!({"user_agent": text(513)}), "user_agent"),
        (json!({"event_id": text(256)}), "event_id"),
        (json!({"age_ms": -5}), "age_ms"),
        (json!({"timestamp": "soon"}), "timestamp"),
        (json!({"timestamp": 1, "age_ms": 1}), "not both"),
        (json!({"duration_ms": "1"}), "duration_ms"),
    ];
    for (more, word) in &table {
        let answer = scene.track(&[], &scene.view(more.clone())).await;
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["success"], &body["error"]),
            (400, &json!(false), &json!("Invalid payload")),
            "{more}"
        );
        assert!(body["details"].to_string().contains(word), "{word}: {body}");
        assert!(answer.body.len() < 2_000, "{body}");
    }
    let many = scene.track(&[], &json!({"type": "custom_event", "pathname": 1, "strange": 1})).await.json();
    let details = &many["details"];
    for field in ["site_id", "event_name", "pathname"] {
        assert!(details["fieldErrors"][field].is_array(), "{details}");
    }
    assert_eq!(details["formErrors"].as_array().unwrap().len(), 1);
    for site in [json!(999), json!("999"), json!(u64::MAX)] {
        let answer = scene.track(&[], &scene.view(json!({ "site_id": site }))).await;
        assert_eq!((answer.status, answer.json()), (404, json!({"success": false, "error": "Site not found"})));
    }
    assert_eq!(scene.stored().await.len(), 0);
}

#[tokio::test]
async fn hostile_bodies_get_a_clear_no() {
    let scene = Scene::start("collect_hostile").await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_props = scene.view(json!({ "properties": format!("{{\"a\":{}1{}}}", "[".repeat(900), "]".repeat(900)) }));
    let wide: String = (0..20_000).map(|number| format!("\"k{number}\":1,")).collect();
    let bodies: Vec<(u16, Vec<u8>)> = vec![
        (400, b"".to_vec()),
        (400, b"{".to_vec()),
        (400, b"null".to_vec()),
        (400, b"\xff\xfe".to_vec()),
        (400, b"{\"site_id\": 1, \"type\": \"pageview\", \"page_title\": \"\xff\"}".to_vec()),
        (400, b"{\"site_id\": 1e999}".to_vec()),
        (400, b"{\"page_title\": \"\\ud800\"}".to_vec()),
        (400, deep.into_bytes()),
        (400, deep_props.to_string().into_bytes()),
        (413, format!("{{{wide}\"a\":1}}").into_bytes()),
        (400, format!("{{{}\"a\":1}}", wide[..90_000].rsplit_once("\"k").unwrap().0).into_bytes()),
        (413, vec![b' '; 100_001]),
        (400, format!("[{}1]", "1,".repeat(499)).into_bytes()),
    ];
    for (status, body) in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = scene.ask(Method::POST, "/api/track", &[("content-type", "application/json")], body).await;
        assert_eq!(answer.status, status, "{shown}");
        assert_eq!(answer.json()["success"], false, "{shown}");
    }
    for (method, path) in [
        (Method::GET, "/api/track"),
        (Method::DELETE, "/api/identify"),
        (Method::POST, "/script.js"),
        (Method::PUT, "/p.gif"),
    ] {
        let answer = scene.ask(method, path, &[], "").await;
        assert_eq!((answer.status, answer.json()["success"].as_bool()), (405, Some(false)), "{path}");
        assert!(!answer.header("allow").is_empty());
    }
    // Others' paths stay theirs.
    let answer = scene.ask(Method::GET, "/api/nothing", &[], "").await;
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (404, Some("not_found")));
    assert_eq!(scene.track(&[], &scene.view(json!({}))).await.json(), json!({"success": true}));
    assert_eq!(scene.stored().await.len(), 1);
}

#[tokio::test]
async fn when_the_disk_does_not_take_it_nothing_is_acknowledged() {
    let scene = Scene::start("collect_full").await;
    scene.app.ingest.spool().close();
    for body in [scene.view(json!({})), json!([scene.view(json!({})), 1])] {
        let answer = scene.track(&[("origin", "https://shop.example")], &body).await;
        assert_eq!((answer.status, answer.json()["success"].as_bool()), (503, Some(false)));
        assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
    }
    let answer = scene.ask(Method::GET, &format!("/p.gif?site={}", scene.ours.site.0), &[], "").await;
    assert_eq!((answer.status, answer.header("content-type")), (503, "image/gif"));
    // What is not wanted is not recorded anyway.
    assert_eq!(scene.track(&[], &scene.view(json!({"hostname": "evil.example"}))).await.status, 200);
}
