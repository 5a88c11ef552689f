//! What readers of remote files ask: lengths, parts, and whether anything has changed.

use axum::http::Method;

use super::scene::{Answer, Scene};

const PATHS: [&str; 5] = [
    "?start=2026-10-01",
    "?start=2026-10-01&frequency=hour&end=2026-10-05",
    "/counters/country?",
    "?pivot=link_id&start=2026-10-31",
    "/export?end=2026-11-02&bots=only&country=FR",
];

async fn ask(scene: &Scene, method: Method, rest: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {}", scene.key);
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    let path = format!("/api/v1/workspace/{}/clicks{rest}", scene.workspace.0);
    scene.send(method, &path, &headers, "").await
}

#[tokio::test]
async fn parts_make_up_the_whole() {
    let scene = Scene::start("linkly_clicks_parts").await;
    for path in PATHS {
        for format in ["csv", "tsv", "json"] {
            let rest = format!("{path}&format={format}");
            let whole = ask(&scene, Method::GET, &rest, &[]).await;
            let length = whole.body.len();
            assert!(length > 20, "{rest}: {}", whole.body);
            let head = ask(&scene, Method::HEAD, &rest, &[]).await;
            assert_eq!((head.status, head.body.as_str()), (200, ""), "{rest}");
            for name in ["content-type", "accept-ranges", "etag", "cache-control"] {
                assert_eq!(head.headers[name], whole.headers[name], "{rest} {name}");
            }
            assert_eq!(head.headers["content-length"], length.to_string().as_str(), "{rest}");
            assert_eq!(whole.headers["accept-ranges"], "bytes");

            for (range, first, end) in [
                (format!("bytes=0-{}", length - 1), 0, length),
                ("bytes=0-1048575".to_owned(), 0, length),
                ("bytes=0-9".to_owned(), 0, 10),
                (format!("bytes=10-{}", length + 5), 10, length),
                ("bytes=-7".to_owned(), length - 7, length),
                ("bytes=5-".to_owned(), 5, length),
            ] {
                let part = ask(&scene, Method::GET, &rest, &[("range", &range), ("accept-encoding", "gzip")]).await;
                assert_eq!((part.status, part.body.as_str()), (206, &whole.body[first..end]), "{rest} {range}");
                let place = format!("bytes {first}-{}/{length}", end - 1);
                assert_eq!(part.headers["content-range"], place.as_str());
                assert_eq!(part.headers["content-length"], (end - first).to_string().as_str());
            }
            let beyond = ask(&scene, Method::GET, &rest, &[("range", &format!("bytes={length}-"))]).await;
            assert_eq!((beyond.status, beyond.body.as_str()), (416, ""), "{rest}");
            assert_eq!(beyond.headers["content-range"], format!("bytes */{length}").as_str());
            // What is not understood is left aside.
            for headers in [[("range", "bytes=0-1,4-5"), ("x", "")], [("range", "bytes=0-1"), ("if-range", "\"x\"")]] {
                assert_eq!(ask(&scene, Method::GET, &rest, &headers).await.body, whole.body, "{rest} {headers:?}");
            }

            let tag = whole.headers["etag"].to_str().unwrap();
            let same = ask(&scene, Method::GET, &rest, &[("if-none-match", tag)]).await;
            assert_eq!((same.status, same.body.as_str()), (304, ""), "{rest}");
            assert_eq!(same.headers["etag"], tag);
            let other = ask(&scene, Method::GET, &rest, &[("if-none-match", "\"x\"")]).await;
            assert_eq!((other.status, &other.body), (200, &whole.body));
        }
    }
    // Refusals have no parts.
    let refused = ask(&scene, Method::GET, "?format=xml", &[("range", "bytes=0-1")]).await;
    assert_eq!((refused.status, refused.headers.get("etag")), (400, None));
}
