//! `GET /qr`, read back with another implementation of the standard.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use linktrail::api::dub;
use serde_json::Value;
use tower::ServiceExt;

use crate::world;

async fn router(name: &str) -> Router {
    let warehouse = world::warehouse(name).await;
    dub::routes().with_state(world::app(&world::database_url(name).await, &warehouse, 1_790_000_000_000).await)
}

async fn ask(router: &Router, method: Method, path: &str, accept: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).header("accept", accept).body(Body::empty()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

/// The picture's width and what its code says.
fn read(png: &[u8]) -> (usize, String) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let (width, samples) = (frame.width as usize, frame.color_type.samples());
    let grey = |x: usize, y: usize| pixels[y * frame.line_size + x * samples];
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, frame.height as usize, grey);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    (width, codes[0].decode().unwrap().1)
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_can_be_read() {
    let router = router("qr_codes").await;
    let long = format!("https://example.com/{}", "é%20?&#".repeat(150));
    for (text, query, width) in [
        ("https://go.example.com/spring?qr=1", "", 600),
        ("https://go.example.com/spring?qr=1", "&level=H&size=200&margin=4&bgColor=ffe&fgColor=%23100", 200),
        ("mailto:a@example.com", "&level=Q&size=99&includeMargin=true&hideLogo=true", 99),
        (&long, "&size=1000&level=L", 1_000),
    ] {
        let url = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        for path in ["/qr", "/api/qr"] {
            let (status, headers, png) = ask(&router, Method::GET, &format!("{path}?url={url}{query}"), "*/*").await;
            assert_eq!((status.as_u16(), &headers["content-type"]), (200, &"image/png".parse().unwrap()));
            assert_eq!(headers["cache-control"], "public, max-age=86400");
            let expected = linktrail::domain::destination::parse(text).unwrap().url;
            assert_eq!(read(&png), (width, expected), "{text} {query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers() {
    let router = router("qr_answers").await;
    let (status, headers, svg) = ask(&router, Method::GET, "/qr?url=https://a.example", "image/svg+xml").await;
    assert_eq!((status.as_u16(), &headers["content-type"]), (200, &"image/svg+xml".parse().unwrap()));
    assert_eq!(headers["content-security-policy"], "default-src 'none'");
    assert!(svg.starts_with(b"<svg ") && svg.ends_with(b"</svg>\n"));
    let (_, headers, svg) = ask(&router, Method::GET, "/qr?url=https://a.example&format=svg", "image/png").await;
    assert_eq!((&headers["content-type"], svg.is_empty()), (&"image/svg+xml".parse().unwrap(), false));
    let (status, headers, none) = ask(&router, Method::HEAD, "/qr?url=https://a.example", "*/*").await;
    assert_eq!((status.as_u16(), none.len()), (200, 0));
    assert_eq!(headers["access-control-allow-origin"], "*");
    let (status, headers, _) = ask(&router, Method::OPTIONS, "/qr", "*/*").await;
    assert_eq!((status.as_u16(), &headers["access-control-allow-methods"]), (204, &"GET, OPTIONS".parse().unwrap()));
    for (path, message) in [
        ("/qr", "invalid_type: url: Invalid input: expected string, received undefined"),
        ("/qr?url=https://a.example&size=100000", "too_big: size: Max size is 4096 pixels. Given: \"100000\""),
        (
            "/qr?url=https://a.example&size=30&margin=9",
            "too_small: size: Size is too small: the picture needs at least 39 pixels",
        ),
    ] {
        let (status, headers, body) = ask(&router, Method::GET, path, "*/*").await;
        assert_eq!(headers["access-control-allow-origin"], "*", "a page may read why: {path}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status.as_u16(), body["error"]["code"].as_str()), (422, Some("unprocessable_entity")), "{path}");
        assert_eq!(
            (&headers["content-type"], body["error"]["message"].as_str()),
            (&"application/json".parse().unwrap(), Some(message))
        );
    }
}
