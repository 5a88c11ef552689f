//! Text that means something to a database means nothing here: in every parameter it is a value like any other.

use std::path::Path;

use futures_util::{StreamExt, stream};
use linktrail::domain::click_id::EventId;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::running::{EVENTS, Running, SECRET, event};

/// No commas, which part the values of a list, and no question marks, which part an address.
const PAYLOADS: &[&str] = &[
    "' OR 1=1 --",
    "') OR workspace_id != 0 --",
    "'); DROP TABLE events; --",
    "\\'; SELECT 1; --",
    "\\",
    "\\\\'",
    "''",
    "`workspace_id`",
    "{p0:Identifier}",
    "{p0:UInt64}",
    "$1",
    "%' OR '%'='",
    "%_%",
    "x') UNION ALL SELECT * FROM events --",
    "' SETTINGS readonly=0 --",
    "' INTO OUTFILE 'linktrail-injected.txt' FORMAT CSV --",
    "*/ OR 1=1 /*",
    "tab\tnewline\nreturn\rbell\u{7}",
    "\u{202e}right\u{feff}to\u{200b}left",
    "\u{1f600} é ﷽",
    "\"double\" & <tag> ; | `x` $(x) ${x}",
    "NULL",
    "['a']",
    "nan",
];

/// Parameters that take any text.
const TEXTS: &[&str] = &[
    "continent",
    "country",
    "city",
    "device",
    "browser",
    "os",
    "referer",
    "refererUrl",
    "url",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "language",
];

/// Parameters whose values stand for something else: no such text does.
const NAMES: &[&str] = &[
    "linkId",
    "domain",
    "tagId",
    "tagIds",
    "tenantId",
    "programId",
    "partnerId",
    "groupId",
    "partnerTagId",
    "trigger",
    "region",
    "channel",
    "isp",
    "botName",
];

/// Parameters of which none takes just any text, with the answer.
const OPTIONS: &[(&str, u16)] = &[
    ("groupBy", 422),
    ("event", 422),
    ("interval", 422),
    ("start", 422),
    ("timezone", 422),
    ("format", 422),
    ("bots", 422),
    ("root", 422),
    ("saleType", 422),
    ("folderId", 404),
    ("externalId", 400),
    ("query", 422),
    ("key", 200),
    ("workspaceId", 200),
    ("domain=go.example.com&key", 404),
    ("groupBy=timeseries&granularity", 422),
];

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_text_is_only_a_text() {
    let running = Running::start("hostile_injection").await;
    let ours = &running.ours;
    // An event for each payload, which is in all of its texts.
    let now_ms = linktrail::calendar::Clock::system().now_ms() - 1_000;
    let events: Vec<_> = PAYLOADS
        .iter()
        .zip(1..)
        .map(|(payload, number)| event(ours.workspace, ours.link, EventId::new(1_003, number), now_ms, payload))
        .collect();
    running.warehouse.insert("payloads", &events).await.unwrap();
    let all = EVENTS + PAYLOADS.len() as u64;
    assert_eq!(running.count("").await, all);
    let ask =
        async |(place, payload): (usize, &&str)| assert_is_only_text(&running, payload, all, place % 4 == 0).await;
    let () = stream::iter(PAYLOADS.iter().enumerate()).map(ask).buffer_unordered(6).collect().await;
    // What is theirs is as good as nothing.
    for query in [
        format!("linkId={}", running.theirs.link),
        format!("city={SECRET}"),
        format!("utm_source={SECRET}&bots=include&repeats=include"),
        "domain=go.their-secret.example".to_owned(),
    ] {
        assert_eq!(running.count(&format!("{query}&interval=all")).await, 0, "{query}");
    }
    let cursor = running.click(EventId::new(1_002, 1));
    let reply = running.get(&format!("/events?startingAfter={cursor}")).await;
    assert_eq!((reply.status, reply.is_enveloped()), (422, true));
    assert!(!Path::new("linktrail-injected.txt").exists());
    running.assert_well("injection").await;
    running.stop().await;
}

/// Asks with a payload in every parameter; as an option too where `everywhere`.
async fn assert_is_only_text(running: &Running, payload: &str, all: u64, everywhere: bool) {
    let value = encoded(payload);
    for field in TEXTS {
        assert_eq!(running.count(&format!("{field}={value}")).await, 1, "{field}={payload}");
    }
    // All at once, and none.
    let every: Vec<String> = TEXTS.iter().map(|field| format!("{field}={value}")).collect();
    assert_eq!(running.count(&every.join("&")).await, 1, "{payload}");
    let none: Vec<String> = TEXTS.iter().map(|field| format!("{field}=-{value}")).collect();
    assert_eq!(running.count(&none.join("&")).await, all - 1, "{payload}");
    for field in NAMES {
        assert_eq!(running.count(&format!("{field}={value}")).await, 0, "{field}={payload}");
    }
    // As an unwanted name it changes nothing, nor as a parameter's own name.
    let unwanted: Vec<String> = NAMES.iter().map(|field| format!("{field}=-{value}")).collect();
    assert_eq!(running.count(&format!("{}&{value}={value}", unwanted.join("&"))).await, all, "{payload}");
    // Found, it comes back as it went in.
    let found = running.get(&format!("/events?city={value}")).await.json();
    assert_eq!((&found[0]["click"]["city"], found.as_array().unwrap().len()), (&payload.into(), 1), "{payload}");
    if !everywhere {
        return;
    }
    for (query, status) in OPTIONS {
        let reply = running.get(&format!("/analytics?{query}={value}")).await;
        assert_eq!(reply.status, *status, "{query}={payload}: {}", reply.text());
        assert!(*status == 200 || reply.is_enveloped(), "{query}={payload}: {}", reply.text());
    }
    for query in ["sortBy", "sortOrder", "order", "page", "limit", "startingAfter"] {
        let reply = running.get(&format!("/events?{query}={value}")).await;
        assert_eq!((reply.status, reply.is_enveloped()), (422, true), "{query}={payload}: {}", reply.text());
    }
}
