//! A workspace with clicks, leads and sales that are written by hand.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use linktrail::api::dub;
use linktrail::auth::KeyGrant;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Conversion, Event, EventKind, Place, Referrer, Utm};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, LinkId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::tag::TagColor;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

pub const NOW: &str = "2026-03-10T15:04:05Z";

/// Kind, link, visitor, country, minutes ago, and of conversions name, customer, currency, amount.
type Line = (EventKind, &'static str, u64, &'static str, i64, (&'static str, u64, &'static str, i64));

use EventKind::{Click, Lead, Sale};

const NONE: (&str, u64, &str, i64) = ("", 0, "", 0);

/// Germany has a lead and a sale without a click; there are two sales in dollars and one, far larger, in euros.
const LINES: &[Line] = &[
    (Click, "a", 1, "US", 5, NONE),
    (Click, "a", 2, "FR", 70, NONE),
    (Click, "a", 3, "US", 80, NONE),
    (Click, "b", 1, "US", 90, NONE),
    (Lead, "a", 1, "US", 4, ("Sign up", 1, "", 0)),
    (Lead, "c", 4, "DE", 65, ("Demo", 2, "", 0)),
    (Lead, "c", 4, "DE", 60, ("Sign up", 2, "", 0)),
    (Sale, "a", 1, "US", 3, ("Purchase", 1, "usd", 1_000)),
    (Sale, "a", 1, "FR", 2, ("Purchase", 1, "usd", 500)),
    (Sale, "c", 4, "DE", 50, ("Upgrade", 2, "eur", 9_900)),
];

pub struct Scene {
    router: Router,
    key: String,
    pub workspace: WorkspaceId,
    pub tags: [String; 2],
    pub folder: String,
    pub links: [LinkId; 3],
}

fn at(ago_minutes: i64) -> i64 {
    chrono::DateTime::parse_from_rfc3339(NOW).unwrap().timestamp_millis() - ago_minutes * 60_000
}

impl Scene {
    pub async fn start(test: &str) -> Self {
        let database = crate::world::database_url(test).await;
        let warehouse = crate::world::warehouse(test).await;
        let app = crate::world::app(&database, &warehouse, at(0)).await;
        let router = dub::routes().with_state(app.clone());
        let workspace = app.catalog.add_workspace("ours", at(0)).await.unwrap().id;
        let user = app.catalog.add_user("o@example.com", "-", Some((workspace, Role::Owner)), at(0)).await.unwrap().id;
        for domain in ["go.example.com", "s.example.org"] {
            app.holdings.add_domain(workspace, domain, false, Default::default()).await.unwrap();
        }
        let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
        let key = app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned();
        let (one, two) = (
            app.catalog.add_tag(workspace, "One", TagColor::Red, at(0)).await.unwrap().id.to_string(),
            app.catalog.add_tag(workspace, "Two", TagColor::Blue, at(0)).await.unwrap().id.to_string(),
        );
        let mut scene = Self {
            router,
            key,
            workspace,
            tags: [one.clone(), two.clone()],
            folder: String::new(),
            links: [LinkId(0); 3],
        };
        scene.folder = scene.post("/folders", json!({"name": "News"})).await["id"].as_str().unwrap().to_owned();
        let bodies = [
            json!({"url": "https://example.com/a?utm_source=news", "key": "a", "tagIds": [one], "folderId": scene.folder,
                   "partnerId": "p1", "groupId": "g1", "partnerTagIds": ["gold", "north", "gold"], "programId": "prog",
                   "tenantId": "t1"}),
            json!({"url": "https://example.com/b", "key": "b", "tagIds": [one, two], "partnerId": "p2"}),
            json!({"url": "https://example.org/c", "domain": "s.example.org", "key": "c", "groupId": "g1"}),
        ];
        for (place, body) in bodies.into_iter().enumerate() {
            let link = scene.post("/links", body).await;
            scene.links[place] = LinkId::parse(link["id"].as_str().unwrap()).unwrap();
        }
        let events: Vec<Event> = LINES.iter().enumerate().map(|(place, line)| scene.event(place, line)).collect();
        warehouse.insert("lines", &events).await.unwrap();
        scene
    }

    fn event(&self, place: usize, line: &Line) -> Event {
        let &(kind, link, visitor, country, ago, (name, customer, currency, amount)) = line;
        let link = self.links[usize::from(link.as_bytes()[0] - b'a')];
        let is_first = link == self.links[0];
        let conversion = Conversion {
            click: EventId::new(1, 1),
            customer: CustomerId(customer),
            name: name.to_owned(),
            amount,
            currency: currency.to_owned(),
            ..Conversion::default()
        };
        Event {
            workspace: self.workspace,
            kind,
            at_ms: at(ago),
            id: EventId::new(1, place as u64 + 1),
            link,
            visitor,
            place: Place { country: country.into(), continent: "EU".into(), ..Place::default() },
            agent: Arc::new(Agent {
                device: "Desktop".into(),
                browser: "Firefox".into(),
                os: "Linux".into(),
                ..Agent::default()
            }),
            trigger: if is_first { Trigger::Qr } else { Trigger::Link },
            referrer: Referrer { host: "t.co".into(), url: "https://t.co/x".into(), ..Referrer::default() },
            url: format!("https://example.com/{}?q=1", link.0),
            utm: Utm { source: if is_first { "news" } else { "" }.into(), ..Utm::default() },
            conversion: (kind != Click).then(|| Box::new(conversion)),
            ..Event::default()
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = Request::post(path).header("authorization", format!("Bearer {}", self.key));
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Status, the currency that the answer names, and the body.
    pub async fn ask(&self, path: &str) -> (u16, String, String) {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.key));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let currency = parts.headers.get("x-linktrail-currency").map_or("", |value| value.to_str().unwrap()).to_owned();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (parts.status.as_u16(), currency, body)
    }

    pub async fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.ask(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The rows of the answer as CSV, without its header.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let path = format!("/analytics?format=csv&{query}");
        let (status, _, body) = self.ask(&path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body.lines().skip(1).map(str::to_owned).collect()
    }
}
