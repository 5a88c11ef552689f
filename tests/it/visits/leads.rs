//! From a visit to the lead that it led to: links made over the API, visited, and asked about.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use linktrail::api::visit::{KeptTotals, Recorder, Refused, Services, Visits};
use linktrail::auth::gate::Gate;
use linktrail::domain::click_id::EventId;
use linktrail::domain::hit::Hit;
use linktrail::ingest::Ingest;
use linktrail::redirect::Allowances;
use linktrail::server::CountedAllowances;
use linktrail::web::client::Peer;
use linktrail::web::state::App;
use serde_json::{Value, json};

use super::agents::MAC;
use crate::conversions::world::World;

pub(super) struct Spooled(Ingest);

impl Recorder for Spooled {
    async fn record(&self, hit: &Hit) -> Result<EventId, Refused> {
        let pending = self.0.record(hit).map_err(|refused| Refused { reason: refused.name() })?;
        pending.synced().await.map_err(|refused| Refused { reason: refused.name() })?;
        Ok(pending.id())
    }
}

pub(super) fn visits(world: &World) -> Arc<Visits<Spooled>> {
    visits_of(&world.app)
}

/// Visits of the node that has these services.
pub(super) fn visits_of(app: &App) -> Arc<Visits<Spooled>> {
    Arc::new(Visits::new(Services {
        resolver: Arc::clone(&app.resolver),
        allowances: Allowances::new(Arc::new(CountedAllowances::new(
            app.catalog.clone(),
            app.analytics.clone(),
            app.ingest.clone(),
        ))),
        clients: app.clients.clone(),
        recorder: Spooled(app.ingest.clone()),
        clicks: app.clicks.clone(),
        clock: app.clock.clone(),
        enricher: Arc::clone(&app.enricher),
        gate: Gate::new([9; 32]),
        recent: app.recent_visits.clone(),
        totals: Arc::new(KeptTotals::new(app.analytics.clone())),
        is_https: true,
    }))
}

/// Where a visit is sent, and the cookie that it is given, without its attributes.
async fn visit(visits: &Arc<Visits<Spooled>>, path: &str, cookie: Option<&str>) -> (String, Option<String>) {
    let mut request = Request::builder().uri(path).header("host", "go.example.com").header("user-agent", MAC);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(SocketAddr::from(([198, 51, 100, 7], 1))));
    let response = Arc::clone(visits).fallback(request).await;
    assert_eq!(response.status(), 302);
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    (header("location").unwrap(), header("set-cookie").map(|set| set.split(';').next().unwrap().to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_finds_the_click_that_was_handed_on() {
    let world = World::start("visits_leads").await;
    let visits = visits(&world);
    let link = world.link(&world.ours, "sale").await;
    let (location, cookie) = visit(&visits, "/sale", None).await;
    let first = location.split_once("?dub_id=").unwrap().1.to_owned();
    let (again, none) = visit(&visits, "/sale", cookie.as_deref()).await;
    assert_eq!((again, none), (location, None));
    let lead = json!({ "clickId": first, "eventName": "Sign up", "customerExternalId": "c1", "mode": "wait" });
    let (status, answer) = world.send(Method::POST, "/track/lead", Some(&lead)).await;
    assert_eq!((status.as_u16(), &answer["click"]["id"]), (200, &json!(first)), "{answer}");
    assert_eq!(answer["link"]["id"], json!(link.to_string()));
    let stored = world.stored().await;
    let click = world.app.clicks.parse(&first).unwrap();
    assert_eq!((stored.len(), stored[0].click_event_id), (1, click.0));
    // The click that leads belong to is the one that counts; the visit after it is its repeat.
    let clicks: Vec<(u64, bool)> = world
        .clickhouse
        .query("SELECT event_id, repeat FROM events WHERE kind = 'click' ORDER BY event_id")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!((clicks.len(), clicks[0], clicks[1].1), (2, (click.0, false), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_set_up_shown_and_run() {
    let world = World::start("visits_tests").await;
    let visits = visits(&world);
    let variants = json!([
        { "url": "https://a.example/", "percentage": 10 }, { "url": "b.example/x", "percentage": 90 }
    ]);
    let body = json!({
        "url": "https://example.com/?utm_source=mail", "key": "ab", "testVariants": variants,
        "testStartedAt": "2026-09-01T00:00:00Z", "testCompletedAt": "2026-10-01T00:00:00.000Z"
    });
    let (status, made) = world.send(Method::POST, "/links", Some(&body)).await;
    assert_eq!(status, 200, "{made}");
    let shown = json!([
        { "url": "https://a.example/", "percentage": 10 }, { "url": "https://b.example/x", "percentage": 90 }
    ]);
    assert_eq!(made["testVariants"], shown);
    assert_eq!(made["testStartedAt"], json!("2026-09-01T00:00:00.000Z"));
    assert_eq!(made["testCompletedAt"], json!("2026-10-01T00:00:00.000Z"));
    let tested = ["https://a.example/?utm_source=mail", "https://b.example/x?utm_source=mail"];
    assert!(tested.contains(&visit(&visits, "/ab", None).await.0.as_str()));

    let path = format!("/links/{}", made["id"].as_str().unwrap());
    let change = async |body: Value| world.send(Method::PATCH, &path, Some(&body)).await;
    for (field, value, named) in [
        ("testVariants", json!([{ "url": "https://a.example", "percentage": 100 }]), "testVariants"),
        (
            "testVariants",
            json!([{ "url": "https://a.example", "percentage": 60 }, { "url": "https://b.example", "percentage": 60 }]),
            "testVariants",
        ),
        (
            "testVariants",
            json!([{ "url": "javascript:x", "percentage": 50 }, { "url": "https://b.example", "percentage": 50 }]),
            "testVariants",
        ),
        (
            "testVariants",
            json!([{ "url": "https://go.example.com/x", "percentage": 50 }, { "url": "https://b.example", "percentage": 50 }]),
            "testVariants",
        ),
        ("testVariants", json!("x"), "testVariants"),
        ("testCompletedAt", json!("2026-08-01T00:00:00Z"), "testCompletedAt"),
        ("testStartedAt", json!("soon"), "testStartedAt"),
    ] {
        let (status, answer) = change(json!({ (field): value })).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(status == 422 && message.contains(named), "{field} {value}: {status} {answer}");
    }
    // What is not named stays.
    let (_, renamed) = change(json!({ "title": "T" })).await;
    assert_eq!(renamed["testVariants"], shown);
    let (_, ended) = change(json!({ "testCompletedAt": "2026-09-02T00:00:00Z" })).await;
    assert_eq!(ended["testVariants"], shown);
    // Nobody listens here to what the store tells of changes.
    world.app.resolver.forget_all();
    assert_eq!(visit(&visits, "/ab", None).await, ("https://example.com/?utm_source=mail".to_owned(), None));
    let (_, removed) = change(json!({ "testVariants": null, "testStartedAt": null, "testCompletedAt": null })).await;
    for field in ["testVariants", "testStartedAt", "testCompletedAt"] {
        assert_eq!(removed[field], Value::Null, "{field}");
    }
}
