//! `POST /track/lead`

use std::sync::Arc;

use axum::http::Method;
use linktrail::catalog::{CallName, CustomerName, Purpose};
use linktrail::conversions::{Conversions, Parts, event_key};
use linktrail::domain::event::Conversion;
use linktrail::domain::hit::{ConversionHit, ConversionKind, Hit, What};
use linktrail::domain::principal::Role;
use linktrail::domain::webhook::HookEvent;
use linktrail::web::state::App;
use serde_json::{Value, json};

use super::world::{NOW_MS, World, ask, router};
use crate::world::{ClickHouseUrls, warehouse_at};

const DAY_MS: i64 = 86_400_000;

fn sign_up(click: &str, customer: &str) -> Value {
    json!({ "clickId": click, "eventName": "Sign up", "customerExternalId": customer })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_carries_its_click() {
    let world = World::start("leads_carry").await;
    let link = world.link(&world.ours, "spring").await;
    let click = world.click(&world.ours, link).await;
    // At once: the click is on disk and nowhere else.
    let answer = world
        .post(
            "/track/lead",
            &json!({
                "clickId": click, "eventName": "Sign up", "customerExternalId": "42", "customerName": "Jane",
                "customerEmail": "jane@example.com", "metadata": {"plan": "pro", "seats": 3},
            }),
        )
        .await;
    let expected = json!({
        "click": {"id": click},
        "link": {
            "id": link.to_string(), "domain": "go.example.com", "key": "spring",
            "shortLink": "https://go.example.com/spring", "url": "https://example.com/spring",
            "partnerId": null, "programId": null, "tenantId": null, "externalId": null,
        },
        "customer": {"name": "Jane", "email": "jane@example.com", "avatar": null, "externalId": "42"},
    });
    assert_eq!(answer, expected);
    let stored = world.stored().await;
    assert_eq!(stored.len(), 1);
    let event = &stored[0];
    assert_eq!((event.kind.as_str(), event.name.as_str(), event.link_id), ("lead", "Sign up", link.0));
    assert_eq!((event.metadata.as_str(), event.at_ms, event.repeat), (r#"{"plan":"pro","seats":3}"#, NOW_MS, false));
    assert_eq!(event.click_event_id, world.app.clicks.parse(&click).unwrap().0);
    // Every dimension, by name: whatever is added to events must be carried too, or be named here.
    let own = "('workspace_id', 'kind', 'timestamp', 'event_id', 'click_event_id', 'customer_id', 'event_name', 'amount', \
               'currency', 'payment_processor', 'invoice_id', 'metadata', 'repeat', 'idempotency', 'address')";
    let columns: Vec<String> = world
        .clickhouse
        .query(&format!(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'events' AND name NOT IN {own}"
        ))
        .fetch_all()
        .await
        .unwrap();
    assert!(columns.len() > 30, "{columns:?}");
    for column in columns {
        let values: Vec<String> = world
            .clickhouse
            .query(&format!("SELECT toString({column}) FROM events ORDER BY kind"))
            .fetch_all()
            .await
            .unwrap();
        assert_eq!((values.len(), &values[0]), (2, &values[1]), "{column}");
    }
    let customer =
        world.app.catalog.customer(world.ours.workspace, &CustomerName::External("42".into())).await.unwrap();
    let customer = customer.unwrap();
    assert_eq!((customer.country.as_deref(), customer.id.0), (Some("GB"), event.customer_id));
    assert_eq!(customer.first.unwrap().link, link);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_recorded_once() {
    let world = Arc::new(World::start("leads_once").await);
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (world, body) = (Arc::clone(&world), sign_up(&click, "42"));
            tokio::spawn(async move { world.post("/track/lead", &body).await })
        })
        .collect();
    let mut first = 0;
    for call in calls {
        let answer = call.await.unwrap();
        assert_eq!((&answer["click"]["id"], &answer["customer"]["externalId"]), (&json!(click), &json!("42")));
        first += usize::from(!answer["link"].is_null());
    }
    assert_eq!((first, world.stored().await.len()), (1, 1));
    // Of the same name in other words, and with another click.
    let another = world.click(&world.ours, link).await;
    let answer = world
        .post("/track/lead", &json!({"clickId": another, "eventName": " sign UP", "customerExternalId": "42"}))
        .await;
    assert_eq!((&answer["link"], &answer["click"]["id"]), (&Value::Null, &json!(click)));
    // Another customer, another name, another week.
    world.post("/track/lead", &sign_up(&click, "43")).await;
    world.post("/track/lead", &json!({"clickId": click, "eventName": "Trial", "customerExternalId": "42"})).await;
    world.app.clock.advance(7 * DAY_MS);
    let answer = world.post("/track/lead", &sign_up(&click, "42")).await;
    assert!(!answer["link"].is_null());
    assert_eq!(world.counted().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_failed_leaves_its_name_free() {
    let world = World::start("leads_retry").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    for wrong in ["nothing", "0000000000000000", &click.replace(&click[..1], "?")] {
        let refused = world.refused("/track/lead", &sign_up(wrong, "42")).await;
        assert_eq!(refused, (404, format!("Click event not found for clickId: {wrong}")));
    }
    assert_eq!(world.refused("/track/lead", &sign_up("", "42")).await.0, 400);
    // While the store is away.
    world.app.ingest.flushed().await;
    let dead = "http://nobody:x@127.0.0.1:1/none".to_owned();
    let away = Conversions::new(Parts {
        catalog: world.app.catalog.clone(),
        warehouse: warehouse_at(&ClickHouseUrls { writer: dead.clone(), reader: dead }),
        ingest: world.app.ingest.clone(),
        enricher: Arc::clone(&world.app.enricher),
        clicks: world.app.clicks.clone(),
        clock: world.app.clock.clone(),
    });
    let cut_off = router(&App { conversions: away, ..world.app.clone() });
    let bearer = format!("Bearer {}", world.ours.key);
    let headers = [("authorization", bearer.as_str())];
    let answer = ask(&cut_off, Method::POST, "/track/lead", &headers, Some(&sign_up(&click, "42"))).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.headers["retry-after"], "5");
    assert_eq!(world.stored().await.len(), 0);
    // And now it is a first call.
    assert!(!world.post("/track/lead", &sign_up(&click, "42")).await["link"].is_null());
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_off_counts_once() {
    let world = World::start("leads_cut_off").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    world.post("/track/lead", &sign_up(&click, "41")).await;
    // What a process leaves that ended between the disk and the commit: the event, and nothing in Postgres.
    let name = CallName { purpose: Purpose::Lead, key: "2:42:sign-up".to_owned() };
    let event = Conversion { name: "Sign up".to_owned(), ..Conversion::default() };
    let what = ConversionHit { kind: ConversionKind::Lead, event, ..ConversionHit::default() };
    let hit = Hit {
        at_ms: NOW_MS - 5_000,
        workspace: world.ours.workspace,
        link,
        idempotency: event_key(world.ours.workspace, &name, 0),
        what: What::Conversion(Box::new(what)),
        ..Hit::default()
    };
    world.app.ingest.record(&hit).unwrap().synced().await.unwrap();
    assert!(!world.post("/track/lead", &sign_up(&click, "42")).await["link"].is_null());
    assert!(world.post("/track/lead", &sign_up(&click, "42")).await["link"].is_null());
    let stored = world.stored().await;
    let repeats: Vec<bool> = stored.iter().map(|event| event.repeat).collect();
    assert_eq!(repeats, [false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_in_numbers_and_later() {
    let world = World::start("leads_numbers").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    let seats = json!({"clickId": click, "eventName": "Seat", "customerExternalId": "42", "eventQuantity": 5});
    world.post("/track/lead", &seats).await;
    world.post("/track/lead", &seats).await;
    assert_eq!(world.counted().await, 5);
    // Deferred: the customer now, the lead later, by the click that was kept.
    let deferred = json!({"clickId": click, "eventName": "Trial", "customerExternalId": "77", "mode": "deferred"});
    assert!(!world.post("/track/lead", &deferred).await["link"].is_null());
    assert_eq!(world.counted().await, 5);
    let answer = world.post("/track/lead", &json!({"eventName": "Trial", "customerExternalId": "77"})).await;
    assert_eq!((&answer["click"]["id"], answer["link"]["id"].as_str()), (&json!(click), Some(&*link.to_string())));
    assert_eq!(world.counted().await, 6);
    let refused = world.refused("/track/lead", &json!({"eventName": "Trial", "customerExternalId": "78"})).await;
    assert_eq!(refused.0, 400, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_has_its_own_clicks_and_callers() {
    let world = World::start("leads_tenants").await;
    let theirs = world.link(&world.theirs, "a").await;
    let foreign = world.click(&world.theirs, theirs).await;
    let refused = world.refused("/track/lead", &sign_up(&foreign, "42")).await;
    assert_eq!(refused, (404, format!("Click event not found for clickId: {foreign}")));
    // A link that is switched off, and one that is gone.
    let off = world.link(&world.ours, "off").await;
    let click = world.click(&world.ours, off).await;
    let path = format!("/links/{off}");
    world.send(Method::PATCH, &path, Some(&json!({"disabledAt": "2026-01-01T00:00:00Z"}))).await;
    assert_eq!(world.refused("/track/lead", &sign_up(&click, "42")).await.0, 404);
    world.send(Method::DELETE, &path, None).await;
    assert_eq!(world.refused("/track/lead", &sign_up(&click, "42")).await.0, 404);
    assert_eq!(world.counted().await, 0);
    // Who may.
    let ours = world.link(&world.ours, "ours").await;
    let click = world.click(&world.ours, ours).await;
    for (role, scopes, status) in [
        (Role::Viewer, vec!["apis.all"], 403),
        (Role::Member, vec!["apis.read"], 403),
        (Role::Member, vec!["analytics.read"], 403),
        (Role::Member, vec!["conversions.write"], 200),
        (Role::Member, vec!["links.write"], 200),
    ] {
        let bearer = format!("Bearer {}", world.key(role, &scopes).await);
        let body = sign_up(&click, &format!("{}-{}", role.name(), scopes[0]));
        let answer = world.ask(Method::POST, "/track/lead", &[("authorization", &bearer)], Some(&body)).await;
        assert_eq!(answer.status, status, "{role:?} {scopes:?} {}", answer.body);
    }
    let answer = world.ask(Method::POST, "/track/lead", &[], Some(&json!({}))).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_told_in_the_same_transaction() {
    let world = World::start("leads_told").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    world.subscribe(&[HookEvent::LeadCreated, HookEvent::SaleCreated]).await;
    world.post("/track/lead", &sign_up(&click, "42")).await;
    world.post("/track/lead", &sign_up(&click, "42")).await;
    let sale = json!({"customerExternalId": "42", "amount": 500, "currency": "eur", "metadata": {"a": 1}});
    world.post("/track/sale", &sale).await;
    let told = world.told().await;
    let events: Vec<&str> = told.iter().map(|(event, _)| event.as_str()).collect();
    assert_eq!(events, ["lead.created", "sale.created"]);
    let (lead, sale) = (&told[0].1, &told[1].1);
    assert_eq!((&lead["eventName"], &lead["customer"]["externalId"]), (&json!("Sign up"), &json!("42")));
    assert_eq!((&lead["click"]["id"], &lead["click"]["country"]), (&json!(click), &json!("GB")));
    assert_eq!(
        sale["sale"],
        json!({"amount": 500, "currency": "eur", "paymentProcessor": "custom", "invoiceId": null})
    );
    assert_eq!(sale["metadata"], json!({"a": 1}));
}
