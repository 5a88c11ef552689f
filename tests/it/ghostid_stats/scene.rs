//! Two workspaces with a site each, and random events on them: over midnight, late, repeated, of robots, of people with a
//! name.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use linktrail::api::ghostid;
use linktrail::auth::KeyGrant;
use linktrail::catalog::{NewLink, NewSite};
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Channel, Coordinates, Event, EventKind, PageEvent, Place, Referrer};
use linktrail::domain::id::{LinkId, SiteId, WorkspaceId};
use linktrail::domain::link::LinkFields;
use linktrail::domain::principal::Role;
use linktrail::domain::site::SiteSettings;
use linktrail::warehouse::Warehouse;
use linktrail::web::state::App;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-03-10T17:30:00Z
pub const NOW_MS: i64 = 1_773_163_800_000;
pub const MINUTE_MS: i64 = 60_000;

pub struct Tenant {
    pub workspace: WorkspaceId,
    pub site: SiteId,
    pub key: String,
}

pub struct Scene {
    pub app: App,
    pub warehouse: Warehouse,
    pub ours: Tenant,
    pub theirs: Tenant,
}

impl Scene {
    pub async fn new(test: &str) -> Self {
        let database = crate::world::database_url(test).await;
        let warehouse = crate::world::warehouse(test).await;
        let app = crate::world::app(&database, &warehouse, NOW_MS).await;
        let ours = tenant(&app, "ours@example.com").await;
        let theirs = tenant(&app, "theirs@example.com").await;
        app.sites.load().await.unwrap();
        Self { app, warehouse, ours, theirs }
    }

