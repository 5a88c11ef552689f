//! Ghost ID's reading endpoints, over HTTP against both stores.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use linktrail::api::ghostid;
use linktrail::auth::KeyGrant;
use linktrail::catalog::NewSite;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Channel, Event, EventKind, PageEvent, Place, Referrer, Utm};
use linktrail::domain::id::{SiteId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::site::SiteSettings;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-03-10T17:30:00Z
const NOW_MS: i64 = 1_773_163_800_000;
/// 2026-03-10T17:09:10Z, as in the published example.
const STARTED_MS: i64 = 1_773_162_550_000;

struct Scene {
    app: App,
    site: SiteId,
    workspace: WorkspaceId,
    key: String,
}

async fn tenant(app: &App, email: &str) -> (WorkspaceId, SiteId, String) {
    let workspace = app.catalog.add_workspace(email, NOW_MS).await.unwrap().id;
    let user = app.catalog.add_user(email, "no password", Some((workspace, Role::Owner)), NOW_MS).await.unwrap().id;
    let grant = KeyGrant { name: "test".to_owned(), workspace: Some(workspace), ..KeyGrant::default() };
    let (_, key) = app.auth.create_key(user, &grant).await.unwrap();
    let slug = email.split('@').next().unwrap().to_owned();
    let site = NewSite {
        name: email.to_owned(),
        slug: slug.clone(),
        hosts: vec![format!("{slug}.example")],
        settings: SiteSettings::default(),
    };
    let site = app.catalog.add_site(workspace, &site, NOW_MS).await.unwrap().id;
    (workspace, site, key.expose_secret().to_owned())
}

impl Scene {
    async fn ask(&self, path: &str, key: &str) -> (StatusCode, String) {
        let mut request = Request::get(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let router = ghostid::routes().with_state(self.app.clone());
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.ask(path, &self.key).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// The published example's session, and one of somebody else.
async fn scene(test: &str) -> (Scene, String) {
    let database = crate::world::database_url(test).await;
    let warehouse = crate::world::warehouse(test).await;
    let app = crate::world::app(&database, &warehouse, NOW_MS).await;
    let (workspace, site, key) = tenant(&app, "ours@example.com").await;
    let (_, _, foreign_key) = tenant(&app, "theirs@example.com").await;
    app.sites.load().await.unwrap();
    let agent = Agent {
        device: "Desktop".to_owned(),
        browser: "Chrome".to_owned(),
        os: "Mac OS".to_owned(),
        ..Agent::default()
    };
    let step = |sequence: u64, seconds: i64, page: &str, title: &str| Event {
        workspace,
        site,
        kind: EventKind::Pageview,
        at_ms: STARTED_MS + seconds * 1_000,
        id: EventId::new(2, sequence),
        visitor: 0xa1b2_c3d4_e5f6_a7b8,
        place: Place { country: "US".to_owned(), city: "Austin".to_owned(), ..Place::default() },
        agent: std::sync::Arc::new(agent.clone()),
        page: Some(Box::new(PageEvent {
            event_type: "pageview".to_owned(),
            page: page.to_owned(),
            title: title.to_owned(),
            ..PageEvent::default()
        })),
        ..Event::default()
    };
    let mut first = step(1, 0, "/", "Home");
    first.referrer =
        Referrer { host: "google.com".to_owned(), url: "https://google.com/".to_owned(), name: "Google".to_owned() };
    first.channel = Channel::Organic;
    first.utm = Utm { source: "spring".to_owned(), ..Utm::default() };
    let mut clicked = step(4, 270, "/pricing", "Pricing");
    clicked.kind = EventKind::Custom;
    let page = clicked.page.as_mut().unwrap();
    page.event_type = "custom_event".to_owned();
    page.name = "cta_clicked".to_owned();
    page.user_id = "jane@example.com".to_owned();
    page.props = r#"{"section":"hero"}"#.to_owned();
    let events = [
        first,
        step(2, 100, "/features", "Features"),
        step(3, 222, "/pricing", "Pricing"),
        clicked,
        step(5, 290, "/", "Home"),
        step(6, 312, "/pricing", "Pricing"),
        // An hour later, from nowhere.
        step(7, 312 - 7_200, "/early", "Early"),
    ];
    warehouse.insert("scene", &events).await.unwrap();
    (Scene { app, site, workspace, key }, foreign_key)
}

#[tokio::test]
async fn a_session_is_told_as_published() {
    let (scene, foreign_key) = scene("ghostid_session").await;
    let site = scene.site.0;
    let sessions = scene.json(&format!("/api/sessions?siteId={site}")).await;
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let listed = &sessions[0];
    for (field, expected) in [
        ("started_at", json!("2026-03-10T17:09:10.000Z")),
        ("duration_seconds", json!(312)),
        ("event_count", json!(6)),
        ("entry_page", json!("/")),
        ("exit_page", json!("/pricing")),
        ("identified_user_id", json!("jane@example.com")),
        ("country", json!("United States")),
        // The first page of all was seen two hours before, directly.
        ("first_touch_channel", json!("Direct")),
        ("last_touch_channel", json!("Organic")),
        ("last_touch_utm_source", json!("spring")),
    ] {
        assert_eq!(listed[field], expected, "{field}");
    }
    let id = listed["session_id"].as_str().unwrap();
    let session = scene.json(&format!("/api/session/{id}?siteId={site}")).await;
    assert_eq!(
        session,
        json!({
            "session_id": id,
            "ghost_vid": "gv_a1b2c3d4_e5f6a7b8",
            "identified_user_id": "jane@example.com",
            "country": "United States",
            "city": "Austin",
            "device_type": "desktop",
            "browser": "Chrome",
            "os": "macOS",
            "started_at": "2026-03-10T17:09:10.000Z",
            "ended_at": "2026-03-10T17:14:22.000Z",
            "duration_seconds": 312,
            "event_count": 6,
            "pageview_count": 5,
            "entry_page": "/",
            "exit_page": "/pricing",
            "referrer": "https://google.com/",
            "channel": "Organic",
            "pages": ["/", "/features", "/pricing"],
            "timeline": session["timeline"],
        })
    );
    let timeline = session["timeline"].as_array().unwrap();
    assert_eq!(
        timeline[3],
        json!({
            "type": "custom_event",
            "event_name": "cta_clicked",
            "page": "/pricing",
            "page_title": "Pricing",
            "timestamp": "2026-03-10T17:13:40.000Z",
            "time_on_previous_page": 48,
            "props": { "section": "hero" },
        })
    );
    assert_eq!((&timeline[0]["time_on_previous_page"], &timeline[0]["props"]), (&json!(0), &json!({})));
    // Any of its events names it.
    let key = &scene.app.clicks;
    let middle = linktrail::domain::session::public_id(key, EventId::new(2, 4));
    assert_eq!(scene.json(&format!("/api/session/{middle}?siteId={site}")).await["session_id"], id);

    let (_, csv) = scene.ask(&format!("/api/session/{id}?siteId={site}&format=csv"), &scene.key).await;
    assert_eq!(csv.lines().count(), 7);
    assert!(csv.starts_with("timestamp,type,event_name,page,page_title,time_on_previous_page,props\n"), "{csv}");
    let (_, tsv) = scene.ask(&format!("/api/sessions?siteId={site}&format=tsv&limit=1&page=2"), &scene.key).await;
    assert!(tsv.lines().nth(1).unwrap().contains("\t/early\t"), "{tsv}");

    for path in [format!("/api/sessions?siteId={site}"), format!("/api/session/{id}?siteId={site}")] {
        assert_eq!(scene.ask(&path, &foreign_key).await.0, StatusCode::FORBIDDEN);
        assert_eq!(
            scene.ask(&path, "").await,
            (StatusCode::UNAUTHORIZED, json!({"error": "Unauthorized"}).to_string())
        );
    }
    assert_ne!(scene.workspace, WorkspaceId(0));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let (scene, _) = scene("ghostid_refused").await;
    let site = scene.site.0;
    for (path, status, words) in [
        ("/api/sessions".to_owned(), 400, "siteId is required"),
        ("/api/sessions?siteId=x".to_owned(), 400, "siteId must be"),
        ("/api/sessions?siteId=0".to_owned(), 400, "siteId must be"),
        ("/api/sessions?siteId=99999999999999999999".to_owned(), 400, "siteId must be"),
        ("/api/sessions?siteId=12345678".to_owned(), 404, "Site not found"),
        (format!("/api/sessions?siteId={site}&timeRange=8d"), 400, "24h, 7d, 30d, 90d, all"),
        (format!("/api/sessions?siteId={site}&timezone=Mars"), 400, "timezone"),
        (format!("/api/sessions?siteId={site}&start=2026-03-11&end=2026-03-10"), 400, "start"),
        (format!("/api/sessions?siteId={site}&start=yesterday"), 400, "start"),
        (format!("/api/sessions?siteId={site}&limit=501"), 400, "limit"),
        (format!("/api/sessions?siteId={site}&page=0"), 400, "page"),
        (format!("/api/sessions?siteId={site}&format=xml"), 400, "format"),
        (format!("/api/session/gs_123?siteId={site}"), 404, "Session not found"),
        (format!("/api/session/%00?siteId={site}"), 404, "Session not found"),
        (format!("/api/session/%ff?siteId={site}"), 400, ""),
    ] {
        let (given, body) = scene.ask(&path, &scene.key).await;
        assert_eq!((given.as_u16(), body.contains(words)), (status, true), "{path}: {given} {body}");
    }
    for range in ["24h", "7d", "30d", "90d", "all"] {
        let sessions = scene.json(&format!("/api/sessions?siteId={site}&timeRange={range}")).await;
        assert_eq!(sessions.as_array().unwrap().len(), 2, "{range}");
    }
    let none = scene
        .json(&format!("/api/sessions?siteId={site}&start=2026-03-08&end=2026-03-09&timezone=America/New_York"))
        .await;
    assert_eq!(none, json!([]));
}
