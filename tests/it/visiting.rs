//! Visits of short links, one at a time, whose clicks are kept nowhere.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use linktrail::api::visit::{KeptTotals, Recorder, Refused, Services, Visits};
use linktrail::auth::gate::Gate;
use linktrail::domain::click_id::EventId;
use linktrail::domain::hit::Hit;
use linktrail::redirect::Allowances;
use linktrail::server::CountedAllowances;
use linktrail::web::state::App;

/// Keeps nothing: what is asked here is where visitors go.
struct Nowhere;

impl Recorder for Nowhere {
    async fn record(&self, _: &Hit) -> Result<EventId, Refused> {
        Err(Refused { reason: "test" })
    }
}

/// What a visitor gets: the status, and where to or the body.
pub async fn visit(app: &App, host: &str, path: &str) -> (u16, String) {
    visit_as(app, "", host, path).await
}

/// What a visitor gets whose browser says that it is this one.
pub async fn visit_as(app: &App, agent: &str, host: &str, path: &str) -> (u16, String) {
    let app = app.clone();
    let visits = Visits::new(Services {
        allowances: Allowances::new(Arc::new(CountedAllowances::new(app.catalog, app.analytics.clone(), app.ingest))),
        resolver: app.resolver,
        clients: app.clients,
        recorder: Nowhere,
        clicks: app.clicks,
        clock: app.clock,
        enricher: app.enricher,
        gate: Gate::new([7; 32]),
        recent: Default::default(),
        totals: Arc::new(KeptTotals::new(app.analytics)),
        is_https: false,
    });
    let request =
        Request::builder().uri(path).header("host", host).header("user-agent", agent).body(Body::empty()).unwrap();
    let response = Arc::new(visits).fallback(request).await;
    let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, location.unwrap_or_else(|| String::from_utf8(body.to_vec()).unwrap()))
}
