//! Dub's endpoints for links over HTTP, against a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use linktrail::api::dub;
use linktrail::auth::{Auth, KeyGrant};
use linktrail::catalog::Catalog;
use linktrail::domain::id::{FolderId, LinkId, UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::tag::TagColor;
use linktrail::links::LinkService;
use linktrail::web::state::App;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tower::ServiceExt;

const NOW: i64 = 1_790_000_000_000;

/// One workspace with a domain, seen by its owner.
struct Tenant {
    workspace: WorkspaceId,
    user: UserId,
    key: String,
}

/// An installation with two tenants.
struct World {
    app: App,
    router: Router,
    ours: Tenant,
    theirs: Tenant,
}

impl World {
    async fn start(name: &str) -> Self {
        let app = app(name).await;
        let ours = tenant(&app, "ours@example.com", "go.example.com").await;
        let theirs = tenant(&app, "theirs@example.com", "go.other.example").await;
        Self { router: dub::routes().with_state(app.clone()), app, ours, theirs }
    }

    async fn send(&self, key: &str, method: Method, path: &str, body: Option<&str>) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        answer(&self.router, request.body(body.map_or_else(Body::empty, |text| Body::from(text.to_owned()))).unwrap())
            .await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(&self.ours.key, Method::GET, path, None).await
    }

    async fn post(&self, body: Value) -> (StatusCode, Value) {
        self.send(&self.ours.key, Method::POST, "/links", Some(&body.to_string())).await
    }

    async fn patch(&self, id: &str, body: Value) -> (StatusCode, Value) {
        self.send(&self.ours.key, Method::PATCH, &format!("/links/{id}"), Some(&body.to_string())).await
    }

    /// A link of ours, by force.
    async fn link(&self, body: Value) -> Value {
        let (status, link) = self.post(body).await;
        assert_eq!(status, 200, "{link}");
        link
    }

    async fn keys_of_list(&self, path: &str) -> Vec<String> {
        let (status, list) = self.get(path).await;
        assert_eq!(status, 200, "{list}");
        list.as_array().unwrap().iter().map(|link| link["key"].as_str().unwrap().to_owned()).collect()
    }
}

async fn app(name: &str) -> App {
    let database = crate::world::database_url(name).await;
    crate::world::app(&database, &crate::world::warehouse(name).await, NOW).await
}

async fn tenant(app: &App, email: &str, domain: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(email, NOW).await.unwrap().id;
    // Hashing a password takes its time, and none is used here.
    let user = app.catalog.add_user(email, "no password", Some((workspace, Role::Owner)), NOW).await.unwrap().id;
    app.holdings.add_domain(workspace, domain, false, Default::default()).await.unwrap();
    let key = key(app, user, Some(workspace), &[]).await;
    Tenant { workspace, user, key }
}

async fn key(app: &App, user: UserId, workspace: Option<WorkspaceId>, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    let grant = KeyGrant { workspace, scopes, ..KeyGrant::default() };
    app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned()
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/json");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    if !status.is_success() {
        let error = &body["error"];
        assert!(error["code"].is_string() && error["message"].is_string() && error["doc_url"].is_string(), "{body}");
    }
    (status, body)
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap()
}

