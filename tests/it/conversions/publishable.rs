//! Leads and sales that pages report with a publishable key, and all that such a key does not open.

use axum::http::Method;
use linktrail::auth::KeyGrant;
use linktrail::domain::workspace::WorkspaceSettings;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::world::{Answer, Tenant, World};

const SHOP: &str = "https://shop.example.com";

/// A publishable key of a tenant, with its id.
async fn key(world: &World, tenant: &Tenant) -> (linktrail::domain::id::KeyId, String) {
    let owner = world.app.catalog.first_owner(tenant.workspace).await.unwrap().unwrap();
    let grant = KeyGrant { workspace: Some(tenant.workspace), publishable: true, ..KeyGrant::default() };
    let (record, secret) = world.app.auth.create_key(owner, &grant).await.unwrap();
    let secret = secret.expose_secret().to_owned();
    assert!(secret.starts_with("dub_pk_") && secret.starts_with(&record.prefix) && record.prefix.len() == 11);
    (record.id, secret)
}

async fn report(world: &World, path: &str, key: &str, origin: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {key}");
    world.ask(Method::POST, path, &[("authorization", &bearer), ("origin", origin)], Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reports_leads_and_sales_of_its_own_workspace() {
    let world = World::start("publishable_reports").await;
    let (_, ours) = key(&world, &world.ours).await;
    let (_, theirs) = key(&world, &world.theirs).await;
    let link = world.link(&world.ours, "spring").await;
    let click = world.click(&world.ours, link).await;
    let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": "42"});
    let refused = report(&world, "/track/lead/client", &theirs, SHOP, &lead).await;
    assert_eq!(refused.status, 404, "{}", refused.body);
    let told = report(&world, "/track/lead/client", &ours, SHOP, &lead).await;
    assert_eq!((told.status.as_u16(), &told.body["click"]["id"]), (200, &json!(click)), "{}", told.body);
    assert_eq!((&told.body["link"]["key"], &told.body["customer"]["externalId"]), (&json!("spring"), &json!("42")));
    assert_eq!(told.headers["access-control-allow-origin"], "*");
    let sale = json!({"customerExternalId": "42", "amount": 500, "invoiceId": "in_1"});
    let sold = report(&world, "/api/track/sale/client", &ours, SHOP, &sale).await;
    assert_eq!((sold.status.as_u16(), &sold.body["sale"]["amount"]), (200, &json!(500)), "{}", sold.body);
    // The same as a server would report it, and once.
    assert_eq!(world.post("/track/sale", &sale).await, sold.body);
    let wrong = report(&world, "/track/sale/client", &ours, SHOP, &json!({"customerExternalId": "42"})).await;
    assert_eq!(wrong.body["error"]["message"], "invalid_type: amount: amount is required");
    for path in ["/track/lead/client", "/api/track/sale/client"] {
        let preflight = world.ask(Method::OPTIONS, path, &[("origin", SHOP)], None).await;
        assert_eq!(preflight.status, 204);
        let allowed = preflight.headers["access-control-allow-headers"].to_str().unwrap().to_lowercase();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_learns_nothing_that_it_did_not_send() {
    let world = World::start("publishable_answers").await;
    let (_, key) = key(&world, &world.ours).await;
    let link = world.link(&world.ours, "spring").await;
    let click = world.click(&world.ours, link).await;
    let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": "42",
        "customerName": "Vera", "customerEmail": "vera@secret.example", "customerAvatar": "https://secret.example/v.png"});
    assert_eq!(world.post("/track/lead", &lead).await["customer"]["email"], "vera@secret.example");
    let sale = json!({"customerExternalId": "42", "amount": 777, "invoiceId": "in_1", "metadata": {"plan": "secret"}});
    assert_eq!(world.post("/track/sale", &sale).await["customer"]["name"], "Vera");
    let nobody = json!({"externalId": "42", "name": null, "email": null, "avatar": null});
    // A lead that is new, and one that was recorded before.
    for name in ["Sign up", "Upgrade"] {
        let guess = json!({"eventName": name, "customerExternalId": "42"});
        let told = report(&world, "/track/lead/client", &key, SHOP, &guess).await;
        assert_eq!((told.status.as_u16(), &told.body["customer"]), (200, &nobody), "{}", told.body);
    }
    let guess = json!({"customerExternalId": "42", "amount": 1, "invoiceId": "in_1", "customerName": "Eve"});
    let told = report(&world, "/track/sale/client", &key, SHOP, &guess).await.body;
    assert_eq!((&told["customer"]["name"], &told["customer"]["email"]), (&json!("Eve"), &Value::Null), "{told}");
    assert_eq!((&told["sale"]["amount"], &told["sale"]["metadata"]), (&json!(1), &Value::Null), "{told}");
    let guess = json!({"customerExternalId": "43", "amount": 1, "invoiceId": "in_1"});
    let told = report(&world, "/track/sale/client", &key, SHOP, &guess).await.body;
    assert_eq!(told, json!({"eventName": "Purchase", "customer": null, "sale": null}));
    // What was recorded did not change.
    assert_eq!(world.post("/track/sale", &sale).await["sale"]["amount"], 777);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_from_hosts_that_may_and_until_it_is_withdrawn() {
    let world = World::start("publishable_hosts").await;
    let (id, key) = key(&world, &world.ours).await;
    let settings = WorkspaceSettings { allowed_hostnames: vec!["*.example.com".to_owned()], ..Default::default() };
    world.app.catalog.set_workspace_settings(world.ours.workspace, &settings).await.unwrap();
    let nothing = json!({"customerExternalId": "42", "amount": 0});
    for (origin, status) in [(SHOP, 200), ("https://example.com", 403), ("https://evil.example", 403), ("null", 403)] {
        let answer = report(&world, "/track/sale/client", &key, origin, &nothing).await;
        assert_eq!(answer.status, status, "{origin} {}", answer.body);
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "a page may read why");
        let shown = answer.headers["access-control-expose-headers"].to_str().unwrap();
        assert!(shown.contains("Retry-After") && shown.contains("X-RateLimit-Remaining"), "{shown}");
    }
    let bearer = format!("Bearer {key}");
    let nowhere = world.ask(Method::POST, "/track/sale/client", &[("authorization", &bearer)], Some(&nothing)).await;
    assert_eq!(nowhere.status, 403);
    assert!(world.app.auth.revoke_key(id).await.unwrap());
    assert_eq!(report(&world, "/track/sale/client", &key, SHOP, &nothing).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_nothing_else_and_nothing_else_opens_there() {
    let world = World::start("publishable_bounds").await;
    let (_, key) = key(&world, &world.ours).await;
    let (lead, link) = (json!({"eventName": "a", "customerExternalId": "1"}), json!({"url": "https://a.example"}));
    let bearer = format!("Bearer {key}");
    for (method, path, body) in [
        (Method::POST, "/track/lead", Some(&lead)),
        (Method::POST, "/track/sale", Some(&lead)),
        (Method::GET, "/links", None),
        (Method::POST, "/links", Some(&link)),
        (Method::GET, "/analytics", None),
        (Method::GET, "/events", None),
        (Method::GET, "/events/stream", None),
        (Method::GET, "/customers", None),
        (Method::GET, "/webhooks", None),
        (Method::GET, "/tags", None),
        (Method::POST, "/folders", Some(&lead)),
    ] {
        let answer = world.ask(method, path, &[("authorization", &bearer)], body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (403, &json!("forbidden")), "{path}");
    }
    let made_up = format!("dub_pk_{}", "x".repeat(43));
    for (key, status) in [(&*world.ours.key, 403), (&*made_up, 401), ("dub_pk_", 401), ("", 401)] {
        let answer = report(&world, "/track/lead/client", key, SHOP, &lead).await;
        assert_eq!(answer.status.as_u16(), status, "{key} {}", answer.body);
    }
    assert_eq!(world.ask(Method::POST, "/track/lead/client", &[], Some(&lead)).await.status, 401);
    // Neither can it be widened, nor another key narrowed to it.
    let owner = world.app.catalog.first_owner(world.ours.workspace).await.unwrap().unwrap();
    let workspace = Some(world.ours.workspace);
    for grant in [
        KeyGrant { workspace, publishable: true, scopes: vec!["apis.all".to_owned()], ..KeyGrant::default() },
        KeyGrant { publishable: true, ..KeyGrant::default() },
        KeyGrant { workspace, scopes: vec!["conversions.publish".to_owned()], ..KeyGrant::default() },
    ] {
        assert!(world.app.auth.create_key(owner, &grant).await.is_err(), "{grant:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_app_does_not_learn_what_a_password_guards() {
    let world = World::start("publishable_locked").await;
    let locked = json!({"url": "https://secret.example", "key": "locked", "password": "open sesame"});
    let (status, _) = world.send(Method::POST, "/links", Some(&locked)).await;
    assert_eq!(status, 200);
    let body = json!({"deepLink": "https://go.example.com/locked"});
    let opened = world.ask(Method::POST, "/track/open", &[("user-agent", "MyApp/1.0")], Some(&body)).await;
    assert_eq!((opened.status.as_u16(), &opened.body["link"]["url"]), (200, &Value::Null), "{}", opened.body);
    assert!(!opened.body.to_string().contains("secret"));
}
