//! `/customers`

use axum::http::Method;
use serde_json::{Value, json};

use super::world::World;

async fn ids(world: &World, path: &str) -> Vec<String> {
    let (status, list) = world.send(Method::GET, path, None).await;
    assert_eq!(status, 200, "{path} {list}");
    list.as_array().unwrap().iter().map(|customer| customer["externalId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_made_shown_changed_and_removed() {
    let world = World::start("customers_one").await;
    let body =
        json!({"externalId": "42", "email": "jane@example.com", "stripeCustomerId": "cus_stripe", "country": "DE"});
    let (status, made) = world.send(Method::POST, "/customers", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "id": id, "name": "jane@example.com", "email": "jane@example.com", "avatar": null, "externalId": "42",
        "stripeCustomerId": "cus_stripe", "country": null, "sales": 0, "saleAmount": 0, "saleAmounts": {},
        "createdAt": "2026-09-21T14:13:20.000Z", "firstSaleAt": null, "subscriptionCanceledAt": null,
    });
    assert_eq!(made, expected);
    let (status, again) = world.send(Method::POST, "/customers", Some(&body)).await;
    assert_eq!((status.as_u16(), again["error"]["code"].as_str()), (409, Some("conflict")));
    for path in [format!("/customers/{id}"), "/customers/ext_42".to_owned(), format!("/api/customers/{id}")] {
        assert_eq!(world.send(Method::GET, &path, None).await.1, expected, "{path}");
    }
    let change = json!({"name": " Jane ", "email": null, "country": "FR"});
    let (_, changed) = world.send(Method::PATCH, "/customers/ext_42", Some(&change)).await;
    assert_eq!(
        (&changed["name"], &changed["email"], &changed["country"]),
        (&json!("Jane"), &Value::Null, &Value::Null)
    );
    // Another workspace knows nothing of it.
    for path in [format!("/customers/{id}"), "/customers/ext_42".to_owned()] {
        for (method, body) in [(Method::GET, None), (Method::PATCH, Some(json!({}))), (Method::DELETE, None)] {
            let (status, answer) = world.send_as(&world.theirs, method.clone(), &path, body.as_ref()).await;
            assert_eq!((status.as_u16(), answer["error"]["message"].as_str()), (404, Some("Customer not found.")));
        }
    }
    for path in ["/customers/cus_0000000000000", "/customers/nothing", "/customers/ext_a%00b", "/customers/%ff"] {
        assert_eq!(world.send(Method::GET, path, None).await.0, 404, "{path}");
    }
    let (_, removed) = world.send(Method::DELETE, &format!("/customers/{id}"), None).await;
    assert_eq!(removed, json!({"id": id}));
    assert_eq!(world.send(Method::GET, &format!("/customers/{id}"), None).await.0, 404);
    assert_eq!(world.send(Method::POST, "/customers", Some(&body)).await.0, 201, "its id is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_listed() {
    let world = World::start("customers_list").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    let lead = |customer: &str, name: &str| {
        let email = format!("{name}@example.com");
        json!({
            "clickId": click, "eventName": "Sign up", "customerExternalId": customer, "customerName": name,
            "customerEmail": email,
        })
    };
    for (customer, name) in [("1", "Ada"), ("2", "Bea"), ("3", "Cora")] {
        world.app.clock.advance(1_000);
        world.post("/track/lead", &lead(customer, name)).await;
    }
    for (customer, amount) in [("3", 100), ("1", 900), ("3", 200)] {
        world.app.clock.advance(1_000);
        world.post("/track/sale", &json!({"customerExternalId": customer, "amount": amount})).await;
    }
    world.send(Method::POST, "/customers", Some(&json!({"externalId": "4", "name": "Dora 100%"}))).await;
    world.app.ingest.flushed().await;
    let of_partner = json!({"partnerId": "pn_1", "programId": "prog_1"});
    let (status, changed) = world.send(Method::PATCH, &format!("/links/{link}"), Some(&of_partner)).await;
    assert_eq!(status, 200, "{changed}");
    let table: [(&str, &[&str]); 22] = [
        ("", &["4", "3", "2", "1"]),
        ("?sortOrder=asc", &["1", "2", "3", "4"]),
        ("?email=BEA@example.com", &["2"]),
        ("?email=bea@example.com&externalId=1", &["2"]),
        ("?externalId=1&search=Bea", &["1"]),
        ("?search=example.com", &["3", "2", "1"]),
        ("?search=100%25", &["4"]),
        ("?search=_", &[]),
        ("?country=gb", &["3", "2", "1"]),
        ("?country=FR", &[]),
        (&format!("?linkId={link}"), &["3", "2", "1"]),
        ("?linkId=link_x", &[]),
        ("?partnerId=pn_1", &["3", "2", "1"]),
        ("?partnerId=pn_2", &[]),
        ("?programId=prog_1&search=Bea", &["2"]),
        ("?programId=pn_1", &[]),
        ("?sortBy=subscriptionCanceledAt", &["4", "3", "2", "1"]),
        ("?includeExpandedFields=true&pageSize=2", &["4", "3"]),
        ("?sortBy=saleAmount", &["1", "3", "4", "2"]),
        ("?sortBy=saleAmount&sortOrder=asc", &["3", "1", "2", "4"]),
        ("?sortBy=firstSaleAt&sortOrder=asc", &["3", "1", "2", "4"]),
        ("?page=2&pageSize=3", &["1"]),
    ];
    for (query, expected) in table {
        assert_eq!(ids(&world, &format!("/customers{query}")).await, expected, "{query}");
    }
    let (_, list) = world.send(Method::GET, "/customers?externalId=3", None).await;
    let one = &list[0];
    assert_eq!(
        (&one["sales"], &one["saleAmount"], &one["saleAmounts"]),
        (&json!(2), &json!(300), &json!({"usd": 300}))
    );
    assert_eq!((&one["country"], one["firstSaleAt"].as_str()), (&json!("GB"), Some("2026-09-21T14:13:24.000Z")));
    let (_, second) = world.send(Method::GET, "/customers?externalId=2", None).await;
    let id = second[0]["id"].as_str().unwrap();
    assert_eq!(ids(&world, &format!("/customers?startingAfter={id}")).await, ["1"]);
    assert_eq!(ids(&world, &format!("/customers?endingBefore={id}")).await, ["4", "3"]);
    let last: [&str; 0] = [];
    assert_eq!(ids(&world, &format!("/customers?startingAfter={id}&sortBy=saleAmount")).await, last);
    for bad in ["page=0", "sortBy=name", "startingAfter=x"] {
        assert_eq!(world.send(Method::GET, &format!("/customers?{bad}"), None).await.0, 422, "{bad}");
    }
    let (status, foreign) =
        world.send_as(&world.theirs, Method::GET, &format!("/customers?startingAfter={id}"), None).await;
    assert_eq!(status, 422, "{foreign}");
    // Their clicks: those that led to a lead of theirs.
    world.click(&world.ours, link).await;
    world.app.ingest.flushed().await;
    let (_, all) = world.send(Method::GET, "/analytics?interval=7d&repeats=include", None).await;
    let (_, hers) = world.send(Method::GET, &format!("/analytics?interval=7d&customerId={id}"), None).await;
    assert_eq!((&all["clicks"], &hers["clicks"]), (&json!(2), &json!(1)), "{all} {hers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_that_brought_a_customer_is_shown_when_asked_for() {
    let world = World::start("customers_expanded").await;
    let link = world.link(&world.ours, "a").await;
    let path = format!("/links/{link}");
    world.send(Method::PATCH, &path, Some(&json!({"partnerId": "pn_1", "programId": "prog_1"}))).await;
    let click = world.click(&world.ours, link).await;
    let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": "1"});
    world.post("/track/lead", &lead).await;
    let (_, alone) =
        world.send(Method::POST, "/customers?includeExpandedFields=true", Some(&json!({"externalId": "2"}))).await;
    for field in ["link", "programId", "partner", "discount"] {
        assert_eq!(alone.get(field), Some(&Value::Null), "{field}");
    }
    let (_, link) = world.send(Method::GET, &path, None).await;
    let brought = json!({
        "id": link["id"], "domain": "go.example.com", "key": "a", "shortLink": link["shortLink"], "url": link["url"],
        "programId": "prog_1",
    });
    let change = json!({"name": "Jane"});
    for (method, path, body) in [
        (Method::GET, "/customers/ext_1", None),
        (Method::PATCH, "/customers/ext_1", Some(&change)),
        (Method::GET, "/customers?externalId=1", None),
    ] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let first = |answer: Value| if answer.is_array() { answer[0].clone() } else { answer };
        let (_, plain) = world.send(method.clone(), path, body).await;
        let plain = first(plain);
        assert_eq!((plain.get("link"), plain.get("partner")), (None, None), "{plain}");
        let (_, shown) = world.send(method, &format!("{path}{mark}includeExpandedFields=true"), body).await;
        let shown = first(shown);
        let partner = json!({"id": "pn_1", "name": "pn_1", "email": null, "image": null});
        assert_eq!(
            (&shown["link"], &shown["partner"], &shown["discount"]),
            (&brought, &partner, &Value::Null),
            "{path}"
        );
        assert_eq!((&shown["programId"], &shown["externalId"]), (&json!("prog_1"), &json!("1")), "{path}");
    }
    // A link that was deleted since still brought them.
    world.send(Method::DELETE, &path, None).await;
    let (_, shown) = world.send(Method::GET, "/customers/ext_1?includeExpandedFields=true", None).await;
    assert_eq!(shown["link"], brought);
    assert_eq!(world.send(Method::GET, "/customers/ext_1?includeExpandedFields=1", None).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_customer_is_forgotten() {
    let world = World::start("customers_forgotten").await;
    let link = world.link(&world.ours, "a").await;
    let click = world.click(&world.ours, link).await;
    for customer in ["42", "43"] {
        let lead = json!({
            "clickId": click, "eventName": "Sign up", "customerExternalId": customer, "customerName": "Jane",
            "customerEmail": "jane@example.com",
        });
        world.post("/track/lead", &lead).await;
        let posted = json!({
            "event_name": "demo", "external_id": customer, "event_id": customer, "metadata": {"name": "Jane"},
        });
        world.post("/api/v1/conversions", &posted).await;
    }
    let (status, _) = world.send(Method::DELETE, "/customers/ext_42", None).await;
    assert_eq!(status, 200);
    assert_eq!(world.kept("jane").await, [1, 2, 1], "what is left is the other customer's");
    // What was reported once stays reported.
    let lead = json!({"clickId": click, "eventName": "Sign up", "customerExternalId": "42"});
    let answer = world.post("/track/lead", &lead).await;
    assert_eq!((&answer["link"], &answer["customer"]["email"]), (&Value::Null, &Value::Null));
}
