//! What is said of a wrong request: Dub's words first (Dub contract, sections 1, 2, 6 and 7), of the first fault only.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::{World, assert_enveloped};

/// Method, path, body, status, and how the message begins.
type Row = (Method, String, Value, u16, String);

fn get(path: &str, status: u16, message: &str) -> Row {
    (Method::GET, path.to_owned(), Value::Null, status, message.to_owned())
}

fn post(path: &str, body: Value, status: u16, message: &str) -> Row {
    (Method::POST, path.to_owned(), body, status, message.to_owned())
}

fn patch(path: &str, body: Value, status: u16, message: &str) -> Row {
    (Method::PATCH, path.to_owned(), body, status, message.to_owned())
}

/// What both reading endpoints refuse alike.
fn reading(path: &str) -> Vec<Row> {
    let long = "x".repeat(10_001);
    [
        (
            "interval=2d",
            422,
            "invalid_value: interval: Invalid option: expected one of \"1h\"|\"24h\"|\"7d\"|\"30d\"|\"90d\"|\"1y\"|\"mtd\"|\"qtd\"|\
             \"ytd\"|\"all\"",
        ),
        ("saleType=old", 422, "invalid_value: saleType: Invalid option: expected one of \"new\"|\"recurring\""),
        ("root=1", 422, "invalid_value: root: Invalid option: expected one of \"true\"|\"false\""),
        ("start=x", 422, "custom: start: Invalid date"),
        ("end=x", 422, "custom: end: Invalid date"),
        (&*format!("query={long}"), 422, "too_big: query: Too big: expected string to have <=10000 characters"),
        ("domain=go.example.com&key=nothing", 404, "Link not found."),
        ("externalId=ext_nothing", 404, "Link not found."),
        ("externalId=nothing", 400, "Invalid externalId. Did you forget to prefix it with `ext_`?"),
        ("folderId=fold_nothing", 404, "Folder not found."),
        ("folderId=-fold_nothing", 404, "Folder not found."),
        // The last of a repeated parameter counts.
        ("interval=7d&interval=x", 422, "invalid_value: interval: Invalid option"),
    ]
    .map(|(query, status, message)| get(&format!("{path}?{query}"), status, message))
    .to_vec()
}

fn paging(path: &str, too_large: u32) -> Vec<Row> {
    let (big, mut rows) = (format!("{path}?pageSize={too_large}"), Vec::new());
    for (query, message) in [
        ("page=0", "too_small: page: Page must be greater than 0."),
        ("page=", "too_small: page: Page must be greater than 0."),
        ("page=x", "invalid_type: page: Page must be a number."),
        ("page=1.5", "invalid_type: page: Page must be an integer."),
        ("pageSize=0", "too_small: pageSize: "),
    ] {
        rows.push(get(&format!("{path}?{query}"), 422, message));
    }
    rows.push(get(&big, 422, "too_big: pageSize: "));
    rows
}

fn cursors(path: &str, own: &str) -> Vec<Row> {
    [
        ("page=1001", "Page is too big (cannot be more than 1000), recommend using cursor-based pagination instead."),
        ("startingAfter=x", "Invalid cursor: the provided ID does not exist."),
        ("endingBefore=x", "Invalid cursor: the provided ID does not exist."),
        (own, "Invalid cursor: the provided ID does not exist."),
        ("startingAfter=x&endingBefore=y", "You cannot use both startingAfter and endingBefore at the same time."),
    ]
    .map(|(query, message)| get(&format!("{path}?{query}"), 422, message))
    .to_vec()
}