fn message(body: &Value) -> &str {
    body["error"]["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_link_shows_every_field() {
    let world = World::start("fields").await;
    let tag = world.app.catalog.add_tag(world.ours.workspace, "News", TagColor::Pink, NOW).await.unwrap();
    let link = world
        .link(json!({
            "url": "example.com/page?utm_source=old&x=1", "key": "Hello", "externalId": "ext_42", "tenantId": "t",
            "title": "T", "comments": "C", "expiresAt": "2027-01-01T00:00:00Z", "tagIds": [tag.id.to_string()],
            "utm_source": " new ", "geo": {"de": "https://example.de"}, "trackConversion": true,
        }))
        .await;
    let mut expected = json!({
        "id": link["id"], "domain": "go.example.com", "key": "Hello",
        "url": "https://example.com/page?utm_source=new&x=1", "trackConversion": true, "externalId": "42",
        "tenantId": "t", "programId": null, "partnerId": null, "archived": false,
        "expiresAt": "2027-01-01T00:00:00.000Z", "expiredUrl": null, "disabledAt": null, "password": null,
        "proxy": false, "title": "T", "description": null, "image": null, "video": null, "rewrite": false,
        "doIndex": false, "ios": null, "android": null, "geo": {"DE": "https://example.de"}, "publicStats": false,
        "tags": [{"id": tag.id.to_string(), "name": "News", "color": "pink"}], "folderId": null, "comments": "C",
    });
    let rest = json!({
        "shortLink": "https://go.example.com/Hello",
        "qrCode": "http://localhost:8080/qr?url=https%3A%2F%2Fgo%2Eexample%2Ecom%2FHello%3Fqr%3D1",
        "utm_source": "new", "utm_medium": null, "utm_campaign": null, "utm_term": null, "utm_content": null,
        "testVariants": null, "testStartedAt": null, "testCompletedAt": null,
        "userId": world.ours.user.to_string(), "workspaceId": world.ours.workspace.to_string(),
        "clicks": 0, "leads": 0, "conversions": 0, "sales": 0, "saleAmount": 0, "lastClicked": null,
        "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
        "tagId": tag.id.to_string(), "projectId": world.ours.workspace.to_string(), "webhookIds": [],
        "groupId": null, "partnerTagIds": [], "forwardParameters": true, "identifier": null, "linkRetentionCleanupDisabledAt": null,
    });
    expected.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    assert_eq!(link, expected);
    let id = link["id"].as_str().unwrap();
    for path in [
        format!("/links/{id}"),
        format!("/api/links/{id}"),
        "/links/ext_42".to_owned(),
        format!("/links/info?linkId={id}"),
        "/links/info?externalId=ext_42".to_owned(),
        "/links/info?domain=GO.example.com&key=hELLO".to_owned(),
    ] {
        assert_eq!(world.get(&path).await, (StatusCode::OK, expected.clone()), "{path}");
    }
}

#[tokio::test]
async fn slugs() {
    let world = World::start("slugs").await;
    let link = |slug: &str| json!({"url": "https://example.com", "key": slug});
    let first = world.link(link("Taken")).await;
    let (status, body) = world.post(link("tAKEN")).await;
    assert_eq!((status.as_u16(), code(&body)), (409, "conflict"));
    assert_eq!(message(&body), "Duplicate key: This short link already exists.");
    for bad in ["_x", ".well-known/x", "a.php", "a b", "a?b", &"x".repeat(191), "a\u{202e}b", "../x", "//"] {
        let (status, body) = world.post(link(bad)).await;
        assert_eq!((status.as_u16(), code(&body)), (422, "unprocessable_entity"), "{bad}");
        assert!(message(&body).starts_with("Invalid key."), "{body}");
    }
    let (status, _) = world.post(link("api/x")).await;
    assert_eq!(status, 403);
    for good in ["a/b/c", "日本", "🚀", "_root", "events"] {
        assert_eq!(world.link(link(good)).await["key"], *good);
    }
    assert_eq!(world.get("/links/info?domain=go.example.com").await.1["key"], "_root");
    assert_eq!(world.get("/links/info?domain=go.example.com").await.1["shortLink"], "https://go.example.com");

    let random = world.link(json!({"url": "https://example.com"})).await;
    assert_eq!(random["key"].as_str().unwrap().len(), 7);
    let random = world.link(json!({"url": "https://example.com", "keyLength": 12, "prefix": "/p/"})).await;
    let key = random["key"].as_str().unwrap();
    assert!(key.starts_with("p/") && key.len() == 14, "{key}");
    let (status, _) = world.post(json!({"url": "https://example.com", "keyLength": 2})).await;
    assert_eq!(status, 422);

    // Renaming frees the slug; taking a taken one does not work.
    let id = first["id"].as_str().unwrap();
    assert_eq!(world.patch(id, json!({"key": "events"})).await.0, 409);
    assert_eq!(world.patch(id, json!({"key": "Renamed"})).await.1["key"], "Renamed");
    world.link(link("taken")).await;

    // A root link stays.
    let root = world.get("/links/info?domain=go.example.com&key=_root").await.1;
    let path = format!("/links/{}", root["id"].as_str().unwrap());
    assert_eq!(world.send(&world.ours.key, Method::DELETE, &path, None).await.0, 403);
}

#[tokio::test]
async fn one_of_many_gets_the_slug() {
    let world = World::start("race").await;
    let attempts = (0..12).map(|_| world.post(json!({"url": "https://example.com", "key": "one"})));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|(status, _)| *status == 409).count(), 11);
    // The shortest random slugs collide soon enough; new ones are drawn until one is free.
    for _ in 0..60 {
        world.link(json!({"url": "https://example.com", "keyLength": 3})).await;
    }
}

