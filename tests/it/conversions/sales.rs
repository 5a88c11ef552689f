//! `POST /track/sale`

use std::sync::Arc;

use axum::http::Method;
use linktrail::catalog::{CallName, NewCustomer, Purpose};
use linktrail::conversions::event_key;
use linktrail::domain::customer::{Attribution, Profile};
use linktrail::domain::event::Conversion;
use linktrail::domain::hit::{ConversionHit, ConversionKind, Hit, What};
use serde_json::{Value, json};

use super::world::{NOW_MS, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_follows_its_lead_and_keeps_its_currency() {
    let world = World::start("sales_follow").await;
    let (one, two) = (world.link(&world.ours, "one").await, world.link(&world.ours, "two").await);
    let (first, second) = (world.click(&world.ours, one).await, world.click(&world.ours, two).await);
    let lead = |click: &str, name: &str| json!({"clickId": click, "eventName": name, "customerExternalId": "42"});
    world.post("/track/lead", &lead(&first, "Sign up")).await;
    world.app.clock.advance(1_000);
    world.post("/track/lead", &lead(&second, "Trial")).await;
    world.app.clock.advance(1_000);
    let sale = world
        .post(
            "/track/sale",
            &json!({
                "customerExternalId": "42", "amount": 5_000, "currency": "JPY", "invoiceId": "in_1",
                "paymentProcessor": "stripe", "metadata": {"plan": "pro"}, "clickId": "ignored",
            }),
        )
        .await;
    let customer = sale["customer"]["id"].clone();
    assert_eq!(
        sale,
        json!({
            "eventName": "Purchase",
            "customer": {"id": customer, "name": null, "email": null, "avatar": null, "externalId": "42"},
            "sale": {
                "amount": 5_000, "currency": "jpy", "paymentProcessor": "stripe", "invoiceId": "in_1",
                "metadata": {"plan": "pro"},
            },
        })
    );
    // Put down to a lead by its name.
    world.post("/track/sale", &json!({"customerExternalId": "42", "amount": 1_999, "leadEventName": "Sign up"})).await;
    let stored = world.stored().await;
    let sales: Vec<_> = stored.iter().filter(|event| event.kind == "sale").collect();
    assert_eq!(sales.len(), 2);
    assert_eq!((sales[0].link_id, sales[0].amount, sales[0].currency.as_str()), (two.0, 5_000, "jpy"));
    assert_eq!((sales[0].invoice_id.as_str(), sales[0].processor.as_str()), ("in_1", "stripe"));
    assert_eq!((sales[0].metadata.as_str(), sales[0].at_ms), (r#"{"plan":"pro"}"#, NOW_MS + 2_000));
    assert_eq!((sales[1].link_id, sales[1].amount, sales[1].currency.as_str()), (one.0, 1_999, "usd"));
    let countries: Vec<String> =
        world.clickhouse.query("SELECT toString(country) FROM events WHERE kind = 'sale'").fetch_all().await.unwrap();
    assert_eq!(countries, ["GB", "GB"]);
    let refused = world
        .refused("/track/sale", &json!({"customerExternalId": "42", "amount": 1, "leadEventName": "None such"}))
        .await;
    let message = "Lead event not found for externalId: 42 and leadEventName: None such";
    assert_eq!(refused, (404, message.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_paid_once() {
    let world = Arc::new(World::start("sales_invoice").await);
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    for customer in ["42", "43"] {
        let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": customer});
        world.post("/track/lead", &lead).await;
    }
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let world = Arc::clone(&world);
            let sale = json!({"customerExternalId": "42", "amount": 700, "currency": "eur", "invoiceId": "in_1"});
            tokio::spawn(async move { world.post("/track/sale", &sale).await })
        })
        .collect();
    let mut answers: Vec<Value> = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    // Whatever else it says: an invoice of that name was answered.
    answers
        .push(world.post("/track/sale", &json!({"customerExternalId": "43", "amount": 9, "invoiceId": "in_1"})).await);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(world.stored().await.iter().filter(|event| event.kind == "sale").count(), 1);
    // Without an invoice every call is a sale.
    for _ in 0..2 {
        world.post("/track/sale", &json!({"customerExternalId": "42", "amount": 700})).await;
    }
    assert_eq!(world.stored().await.iter().filter(|event| event.kind == "sale").count(), 3);
    // In another workspace the same invoice is another one.
    let body = json!({"customerExternalId": "42", "amount": 700, "invoiceId": "in_1"});
    let (_, theirs) = world.send_as(&world.theirs, Method::POST, "/track/sale", Some(&body)).await;
    assert_eq!(theirs["sale"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_was_cut_off_counts_once() {
    let world = World::start("sales_cut_off").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    // What a direct sale leaves whose process ended before the commit: its customer, and both events.
    let first = Attribution { click: world.app.clicks.parse(&click).unwrap(), link };
    let profile = Profile { external_id: "42".to_owned(), ..Profile::default() };
    let new = NewCustomer { profile, first: Some(first), ..NewCustomer::default() };
    let customer = world.app.catalog.meet_customer(world.ours.workspace, &new, NOW_MS).await.unwrap();
    for (purpose, key, kind) in [
        (Purpose::Lead, "2:42:direct-sale-tracking-lead-event", ConversionKind::Lead),
        (Purpose::Sale, "in_1", ConversionKind::Sale),
    ] {
        let name = CallName { purpose, key: key.to_owned() };
        let event = Conversion { click: first.click, customer: customer.id, amount: 700, ..Conversion::default() };
        let hit = Hit {
            at_ms: NOW_MS - 1_000,
            workspace: world.ours.workspace,
            link,
            idempotency: event_key(world.ours.workspace, &name, 0),
            what: What::Conversion(Box::new(ConversionHit { kind, event, ..ConversionHit::default() })),
            ..Hit::default()
        };
        world.app.ingest.record(&hit).unwrap().synced().await.unwrap();
    }
    // The retry finds a customer without a lead, and must not be told that there is none.
    let sale = json!({"customerExternalId": "42", "amount": 700, "invoiceId": "in_1", "clickId": click});
    let answer = world.post("/track/sale", &sale).await;
    assert_eq!(answer["customer"]["id"], customer.id.to_string());
    let counted: Vec<_> = world.stored().await.into_iter().filter(|event| !event.repeat).collect();
    assert_eq!(counted.len(), 2);
    assert!(counted.iter().all(|event| event.customer_id == customer.id.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_without_a_lead() {
    let world = World::start("sales_direct").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    let nothing = json!({"eventName": "Purchase", "customer": null, "sale": null});
    let sale = |customer: &str, amount: i64| json!({"customerExternalId": customer, "amount": amount});
    assert_eq!(world.post("/track/sale", &sale("42", 500)).await, nothing);
    assert_eq!(world.post("/track/sale", &sale("42", 0)).await, nothing);
    let unknown = json!({"customerExternalId": "42", "amount": 500, "clickId": "nothing"});
    assert_eq!(world.refused("/track/sale", &unknown).await.0, 404);
    assert_eq!(world.counted().await, 0);
    // A customer who was made known by hand has no lead.
    let (status, _) = world.send(Method::POST, "/customers", Some(&json!({"externalId": "7"}))).await;
    assert_eq!(status, 201);
    let refused = world.refused("/track/sale", &sale("7", 500)).await;
    assert_eq!(refused, (404, "Lead event not found for externalId: 7 and leadEventName: undefined".to_owned()));
    // Direct: by a click.
    let direct = json!({
        "customerExternalId": "42", "amount": 500, "clickId": click, "customerName": "Jane",
        "customerEmail": "jane@example.com", "eventName": "Order",
    });
    let answer = world.post("/track/sale", &direct).await;
    assert_eq!((&answer["eventName"], &answer["customer"]["name"]), (&json!("Order"), &json!("Jane")));
    world.post("/track/sale", &direct).await;
    let stored = world.stored().await;
    let kinds: Vec<(&str, &str)> = stored.iter().map(|event| (event.kind.as_str(), event.name.as_str())).collect();
    assert_eq!(
        kinds,
        [("lead", "Direct sale tracking lead event"), ("sale", "Order"), ("sale", "Order")],
        "the second follows the lead of the first"
    );
    assert!(stored.iter().all(|event| event.link_id == link.0 && event.customer_id == stored[0].customer_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_show_what_came_of_them() {
    let world = World::start("sales_counters").await;
    let (busy, idle) = (world.link(&world.ours, "busy").await, world.link(&world.ours, "idle").await);
    let click = world.click(&world.ours, busy).await;
    for customer in ["1", "2"] {
        let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": customer});
        world.post("/track/lead", &lead).await;
    }
    for (customer, amount, currency) in [("1", 100, "eur"), ("1", 250, "eur"), ("2", 9_000, "jpy")] {
        let sale = json!({"customerExternalId": customer, "amount": amount, "currency": currency});
        world.post("/track/sale", &sale).await;
    }
    world.app.ingest.flushed().await;
    for (link, expected) in [(busy, json!([1, 2, 2, 3, 350])), (idle, json!([0, 0, 0, 0, 0]))] {
        let (_, shown) = world.send(Method::GET, &format!("/links/{link}"), None).await;
        let counters: Vec<&Value> =
            ["clicks", "leads", "conversions", "sales", "saleAmount"].iter().map(|name| &shown[*name]).collect();
        assert_eq!(json!(counters), expected, "{shown}");
    }
}
