//! What a row says, and what is read from it.

use linktrail::catalog::CustomerName;
use serde_json::{Value, json};

use super::scene::Scene;

/// One row of each kind with every column that it may have.
fn full_rows() -> Vec<Value> {
    let all = json!({
        "timestamp": "2026-03-08T14:30:00.250-05:00", "link": "https://go.example.com/L1?qr=1", "site": "shop",
        "trigger": "qr", "visitor_id": "v_0123456789abcdef", "session_id": "s_00000000000000ff", "repeat": true,
        "url": "https://example.com/?utm_source=other", "params": "qr=1", "referrer": "https://other.example/",
        "user_agent": "curl/8.5.0", "ip": "81.2.69.142", "language": "de-CH", "continent": "eu", "country": "ch",
        "region": "ZH", "city": "Zürich, \"Altstadt\"\n🚀", "latitude": "47.3667", "longitude": 8.55, "device": "Tablet", "browser": "B",
        "browser_version": "1.2", "os": "O", "os_version": "3", "bot": "Robot", "bot_category": "ai", "isp": "I", "asn": "AS64496",
        "hosting": true, "referrer_host": "news.example", "referrer_url": "https://news.example/a",
        "referrer_name": "News", "channel": "social", "utm_source": "s", "utm_medium": "m", "utm_campaign": "c",
        "utm_term": "t", "utm_content": "n"
    });
    let page = json!({
        "user_id": "jane", "event_type": "outbound", "page": "/p", "page_title": "T\0", "props": "{\"b\":1,\"a\":[2]}",
        "screen_width": 1920, "screen_height": 1080, "duration_ms": 70000
    });
    let conversion = json!({
        "event_name": "Sign up", "metadata": "{\"plan\":\"pro\"}", "customer_external_id": "user 1"
    });
    let sale = json!({ "amount": -1999, "currency": "EUR", "payment_processor": "stripe", "invoice_id": "in_1" });
    [
        ("click", vec![&all]),
        ("pageview", vec![&all, &page]),
        ("custom", vec![&all, &page, &json!({ "event_name": "cta" })]),
        ("lead", vec![&all, &conversion]),
        ("sale", vec![&all, &conversion, &sale]),
    ]
    .into_iter()
    .map(|(kind, parts)| {
        let mut row = json!({ "kind": kind });
        for part in parts {
            row.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        row
    })
    .collect()
}

fn as_ndjson(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

pub fn as_csv(rows: &[Value]) -> String {
    let mut names: Vec<&String> = rows.iter().flat_map(|row| row.as_object().unwrap().keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&names).unwrap();
    for row in rows {
        let cell = |name: &&String| match &row[name.as_str()] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writer.write_record(names.iter().map(cell)).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn assert_holds(stored: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&stored[name], value, "{name} of {stored:#}");
    }
}

#[tokio::test]
async fn every_column_is_stored_in_both_formats() {
    let scene = Scene::new("transfer_columns").await;
    let rows = full_rows();
    let (csv, ndjson) = (as_csv(&rows), as_ndjson(&rows));
    // Line breaks inside of the city make the lines of CSV differ, and so the order stays what it was.
    for (name, text) in [("a.csv", csv), ("a.ndjson", ndjson)] {
        let summary = scene.imported(name, text).await;
        assert_eq!((summary.stored, summary.rejected), (5, 0), "{name}: {}", scene.read("rejects"));
    }
    let stored = scene.stored().await;
    let all = json!({
        "workspace_id": scene.workspace.id.0, "timestamp": "2026-03-08 19:30:00.250", "link_id": scene.links[1].id.0,
        "site_id": scene.site.0, "trigger": "qr", "visitor": 0x0123_4567_89ab_cdef_u64, "session": 255,
        "repeat": true, "url": "https://example.com/?utm_source=other", "base_url": "https://example.com/",
        "params": "qr=1", "user_agent": "curl/8.5.0", "address": "", "language": "de-CH", "continent": "EU",
        "country": "CH", "region": "CH-ZH", "city": "Zürich, \"Altstadt\"\n🚀", "latitude": 473_667, "longitude": 85_500, "device": "Tablet", "browser": "B",
        "browser_version": "1.2", "os": "O", "os_version": "3", "bot": "Robot", "bot_category": "ai", "isp": "I",
        "asn": 64496, "hosting": true, "referrer_host": "news.example", "referrer_url": "https://news.example/a",
        "referrer_name": "News", "channel": "Social", "utm_source": "s", "utm_medium": "m", "utm_campaign": "c",
        "utm_term": "t", "utm_content": "n"
    });
    let page = json!({
        "user_id": "jane", "event_type": "outbound", "page": "/p", "page_title": "T\0",
        "metadata": "{\"b\":1,\"a\":[2]}", "screen_width": 1920, "screen_height": 1080, "duration_ms": 70000
    });
    let sale = json!({ "amount": -1999, "currency": "eur", "payment_processor": "stripe", "invoice_id": "in_1" });
    let no_sale = json!({ "amount": 0, "currency": "", "payment_processor": "", "invoice_id": "" });
    let conversion = json!({ "event_name": "Sign up", "metadata": "{\"plan\":\"pro\"}" });
    for half in stored.chunks(5) {
        for (event, kind) in half.iter().zip(["click", "pageview", "custom", "lead", "sale"]) {
            assert_eq!(event["kind"], kind);
            assert_holds(event, &all);
        }
        assert_holds(&half[1], &page);
        assert_holds(&half[2], &page);
        assert_eq!(half[2]["event_name"], "cta");
        assert_holds(&half[3], &conversion);
        assert_holds(&half[3], &no_sale);
        assert_holds(&half[4], &conversion);
        assert_holds(&half[4], &sale);
        assert!(half[3]["customer_id"] != 0 && half[3]["customer_id"] == half[4]["customer_id"]);
    }
    // Known since the first of them.
    let name = CustomerName::External("user 1".to_owned());
    let customer = scene.catalog.customer(scene.workspace.id, &name).await.unwrap().unwrap();
    assert_eq!(
        (customer.id.0, customer.created_at_ms),
        (stored[3]["customer_id"].as_u64().unwrap(), 1_772_998_200_250)
    );
    assert!(stored.iter().all(|event| event["customer_id"] == 0 || event["customer_id"] == customer.id.0));
    assert_eq!(stored.len(), 10);
    scene.assert_exactly(10).await;
}

#[tokio::test]
async fn what_is_not_said_is_read_from_the_rest() {
    let scene = Scene::new("transfer_derived").await;
    let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
    let link = scene.links[0].id.to_string();
    let at = |minute| format!("2026-03-08T14:{minute:02}:00Z");
    let rows = [
        json!({ "timestamp": at(0), "link": link, "ip": "81.2.69.142", "user_agent": firefox,
                "referrer": "https://www.example.com/page?secret=1", "url": "https://shop.example/?utm_source=mail" }),
        // The same visitor again, and after the window.
        json!({ "timestamp": at(59), "link": "go.example.com/l0", "ip": "81.2.69.142", "user_agent": firefox }),
        json!({ "timestamp": "2026-03-08T15:00:00Z", "link": "go.example.com/l0", "ip": "81.2.69.142",
                "user_agent": firefox }),
        // Nobody is not the same person twice.
        json!({ "timestamp": at(1), "link": link, "user_agent": firefox, "bot": "false" }),
        json!({ "timestamp": at(1), "link": link, "user_agent": firefox, "bot": true }),
        // A name is the same person on any device.
        json!({ "timestamp": at(2), "link": link, "user_agent": "A", "visitor_id": "jane" }),
        json!({ "timestamp": at(3), "link": link, "user_agent": "B", "user_id": "jane" }),
        json!({ "timestamp": at(4), "link": link, "visitor_id": "jane", "repeat": false }),
        json!({ "timestamp": at(5), "kind": "pageview", "site": "www.shop.example", "page": "/" }),
        json!({ "timestamp": at(6), "kind": "sale", "amount": 0, "currency": "jpy" }),
        // Here nothing is read, and blanks are blanks.
        json!({ "timestamp": at(7), "link": link, "user_agent": "Googlebot/2.1", "referrer": "https://t.co/",
                "url": "https://a.example/?utm_source=x", "enriched": true }),
    ];
    let summary = scene.imported("derived.ndjson", as_ndjson(&rows)).await;
    assert_eq!((summary.stored, summary.rejected), (11, 0));
    let stored = scene.stored().await;
    assert_holds(
        &stored[0],
        &json!({
            "kind": "click", "trigger": "link", "browser": "Firefox", "browser_version": "132.0", "os": "Windows",
            "device": "Desktop", "bot": "", "referrer_host": "example.com",
            "referrer_url": "https://www.example.com/page", "utm_source": "mail", "address": "", "repeat": false
        }),
    );
    let flags: Vec<bool> = stored.iter().map(|event| event["repeat"].as_bool().unwrap()).collect();
    assert_eq!(flags, [false, true, false, false, false, false, true, false, false, false, false]);
    assert_ne!(stored[0]["visitor"], 0);
    assert_eq!((&stored[3]["visitor"], &stored[3]["bot"]), (&json!(0), &json!("")));
    assert_ne!(stored[4]["bot"], "");
    assert_eq!(stored[5]["visitor"], stored[7]["visitor"]);
    assert_holds(&stored[8], &json!({ "trigger": "pageview", "event_type": "pageview", "site_id": scene.site.0 }));
    assert_holds(&stored[9], &json!({ "currency": "jpy", "link_id": 0 }));
    assert_holds(
        &stored[10],
        &json!({ "user_agent": "Googlebot/2.1", "bot": "", "device": "", "referrer_host": "", "utm_source": "",
                 "visitor": 0, "channel": "Direct" }),
    );
    // The file's own words for a person are not stored.
    assert!(!stored.iter().any(|event| event.to_string().contains("jane")));
}

#[tokio::test]
async fn addresses_are_kept_as_the_workspace_says() {
    let mut scene = Scene::new("transfer_address").await;
    scene.workspace.settings.address_storage = linktrail::domain::workspace::AddressStorage::Truncated;
    let row = |enriched: bool| json!({ "timestamp": "2026-03-08T14:00:00Z", "link": "go.example.com/l0", "ip": "81.2.69.142", "enriched": enriched });
    let without = json!({ "timestamp": "2026-03-08T14:00:00Z", "link": "go.example.com/l0", "ip": null });
    scene.imported("a.ndjson", as_ndjson(&[row(false), row(true), without])).await;
    let kept: Vec<Value> = scene.stored().await.into_iter().map(|event| event["address"].clone()).collect();
    assert_eq!(kept, ["81.2.69.0", "81.2.69.0", ""]);
}
