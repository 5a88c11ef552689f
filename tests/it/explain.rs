//! `explain=true` on every read of analytics of all four surfaces: owners see what was asked of ClickHouse, and nobody else.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use linktrail::api::{brevr, dub, ghostid, linkly};
use linktrail::auth::KeyGrant;
use linktrail::catalog::NewSite;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Event, EventKind, PageEvent};
use linktrail::domain::id::SiteId;
use linktrail::domain::principal::Role;
use linktrail::domain::site::SiteSettings;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::linkly_clicks::scene::{NOW_MS, Scene};

struct World {
    scene: Scene,
    router: Router,
    shared: Router,
    site: SiteId,
    member: String,
    viewer: String,
    stranger: String,
}

impl World {
    async fn start(test: &str) -> Self {
        let scene = Scene::start(test).await;
        let (app, workspace) = (&scene.app, scene.workspace);
        let hosts = vec!["shop.example".to_owned()];
        let new =
            NewSite { name: "shop".to_owned(), slug: "shop".to_owned(), hosts, settings: SiteSettings::default() };
        let site = app.catalog.add_site(workspace, &new, NOW_MS).await.unwrap().id;
        app.sites.load().await.unwrap();
        let page = PageEvent { event_type: "pageview".to_owned(), page: "/".to_owned(), ..PageEvent::default() };
        let view = Event {
            workspace,
            site,
            kind: EventKind::Pageview,
            at_ms: NOW_MS - 60_000,
            id: EventId::new(3, 1),
            visitor: 7,
            page: Some(Box::new(page)),
            ..Event::default()
        };
        scene.store("views", &[view]).await;
        let key = async |email: &str, workspace, role| {
            let user = app.catalog.add_user(email, "-", Some((workspace, role)), NOW_MS).await.unwrap().id;
            let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
            app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned()
        };
        let member = key("member@example.com", workspace, Role::Member).await;
        let viewer = key("viewer@example.com", workspace, Role::Viewer).await;
        let stranger = key("stranger@example.com", scene.foreign, Role::Owner).await;
        let router = dub::routes()
            .merge(linkly::routes())
            .merge(brevr::routes())
            .merge(ghostid::routes())
            .with_state(app.clone());
        let shared = ghostid::shared_routes().with_state(app.clone());
        Self { router, shared, site, member, viewer, stranger, scene }
    }

    /// Every read of analytics, without `explain`; each has a question mark.
    fn reads(&self) -> Vec<String> {
        let (linkly, site) = (format!("/api/v1/workspace/{}", self.scene.workspace.0), self.site.0);
        let days = "start=2026-10-31&end=2026-11-02";
        let mut reads = Vec::new();
        for path in ["/analytics", "/api/analytics", "/analytics/export", "/analytics/clicks/countries", "/events"] {
            reads.push(format!("{path}?interval=7d"));
        }
        reads.push("/events/export?interval=7d&columns=timestamp,country".to_owned());
        reads.push("/links?sortBy=clicks".to_owned());
        for path in ["/clicks", "/clicks/counters/country", "/clicks/export"] {
            reads.push(format!("{linkly}{path}?{days}"));
        }
        for path in ["/list_links", "/links/export"] {
            reads.push(format!("{linkly}{path}?"));
        }
        reads.push("/api/v1/zapier/link?".to_owned());
        for path in ["stats", "visitor", "visitors", "sessions", "revenue", "link-analytics"] {
            reads.push(format!("/api/{path}?siteId={site}"));
        }
        reads.push(format!("/api/visitor/gv_00000000_00000007?siteId={site}"));
        for path in ["summary", "timeseries", "geo", "devices", "referrers", "utm", "export"] {
            reads.push(format!("/api/v1/analytics/{path}?period=7d"));
        }
        reads.push("/api/v1/links?".to_owned());
        reads
    }

    /// Status, type and body; what of a body is no text is told by its length alone.
    async fn ask(&self, key: &str, path: &str) -> (u16, String, String) {
        self.send(&self.router, Method::GET, key, path, "").await
    }