    pub async fn send(&self, method: Method, path: &str, key: &str, body: Option<Value>) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let router = ghostid::routes().with_state(self.app.clone());
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// What a GET of ours answers.
    pub async fn json(&self, path: &str) -> Value {
        let (status, body) = self.send(Method::GET, path, &self.ours.key, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub async fn text(&self, path: &str) -> String {
        let (status, body) = self.send(Method::GET, path, &self.ours.key, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// A GET of ours is refused with this status and these words, in the surface's own form.
    pub async fn refused(&self, path: &str, status: u16, words: &str) {
        let (given, body) = self.send(Method::GET, path, &self.ours.key, None).await;
        assert_eq!((given.as_u16(), body.contains(words)), (status, true), "{path}: {given} {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"], "{path}");
    }

    /// Whoever has no key, or only one for another site, learns nothing.
    pub async fn closed(&self, path: &str) {
        let (status, body) = self.send(Method::GET, path, "", None).await;
        assert_eq!((status, body), (StatusCode::UNAUTHORIZED, json!({"error": "Unauthorized"}).to_string()), "{path}");
        let (status, body) = self.send(Method::GET, path, &self.theirs.key, None).await;
        assert!(matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN), "{path}: {status} {body}");
    }

    /// Stores events in batches of any size and order.
    pub async fn store(&self, rng: &mut SmallRng, events: &[Event]) {
        let mut shuffled = events.to_vec();
        shuffled.shuffle(rng);
        for (place, batch) in shuffled.chunks(90).enumerate() {
            // An insert is of one month.
            let month = |event: &Event| event.at_ms / 100_000_000_000;
            let mut batch = batch.to_vec();
            batch.sort_by_key(month);
            for (part, events) in batch.chunk_by(|one, other| month(one) == month(other)).enumerate() {
                self.warehouse.insert(&format!("batch {place} {part}"), events).await.unwrap();
            }
        }
    }
}

async fn tenant(app: &App, email: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(email, NOW_MS).await.unwrap().id;
    let user = app.catalog.add_user(email, "no password", Some((workspace, Role::Owner)), NOW_MS).await.unwrap().id;
    let grant = KeyGrant { name: "test".to_owned(), workspace: Some(workspace), ..KeyGrant::default() };
    let (_, key) = app.auth.create_key(user, &grant).await.unwrap();
    let slug = email.split('@').next().unwrap().to_owned();
    let hosts = vec![format!("{slug}.example")];
    let site = NewSite { name: email.to_owned(), slug, hosts, settings: SiteSettings::default() };
    let site = app.catalog.add_site(workspace, &site, NOW_MS).await.unwrap().id;
    Tenant { workspace, site, key: key.expose_secret().to_owned() }
}

pub fn rng() -> SmallRng {
    let seed = rand::random();
    println!("seed {seed}");
    SmallRng::seed_from_u64(seed)
}

/// Most of the events are ours, within a fortnight before now; some are of the other site of another workspace, some are
/// clicks.
pub fn events(scene: &Scene, rng: &mut SmallRng, count: u64) -> Vec<Event> {
    (1..=count).map(|sequence| event(scene, rng, sequence)).collect()
}

fn event(scene: &Scene, rng: &mut SmallRng, sequence: u64) -> Event {
    let of = if rng.random_bool(0.8) { &scene.ours } else { &scene.theirs };
    let is_pageview = rng.random_bool(0.6);
    let visitor: u64 = rng.random_range(1..14);
    let page = PageEvent {
        event_type: if is_pageview { "pageview" } else { "custom_event" }.to_owned(),
        name: if is_pageview { String::new() } else { "cta".to_owned() },
        page: (*["/", "/", "/features", "/blog/pricing-is-hard", "/en/Pricing", "/a"].choose(rng).unwrap()).to_owned(),
        user_id: if visitor > 8 && rng.random_bool(0.1) { format!("user {visitor}") } else { String::new() },
        ..PageEvent::default()
    };
    let bot = if visitor == 13 || rng.random_bool(0.02) { "Googlebot" } else { "" };
    let country = *["US", "US", "CA", ""].choose(rng).unwrap();
    // Visits in bursts: whole minutes, so that silences of exactly half an hour happen, and events of one instant.
    let burst_ms = NOW_MS - rng.random_range(0..40) * 500 * MINUTE_MS;
    Event {
        workspace: of.workspace,
        site: of.site,
        kind: if is_pageview { EventKind::Pageview } else { EventKind::Custom },
        at_ms: burst_ms - rng.random_range(1..70) * MINUTE_MS,
        id: EventId::new(1, sequence),
        visitor,
        session: if rng.random_bool(0.03) { rng.random_range(1..3) } else { 0 },
        repeat: rng.random_bool(0.05),
        place: Place { country: country.to_owned(), city: country.to_lowercase(), ..Place::default() },
        coordinates: if country.is_empty() {
            Coordinates::default()
        } else {
            Coordinates { latitude: 302_672, longitude: -977_431 }
        },
        agent: Arc::new(Agent { bot: bot.to_owned(), device: "Desktop".to_owned(), ..Agent::default() }),
        channel: *Channel::ALL.choose(rng).unwrap(),
        referrer: Referrer { url: format!("https://h{}/", rng.random_range(0..5)), ..Referrer::default() },
        page: Some(Box::new(page)),
        ..Event::default()
    }
}

impl Scene {
    /// Links of a tenant's site under these slugs; `None` for a link of no site.
    pub async fn add_links(&self, of: &Tenant, slugs: &[Option<&str>]) -> Vec<LinkId> {
        let name = format!("go{}.example", of.workspace.0);
        let domain = match self.app.catalog.domain_of(of.workspace, &name).await.unwrap() {
            Some(domain) => domain,
            None => self.app.catalog.add_domain(of.workspace, &name, false, NOW_MS).await.unwrap(),
        };
        let site = self.app.catalog.sites(of.workspace).await.unwrap().remove(0);
        let mut ids = Vec::new();
        for slug in slugs {
            let fields = LinkFields {
                url: "https://example.com/".to_owned(),
                site: slug.map(|_| site.id.0),
                ..LinkFields::default()
            };
            let slug = slug.map_or_else(|| format!("x{}", ids.len()), |slug| format!("l/{}/{slug}", site.slug));
            let new = NewLink {
                workspace: of.workspace,
                domain: &domain,
                slug: &slug,
                created_by: None,
                fields: &fields,
                created_at_ms: NOW_MS,
                has_history: false,
            };
            ids.push(self.app.catalog.add_link(&new).await.unwrap().id);
        }
        ids
    }
}
