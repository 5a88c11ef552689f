//! Leads and sales in `GET /events`.

use std::collections::BTreeSet;

use linktrail::domain::event::{Conversion, EventKind};
use linktrail::domain::id::LinkId;
use serde_json::{Value, json};

use super::goods::{self, conversion, event_id};
use super::scene::Scene;

async fn list(scene: &Scene, query: &str) -> Vec<Value> {
    scene.get(&format!("/events?{query}")).await.json().as_array().unwrap().clone()
}

/// The numbers of the events on a page, in its order.
async fn numbers(scene: &Scene, query: &str) -> Vec<u64> {
    let events = list(scene, query).await;
    let number = |event: &Value| scene.app.clicks.parse(event["eventId"].as_str().unwrap()).unwrap().sequence();
    // The scene's own are below 1,000.
    events.iter().map(|event| number(event).saturating_sub(1_000)).collect()
}

#[tokio::test]
async fn a_lead_and_a_sale_show_everything() {
    let scene = Scene::start("reading_conversions").await;
    let customers = goods::store(&scene).await;
    let leads = list(&scene, "event=leads").await;
    let sales = list(&scene, "event=sales").await;
    insta::assert_snapshot!("lead", serde_json::to_string_pretty(&leads[0]).unwrap());
    insta::assert_snapshot!("sale", serde_json::to_string_pretty(&sales[0]).unwrap());
    let click = scene.click('b');
    assert_eq!((&leads[0]["click"]["id"], &leads[0]["click_id"]), (&json!(click), &json!(click)));
    assert_eq!(leads[0]["customer"]["id"], customers.jane.to_string());
    // What is not there is said as Dub says it.
    assert_eq!(
        (&leads[1]["customer"]["name"], &leads[1]["metadata"]),
        (&json!("=cmd@example.com"), &json!("not json"))
    );
    let nameless = &leads[2]["customer"];
    assert_eq!(nameless["name"].as_str().unwrap().split(' ').count(), 3, "{nameless}");
    assert_eq!(json!([nameless["email"], nameless["country"], nameless["avatar"]]), json!(["", "", null]));
    assert!(leads[2].as_object().unwrap().get("metadata").is_none());
    let removed = customers.removed.to_string();
    let deleted = json!({
        "id": removed, "name": "Deleted Customer", "email": "deleted@customer.com", "avatar": null,
        "externalId": removed, "country": "", "createdAt": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(leads[3]["customer"], deleted);
    // Every sale in its own currency, under a processor that Dub's clients know.
    let sold: Vec<Value> = sales.iter().map(|sale| sale["sale"].clone()).collect();
    let sale = |amount: i64, currency: &str, processor: &str, invoice: Option<&str>| json!({"amount": amount, "currency": currency, "paymentProcessor": processor, "invoiceId": invoice});
    let expected = [
        sale(1_234, "usd", "stripe", Some("in_1")),
        sale(1_580, "jpy", "custom", None),
        sale(-1_500, "kwd", "custom", Some("+1")),
        sale(0, "usd", "custom", None),
        sale(5, "eur", "custom", None),
    ];
    assert_eq!(sold, expected);
    for sale in &sales {
        assert_eq!(
            (&sale["saleAmount"], &sale["payment_processor"]),
            (&sale["sale"]["amount"], &sale["sale"]["paymentProcessor"])
        );
        assert_eq!(sale["invoice_id"], sale["sale"]["invoiceId"].as_str().unwrap_or_default());
    }
    // Nobody, by no click, on no link; and a link of which nothing is left.
    let (nothing, lost) = (&sales[3], &sales[4]);
    assert_eq!(
        json!([nothing["click"]["id"], nothing["link_id"], nothing["link"]["id"], nothing["customer"]["id"]]),
        json!(["", "", "", ""])
    );
    assert_eq!(lost["link"]["id"], LinkId(987_654).to_string());
    assert_eq!(
        json!([lost["domain"], lost["key"], lost["link"]["shortLink"], lost["link"]["workspaceId"]]),
        json!(["", "", "", scene.workspace.to_string()])
    );
    let fields = |event: &Value| event["link"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(fields(nothing), fields(&sales[0]));
    for (kind, name) in [("leads", "leads"), ("sales", "sales")] {
        let csv = scene.body(&format!("/events?event={kind}&format=csv")).await;
        let tsv = scene.body(&format!("/events?event={kind}&format=tsv")).await;
        insta::assert_snapshot!(name, format!("---- csv\n{csv}---- tsv\n{tsv}"));
    }
}

#[tokio::test]
async fn pages_and_filters_of_every_kind() {
    let scene = Scene::start("reading_conversion_pages").await;
    let customers = goods::store(&scene).await;
    // The scene's own lead, a few minutes before.
    let own_lead = 0;
    for (query, expected) in [
        ("event=leads", vec![1, 2, 3, 4, own_lead]),
        ("event=leads&sortOrder=asc&order=desc", vec![own_lead, 4, 3, 2, 1]),
        ("event=leads&order=asc&limit=2", vec![own_lead, 4]),
        ("event=sales", vec![11, 12, 13, 14, 15]),
        // The first of the customer and link; a buyer whom nobody knows is new.
        ("event=sales&saleType=new", vec![13, 14, 15]),
        ("event=sales&saleType=recurring", vec![11, 12]),
        ("event=leads&saleType=recurring", vec![1, 2, 3, 4, own_lead]),
        ("event=leads&query=metadata['plan']['name']:pro", vec![1]),
        ("event=leads&query=metadata[%22seats%22]%3E%3D3+AND+metadata['plan']['name']+!%3D+'free'", vec![1]),
        ("event=sales&query=metadata['plan']['name']:pro", vec![]),
        ("event=sales&query=metadata['plan']['name']!=pro", vec![11, 12, 13, 14, 15]),
        ("event=sales&limit=2&page=2", vec![13, 14]),
        ("event=sales&limit=2&page=4", vec![]),
        ("event=sales&key=a&domain=go.example.com", vec![11, 12, 13]),
        ("event=leads&country=DE", vec![]),
        ("event=leads&trigger=qr&browser=mobile+safari", vec![1, 2, 3, 4]),
        (&format!("event=sales&customerId={}", customers.jane), vec![11, 12, 13, 15]),
        (&format!("event=sales&customerId=-{}", customers.jane), vec![14]),
        (&format!("event=leads&startingAfter={}", scene.app.clicks.public(event_id(2))), vec![3, 4, own_lead]),
        // A place in time, of whichever kind it is.
        (&format!("event=sales&limit=2&startingAfter={}", scene.app.clicks.public(event_id(2))), vec![13, 14]),
        (&format!("event=sales&sortOrder=asc&startingAfter={}", scene.click('a')), vec![]),
    ] {
        assert_eq!(numbers(&scene, query).await, expected, "{query}");
    }
    // Many in the same millisecond, walked by cursor and by page, forwards and backwards.
    const CROWD: u64 = 230;
    let name =
        |number: u64| Conversion { name: format!("Crowd {number}"), customer: customers.jane, ..Conversion::default() };
    for (token, kind, first) in [("crowd leads", EventKind::Lead, 2_000), ("crowd sales", EventKind::Sale, 3_000)] {
        let crowd: Vec<_> = (0..CROWD)
            .map(|number| {
                conversion(&scene, first + number, kind, 90_000 + i64::try_from(number / 100).unwrap(), name(number))
            })
            .collect();
        scene.warehouse.insert(token, &crowd).await.unwrap();
        let kind = if kind == EventKind::Lead { "leads" } else { "sales" };
        let range = format!("event={kind}&start=2026-03-09T13:00:00Z&end=2026-03-09T15:00:00Z&limit=70");
        let mut expected: Vec<u64> = (first..first + CROWD).collect();
        expected.sort_by_key(|number| ((number - first) / 100, std::cmp::Reverse(*number)));
        for order in ["desc", "asc"] {
            let (mut walked, mut paged) = (Vec::new(), Vec::new());
            loop {
                let after =
                    walked.last().map(|last| format!("&startingAfter={}", scene.app.clicks.public(event_id(*last))));
                let page = numbers(&scene, &format!("{range}&sortOrder={order}{}", after.unwrap_or_default())).await;
                if page.is_empty() {
                    break;
                }
                walked.extend(page);
            }
            for page in 1..=4 {
                paged.extend(numbers(&scene, &format!("{range}&sortOrder={order}&page={page}")).await);
            }
            assert_eq!(walked, expected, "{kind} {order}");
            assert_eq!(paged, expected, "{kind} {order}");
            expected.reverse();
        }
    }
}