    async fn send(&self, router: &Router, method: Method, key: &str, path: &str, body: &str) -> (u16, String, String) {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| "?".repeat(bytes.len()));
        (parts.status.as_u16(), kind, body)
    }

    /// The explanation of an answer that is a good one.
    async fn explained(&self, path: &str) -> Value {
        let (status, kind, body) = self.ask(&self.scene.key, &format!("{path}&explain=true")).await;
        assert_eq!((status, kind.as_str()), (200, "application/json"), "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

fn queries(told: &Value) -> &[Value] {
    told["queries"].as_array().unwrap()
}

fn plan(query: &Value) -> Vec<&str> {
    query["plan"].as_array().map_or_else(Vec::new, |lines| lines.iter().map(|line| line.as_str().unwrap()).collect())
}

/// The workspaces that a query is scoped to, by the values behind its text.
fn workspaces(query: &Value) -> BTreeSet<u64> {
    let sql = query["sql"].as_str().unwrap();
    let value = |part: &str| {
        let name = part.split(':').next().unwrap();
        let parameters = query["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].as_u64().unwrap()
    };
    sql.split("workspace_id = {").skip(1).map(value).collect()
}

#[tokio::test]
async fn every_read_is_explained_to_its_owner_alone() {
    let world = World::start("explain_every_read").await;
    for path in world.reads() {
        let (status, kind, body) = world.ask(&world.scene.key, &path).await;
        assert_eq!(status, 200, "{path}: {body}");
        let told = world.explained(&path).await;
        let answer = &told["answer"];
        assert_eq!((&answer["status"], &answer["content_type"]), (&json!(200), &json!(kind)), "{path}");
        assert_eq!((&answer["bytes"], &answer["whole"]), (&json!(body.len()), &json!(true)), "{path}: {told}");
        assert!(told["took_ms"].as_f64().unwrap() > 0.0, "{path}");
        assert!(!queries(&told).is_empty(), "{path}: {told}");
        for query in queries(&told) {
            let sql = query["sql"].as_str().unwrap();
            assert!(sql.starts_with("SELECT ") || sql.starts_with("WITH "), "{path}: {sql}");
            assert_eq!((&query["whole"], query["took_ms"].is_f64()), (&json!(true), true), "{path}: {query}");
            assert_eq!(workspaces(query), BTreeSet::from([world.scene.workspace.0]), "{path}: {query}");
            for parameter in query["parameters"].as_array().unwrap() {
                let name =
                    format!("{{{}:{}}}", parameter["name"].as_str().unwrap(), parameter["type"].as_str().unwrap());
                assert!(sql.contains(&name), "{path}: {name} {sql}");
            }
            assert!(query["rows"].is_u64() || query["bytes"].is_u64(), "{path}: {query}");
        }
        let text = told.to_string();
        assert!(!text.contains(&world.scene.key) && !text.contains("password"), "{path}: {text}");

        let wished = format!("{path}&explain=true");
        for (key, role) in [(&world.member, "member"), (&world.viewer, "viewer")] {
            let (status, _, body) = world.ask(key, &wished).await;
            assert_eq!(status, 403, "{path}: {body}");
            assert!(body.contains(&format!("Your role: {role}")) && !body.contains("SELECT"), "{path}: {body}");
            assert_eq!(world.ask(key, &format!("{path}&explain=false")).await.0, 200, "{path}");
        }
        assert_eq!(world.ask("", &wished).await.0, 401, "{path}");
        assert_eq!(world.ask("", &format!("{path}&explain=maybe")).await.0, 401, "{path}");
        // Another's workspace is no more theirs for an explanation.
        let (status, _, body) = world.ask(&world.stranger, &wished).await;
        assert!(matches!(status, 200 | 403 | 404), "{path}: {status}");
        if status == 200 {
            let told: Value = serde_json::from_str(&body).unwrap();
            for query in queries(&told) {
                assert_eq!(workspaces(query), BTreeSet::from([world.scene.foreign.0]), "{path}: {query}");
            }
        }
        let (status, _, body) = world.ask(&world.scene.key, &format!("{path}&explain=maybe")).await;
        assert!((400..500).contains(&status) && status != 401 && status != 403, "{path}: {status}");
        assert!(body.contains("explain") && body.contains("true") && body.contains("maybe"), "{path}: {body}");
    }
}

#[tokio::test]
async fn each_surface_refuses_in_its_own_shape() {
    let world = World::start("explain_shapes").await;
    let linkly = format!("/api/v1/workspace/{}/clicks?explain=", world.scene.workspace.0);
    let ghostid = format!("/api/stats?siteId={}&explain=", world.site.0);
    for (path, wrong) in [("/analytics?explain=", 422), (&linkly, 400), (&ghostid, 400)] {
        for (key, value, expected) in [(&world.viewer, "true", 403), (&world.scene.key, "2", wrong)] {
            let (status, _, body) = world.ask(key, &format!("{path}{value}")).await;
            assert_eq!(status, expected, "{path}{value}: {body}");
            let body: Value = serde_json::from_str(&body).unwrap();
            let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
            let (expected, message) = match path.as_bytes()[5] {
                b'v' => (&["code", "error"][..], &body["error"]),
                b's' => (&["error"][..], &body["error"]),
                _ => (&["error"][..], &body["error"]["message"]),
            };
            assert_eq!(keys, expected, "{path}");
            assert!(message.as_str().unwrap().contains("explain"), "{path}: {message}");
        }
    }
    let (status, _, body) = world.ask(&world.viewer, "/api/v1/analytics/summary?explain=1").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["error"].is_string(), body.as_object().unwrap().len()), (403, true, 1), "{body}");
    // What is wrong with the rest of a request is told as ever.
    let (status, _, body) = world.ask(&world.scene.key, "/analytics?groupBy=nonsense&explain=true").await;
    assert!(status == 422 && body.contains("groupBy"), "{body}");
}

#[tokio::test]
async fn plans_name_their_source_and_say_what_was_read() {
    let world = World::start("explain_plans").await;
    let told = world.explained("/analytics?interval=7d&repeats=include&bots=include").await;
    let [query] = queries(&told) else { panic!("{told}") };
    let lines = plan(query);
    assert_eq!(lines[0], "total");
    assert!(lines.iter().any(|line| line.starts_with("  from the rollup within [")), "{lines:?}");
    assert!(query["sql"].as_str().unwrap().contains("FROM events_15m"), "{query}");
    assert_eq!(query["rows"], 1);
    assert!(query["read_rows"].as_u64().unwrap() > 0 && query["read_bytes"].as_u64().unwrap() > 0, "{query}");

    let told = world.explained("/analytics?interval=7d&groupBy=browsers&country=DE").await;
    let [query] = queries(&told) else { panic!("{told}") };
    let lines = plan(query);
    assert!(lines.contains(&"  from events") && lines.contains(&"  where Country among 1 values"), "{lines:?}");
    assert_eq!(query["rows"], 3, "{query}");
    let read = query["read_rows"].as_u64().unwrap();
    assert!((100..=2_000).contains(&read), "{read}");

    // Three kinds of events are three queries, of one answer; sales by currency.
    let told = world.explained("/analytics?interval=7d&event=composite").await;
    let kinds: Vec<String> = queries(&told)
        .iter()
        .filter_map(|query| plan(query).into_iter().find(|line| line.contains("kind ")).map(str::to_owned))
        .collect();
    let of = |kind: &str| format!("  of workspace {}, kind {kind}", world.scene.workspace.0);
    assert_eq!(kinds, [of("click"), of("lead"), of("sale")], "{told}");

    // By a dimension one reading tells them all apart.
    let told = world.explained("/analytics?interval=7d&event=composite&groupBy=countries").await;
    let [query] = queries(&told) else { panic!("{told}") };
    assert!(query["sql"].as_str().unwrap().contains(" GROUP BY kind, currency, country "), "{query}");
}

#[tokio::test]
async fn values_are_shown_apart_from_the_text() {
    let world = World::start("explain_values").await;
    let value = "it's \\ \"quoted\"; DROP TABLE events --";
    let path = "/analytics?interval=7d&groupBy=browsers&utm_source=it%27s%20%5C%20%22quoted%22%3B%20DROP%20TABLE%20events%20--";
    let told = world.explained(path).await;
    let [query] = queries(&told) else { panic!("{told}") };
    assert!(!query["sql"].as_str().unwrap().contains("quoted"), "{query}");
    let parameters = query["parameters"].as_array().unwrap();
    let shown = parameters.iter().find(|parameter| parameter["value"].to_string().contains("quoted")).unwrap();
    assert_eq!(shown["value"], json!([value]), "{shown}");
    assert_eq!(shown["type"], "Array(String)");

    let many: Vec<String> = (0..300).map(|number| format!("b{number}")).collect();
    let body = json!({"browser": many, "groupBy": "countries", "interval": "7d"}).to_string();
    let (status, _, body) =
        world.send(&world.router, Method::POST, &world.scene.key, "/analytics?explain=true", &body).await;
    assert_eq!(status, 200, "{body}");
    let told: Value = serde_json::from_str(&body).unwrap();
    let cut = queries(&told)[0]["parameters"].as_array().unwrap().iter().find(|one| one["length"] == 300).unwrap();
    assert_eq!(cut["value"].as_array().unwrap().len(), 20, "{cut}");
}

#[tokio::test]
async fn files_are_explained_in_whatever_form() {
    let world = World::start("explain_files").await;
    let clicks = format!("/api/v1/workspace/{}/clicks/export?start=2026-10-31&end=2026-11-02", world.scene.workspace.0);
    for (format, name) in [("csv", "CSVWithNames"), ("tsv", "CSVWithNames"), ("json", "JSONEachRow")] {
        let path = format!("{clicks}&format={format}");
        let (_, _, file) = world.ask(&world.scene.key, &path).await;
        let told = world.explained(&path).await;
        let [query] = queries(&told) else { panic!("{told}") };
        assert_eq!(query["format"], name, "{query}");
        assert_eq!(told["answer"]["bytes"], file.len(), "{format}");
        // The marks of ids are as long as they are short in the file.
        assert!(query["bytes"].as_u64().unwrap() >= file.len() as u64, "{format}");
        let lines = plan(query);
        assert_eq!(lines[0], "events oldest first, all from 0");
        assert!(lines.contains(&"  from events"), "{query}");
    }
    let told = world.explained("/events/export?interval=7d&columns=timestamp,country&format=csv").await;
    assert!(queries(&told).iter().any(|query| query["sql"].as_str().unwrap().contains("FROM events_15m")), "{told}");
    assert!(queries(&told).iter().any(|query| plan(query)[0].starts_with("events newest first")), "{told}");
}

#[tokio::test]
async fn what_reads_no_analytics_takes_no_notice() {
    let world = World::start("explain_elsewhere").await;
    let key = &world.scene.key;
    for path in ["/tags?", "/domains?", "/customers?", "/api/v1/workspaces?", "/api/v1/tags?", "/api/sites?"] {
        let plain = world.ask(key, path).await;
        for value in ["true", "maybe"] {
            assert_eq!(world.ask(key, &format!("{path}explain={value}")).await, plain, "{path}");
        }
    }
    let (status, _, made) = world
        .send(
            &world.router,
            Method::POST,
            &world.member,
            "/links?explain=true",
            r#"{"url":"https://example.com/made"}"#,
        )
        .await;
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!((status, made["url"].as_str()), (200, Some("https://example.com/made")));

    let links = format!("/api/links?siteId={}&explain=true", world.site.0);
    let (status, _, body) = world.send(&world.shared, Method::GET, key, &links, "").await;
    assert_eq!(status, 200, "{body}");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert!(told["queries"].is_array() && told["answer"]["bytes"].as_u64().unwrap() > 0, "{told}");
    assert_eq!(world.send(&world.shared, Method::GET, &world.viewer, &links, "").await.0, 403);
}
