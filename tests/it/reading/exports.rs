//! `GET /events/export`

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use linktrail::api::dub;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event};
use linktrail::domain::id::LinkId;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::goods;
use super::lines::{NOW, ms};
use super::scene::Scene;

/// Header and rows.
fn table(csv: &str, delimiter: u8) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (header, rows)
}

#[tokio::test]
async fn columns_are_those_that_were_asked_for() {
    let scene = Scene::start("reading_export").await;
    goods::store(&scene).await;
    let path = "/events/export?event=sales&columns=timestamp,event,saleAmount,customer,invoiceId,link,country,os,clickId,customer";
    let answer = scene.get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/csv"), "{}", answer.body);
    assert_eq!(answer.header("content-disposition"), "attachment; filename=sales_export.csv");
    assert_eq!(answer.header("cache-control"), "no-store");
    let (header, rows) = table(&answer.body, b',');
    let expected = ["Date", "Event", "Sale Amount", "Customer", "Invoice ID", "Link", "Country", "OS", "Click ID"];
    assert_eq!(header, expected);
    let click = scene.click('b');
    let jane = "Jane <jane@example.com>";
    let row = |second: &str, amount: &str, customer: &str, invoice: &str, link: &str, click: &str| {
        let at = format!("2026-03-10T15:03:{second}.000Z");
        [&at, "Purchase", amount, customer, invoice, link, "United States", "iOS", click].map(str::to_owned).to_vec()
    };
    let link = "go.example.com/a";
    let expected = [
        row("55", "$12.34", jane, "in_1", link, &click),
        row("45", "¥1580", jane, "", link, &click),
        // What a spreadsheet would run is text.
        row("35", "'-KWD 1.500", jane, "'+1", link, &click),
        row("25", "$0.00", "Unknown Customer", "", "", ""),
        row("15", "€0.05", jane, "", "", &click),
    ];
    assert_eq!(rows, expected);
    // The same in other forms and orders.
    let tsv = scene.get(&format!("{path}&format=tsv&sortOrder=asc&order=desc")).await;
    assert_eq!(tsv.header("content-type"), "text/tab-separated-values; charset=utf-8");
    assert_eq!(tsv.header("content-disposition"), "attachment; filename=sales_export.tsv");
    let mut backwards = rows.clone();
    backwards.reverse();
    assert_eq!(table(&tsv.body, b'\t').1, backwards);
    let json = scene.get(&format!("{path}&format=json")).await;
    assert_eq!(json.header("content-disposition"), "attachment; filename=sales_export.json");
    let expected = json!({
        "timestamp": "2026-03-10T15:03:35.000Z", "event": "Purchase", "saleAmount": "-KWD 1.500", "customer": jane,
        "invoiceId": "+1", "link": link, "country": "United States", "os": "iOS", "clickId": click,
    });
    assert_eq!(json.json()[2], expected);
    // Who accepts what does not matter; page and limit neither.
    let paged = format!("{path}&page=7&limit=1");
    let same = scene.send(&scene.key, Method::GET, &paged, &[("accept", "application/json")], String::new()).await;
    assert_eq!(same.body, answer.body);
    assert_eq!(scene.body(&format!("/api{path}")).await, answer.body);
    let (path, query) = path.split_once('?').unwrap();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(scene.send(&scene.key, Method::POST, path, &form, query.to_owned()).await.body, answer.body);
    // A sale is new or not by all of time, not by the slice that it is read in.
    for (query, amounts) in [
        ("event=sales&saleType=new", vec!["'-KWD 1.500", "$0.00", "€0.05"]),
        ("event=sales&saleType=recurring", vec!["$12.34", "¥1580"]),
    ] {
        let csv = scene.body(&format!("/events/export?columns=saleAmount&{query}")).await;
        assert_eq!(table(&csv, b',').1.concat(), amounts, "{query}");
    }
    let pro = scene.body("/events/export?event=leads&columns=eventName&query=metadata['seats']:3").await;
    assert_eq!(pro, "EventName\nSign up\n");
    let leads = scene.body("/events/export?event=leads&columns=eventName,customer,metadata,customerCountry").await;
    let (_, leads) = table(&leads, b',');
    assert_eq!(leads[0], ["Sign up", jane, r#"{"plan":{"name":"pro"},"seats":3}"#, "United States"]);
    assert_eq!(leads[1], ["'=1+1", "'=cmd@example.com <=cmd@example.com>", "not json", ""]);
    assert_eq!(leads[3], ["Trial", "Deleted Customer <deleted@customer.com>", "", ""]);
}

#[tokio::test]
async fn every_column_of_every_kind_is_there() {
    let scene = Scene::start("reading_export_columns").await;
    goods::store(&scene).await;
    for kind in ["clicks", "leads", "sales"] {
        let refused = scene.get(&format!("/events/export?event={kind}")).await;
        assert_eq!(refused.status, 422);
        let message = refused.message();
        let names = message.strip_prefix("invalid_type: columns: columns is required: some of ").unwrap();
        let names: Vec<&str> = names.strip_suffix(", separated by commas").unwrap().split(", ").collect();
        let exported =
            scene.body(&format!("/events/export?event={kind}&format=json&columns={}", names.join(","))).await;
        let exported: Value = serde_json::from_str(&exported).unwrap();
        let first = exported[0].as_object().unwrap();
        assert_eq!(first.keys().map(String::as_str).collect::<BTreeSet<_>>(), names.iter().copied().collect());
        // Each event says there what the list says of it.
        let listed = scene.get(&format!("/events?event={kind}")).await.json();
        assert_eq!(exported.as_array().unwrap().len(), listed.as_array().unwrap().len());
        for (exported, listed) in exported.as_array().unwrap().iter().zip(listed.as_array().unwrap()) {
            for name in [
                "url",
                "continent",
                "region",
                "city",
                "device",
                "browser",
                "os",
                "trigger",
                "referer",
                "refererUrl",
                "ua",
                "qr",
                "ip",
            ] {
                assert_eq!(exported[name], listed["click"][name], "{kind} {name}");
            }
            for (name, old) in [
                ("clickId", "click_id"),
                ("linkId", "link_id"),
                ("domain", "domain"),
                ("key", "key"),
                ("timestamp", "timestamp"),
            ] {
                assert_eq!(exported[name], listed[old], "{kind} {name}");
            }
            if kind != "clicks" {
                for (name, field) in [
                    ("customerId", "id"),
                    ("customerName", "name"),
                    ("customerEmail", "email"),
                    ("customerExternalId", "externalId"),
                ] {
                    assert_eq!(exported[name], listed["customer"][field], "{kind} {name}");
                }
                assert_eq!((&exported["eventId"], &exported["eventName"]), (&listed["eventId"], &listed["eventName"]));
            }
        }
    }
    let unknown = scene.get("/events/export?columns=timestamp,shoeSize").await;
    assert_eq!((unknown.status, unknown.message().ends_with("Given: \"shoeSize\"")), (422, true), "{}", unknown.body);
}

#[tokio::test]
async fn filters_and_refusals_are_those_of_the_list() {
    let scene = Scene::start("reading_export_filters").await;
    let clicks = async |query: &str| -> String {
        let csv = scene.body(&format!("/events/export?columns=clickId&{query}")).await;
        table(&csv, b',').1.iter().map(|row| scene.letter(&row[0])).collect()
    };
    for (query, letters) in [
        ("", "acbd"),
        ("interval=all", "acbdegfhij"),
        ("interval=all&sortOrder=asc", "jihfgedbca"),
        ("interval=all&country=US", "abj"),
        ("interval=all&domain=s.example.org", "gf"),
        ("interval=all&domain=go.example.com&key=a", "abde"),
        ("interval=all&unique=true", "acbegfij"),
        ("interval=all&unique=true&sortOrder=asc", "jifgebca"),
        ("bots=only&repeats=include", "mk"),
        ("start=2026-03-08&end=2026-03-08", "gf"),
        ("country=XX", ""),
    ] {
        assert_eq!(clicks(query).await, letters, "{query}");
    }
    assert_eq!(scene.body("/events/export?columns=url,key&country=XX").await, "Destination URL,Key\n");
    for (query, status) in [
        ("interval=no", 422),
        ("event=composite", 422),
        ("sortBy=country", 422),
        ("format=xlsx", 422),
        ("linkId=x&folderId=nonsense", 404),
        ("externalId=ext_theirs", 404),
    ] {
        let refused = scene.get(&format!("/events/export?columns=url&{query}")).await;
        assert_eq!(refused.status, status, "{query}: {}", refused.body);
        refused.message();
    }
    let links_only = scene.key_with(&["links.read"]).await;
    let refused = scene.send(&links_only, Method::GET, "/events/export?columns=url", &[], String::new()).await;
    assert_eq!(refused.status, 403);
    // As many at once as there are places, and all of them are free again.
    let held: Vec<_> = (0..4).map(|_| scene.app.exports.take(scene.workspace).unwrap()).collect();
    let refused = scene.get("/events/export?columns=url").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "10"));
    drop(held);
    assert_eq!(scene.get("/events/export?columns=url").await.status, 200);
}