fn analytics() -> Vec<Row> {
    let mut rows = reading("/analytics");
    rows.extend(reading("/events"));
    rows.extend([
        get(
            "/analytics?event=views",
            422,
            "invalid_value: event: Invalid event type. Valid event types are: clicks, leads, sales",
        ),
        get("/analytics?groupBy=moons", 422, "invalid_value: groupBy: Invalid type value. Valid values are: count, "),
        get("/events?event=composite", 422, "invalid_value: event: Invalid option: expected one of \"clicks\""),
        get("/events?page=0", 422, "too_small: page: Page must be greater than 0."),
        get("/events?page=", 422, "too_small: page: Page must be greater than 0."),
        get("/events?page=x", 422, "invalid_type: page: Page must be a number."),
        get("/events?page=1.5", 422, "invalid_type: page: Page must be an integer."),
        get("/events?limit=1001", 422, "too_big: limit: Max page size is 1000."),
        get("/events?limit=0", 422, "too_small: limit: Page size must be greater than 0."),
        get("/events?limit=", 422, "too_small: limit: Page size must be greater than 0."),
        get("/events?sortBy=clicks", 422, "invalid_value: sortBy: Invalid input: expected \"timestamp\""),
        get("/events?sortOrder=up", 422, "invalid_value: sortOrder: Invalid option: expected one of \"asc\"|\"desc\""),
    ]);
    rows
}

