//! Visits over real connections, driven byte by byte.

mod agents;
mod apps;
mod clicks;
mod interstitial;
mod leads;
mod limited;
mod linkly;
mod on_the_way;
mod pages;
mod rules;
mod seen;
mod statistics;
mod targets;
mod variants;
mod world;

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use linktrail::domain::hit::{Hit, PlaceHint, Trigger};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::domain::link::RedirectKind;
use linktrail::server::listen::ListenOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
pub use world::http_config;
use world::{Answer, MANY, NOW_MS, World, options, read_head};

const KEPT_ALIVE: &[u8] = b"GET /sale HTTP/1.1\r\nHost: go.example\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_sent_on_and_kept() {
    let world = World::start().await;
    let long_referrer = format!("Referer: https://r.example/{}\r\n", "é".repeat(2_000));
    let answer = world
        .visit(
            "GET",
            "/SALE?qr=1&utm_source=mail",
            &format!(
                "User-Agent: Firefox\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nCF-IPCountry: FR\r\n{long_referrer}"
            ),
        )
        .await;
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.header("location"), Some("https://example.com/sale"));
    assert_eq!(answer.header("cache-control"), Some("private, max-age=0, must-revalidate"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    assert_eq!(answer.header("content-length"), Some("0"));
    assert_eq!(answer.header("referrer-policy"), None);
    let hits = world.hits();
    let referrer = hits[0].referrer.clone();
    assert!(referrer.starts_with("https://r.example/é") && referrer.len() <= 2_048);
    assert_eq!(
        hits,
        [Hit {
            at_ms: NOW_MS,
            workspace: WorkspaceId(2),
            link: LinkId(7),
            address: "203.0.113.9".parse().unwrap(),
            user_agent: "Firefox".to_owned(),
            referrer,
            url: "https://example.com/sale?utm_source=mail".to_owned(),
            trigger: Trigger::Qr,
            place: Some(PlaceHint { country: "FR".to_owned(), ..PlaceHint::default() }),
            repeat_window_secs: 60,
            params: "qr=1&utm_source=mail".to_owned(),
            ..Hit::default()
        }]
    );
    world.store.put("all", |fields| {
        fields.redirect = RedirectKind::Permanent;
        fields.hide_referrer = true;
        fields.index = true;
        fields.forward_parameters = true;
    });
    let answer = world.visit("GET", "/all?a=1", "").await;
    assert_eq!(answer.status(), 301);
    assert_eq!(answer.header("location"), Some("https://example.com/all?a=1"));
    assert_eq!(answer.header("cache-control"), Some("private, max-age=0, must-revalidate"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("x-robots-tag"), None);
    assert_eq!(world.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unwanted_visitors_are_sent_on_and_not_kept() {
    let world = World::start().await;
    world.store.put("private/x", |_| {});
    world.store.set("private/x", |settings| settings.exclude.paths = vec!["/private/*".to_owned()]);
    world.store.put("hosted", |_| {});
    world.store.set("hosted", |settings| settings.exclude.hosts = vec!["go.example".to_owned()]);
    world.store.put("polite", |_| {});
    world.store.set("polite", |settings| settings.honor_do_not_track = true);
    world.store.put("choosy", |_| {});
    world.store.set("choosy", |settings| {
        settings.exclude.addresses = vec!["203.0.113.0/24".parse().unwrap()];
        settings.exclude.countries = vec!["DE".to_owned()];
    });
    for (path, headers, kept) in [
        ("/private/x", "", false),
        ("/hosted", "", false),
        ("/polite", "DNT: 1\r\n", false),
        ("/polite", "Sec-GPC: 1\r\n", false),
        ("/polite", "DNT: 0\r\n", true),
        ("/polite", "", true),
        ("/sale", "DNT: 1\r\nSec-GPC: 1\r\n", true),
        ("/choosy", "X-Forwarded-For: 203.0.113.9\r\n", false),
        ("/choosy", "CF-IPCountry: DE\r\n", false),
        ("/choosy", "X-Forwarded-For: 198.51.100.1\r\nCF-IPCountry: FR\r\n", true),
    ] {
        let answer = world.visit("GET", path, headers).await;
        assert_eq!(answer.status(), 302, "{path} {headers}");
        assert_eq!(answer.header("location"), Some(&*format!("https://example.com{path}")), "{path} {headers}");
        assert_eq!(world.hits().len(), usize::from(kept), "{path} {headers}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_click() {
    let world = World::start().await;
    world.store.put("off", |fields| fields.disabled_at_ms = Some(1));
    world.store.put("later", |fields| fields.starts_at_ms = Some(NOW_MS + 1));
    world.store.put("over", |fields| fields.expires_at_ms = Some(NOW_MS));
    world.store.put("moved", |fields| {
        fields.expires_at_ms = Some(NOW_MS);
        fields.expired_url = Some("https://example.org/".to_owned());
    });
    world.store.put("people", |fields| fields.block_bots = true);
    world.store.put("locked", |fields| fields.password_hash = Some("$argon2id$x".to_owned()));
    for (method, path, headers, status) in [
        ("HEAD", "/sale", "", 302),
        ("OPTIONS", "/sale", "", 204),
        ("POST", "/sale", "Content-Length: 0\r\n", 405),
        ("DELETE", "/none", "", 405),
        ("GET", "/sale", "Sec-Purpose: prefetch;prerender\r\n", 302),
        ("GET", "/sale", "Purpose: prefetch\r\n", 302),
        ("GET", "/sale", "X-Moz: prefetch\r\n", 302),
        ("GET", "/sale", "dub-no-track: 1\r\n", 302),
        ("GET", "/sale?dub-no-track=1", "", 302),
        ("GET", "/none", "", 404),
        ("HEAD", "/none", "", 404),
        ("GET", "/off", "", 404),
        ("GET", "/later", "", 404),
        ("GET", "/locked", "", 200),
        ("GET", "/over", "", 410),
        ("GET", "/moved", "", 302),
        ("GET", "/people", "User-Agent: some bot\r\n", 404),
    ] {
        let answer = world.visit(method, path, headers).await;
        assert_eq!(answer.status(), status, "{method} {path} {headers}");
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
        if method == "HEAD" {
            assert_eq!(answer.body(), "");
        }
    }
    assert_eq!(world.visit("GET", "/moved", "").await.header("location"), Some("https://example.org/"));
    assert_eq!(world.hits(), []);
    let nothing = world.visit("GET", "/none", "").await;
    assert_eq!(nothing.header("content-type"), Some("text/html; charset=utf-8"));
    for path in ["/off", "/later"] {
        let date = |answer: &Answer| answer.header("date").unwrap_or_default().to_owned();
        let answer = world.visit("GET", path, "").await;
        assert_eq!(answer.0.replace(&date(&answer), ""), nothing.0.replace(&date(&nothing), ""), "{path}");
    }
    assert_eq!(world.visit("GET", "/people", &agents::agent(agents::WINDOWS)).await.status(), 302);
    assert_eq!(world.hits().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_headers_of_strangers_are_ignored() {
    let http = http_config(&["--trusted-proxies", "192.0.2.0/24", "--geo-headers", "cloudflare"]);
    let world = World::start_with(options(), &http).await;
    let forged = "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nCF-IPCountry: FR\r\n";
    assert_eq!(world.visit("GET", "/sale", forged).await.status(), 302);
    let hits = world.hits();
    assert_eq!((hits[0].address, &hits[0].place), ("127.0.0.1".parse().unwrap(), &None));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_reach_the_api_first() {
    let world = World::start().await;
    let ask = async |host: &str, path: &str| {
        world.exchange(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
    };
    assert_eq!(ask("localhost", "/api").await.body(), "the api");
    assert_eq!(ask("localhost", "/sale").await.status(), 302);
    assert_eq!(ask("go.example", "/api").await.status(), 404);
    assert_eq!(ask("WWW.GO.EXAMPLE.:8080", "/sale").await.status(), 302);
    assert_eq!(ask("localhost", "http://go.example/api").await.status(), 404);
    let old = world.exchange("GET /sale HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.status(), 302);
    let addresses: Vec<_> = world.hits().iter().map(|hit| hit.address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_4xx_and_the_server_goes_on() {
    let world = World::start().await;
    for path in
        ["/%FF", "/%00", "/a%00b", "/%", "/%zz", "/%0d%0aSet-Cookie:x", "/');DROP%20TABLE%20links", "//evil.example"]
    {
        assert_eq!(world.visit("GET", path, "").await.status(), 404, "{path}");
    }
    assert_eq!(world.visit("GET", &format!("/{}", "x".repeat(191)), "").await.status(), 404);
    let head = |line: &[u8]| [line, b" HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n\r\n"].concat();
    for line in [&b"GET /\xff\xfe"[..], b"GET /a\0b", b"GET", b"\0\0\0\0", b"GET /a b c"] {
        let status = world.exchange(head(line)).await.status();
        assert!((400..500).contains(&status), "{status} for {line:?}");
    }
    let large = format!("X-Large: {}\r\n", "x".repeat(1 << 20));
    assert_eq!(world.visit("GET", "/sale", &large).await.status(), 431);
    assert_eq!(world.visit("GET", "/sale", &"X-Many: 1\r\n".repeat(500)).await.status(), 431);
    assert_eq!(world.visit("GET", &format!("/sale?{}", "x".repeat(70_000)), "").await.status(), 414);
    assert_eq!(world.visit("GET", &format!("/sale?{}", "x".repeat(10 << 20)), "").await.status(), 431);
    assert_eq!(world.hits(), []);
    assert_eq!(world.visit("GET", &format!("/sale?{}", "a&".repeat(30_000)), "").await.status(), 302);
    assert_eq!(world.hits().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let world = World::start().await;
    let body = "x".repeat(4 << 20);
    let head = format!("POST /refuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut client = world.connect().await;
    // Most clients read only once they have sent everything.
    client.write_all((head + &body).as_bytes()).await.unwrap();
    assert_eq!(read_head(&mut client).await.unwrap().status(), 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_headers_and_bodies_are_cut_off() {
    let http = http_config(&[]);
    let world =
        World::start_with(ListenOptions { header_timeout: Duration::from_millis(200), ..options() }, &http).await;
    // Nothing at all, half a head, and a head that never ends: each is closed without an answer.
    let mut silent = world.connect().await;
    let mut half = world.connect().await;
    half.write_all(b"GET /sale HTTP/1.1\r\nHost:").await.unwrap();
    let (mut read, mut write) = world.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        while write.write_all(b"X").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut bytes = Vec::new();
    silent.read_to_end(&mut bytes).await.unwrap();
    half.read_to_end(&mut bytes).await.unwrap();
    // A reset ends it as well as a close.
    let _ = read.read_to_end(&mut bytes).await;
    dripping.await.unwrap();
    assert_eq!(bytes, b"");

    let mut slow = world.connect().await;
    slow.write_all(b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab").await.unwrap();
    slow.read_to_end(&mut bytes).await.unwrap();
    let answer = Answer(String::from_utf8(bytes).unwrap());
    assert_eq!((answer.status(), answer.header("connection")), (408, Some("close")));
    let quick = b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde";
    assert_eq!(world.exchange(quick).await.body(), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_waits_for_its_click() {
    let world = World::start().await;
    world.keeper.passes.forget_permits(MANY);
    let mut visitor = world.connect().await;
    visitor.write_all(KEPT_ALIVE).await.unwrap();
    while world.keeper.hits.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let early = visitor.try_read(&mut byte);
    assert_eq!(early.map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
    world.keeper.passes.add_permits(1);
    assert_eq!(read_head(&mut visitor).await.unwrap().status(), 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_cannot_be_kept_is_sent_on() {
    let world = World::start().await;
    world.keeper.refuses.store(true, Ordering::SeqCst);
    assert_eq!(world.visit("GET", "/sale", "").await.status(), 302);
    assert_eq!(world.hits(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_links_outlive_the_store() {
    let world = World::start().await;
    assert_eq!(world.visit("GET", "/sale", "").await.status(), 302);
    world.store.is_down.store(true, Ordering::SeqCst);
    assert_eq!(world.visit("GET", "/sale", "").await.status(), 302);
    let unknown = world.visit("GET", "/other", "").await;
    assert_eq!((unknown.status(), unknown.header("retry-after")), (503, Some("5")));
    world.store.is_down.store(false, Ordering::SeqCst);
    assert_eq!(world.visit("GET", "/other", "").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait() {
    let world = World::start_with(ListenOptions { max_connections: 1, ..options() }, &http_config(&[])).await;
    let mut first = world.connect().await;
    first.write_all(KEPT_ALIVE).await.unwrap();
    assert_eq!(read_head(&mut first).await.unwrap().status(), 302);
    let mut second = world.connect().await;
    second.write_all(KEPT_ALIVE).await.unwrap();
    first.write_all(KEPT_ALIVE).await.unwrap();
    assert_eq!(read_head(&mut first).await.unwrap().status(), 302);
    assert_eq!(world.hits().len(), 2, "the second is not served yet");
    drop(first);
    assert_eq!(read_head(&mut second).await.unwrap().status(), 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_finishes_what_was_begun() {
    const VISITORS: usize = 50;
    let world = World::start().await;
    let mut idle = world.connect().await;
    idle.write_all(KEPT_ALIVE).await.unwrap();
    read_head(&mut idle).await.unwrap();
    let mut fresh = world.connect().await;
    world.keeper.passes.forget_permits(MANY);
    world.hits();
    let mut visitors = Vec::new();
    for _ in 0..VISITORS {
        let mut visitor = world.connect().await;
        visitor.write_all(KEPT_ALIVE).await.unwrap();
        visitors.push(visitor);
    }
    while world.keeper.hits.lock().unwrap().len() < VISITORS {
        tokio::task::yield_now().await;
    }
    world.stop.cancel();
    // The port closes, and idle connections end, while the visits are still under way.
    while TcpStream::connect(world.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).await.unwrap();
    fresh.read_to_end(&mut nothing).await.unwrap();
    assert_eq!(nothing, b"");
    assert!(!world.serving.is_finished());
    world.keeper.passes.add_permits(VISITORS);
    for visitor in &mut visitors {
        let answer = read_head(visitor).await.unwrap();
        assert_eq!((answer.status(), answer.header("connection")), (302, Some("close")));
    }
    assert_eq!(world.serving.await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cuts_off_what_does_not_end() {
    let world =
        World::start_with(ListenOptions { grace: Duration::from_millis(50), ..options() }, &http_config(&[])).await;
    world.keeper.passes.forget_permits(MANY);
    let mut visitor = world.connect().await;
    visitor.write_all(KEPT_ALIVE).await.unwrap();
    while world.keeper.hits.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.end().await, 1);
}