/// More than are read at once, over several slices, 6,000 of them in one millisecond.
async fn crowd(scene: &Scene) -> u64 {
    const EVENTS: u64 = 26_000;
    let event = |number: u64| Event {
        workspace: scene.workspace,
        at_ms: ms(NOW) - i64::try_from(number.saturating_sub(6_000) * 1_000).unwrap(),
        id: EventId::new(3, number + 1),
        link: LinkId(scene.links["b"].0),
        visitor: number,
        agent: Arc::new(Agent { device: "Wearable".to_owned(), ..Agent::default() }),
        url: format!("=1+{number}"),
        ..Event::default()
    };
    scene.warehouse.insert("crowd", &(0..EVENTS).map(event).collect::<Vec<_>>()).await.unwrap();
    EVENTS
}

#[tokio::test]
async fn an_export_of_any_length_is_whole_or_broken() {
    let scene = Scene::start("reading_export_long").await;
    let events = crowd(&scene).await;
    // Newest first, and among equals the later identity first.
    let mut expected: Vec<u64> = (0..events).collect();
    expected.sort_by_key(|number| (number.saturating_sub(6_000), std::cmp::Reverse(*number)));
    for (query, descending) in [("", true), ("&sortOrder=asc", false), ("&linkId=LINK", true), ("&unique=true", true)] {
        let query = query.replace("LINK", &scene.links["b"].to_string());
        let answer = scene.get(&format!("/events/export?columns=url,link&device=Wearable{query}")).await;
        assert_eq!(answer.header("content-length"), "", "streamed");
        let (_, rows) = table(&answer.body, b',');
        if !descending {
            expected.reverse();
        }
        assert_eq!(rows.len(), expected.len(), "{query}");
        for (row, number) in rows.iter().zip(&expected) {
            assert_eq!((row[0].as_str(), row[1].as_str()), (format!("'=1+{number}").as_str(), "go.example.com/b"));
        }
        if !descending {
            expected.reverse();
        }
    }
    // The store goes away while the file is under way.
    let request = Request::builder()
        .uri("/events/export?columns=url")
        .header("authorization", format!("Bearer {}", scene.key))
        .body(Body::empty())
        .unwrap();
    let response = dub::routes().with_state(scene.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    assert!(!body.frame().await.unwrap().unwrap().data_ref().unwrap().is_empty());
    scene.clickhouse().query("DROP TABLE events SYNC").execute().await.unwrap();
    let ended = loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => break "broken",
            None => break "whole",
        }
    };
    assert_eq!(ended, "broken");
    // Its place is free again.
    drop(body);
    let held: Vec<_> = (0..4).map(|_| scene.app.exports.take(scene.workspace).unwrap()).collect();
    assert_eq!(held.len(), 4);
}
