//! A workspace with clicks around the night in which New York's clocks go back, and another with the same ones.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use linktrail::api::{dub, linkly};
use linktrail::auth::KeyGrant;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, Network, Place, Referrer};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::warehouse::Warehouse;
use linktrail::web::state::App;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-11-02T12:00:00Z
pub const NOW_MS: i64 = 1_793_620_800_000;
/// Clicks lie in the 60 hours before.
const BEFORE_MS: i64 = 60 * 3_600_000;
const EVENTS: u64 = 400;

pub struct Scene {
    pub app: App,
    warehouse: Warehouse,
    /// The scene's own ClickHouse, with all rights.
    pub clickhouse: clickhouse::Client,
    router: Router,
    pub key: String,
    pub workspace: WorkspaceId,
    pub foreign: WorkspaceId,
    /// The last one was deleted.
    pub links: Vec<LinkId>,
    pub foreign_link: LinkId,
    pub events: Vec<Event>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Scene {
    /// With clicks in both workspaces.
    pub async fn start(test: &str) -> Self {
        let mut scene = Self::quiet(test).await;
        scene.events = scene.clicks();
        let foreign = scene.events.iter().map(|event| Event {
            workspace: scene.foreign,
            link: scene.foreign_link,
            id: EventId::new(2, event.id.sequence()),
            ..event.clone()
        });
        let all: Vec<Event> = scene.events.iter().cloned().chain(foreign).collect();
        scene.store("clicks", &all).await;
        scene
    }

    /// Without clicks.
    pub async fn quiet(test: &str) -> Self {
        let database = crate::world::database_url(test).await;
        let urls = crate::world::clickhouse(test).await;
        let warehouse = crate::world::warehouse_at(&urls);
        warehouse.migrate().await.unwrap();
        let app = crate::world::app(&database, &warehouse, NOW_MS).await;
        let router = dub::routes().merge(linkly::routes()).with_state(app.clone());
        let (workspace, key) = tenant(&app, "ours@example.com", "go.example.com").await;
        let (foreign, foreign_key) = tenant(&app, "theirs@example.com", "go.other.example").await;
        let mut scene = Self {
            app,
            warehouse,
            clickhouse: crate::world::clickhouse_client(&urls.writer),
            router,
            key,
            workspace,
            foreign,
            links: Vec::new(),
            foreign_link: LinkId(0),
            events: Vec::new(),
        };
        for (name, title) in [("a", json!("Spring, \"first\"")), ("b", json!("Two")), ("c", Value::Null)] {
            let link = scene.make(&scene.key, name, title).await;
            scene.links.push(link);
        }
        scene.foreign_link = scene.make(&foreign_key, "a", Value::Null).await;
        let gone = format!("/links/{}", scene.links[2]);
        let answer =
            scene.send(Method::DELETE, &gone, &[("authorization", &format!("Bearer {}", scene.key))], "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        scene
    }

    /// Stores events, in batches of one month.
    pub async fn store(&self, token: &str, events: &[Event]) {
        crate::readers::scene::store(&self.warehouse, token, events).await;
    }

    async fn make(&self, key: &str, name: &str, title: Value) -> LinkId {
        let body = json!({"url": format!("https://example.com/{name}"), "key": name, "title": title}).to_string();
        let answer = self.send(Method::POST, "/links", &[("authorization", &format!("Bearer {key}"))], &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        LinkId::parse(answer.json()["id"].as_str().unwrap()).unwrap()
    }

    /// The same at every run.
    fn clicks(&self) -> Vec<Event> {
        let mut rng = SmallRng::seed_from_u64(7);
        let click = |number| {
            let mut pick = |values: &[&str]| (*values.choose(&mut rng).unwrap()).to_owned();
            let (country, region) = match pick(&["US", "DE", "", "FR"]).as_str() {
                "US" => ("US".to_owned(), "US-NY".to_owned()),
                other => (other.to_owned(), String::new()),
            };
            let agent = Agent {
                browser: pick(&["Chrome", "Firefox", "Mobile Safari"]),
                os: pick(&["Mac OS", "iOS", "Windows", ""]),
                bot: pick(&["", "", "", "Googlebot"]),
                device: ["Desktop", "Mobile", "Desktop", ""][number as usize % 4].to_owned(),
                ..Agent::default()
            };
            let referrer =
                Referrer { host: pick(&["", "t.co", "l.facebook.com", "facebook.com"]), ..Referrer::default() };
            let params = pick(&["", "", "utm_source=a&x=1", "x=1&x=1&y=%C3%BC+z", "x=2"]);
            let network = Network { isp: pick(&["", "Foo, Inc.", "Bar"]), ..Network::default() };
            Event {
                workspace: self.workspace,
                at_ms: NOW_MS - rng.random_range(1..BEFORE_MS),
                id: EventId::new(1, number),
                link: *self.links.choose(&mut rng).unwrap(),
                visitor: rng.random_range(1..40),
                repeat: rng.random_bool(0.2),
                place: Place { country, region, ..Place::default() },
                agent: Arc::new(agent),
                referrer,
                params,
                network,
                url: "https://example.com/".to_owned(),
                ..Event::default()
            }
        };
        (1..=EVENTS).map(click).collect()
    }

    /// The answer as it comes, whose body may break.
    pub async fn response(&self, rest: &str) -> Response<Body> {
        let path = format!("/api/v1/workspace/{}/clicks{rest}", self.workspace.0);
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {}", self.key));
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Asks below `/api/v1/workspace/{ours}/clicks`.
    pub async fn ask(&self, rest: &str) -> Answer {
        let path = format!("/api/v1/workspace/{}/clicks{rest}", self.workspace.0);
        self.send(Method::GET, &path, &[("authorization", &format!("Bearer {}", self.key))], "").await
    }

    pub async fn json(&self, rest: &str) -> Value {
        let answer = self.ask(rest).await;
        assert_eq!(answer.status, 200, "{rest}: {}", answer.body);
        answer.json()
    }
}

async fn tenant(app: &App, email: &str, domain: &str) -> (WorkspaceId, String) {
    let workspace = app.catalog.add_workspace(email, NOW_MS).await.unwrap().id;
    let user = app.catalog.add_user(email, "-", Some((workspace, Role::Owner)), NOW_MS).await.unwrap().id;
    app.holdings.add_domain(workspace, domain, false, Default::default()).await.unwrap();
    let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
    (workspace, app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned())
}