#[tokio::test]
async fn destinations() {
    let world = World::start("destinations").await;
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "\\\\evil.example",
        "https://a.b/\r\nX: y",
        "https://user:pw@a.b",
        "nodot",
        "https://go.example.com/loop",
        "https://www.GO.example.com./loop",
        "go.other.example/x",
    ] {
        let (status, body) = world.post(json!({ "url": bad })).await;
        assert_eq!(status, 422, "{bad}: {body}");
        assert!(message(&body).starts_with("Invalid destination URL"), "{body}");
        let (status, _) = world.post(json!({ "url": "https://a.b", "ios": bad })).await;
        assert_eq!(status, 422, "{bad}");
    }
    for missing in [json!({}), json!({"url": ""}), json!({"url": "  "}), json!({"url": null})] {
        let (status, body) = world.post(missing).await;
        assert_eq!((status.as_u16(), message(&body)), (400, "Missing destination URL"));
    }
    assert_eq!(world.link(json!({"url": "mailto:a@b.co"})).await["url"], "mailto:a@b.co");
    // Another port is another program.
    assert_eq!(world.link(json!({"url": "http://go.example.com:9000/"})).await["url"], "http://go.example.com:9000/");
    assert_eq!(world.link(json!({"url": "", "key": "_root"})).await["url"], "");
}