fn tracking() -> Vec<Row> {
    let lead = |more: Value| {
        let mut body = json!({"clickId": "nothing", "eventName": "Sign up", "customerExternalId": "1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let sale = |more: Value| {
        let mut body = json!({"amount": 100, "customerExternalId": "1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let large = json!({"text": "x".repeat(10_000)});
    let metadata = "custom: metadata: Metadata must be less than 10,000 characters when stringified";
    vec![
        post("/track/lead", json!({}), 422, "invalid_type: eventName: eventName is required"),
        post("/track/lead", lead(json!({"eventName": ""})), 422, "too_small: eventName: eventName is required"),
        post("/track/lead", json!({"clickId": "", "eventName": "a"}), 400, "customerExternalId is required"),
        post(
            "/track/lead",
            lead(json!({"customerEmail": "x"})),
            422,
            "invalid_format: customerEmail: Invalid email address",
        ),
        post("/track/lead", lead(json!({"metadata": large})), 422, metadata),
        post("/track/lead", lead(json!({})), 404, "Click event not found for clickId: nothing"),
        post("/track/lead", lead(json!({"clickId": ""})), 400, ""),
        post("/track/sale", json!({"customerExternalId": "1"}), 422, "invalid_type: amount: amount is required"),
        post("/track/sale", sale(json!({"amount": -1})), 422, "too_small: amount: amount cannot be negative"),
        post(
            "/track/sale",
            sale(json!({"customerEmail": "x"})),
            422,
            "invalid_format: customerEmail: Invalid email address",
        ),
        post("/track/sale", sale(json!({"metadata": large})), 422, metadata),
        post("/track/sale", json!({"amount": 100}), 400, "customerExternalId is required"),
        post("/track/click", json!({"key": "a"}), 422, "invalid_type: domain: domain is required."),
        post("/track/click", json!({"domain": "go.example.com"}), 422, "invalid_type: key: key is required."),
        post(
            "/track/click",
            json!({"domain": "go.example.com", "key": "nothing"}),
            404,
            "Link not found for domain: go.example.com and key: nothing.",
        ),
        post("/track/open", json!({}), 422, "custom: deepLink: "),
        post(
            "/track/open",
            json!({"deepLink": "https://go.example.com/nothing"}),
            404,
            "Deep link not found: https://go.example.com/nothing",
        ),
    ]
}

fn links(link: &str) -> Vec<Row> {
    let mut rows = paging("/links", 101);
    rows.extend(cursors("/links", "startingAfter=link_0000000000000"));
    let with = |more: Value| {
        let mut body = json!({"url": "https://example.com"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let path = format!("/links/{link}");
    rows.extend([
        post("/links", json!({"url": ""}), 400, "Missing destination URL"),
        post("/links", json!({}), 400, "Missing destination URL"),
        post("/links", json!({"url": "nonsense"}), 422, "Invalid destination URL"),
        post("/links", json!({"url": "javascript:alert(1)"}), 422, "Invalid destination URL"),
        post("/links", json!({"url": 5}), 422, "invalid_type: url: Invalid input: expected string, received number"),
        post("/links", with(json!({"domain": "go.other.example"})), 403, "Domain does not belong to workspace."),
        post("/links", with(json!({"key": "_hidden"})), 422, "Invalid key."),
        post("/links", with(json!({"key": "a b"})), 422, "Invalid key."),
        post("/links", with(json!({"key": "x.php"})), 422, "Invalid key."),
        post("/links", with(json!({"key": ".well-known/x"})), 422, "Invalid key."),
        post("/links", with(json!({"key": "api/x"})), 403, "This key is reserved"),
        post("/links", with(json!({"key": "a"})), 409, "Duplicate key: This short link already exists."),
        post("/links", with(json!({"externalId": "ext_e"})), 409, "Duplicate externalId"),
        post("/links", with(json!({"tagIds": ["tag_x"]})), 422, "Invalid tagIds detected: "),
        post("/links", with(json!({"tagNames": ["nothing"]})), 422, "Invalid tagNames detected: "),
        post("/links", with(json!({"folderId": "fold_x"})), 404, "Folder not found."),
        post("/links", with(json!({"expiresAt": "soon"})), 422, "invalid_date: expiresAt: Invalid date"),
        post("/links", json!([]), 422, "invalid_type: body: Invalid input: expected object, received array"),
        patch(&path, json!({"url": "nonsense"}), 422, "Invalid destination URL"),
        patch(&path, json!({"archived": "yes"}), 422, "invalid_type: archived: Invalid input: expected boolean"),
        patch("/links/link_0000000000000", json!({}), 404, "Link not found."),
        patch("/links/ext_nothing", json!({}), 404, "Link not found."),
        get("/links/info", 400, "You must provide a domain and a key"),
        get("/links/info?externalId=e", 400, "Invalid externalId. Did you forget to prefix it with `ext_`?"),
        get("/links/info?linkId=link_x", 404, "Link not found."),
        get("/links?folderId=fold_x", 404, "Folder not found."),
        get(
            "/links?showArchived=1",
            422,
            "invalid_value: showArchived: Invalid option: expected one of \"true\"|\"false\"",
        ),
        (Method::DELETE, "/links/link_x".to_owned(), Value::Null, 404, "Link not found.".to_owned()),
        (Method::DELETE, "/links/ext_nothing".to_owned(), Value::Null, 404, "Link not found.".to_owned()),
    ]);
    rows
}

fn customers(customer: &str) -> Vec<Row> {
    let mut rows = paging("/customers", 101);
    rows.extend(cursors("/customers", "endingBefore=cus_0000000000000"));
    let path = format!("/customers/{customer}");
    rows.extend([
        get(
            "/customers?sortBy=name",
            422,
            "invalid_value: sortBy: Invalid option: expected one of \"createdAt\"|\"saleAmount\"|",
        ),
        get(
            "/customers?sortOrder=up",
            422,
            "invalid_value: sortOrder: Invalid option: expected one of \"asc\"|\"desc\"",
        ),
        get("/customers/cus_x", 404, "Customer not found."),
        get("/customers/ext_nothing", 404, "Customer not found."),
        post("/customers", json!({}), 422, "invalid_type: externalId: "),
        post("/customers", json!({"externalId": "c"}), 409, "A customer with this external ID already exists."),
        post(
            "/customers",
            json!({"externalId": "d", "email": "x"}),
            422,
            "invalid_format: email: Invalid email address",
        ),
        patch(&path, json!({"email": "x"}), 422, "invalid_format: email: Invalid email address"),
        patch(&path, json!({"externalId": "other"}), 409, "A customer with this external ID already exists."),
        patch("/customers/cus_x", json!({}), 404, "Customer not found."),
        (Method::DELETE, "/customers/cus_x".to_owned(), Value::Null, 404, "Customer not found.".to_owned()),
    ]);
    rows
}

fn holdings() -> Vec<Row> {
    let mut rows = paging("/tags", 101);
    rows.extend(paging("/folders", 101));
    rows.extend([
        post("/tags", json!({"name": "One"}), 409, ""),
        post(
            "/tags",
            json!({"name": "x", "color": "black"}),
            422,
            "invalid_value: color: Invalid option: expected one of \"red\"|",
        ),
        patch("/tags/tag_x", json!({"name": "y"}), 404, "Tag not found."),
        (Method::DELETE, "/tags/tag_x".to_owned(), Value::Null, 404, "Tag not found.".to_owned()),
        post("/folders", json!({}), 422, "invalid_type: name: "),
        patch("/folders/fold_x", json!({"name": "y"}), 404, "Folder not found."),
        (Method::DELETE, "/folders/fold_x".to_owned(), Value::Null, 404, "Folder not found.".to_owned()),
        get("/webhooks/wh_x", 404, ""),
        // Paths that are no UTF-8 name nothing.
        get("/analytics/%ff", 404, "The requested path does not exist."),
        get("/analytics/clicks/%ff", 404, "The requested path does not exist."),
        get("/links/%ff", 404, "Link not found."),
        get("/tags/%ff", 404, "Tag not found."),
        get("/customers/%ff", 404, "Customer not found."),
        post("/webhooks/%ff/deliveries/%ff/retry", Value::Null, 404, "The requested path does not exist."),
    ]);
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_words() {
    let world = World::start("dub_errors_words").await;
    let link = world.post("/links", &json!({"url": "https://example.com", "key": "a", "externalId": "e"})).await;
    let customer = world.post("/customers", &json!({"externalId": "c"})).await;
    world.post("/customers", &json!({"externalId": "other"})).await;
    world.post("/tags", &json!({"name": "One"})).await;
    let (link, customer) = (link["id"].as_str().unwrap(), customer["id"].as_str().unwrap());
    let rows = [analytics(), tracking(), links(link), customers(customer), holdings()].concat();
    let mut wrong = Vec::new();
    for (method, path, body, status, message) in rows {
        let sent = if body.is_null() { String::new() } else { body.to_string() };
        for prefix in ["", "/api"] {
            let answer = world.send(method.clone(), &format!("{prefix}{path}"), &world.key, &sent).await;
            if answer.status != status || !answer.message().starts_with(&message) {
                wrong.push(format!(
                    "{method} {prefix}{path:.80} {sent:.80}\n  wanted {status} {message}\n  got {} {}",
                    answer.status, answer.body
                ));
            } else {
                assert_enveloped(&answer, &path);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_is_a_bad_request() {
    let world = World::start("dub_errors_json").await;
    let link = world.post("/links", &json!({"url": "https://example.com"})).await;
    let link = format!("/links/{}", link["id"].as_str().unwrap());
    let authorization = format!("Bearer {}", world.key);
    let mut deep = vec![b'['; 100_000];
    deep.extend(vec![b']'; 100_000]);
    for (method, path) in [
        (Method::POST, "/links"),
        (Method::PATCH, &link),
        (Method::PUT, &link),
        (Method::POST, "/track/lead"),
        (Method::POST, "/track/sale"),
        (Method::POST, "/track/click"),
        (Method::POST, "/customers"),
        (Method::POST, "/tags"),
        (Method::POST, "/folders"),
        (Method::POST, "/webhooks"),
    ] {
        for body in [&b""[..], b"{", b"url=https://example.com", b"{\"a\": \"\xff\"}", b"{} {}", b"NaN", &deep] {
            for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
                let headers = [("authorization", authorization.as_str()), ("content-type", content_type)];
                let answer = world.exchange(method.clone(), path, &headers, body).await;
                let what = format!("{method} {path} {content_type} {body:.20?}");
                assert_enveloped(&answer, &what);
                assert_eq!((answer.status, answer.code()), (400, "bad_request"), "{what}: {}", answer.body);
                assert!(answer.message().starts_with("Invalid JSON format in request body"), "{what}: {}", answer.body);
            }
        }
        // What it is called does not matter, as long as it is JSON.
        let headers = [("authorization", authorization.as_str()), ("content-type", "text/plain")];
        let answer = world
            .exchange(
                method.clone(),
                path,
                &headers,
                b"{\"url\": 5, \"name\": 5, \"eventName\": 5, \"amount\": \"x\", \"domain\": 5, \"externalId\": 5}",
            )
            .await;
        assert_eq!((answer.status, answer.code()), (422, "unprocessable_entity"), "{method} {path}: {}", answer.body);
    }
}
