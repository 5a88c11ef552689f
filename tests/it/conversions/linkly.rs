//! Linkly's surface.

use axum::http::Method;
use linktrail::domain::principal::Role;
use serde_json::json;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_in_many_ways_and_opens_its_own_workspaces() {
    let world = World::start("conversions_linkly_keys").await;
    let ours = json!([{"id": world.ours.workspace.0, "name": "ours@example.com"}]);
    let key = &world.ours.key;
    let basic = {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:")))
    };
    let bearer = format!("Bearer {key}");
    let path = "/api/v1/workspaces";
    for (path, headers) in [
        (path.to_owned(), vec![("authorization", bearer.as_str())]),
        (path.to_owned(), vec![("authorization", basic.as_str())]),
        (path.to_owned(), vec![("x-api-key", key.as_str())]),
        (format!("{path}?api_key={key}"), vec![]),
    ] {
        let answer = world.ask(Method::GET, &path, &headers, None).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &ours), "{headers:?}");
    }
    for (path, headers, status, code) in [
        (path, vec![], 401, "unauthorized"),
        (path, vec![("authorization", "Bearer lt_wrong")], 401, "unauthorized"),
        (path, vec![("authorization", "Digest x")], 401, "unauthorized"),
        ("/api/v1/nothing", vec![("authorization", bearer.as_str())], 404, "not_found"),
    ] {
        let answer = world.ask(Method::GET, path, &headers, None).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &json!(code)), "{path} {headers:?}");
        assert!(answer.body["error"].is_string());
    }
    let answer = world.ask(Method::PUT, path, &[], None).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (405, &json!("method_not_allowed")));
    let links_only = format!("Bearer {}", world.key(Role::Member, &["links.read"]).await);
    let answer = world.ask(Method::GET, path, &[("authorization", &links_only)], None).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (403, &json!("forbidden")));
}

#[tokio::test(flavor = "multi_thread")]
async fn conversions_are_posted_and_listed() {
    let world = World::start("conversions_linkly_post").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    let path = "/api/v1/conversions";
    let body = json!({
        "event_name": "purchase", "event_type": "sale", "event_id": "order-1", "external_id": "42",
        "linkly_cid": click, "amount_cents": 4_999, "currency": "EUR", "country": "de",
        "occurred_at": "2026-09-01T10:00:00Z", "metadata": {"plan": "pro"}, "visitor_ip": "81.2.69.142",
    });
    let first = world.post(path, &body).await;
    let mut expected = json!({
        "event_name": "purchase", "event_type": "sale", "event_id": "order-1", "external_id": "42",
        "amount_cents": 4_999, "currency": "EUR", "country": "DE", "occurred_at": "2026-09-01T10:00:00.000Z",
        "metadata": {"plan": "pro"}, "link_id": link.0, "click_id": click, "ip_source": "visitor", "source": "api",
        "inserted_at": "2026-09-21T14:13:20.000Z",
    });
    expected["id"] = first["id"].clone();
    assert_eq!((&first, first["id"].as_str().map(str::len)), (&expected, Some(26)));
    // The id in the sender's database counts, whatever else is said.
    assert_eq!(world.post(path, &json!({"event_name": "other", "event_id": "order-1"})).await, first);
    // Money given back, to a customer who is known by now; and things that are put down to nobody.
    let refund = json!({"event_name": "refund", "event_type": "sale", "external_id": "42", "amount_cents": -4_999,
        "currency": "EUR"});
    let refund = world.post(path, &refund).await;
    assert_eq!((&refund["link_id"], &refund["click_id"]), (&json!(link.0), &json!(click)));
    let alone = world.post(path, &json!({"event_name": "call", "event_type": "lead", "country": "FR"})).await;
    assert_eq!(
        (&alone["link_id"], &alone["amount_cents"], &alone["currency"]),
        (&json!(null), &json!(null), &json!("USD"))
    );
    let custom = world.post(path, &json!({"event_name": "demo", "linkly_cid": click})).await;
    let stored = world.stored().await;
    let seen: Vec<_> = stored
        .iter()
        .map(|event| (event.kind.as_str(), event.name.as_str(), event.link_id, event.amount, event.currency.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("sale", "purchase", link.0, 4_999, "eur"),
            ("sale", "refund", link.0, -4_999, "eur"),
            ("lead", "call", 0, 0, ""),
            ("custom", "demo", link.0, 0, ""),
        ]
    );
    assert_eq!((stored[0].at_ms, stored[0].customer_id), (1_788_256_800_000, stored[1].customer_id));
    let countries: Vec<String> = world
        .clickhouse
        .query("SELECT toString(country) FROM events WHERE kind != 'click' ORDER BY event_id")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(countries, ["GB", "GB", "FR", "GB"], "of the click where there is one");
    let (_, list) = world.send(Method::GET, path, None).await;
    assert_eq!(list, json!({"conversions": [custom, alone, refund, first]}));
    let (_, list) = world.send(Method::GET, "/api/v1/conversions?limit=1", None).await;
    assert_eq!(list["conversions"][0]["id"], custom["id"]);
    // Sums: what was given back is taken off.
    let (_, customer) = world.send(Method::GET, "/customers/ext_42", None).await;
    assert_eq!((&customer["sales"], &customer["saleAmounts"]), (&json!(2), &json!({"eur": 0})));
    for (body, status) in [
        (json!({"event_name": "a", "linkly_cid": "nothing"}), 404),
        (json!({"event_name": "a", "linkly_cid": click, "workspace_id": world.theirs.workspace.0}), 404),
        (json!({"event_name": "a", "amount_cents": 1.5}), 400),
        (json!({}), 400),
    ] {
        let (given, answer) = world.send(Method::POST, path, Some(&body)).await;
        assert_eq!(given, status, "{body} {answer}");
        assert!(answer["error"].is_string() && answer["code"].is_string(), "{answer}");
    }
    let (_, theirs) = world.send_as(&world.theirs, Method::GET, path, None).await;
    assert_eq!(theirs, json!({"conversions": []}));
    let foreign = json!({"event_name": "a", "linkly_cid": click});
    assert_eq!(world.send_as(&world.theirs, Method::POST, path, Some(&foreign)).await.0, 404);
    // A key in the body, and one that merely reads.
    let mut body = json!({"event_name": "b", "api_key": world.ours.key});
    assert_eq!(world.ask(Method::POST, path, &[], Some(&body)).await.status, 200);
    body["api_key"] = json!(world.key(Role::Member, &["apis.read"]).await);
    assert_eq!(world.ask(Method::POST, path, &[], Some(&body)).await.status, 403);
    body["api_key"] = json!(null);
    assert_eq!(world.ask(Method::POST, path, &[], Some(&body)).await.status, 401);
}