#[tokio::test]
async fn changes() {
    let world = World::start("changes").await;
    let link = world
        .link(json!({"url": "https://a.b/?utm_source=s&utm_term=t", "title": "T", "key": "k", "password": "secret",
            "ref": "r"}))
        .await;
    assert_eq!(link["password"], "********");
    assert_eq!(link["url"], "https://a.b/?utm_source=s&utm_term=t&ref=r");
    let id = link["id"].as_str().unwrap();
    let patched = async |body: Value| {
        let (status, link) = world.patch(id, body).await;
        assert_eq!(status, 200, "{link}");
        link
    };
    let hash = async || {
        let id = LinkId::parse(id).unwrap();
        world.app.catalog.link(world.ours.workspace, id).await.unwrap().unwrap().fields.password_hash
    };
    let before = hash().await;
    assert!(before.as_deref().unwrap().starts_with("$argon2id$"));

    world.app.clock.advance(1_000);
    let mut expected = link.clone();
    expected["updatedAt"] = json!("2026-09-21T14:13:21.000Z");
    assert_eq!(patched(json!({})).await, expected, "nothing asked, nothing changed");
    // What was shown can be sent back.
    assert_eq!(patched(expected.clone()).await, expected);
    assert_eq!(hash().await, before);

    let link = patched(json!({"title": null, "archived": true, "disabledAt": "2026-01-01", "utm_term": null})).await;
    assert_eq!((&link["title"], &link["archived"], &link["utm_term"]), (&json!(null), &json!(true), &json!(null)));
    assert_eq!(link["disabledAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(link["url"], "https://a.b/?utm_source=s&ref=r");
    let link = patched(json!({"url": "https://c.d/", "password": null})).await;
    assert_eq!((&link["url"], &link["password"]), (&json!("https://c.d/?utm_source=s"), &json!(null)));
    let link = patched(json!({"url": "https://c.d/?utm_source=new"})).await;
    assert_eq!(link["utm_source"], "new");

    assert_eq!(world.patch(id, json!({"domain": "go.other.example"})).await.0, 403);
    assert_eq!(world.patch(id, json!({"url": "ftp://a.b"})).await.0, 422);
    world.app.holdings.add_domain(world.ours.workspace, "second.example.com", true, Default::default()).await.unwrap();
    let link = patched(json!({"domain": "second.example.com", "key": "Case"})).await;
    assert_eq!(link["shortLink"], "https://second.example.com/Case");
    assert_eq!(world.get("/links/info?domain=second.example.com&key=case").await.0, 404);
    assert_eq!(world.get("/links/info?domain=second.example.com&key=Case").await.0, 200);
    assert_eq!(world.send(&world.ours.key, Method::PUT, &format!("/links/{id}"), Some("{}")).await.0, 200);

    world.link(json!({"url": "https://a.b", "externalId": "e"})).await;
    assert_eq!(world.patch(id, json!({"externalId": "e"})).await.0, 409);
    let path = format!("/links/{id}");
    let (status, body) = world.send(&world.ours.key, Method::DELETE, &path, None).await;
    assert_eq!((status.as_u16(), body), (200, json!({ "id": id })));
    for (method, body) in [(Method::GET, None), (Method::DELETE, None), (Method::PATCH, Some("{}"))] {
        assert_eq!(world.send(&world.ours.key, method, &path, body).await.0, 404);
    }
}

#[tokio::test]
async fn lists() {
    let world = World::start("lists").await;
    let catalog = &world.app.catalog;
    let tag = catalog.add_tag(world.ours.workspace, "News", TagColor::Red, NOW).await.unwrap().id.to_string();
    let folder = catalog.add_folder(world.ours.workspace, "F", NOW).await.unwrap().id.to_string();
    world.app.holdings.add_domain(world.ours.workspace, "second.example.com", false, Default::default()).await.unwrap();
    let bodies = [
        json!({"key": "a", "tagNames": ["news"]}),
        json!({"key": "b", "folderId": folder}),
        json!({"key": "c", "archived": true}),
        json!({"key": "d", "tenantId": "t", "title": "Spring 100% sale"}),
        json!({"key": "e", "domain": "second.example.com"}),
    ];
    let mut ids = Vec::new();
    for mut body in bodies {
        body["url"] = json!("https://example.com");
        ids.push(world.link(body).await["id"].as_str().unwrap().to_owned());
        world.app.clock.advance(1_000);
    }
    let table = [
        ("".to_owned(), vec!["e", "d", "a"]),
        ("sortBy=createdAt&sortOrder=asc".to_owned(), vec!["a", "d", "e"]),
        ("showArchived=true".to_owned(), vec!["e", "d", "c", "a"]),
        (format!("folderId={folder}"), vec!["b"]),
        (format!("tagIds={tag},tag_unknown"), vec!["a"]),
        (format!("tagId={tag}"), vec!["a"]),
        ("tagNames=NEWS".to_owned(), vec!["a"]),
        ("withTags=true".to_owned(), vec!["a"]),
        ("tagIds=nonsense".to_owned(), vec![]),
        ("tenantId=t".to_owned(), vec!["d"]),
        ("domain=go.example.com".to_owned(), vec!["d", "b", "a"]),
        ("domain=go.other.example".to_owned(), vec![]),
        ("search=100%25".to_owned(), vec!["d"]),
        ("search=%25".to_owned(), vec!["d"]),
        ("search=EXAMPLE.com".to_owned(), vec!["e", "d", "b", "a"]),
        (format!("userId={}", world.ours.user), vec!["e", "d", "a"]),
        (format!("userId={}", world.theirs.user), vec![]),
        ("userId='); DROP TABLE link".replace(' ', "%20"), vec![]),
        ("pageSize=2".to_owned(), vec!["e", "d"]),
        ("pageSize=2&page=2".to_owned(), vec!["a"]),
        (format!("startingAfter={}", ids[3]), vec!["a"]),
        (format!("endingBefore={}&pageSize=1", ids[0]), vec!["d"]),
    ];
    for (query, keys) in table {
        assert_eq!(world.keys_of_list(&format!("/links?{query}")).await, keys, "{query}");
        let paged = query.contains("page") || query.contains("After") || query.contains("Before");
        if !paged {
            let (status, count) = world.get(&format!("/links/count?{query}")).await;
            assert_eq!((status.as_u16(), count), (200, json!(keys.len())), "{query}");
        }
    }
    let theirs = world.send(&world.theirs.key, Method::GET, "/links?showArchived=true", None).await.1;
    assert_eq!(theirs, json!([]));
    let unknown = LinkId(77_777);
    for (query, status) in [
        ("page=0".to_owned(), 422),
        ("page=1001".to_owned(), 422),
        ("pageSize=101".to_owned(), 422),
        ("page=x".to_owned(), 422),
        ("showArchived=maybe".to_owned(), 422),
        ("sortBy=title".to_owned(), 422),
        (format!("startingAfter={unknown}"), 422),
        ("startingAfter=nonsense".to_owned(), 422),
        (format!("startingAfter={0}&endingBefore={0}", ids[0]), 422),
        (format!("folderId={}", FolderId(77_777)), 404),
        ("folderId=nonsense".to_owned(), 404),
        ("search=%00".to_owned(), 422),
        ("search=%ff".to_owned(), 422),
    ] {
        let (got, body) = world.get(&format!("/links?{query}")).await;
        assert_eq!(got, status, "{query}: {body}");
    }
    // Someone else's link is no cursor, and looks like one that never was.
    let path = |id: &str| format!("/links?startingAfter={id}");
    let foreign = world.send(&world.theirs.key, Method::GET, &path(&ids[0]), None).await;
    assert_eq!(foreign, world.send(&world.theirs.key, Method::GET, &path(&unknown.to_string()), None).await);
}

#[tokio::test]
async fn credentials() {
    let world = World::start("credentials").await;
    let ask = async |header: Option<&str>, path: &str| {
        let mut request = Request::builder().uri(path);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let (status, body) = answer(&world.router, request.body(Body::empty()).unwrap()).await;
        (status.as_u16(), body)
    };
    let (status, body) = ask(None, "/links").await;
    assert_eq!((status, code(&body), message(&body)), (401, "unauthorized", "Missing Authorization header."));
    let (status, body) = ask(Some("Basic abc"), "/links").await;
    assert_eq!((status, code(&body)), (400, "bad_request"));
    for wrong in ["Bearer nonsense", "Bearer ", &format!("Bearer lt_{}", "x".repeat(43)), "Bearer dub_x"] {
        let (status, body) = ask(Some(wrong), "/links").await;
        assert_eq!((status, message(&body)), (401, "Unauthorized: Invalid API key."), "{wrong}");
    }
    // A key in the query string is no key.
    assert_eq!(ask(None, &format!("/links?token={}", world.ours.key)).await.0, 401);
    // A body or a parameter that is wrong is not looked at before the key.
    assert_eq!(ask(None, "/links?page=%ff").await.0, 401);

    let bearer = |key: &str| format!("Bearer {key}");
    let (app, user, workspace) = (&world.app, world.ours.user, world.ours.workspace);
    let reader = key(app, user, Some(workspace), &["links.read"]).await;
    assert_eq!(ask(Some(&bearer(&reader)), "/links").await.0, 200);
    let (status, body) = world.send(&reader, Method::POST, "/links", Some("{}")).await;
    assert_eq!((status.as_u16(), code(&body)), (403, "forbidden"));
    assert!(message(&body).contains("links.write"), "{body}");
    let other = key(app, user, Some(workspace), &["analytics.read"]).await;
    assert_eq!(ask(Some(&bearer(&other)), "/links").await.0, 403);

    // A viewer reads, whatever the key says.
    let viewer = app.catalog.add_user("v@example.com", "x", Some((workspace, Role::Viewer)), NOW).await.unwrap().id;
    let viewers = key(app, viewer, Some(workspace), &[]).await;
    assert_eq!(ask(Some(&bearer(&viewers)), "/links").await.0, 200);
    assert_eq!(world.send(&viewers, Method::POST, "/links", Some("{}")).await.0, 403);

    // Expired and revoked.
    let expiry = KeyGrant { expires_at_ms: Some(NOW + 10), ..KeyGrant::default() };
    let (_, expiring) = app.auth.create_key(user, &expiry).await.unwrap();
    let expiring = bearer(expiring.expose_secret());
    assert_eq!(ask(Some(&expiring), "/links").await.0, 200);
    app.clock.advance(10);
    let (status, body) = ask(Some(&expiring), "/links").await;
    assert_eq!((status, message(&body)), (401, "Unauthorized: Access token expired."));
    let (record, revoked) = app.auth.create_key(user, &KeyGrant::default()).await.unwrap();
    let revoked = bearer(revoked.expose_secret());
    assert_eq!(ask(Some(&revoked), "/links").await.0, 200);
    assert!(app.auth.revoke_key(record.id).await.unwrap());
    assert_eq!(ask(Some(&revoked), "/links").await.0, 401);

    // An unbound key of someone in one workspace, in several, in none.
    let loose = key(app, user, None, &[]).await;
    assert_eq!(ask(Some(&bearer(&loose)), "/links").await.0, 200);
    let second = app.catalog.add_workspace("second", NOW).await.unwrap().id;
    app.catalog.set_member(second, user, Role::Owner).await.unwrap();
    app.auth.forget();
    assert_eq!(ask(Some(&bearer(&loose)), "/links").await.0, 400);
    assert_eq!(ask(Some(&bearer(&loose)), &format!("/links?workspaceId={second}")).await.0, 200);
    let foreign = ask(Some(&bearer(&loose)), &format!("/links?workspaceId={}", world.theirs.workspace)).await;
    assert_eq!(foreign.0, 404);
    assert_eq!(ask(Some(&bearer(&loose)), "/links?workspaceId=nonsense").await.0, 404);
    app.catalog.remove_member(workspace, user).await.unwrap();
    app.auth.forget();
    assert_eq!(ask(Some(&bearer(&world.ours.key)), "/links").await.0, 403);
    assert!(app.auth.create_key(viewer, &KeyGrant { workspace: Some(second), ..KeyGrant::default() }).await.is_err());
}

#[tokio::test]
async fn what_is_not_ours_looks_like_what_is_not() {
    let world = World::start("tenants").await;
    let theirs = &world.theirs;
    let body = json!({"url": "https://example.com", "key": "secret", "externalId": "theirs"}).to_string();
    let link = world.send(&theirs.key, Method::POST, "/links", Some(&body)).await.1;
    let id = link["id"].as_str().unwrap();
    let tag = world.app.catalog.add_tag(theirs.workspace, "x", TagColor::Red, NOW).await.unwrap().id;
    let folder = world.app.catalog.add_folder(theirs.workspace, "x", NOW).await.unwrap().id;
    let unknown = LinkId(88_888).to_string();
    for (foreign, absent) in [
        (format!("/links/{id}"), format!("/links/{unknown}")),
        ("/links/ext_theirs".to_owned(), "/links/ext_nothing".to_owned()),
        (format!("/links/info?linkId={id}"), format!("/links/info?linkId={unknown}")),
        ("/links/info?externalId=ext_theirs".to_owned(), "/links/info?externalId=ext_nothing".to_owned()),
        ("/links/info?domain=go.other.example&key=secret".to_owned(), "/links/info?domain=no.example&key=x".to_owned()),
        (format!("/links?folderId={folder}"), format!("/links?folderId={}", FolderId(99_999))),
        (format!("/links?tagIds={tag}"), "/links?tagIds=tag_0000000000000".to_owned()),
    ] {
        assert_eq!(world.get(&foreign).await, world.get(&absent).await, "{foreign}");
    }
    for path in
        [format!("/links/{id}"), format!("/links/{unknown}"), "/links/nonsense".to_owned(), "/links/%ff".to_owned()]
    {
        for (method, body) in [(Method::PATCH, Some("{\"title\":\"x\"}")), (Method::DELETE, None), (Method::GET, None)]
        {
            let (status, body) = world.send(&world.ours.key, method, &path, body).await;
            assert_eq!((status.as_u16(), message(&body)), (404, "Link not found."), "{path}");
        }
    }
    let create = |field: &str, value: Value| json!({"url": "https://a.b", field: value});
    assert_eq!(world.post(create("folderId", json!(folder.to_string()))).await.0, 404);
    let (status, body) = world.post(create("tagIds", json!([tag.to_string()]))).await;
    assert_eq!(status, 422);
    assert!(message(&body).starts_with("Invalid tagIds detected: "), "{body}");
    assert_eq!(world.post(create("tagNames", json!(["x"]))).await.0, 422);
    for domain in ["go.other.example", "nobody.example", "not a domain"] {
        let (status, body) = world.post(create("domain", json!(domain))).await;
        assert_eq!((status.as_u16(), message(&body)), (403, "Domain does not belong to workspace."), "{domain}");
    }
    assert_eq!(world.send(&theirs.key, Method::GET, &format!("/links/{id}"), None).await.1, link, "untouched");
}

#[tokio::test]
async fn hostile_input_is_answered_and_changes_nothing() {
    let world = World::start("hostile").await;
    let hostile = [
        "'); DROP TABLE link; --",
        "\" OR 1=1 --",
        "${jndi:ldap://x}",
        "a\u{0}b",
        "\u{202e}\u{feff}",
        "<script>alert(1)</script>",
        "{p0:Identifier}",
        "\r\nSet-Cookie: x=y",
        "😀".repeat(3_000).as_str(),
        "../../etc/passwd",
        "%00%ff",
    ]
    .map(str::to_owned);
    let fields = [
        "url",
        "domain",
        "key",
        "prefix",
        "externalId",
        "tenantId",
        "programId",
        "partnerId",
        "title",
        "description",
        "image",
        "video",
        "comments",
        "expiresAt",
        "expiredUrl",
        "disabledAt",
        "password",
        "ios",
        "android",
        "folderId",
        "tagId",
        "tagIds",
        "tagNames",
        "utm_source",
        "utm_content",
        "ref",
        "geo",
        "archived",
        "keyLength",
    ];
    for field in fields {
        for text in &hostile {
            for value in [json!(text), json!([text]), json!({ text.as_str(): text }), json!(1e300), json!(-1)] {
                let mut body = json!({"url": "https://example.com"});
                body[field] = value;
                let (status, answer) = world.post(body.clone()).await;
                assert!(status == 200 || status.is_client_error(), "{body}: {answer}");
                if text.contains('\0') && body[field].to_string().contains("\\u0000") {
                    assert_eq!(status, 422, "{body}");
                }
            }
        }
    }
    for text in &hostile {
        let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        for path in [
            format!("/links/{encoded}"),
            format!("/links/ext_{encoded}"),
            format!("/links/info?linkId={encoded}"),
            format!("/links/info?externalId=ext_{encoded}"),
            format!("/links/info?domain={encoded}&key={encoded}"),
            format!("/links?search={encoded}"),
            format!("/links?domain={encoded}&tenantId={encoded}&tagNames={encoded}"),
            format!("/links?userId={encoded}&startingAfter={encoded}"),
            format!("/links/count?{encoded}={encoded}"),
        ] {
            if path.len() > 60_000 {
                continue;
            }
            let (status, body) = world.get(&path).await;
            assert!(status == 200 || status.is_client_error(), "{path}: {body}");
        }
    }
    let bomb = format!("{}{}", "{\"url\":".repeat(10_000), "}".repeat(10_000));
    let list_bomb = format!("{{\"url\": \"https://a.b\", \"tagIds\": {}}}", "[".repeat(10_000));
    let too_large = format!("{{\"title\": \"{}\"}}", "x".repeat(100_001));
    for (body, expected) in [
        (bomb.as_str(), 400),
        (list_bomb.as_str(), 400),
        ("{", 400),
        ("", 400),
        ("[]", 422),
        ("null", 422),
        ("{\"url\": 5}", 422),
        ("{\"url\": \"https://a.b\", \"title\": \"\\u0000\"}", 422),
        (too_large.as_str(), 413),
    ] {
        let (status, answer) = world.send(&world.ours.key, Method::POST, "/links", Some(body)).await;
        assert_eq!(status, expected, "{}: {answer}", &body[..body.len().min(60)]);
    }
    let (status, body) = world.send(&world.ours.key, Method::POST, "/links", Some("{\"geo\": {\"DE\": 1}}")).await;
    assert_eq!(status, 422);
    assert!(message(&body).starts_with("invalid_type: geo.DE:"), "{body}");
    // Still there, and working.
    world.link(json!({"url": "https://example.com", "key": "after"})).await;
    assert_eq!(world.send(&world.theirs.key, Method::GET, "/links", None).await.1, json!([]));
}

#[tokio::test]
async fn unknown_paths_and_methods_wear_the_envelope() {
    let world = World::start("paths").await;
    for path in ["/api/nothing", "/api", "/links/a/b/c", "/api/links/a/b"] {
        let (status, body) = world.get(path).await;
        assert_eq!((status.as_u16(), code(&body)), (404, "not_found"), "{path}");
    }
    for (method, path) in [(Method::DELETE, "/links"), (Method::PATCH, "/links/info"), (Method::POST, "/links/x")] {
        let (status, body) = world.send(&world.ours.key, method, path, None).await;
        assert_eq!((status.as_u16(), code(&body)), (405, "method_not_allowed"), "{path}");
    }
}

#[tokio::test]
async fn a_dead_postgres_is_a_503_that_asks_to_come_back() {
    let world = World::start("dead").await;
    let dead = Catalog::connect(&SecretString::from("postgres://u@127.0.0.1:1/d"), 1).unwrap();
    let mut blind = world.app.clone();
    blind.auth = Auth::new(dead.clone(), blind.clock.clone());
    blind.catalog = dead.clone();
    let router = dub::routes().with_state(blind);
    let request = |key: &str, path: &str| {
        Request::builder().uri(path).header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap()
    };
    let response = router.clone().oneshot(request(&world.ours.key, "/links")).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    // Known by the key, but the links are out of reach.
    let mut halfway = world.app.clone();
    halfway.links = LinkService::new(dead.clone(), halfway.clock.clone(), Arc::clone(&halfway.public_url));
    let router = dub::routes().with_state(halfway);
    let (status, body) = answer(&router, request(&world.ours.key, "/links")).await;
    assert_eq!((status.as_u16(), code(&body)), (503, "service_unavailable"));
    assert!(!message(&body).contains("127.0.0.1"), "{body}");
}
