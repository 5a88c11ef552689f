//! What browsers look at: who may read an answer, and the script.

use axum::http::Method;
use serde_json::json;

use super::world::Scene;

const OWN: &str = "https://www.shop.example:8443";
const THEIRS: &str = "https://other.example";
const NOBODYS: &str = "https://evil.example";

#[tokio::test]
async fn only_pages_of_the_site_may_read_answers() {
    let scene = Scene::start("collect_cors").await;
    for path in ["/api/track", "/api/identify"] {
        for (origin, known) in [(OWN, true), (THEIRS, true), (NOBODYS, false), ("null", false), ("file://", false)] {
            let asks = [("origin", origin), ("access-control-request-method", "POST")];
            let answer = scene.ask(Method::OPTIONS, path, &asks, "").await;
            let expected = if known { origin } else { "" };
            assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, expected), "{path}");
            assert_eq!(answer.header("access-control-allow-headers").contains("Content-Type"), known);
            assert!(answer.headers.get_all("vary").iter().any(|value| value == "Origin"));
        }
    }
    // Once it is known which site it is about, only that one's pages.
    for (origin, status, shared, body) in [
        (OWN, 200, true, scene.view(json!({}))),
        (OWN, 400, true, scene.view(json!({"strange": 1}))),
        (OWN, 200, true, json!([scene.view(json!({}))])),
        (OWN, 404, true, scene.view(json!({"site_id": 999}))),
        (THEIRS, 200, false, scene.view(json!({}))),
        (NOBODYS, 200, false, scene.view(json!({}))),
        (NOBODYS, 400, false, json!(1)),
    ] {
        let answer = scene.track(&[("origin", origin), ("content-type", "application/json")], &body).await;
        let expected = if shared { origin } else { "" };
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (status, expected),
            "{origin} {body}"
        );
        assert!(answer.headers.get_all("vary").iter().any(|value| value == "Origin"));
    }
    assert_eq!((scene.dropped("foreign_host"), scene.stored().await.len()), (2, 2));
}

#[tokio::test]
async fn the_script_is_small_and_kept_by_caches() {
    let scene = Scene::start("collect_script").await;
    let packed = scene.ask(Method::GET, "/script.js", &[("accept-encoding", "gzip")], "").await;
    assert_eq!((packed.status, packed.header("content-encoding")), (200, "gzip"));
    assert!(packed.body.len() < 3_000, "{} bytes", packed.body.len());
    let plain = scene.ask(Method::GET, "/script.js", &[], "").await;
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert!(plain.header("cache-control").contains("max-age=") && plain.body.starts_with(b"(function"));
    let tag = plain.header("etag").to_owned();
    for (known, status) in [(tag.as_str(), 304), ("*", 304), (&tag[2..], 304), ("W/\"other\"", 200)] {
        let answer = scene.ask(Method::GET, "/script.js", &[("if-none-match", known)], "").await;
        assert_eq!((answer.status, answer.header("etag")), (status, tag.as_str()), "{known}");
        assert_eq!(answer.body.is_empty(), status == 304);
    }
}
