//! Methods, paths and sizes that the surface does not know, over real connections to a whole server.

use axum::http::Method;

use linktrail::links::{LinkChange, SlugChoice};

use super::world::{World, assert_enveloped};
use crate::hostile::running::Running;
use crate::wire::{exchange, request};

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_say_which_are_allowed() {
    let world = World::start("dub_errors_methods").await;
    for (method, path, allowed) in [
        (Method::DELETE, "/analytics", "GET,HEAD,POST"),
        (Method::OPTIONS, "/links", "GET,HEAD,POST"),
        (Method::PUT, "/links", "GET,HEAD,POST"),
        (Method::POST, "/links/info", "GET,HEAD"),
        (Method::POST, "/links/count", "GET,HEAD"),
        (Method::GET, "/track/lead", "POST"),
        (Method::OPTIONS, "/track/sale", "POST"),
        (Method::DELETE, "/customers", "GET,HEAD,POST"),
        (Method::from_bytes(b"BREW").unwrap(), "/tags", "GET,HEAD,POST"),
    ] {
        let answer = world.send(method.clone(), path, &world.key, "").await;
        let what = format!("{method} {path}");
        assert_enveloped(&answer, &what);
        assert_eq!((answer.status, answer.code()), (405, "method_not_allowed"), "{what}");
        assert_eq!(answer.message(), format!("The method {method} is not allowed here."), "{what}");
        let mut methods: Vec<&str> = answer.headers["allow"].to_str().unwrap().split(',').collect();
        methods.sort_unstable();
        assert_eq!(methods.join(","), allowed, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_enveloped_where_the_api_is_meant() {
    let running = Running::start("dub_errors_strays").await;
    let address = running.address;
    let missing = "The requested path does not exist.";
    // Below the API's own paths, and under /api, nothing else can be meant.
    for (method, path) in [
        ("GET", "/links/info/more"),
        ("GET", "/analytics/clicks/country/more"),
        ("GET", "/links/x/y/z"),
        ("GET", "/analytics/no/such/thing"),
        ("GET", "/events/no/such/thing"),
        ("POST", "/track/nothing"),
        ("GET", "/domains/x/y/z"),
        ("GET", "/webhooks/x/y"),
        ("DELETE", "/tags/x/y"),
        ("GET", "/api"),
        ("GET", "/api/"),
        ("POST", "/api/partners"),
        ("GET", "/api/%ff"),
    ] {
        for key in [running.ours.key.as_str(), ""] {
            let reply = exchange(address, &request(method, path, key, "", b""), false).await;
            assert!(reply.is_enveloped(), "{method} {path}: {} {}", reply.status, reply.text());
            assert_eq!(
                (reply.status, reply.json()["error"]["message"].as_str()),
                (404, Some(missing)),
                "{method} {path}"
            );
        }
    }
    // Dub's other products, which its clients may ask for with a key.
    for (method, path) in [
        ("GET", "/partners"),
        ("POST", "/partners/links"),
        ("GET", "/commissions"),
        ("PATCH", "/commissions/cm_1"),
        ("GET", "/payouts"),
        ("GET", "/bounties/b_1/submissions"),
        ("GET", "/discount-codes"),
        ("POST", "/tokens/embed/referrals"),
    ] {
        let reply = running.send(method, path, "", b"{}").await;
        assert!(reply.is_enveloped(), "{method} {path}: {} {}", reply.status, reply.text());
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (404, Some("not_found")), "{method} {path}");
    }
    // A visitor sees a page, and a link is a link even to somebody with a key.
    let visitor = exchange(address, &request("GET", "/partners", "", "", b""), false).await;
    assert_eq!((visitor.status, visitor.header("content-type")), (404, "text/html; charset=utf-8"));
    let app = running.app();
    let first = app.catalog.workspaces().await.unwrap().into_iter().map(|workspace| workspace.id).min().unwrap();
    let mut link = LinkChange { slug: SlugChoice::Fixed("there".to_owned()), ..LinkChange::default() };
    link.patch.url = Some("https://example.com/".to_owned());
    app.links.create(first, None, link).await.unwrap();
    let visit = running.get("/there").await;
    assert_eq!(visit.status, 302, "{}", visit.head);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_is_a_get_without_a_body() {
    let running = Running::start("dub_errors_head").await;
    for (path, status) in [
        ("/links", 200),
        ("/links/count", 200),
        ("/analytics", 200),
        ("/events", 200),
        ("/customers", 200),
        ("/links/link_x", 404),
        ("/links?page=0", 422),
        ("/track/lead", 405),
        ("/api/nothing", 404),
    ] {
        let reply = running.send("HEAD", path, "", b"").await;
        assert_eq!((reply.status, reply.body.len()), (status, 0), "{path}: {}", reply.head);
        assert_eq!(reply.header("content-type"), "application/json", "{path}");
        let shown = running.get(path).await;
        let expected = if path == "/track/lead" { 405 } else { status };
        assert_eq!(shown.status, expected, "{path}");
    }
    let unknown = exchange(running.address, &request("HEAD", "/links", "", "", b""), false).await;
    assert_eq!((unknown.status, unknown.body.len()), (401, 0));
    running.stop().await;
}
