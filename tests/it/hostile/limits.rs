//! Too much, too little, and not what was announced.

use linktrail::domain::click_id::EventId;
use linktrail::domain::id::LinkId;

use super::running::{EVENTS, Running, SECRET};
use crate::wire::{exchange, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_requests_are_answered_or_refused() {
    let running = Running::start("hostile_large").await;
    // The most values that a filter takes, and as many ids as an address has room for.
    let many: Vec<String> = (0..9_999).map(|number| format!("x{number}")).collect();
    assert_eq!(running.count(&format!("city={},ours", many.join(","))).await, EVENTS);
    assert_eq!(running.count(&format!("city=-{},ours", many.join(","))).await, 0);
    assert_eq!(running.count(&format!("tenantId=-{},ours", many.join(","))).await, EVENTS);
    let mut ids: Vec<String> = (1_000_000..1_003_300).map(|number| LinkId(number).to_string()).collect();
    assert_eq!(running.count(&format!("linkId=-{}", ids.join(","))).await, EVENTS);
    ids.push(running.theirs.link.to_string());
    assert_eq!(running.count(&format!("linkId={}", ids.join(","))).await, 0);
    ids.push(running.ours.link.to_string());
    assert_eq!(running.count(&format!("linkId={}", ids.join(","))).await, EVENTS);

    let nested = format!("%5B{}", "%7B%22a%22%3A".repeat(4_000));
    for (target, statuses) in [
        // Beyond an address's room nothing of ours is asked.
        (format!("/analytics?city={}", "x".repeat(10 << 20)), &[414, 431][..]),
        (format!("/{}", "x".repeat(10 << 20)), &[414, 431]),
        (format!("/analytics?{}", "a=1&".repeat(100_000)), &[414, 431]),
        (format!("/analytics?city={}", "x,".repeat(100_000)), &[414, 431]),
        (format!("/analytics?{}", "a=1&".repeat(16_000)), &[422]),
        (format!("/analytics?{}", "&".repeat(60_000)), &[200]),
        (format!("/analytics?{}", "=".repeat(60_000)), &[200]),
        (format!("/analytics?city={}", "x".repeat(60_000)), &[422]),
        (format!("/analytics?city={}", "%41".repeat(4_096)), &[200]),
        (format!("/analytics?{}=1", "x".repeat(60_000)), &[200]),
        (format!("/analytics?query={nested}"), &[422]),
        (format!("/analytics?city={nested}"), &[422]),
        (format!("/events?page={}", "9".repeat(60_000)), &[422]),
        (format!("/events?startingAfter={}", "z".repeat(60_000)), &[422]),
        (format!("/analytics?interval={}", "d".repeat(60_000)), &[422]),
        (format!("/analytics?timezone={}", "A/".repeat(30_000)), &[422]),
        (format!("/analytics?start={}", "2026-".repeat(10_000)), &[422]),
        (format!("/links?search={}", "%25".repeat(20_000)), &[200, 422]),
        (format!("/links?tagNames={}", "x,".repeat(30_000)), &[200, 422]),
        (format!("/links/{}", "x".repeat(60_000)), &[404]),
        (format!("/links/ext_{}", "%F0%9F%98%80".repeat(5_000)), &[404]),
        (format!("/{}", "x".repeat(60_000)), &[404]),
        (format!("/{}", "%E2%80%AE".repeat(6_000)), &[404]),
        ("/".repeat(60_000), &[404]),
    ] {
        let reply = running.get(&target).await;
        assert!(statuses.contains(&reply.status), "{target:.60}: {} {:.300}", reply.status, reply.text());
        assert!(reply.body.len() < 5_000, "{target:.60}: a refusal repeats only the beginning");
        let is_api = ["/analytics", "/events", "/links"].iter().any(|path| target.starts_with(path));
        if is_api && matches!(reply.status, 404 | 422) {
            assert!(reply.is_enveloped(), "{target:.60}: {:.300}", reply.text());
        }
    }

    for headers in [
        format!("X-Large: {}\r\n", "x".repeat(1 << 20)),
        "X-Many: 1\r\n".repeat(100_000),
        format!("Cookie: {}\r\n", "a=1; ".repeat(200_000)),
    ] {
        let reply = running.send("GET", "/analytics", &headers, b"").await;
        assert_eq!((reply.status, reply.body.len()), (431, 0), "{headers:.20}");
    }
    for headers in [
        format!("Accept: {}\r\n", "text/csv;q=0.1, ".repeat(3_000)),
        format!("User-Agent: {}\r\nReferer: {}\r\n", "x".repeat(40_000), "y".repeat(40_000)),
        format!("X-Forwarded-For: {}\r\n", "1.1.1.1, ".repeat(5_000)),
    ] {
        assert_eq!(running.send("GET", "/analytics", &headers, b"").await.status, 200, "{headers:.20}");
    }
    running.assert_well("large requests").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_not_what_they_say() {
    let running = Running::start("hostile_bodies").await;
    let address = running.address;
    let key = running.ours.key.as_str();
    let head = |lines: &str| request("POST", "/links", key, lines, b"");
    let with = |lines: &str, body: &[u8]| [head(lines).as_slice(), body].concat();
    let large = vec![b' '; 200_000];
    for (name, bytes, hang_up, statuses) in [
        ("100 MB announced", with("Content-Length: 104857600\r\n", b"{"), false, &[413][..]),
        ("18 digits announced", with("Content-Length: 999999999999999999\r\n", b""), false, &[413]),
        ("too large, in full", with("Content-Length: 200000\r\n", &large), false, &[413]),
        (
            "too large, in chunks",
            with("Transfer-Encoding: chunked\r\n", &[b"30D40\r\n", large.as_slice(), b"\r\n0\r\n\r\n"].concat()),
            false,
            &[413],
        ),
        ("cut off", with("Content-Length: 50\r\n", b"{\"url\":"), true, &[0, 400]),
        ("never sent", with("Content-Length: 50\r\n", b"{\"url\":"), false, &[408]),
        ("cut off in a chunk", with("Transfer-Encoding: chunked\r\n", b"FF\r\n{\"url\""), true, &[0, 400]),
        ("no chunk", with("Transfer-Encoding: chunked\r\n", b"nonsense\r\n\r\n"), false, &[400]),
        ("a chunk of 2^64", with("Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFF1\r\n{"), false, &[400]),
        ("no number", with("Content-Length: many\r\n", b"{}"), false, &[400]),
        ("below nothing", with("Content-Length: -1\r\n", b"{}"), false, &[400]),
        ("two lengths", with("Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"), false, &[400]),
        ("beyond 2^64", with("Content-Length: 99999999999999999999999\r\n", b"{}"), false, &[400]),
        ("nothing", head("Content-Length: 0\r\n"), false, &[400]),
        ("no body at all", head(""), false, &[400]),
        ("other encoding", with("Content-Length: 4\r\nContent-Encoding: gzip\r\n", b"\x1f\x8b\x08\x00"), false, &[400]),
        ("broken UTF-8", with("Content-Length: 9\r\n", b"{\"a\":\"\xff\"}"), false, &[400]),
        ("shorter than sent", with("Content-Length: 2\r\n", b"{}GET /links HTTP/1.1\r\n\r\n"), false, &[422, 400]),
    ] {
        let reply = exchange(address, &bytes, hang_up).await;
        assert!(statuses.contains(&reply.status), "{name}: {} {:.300}", reply.status, reply.text());
        if !reply.body.is_empty() {
            assert!(reply.is_enveloped(), "{name}: {:.300}", reply.text());
        }
        running.assert_well(name).await;
    }
    // Lines that are no request at all.
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX\x00Y: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n continued: 1\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"G\xc3\x89T / HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let reply = exchange(address, bytes, true).await;
        assert!(reply.status < 500, "{bytes:?}: {}", reply.status);
    }
    running.assert_well("no requests").await;
    // Two requests where a proxy may see one.
    let smuggled = b"POST /links HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /links HTTP/1.1\r\nHost: x\r\n\r\n";
    let reply = exchange(address, smuggled, true).await;
    assert!(matches!(reply.status, 0 | 400 | 401), "{}", reply.status);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_theirs_is_not_there() {
    let running = Running::start("hostile_tenants").await;
    let (link, click) = (running.theirs.link, running.click(EventId::new(1_002, 1)));
    let foreign = running.theirs.workspace;
    for (method, target, status, body) in [
        ("GET", format!("/links/{link}"), 404, ""),
        ("PATCH", format!("/links/{link}"), 404, "{\"title\": \"taken\"}"),
        ("PUT", format!("/links/{link}"), 404, "{\"archived\": true}"),
        ("DELETE", format!("/links/{link}"), 404, ""),
        ("GET", format!("/links/ext_{SECRET}"), 404, ""),
        ("DELETE", format!("/links/ext_{SECRET}"), 404, ""),
        ("GET", format!("/links/info?linkId={link}"), 404, ""),
        ("GET", format!("/links/info?domain=go.their-secret.example&key={SECRET}"), 404, ""),
        ("GET", format!("/links?startingAfter={link}"), 422, ""),
        ("GET", "/links?domain=go.their-secret.example".to_owned(), 200, ""),
        ("GET", format!("/links?workspaceId={foreign}"), 200, ""),
        ("GET", format!("/links?search={SECRET}"), 200, ""),
        ("GET", format!("/analytics?workspaceId={foreign}&groupBy=top_links&interval=all"), 200, ""),
        ("GET", format!("/analytics?groupBy=cities&interval=all&workspaceId={foreign}"), 200, ""),
        ("GET", format!("/analytics?externalId=ext_{SECRET}"), 404, ""),
        ("GET", format!("/events?linkId={link}&interval=all"), 200, ""),
        ("GET", format!("/events?startingAfter={click}&interval=all"), 422, ""),
        ("POST", "/links".to_owned(), 403, "{\"url\": \"https://a.b\", \"domain\": \"go.their-secret.example\"}"),
    ] {
        let reply = running.send(method, &target, "", body.as_bytes()).await;
        assert_eq!(reply.status, status, "{method} {target}: {}", reply.text());
        if status == 200 {
            let text = reply.text();
            assert!(!text.contains(SECRET) && !text.contains(&foreign.to_string()), "{target}: {text}");
        } else {
            assert!(reply.is_enveloped(), "{target}: {}", reply.text());
        }
    }
    running.assert_well("what is theirs").await;
    running.stop().await;
}
