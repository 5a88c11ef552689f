//! A workspace whose every event is written by hand, asked through the whole router. The clock stands in New York's week
//! of the switch to summer time, which was at 2026-03-08T07:00:00Z.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use linktrail::analytics::Analytics;
use linktrail::api::dub;
use linktrail::auth::{Auth, KeyGrant};
use linktrail::calendar::Clock;
use linktrail::catalog::Catalog;
use linktrail::domain::click_id::{ClickKey, EventId};
use linktrail::domain::event::{Agent, Conversion, Event, EventKind, Place, Referrer, Utm};
use linktrail::domain::hit::Trigger;
use linktrail::domain::id::{CustomerId, FolderId, LinkId, TagId, UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::tag::TagColor;
use linktrail::links::LinkService;
use linktrail::warehouse::Warehouse;
use linktrail::web::state::App;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

pub const NOW: &str = "2026-03-10T15:04:05Z";

/// The customer of the lead.
pub const CUSTOMER: CustomerId = CustomerId(5);

/// An event as it is written below. Its letter makes its identity: a is 1.
pub struct Line {
    pub letter: char,
    pub at: &'static str,
    pub link: &'static str,
    visitor: u64,
    /// Continent, country, region, city.
    place: [&'static str; 4],
    /// Device, browser, system, robot.
    agent: [&'static str; 4],
    trigger: Trigger,
    referrer: &'static str,
    url: &'static str,
    repeat: bool,
    pub kind: EventKind,
}

const LANDING: &str = "https://example.com/landing?utm_source=news&utm_medium=mail";

const PLAIN: Line = Line {
    letter: ' ',
    at: "",
    link: "a",
    visitor: 0,
    place: ["", "", "", ""],
    agent: ["Desktop", "Chrome", "Mac OS", ""],
    trigger: Trigger::Link,
    referrer: "",
    url: LANDING,
    repeat: false,
    kind: EventKind::Click,
};

const NEW_YORK: [&str; 4] = ["NA", "US", "US-NY", "New York"];
const PARIS: [&str; 4] = ["EU", "FR", "FR-IDF", "Paris"];
const TOKYO: [&str; 4] = ["AS", "JP", "JP-13", "Tokyo"];

/// The events of our workspace. a to j are what is shown unless something else is asked for.
pub const LINES: &[Line] = &[
    // The present, and exactly 24 hours before it; e is a millisecond earlier.
    Line { letter: 'a', at: NOW, visitor: 1, place: NEW_YORK, ..PLAIN },
    Line {
        letter: 'b',
        at: "2026-03-10T14:30:00Z",
        visitor: 2,
        place: ["NA", "US", "US-CA", "Los Angeles"],
        agent: ["Mobile", "Mobile Safari", "iOS", ""],
        trigger: Trigger::Qr,
        referrer: "https://www.google.com/search",
        url: "https://example.com/landing?utm_source=news&utm_medium=mail&utm_campaign=spring",
        ..PLAIN
    },
    Line {
        letter: 'c',
        at: "2026-03-10T14:59:59.999Z",
        link: "b",
        visitor: 1,
        place: ["EU", "DE", "DE-BY", "München"],
        agent: ["Desktop", "Firefox", "Linux", ""],
        referrer: "https://news.ycombinator.com/item",
        url: "https://example.com/b",
        ..PLAIN
    },
    Line {
        letter: 'd',
        at: "2026-03-09T15:04:05Z",
        visitor: 3,
        place: ["EU", "FR", "", ""],
        agent: ["Tablet", "Chrome", "Android", ""],
        ..PLAIN
    },
    Line { letter: 'e', at: "2026-03-09T15:04:04.999Z", visitor: 3, place: PARIS, ..PLAIN },
    // The last millisecond of winter time in New York and the first of summer time; f is wholly unknown.
    Line {
        letter: 'f',
        at: "2026-03-08T06:59:59.999Z",
        link: "c",
        visitor: 4,
        agent: ["", "", "", ""],
        url: "https://example.org/?q=1",
        ..PLAIN
    },
    Line {
        letter: 'g',
        at: "2026-03-08T07:00:00Z",
        link: "c",
        visitor: 5,
        place: ["SA", "BR", "BR-SP", "São \"Paulo\", SP"],
        agent: ["Desktop", "Edge", "Windows", ""],
        referrer: "https://t.co/a,b",
        url: "https://example.org/?q=2&utm_source=new&utm_term=%3D1%2B1&utm_content=%09x",
        ..PLAIN
    },
    // Seven days ago on the clock of New York, and a second before that.
    Line {
        letter: 'h',
        at: "2026-03-03T16:04:05Z",
        link: "root",
        visitor: 6,
        place: TOKYO,
        url: "https://example.com/",
        ..PLAIN
    },
    Line {
        letter: 'i',
        at: "2026-03-03T16:04:04Z",
        link: "root",
        visitor: 6,
        place: TOKYO,
        url: "https://example.com/",
        ..PLAIN
    },
    Line {
        letter: 'j',
        at: "2025-12-31T23:30:00Z",
        link: "gone",
        visitor: 7,
        place: ["NA", "US", "", ""],
        url: "https://example.com/gone",
        ..PLAIN
    },
    // Not shown unless asked for: a robot, a second click within the hour, a robot's second click.
    Line {
        letter: 'k',
        at: "2026-03-10T13:00:00Z",
        visitor: 8,
        place: NEW_YORK,
        agent: ["Desktop", "", "", "Googlebot"],
        ..PLAIN
    },
    Line {
        letter: 'l',
        at: "2026-03-10T14:31:00Z",
        visitor: 2,
        place: ["NA", "US", "US-CA", "Los Angeles"],
        trigger: Trigger::Qr,
        repeat: true,
        ..PLAIN
    },
    Line {
        letter: 'm',
        at: "2026-03-10T13:30:00Z",
        link: "b",
        visitor: 8,
        agent: ["Desktop", "", "", "curl"],
        url: "https://example.com/b",
        repeat: true,
        ..PLAIN
    },
    // Never shown as clicks.
    Line { letter: 'n', at: "2026-03-10T14:00:00Z", visitor: 1, place: NEW_YORK, kind: EventKind::Pageview, ..PLAIN },
    Line { letter: 'o', at: "2026-03-10T15:00:00Z", visitor: 2, place: NEW_YORK, kind: EventKind::Lead, ..PLAIN },
];

pub fn ms(rfc3339: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis()
}

fn id(letter: char) -> EventId {
    EventId::new(1, u64::from(letter as u32 - 'a' as u32) + 1)
}

impl Line {
    fn event(&self, workspace: WorkspaceId, link: LinkId) -> Event {
        let text = |place: &[&'static str; 4]| place.map(str::to_owned);
        let [continent, country, region, city] = text(&self.place);
        let [device, browser, os, bot] = text(&self.agent);
        let url = Url::parse(self.url).unwrap();
        let utm = |name: &str| {
            url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let host = Url::parse(self.referrer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let lead =
            Conversion { click: id('b'), customer: CUSTOMER, name: "Sign up".to_owned(), ..Conversion::default() };
        Event {
            workspace,
            kind: self.kind,
            at_ms: ms(self.at),
            id: id(self.letter),
            link,
            visitor: self.visitor,
            repeat: self.repeat,
            place: Place { continent, country, region, city },
            agent: Arc::new(Agent {
                user_agent: format!("{browser}/1 ({os})"),
                device,
                browser_version: "1".to_owned(),
                os_version: "1".to_owned(),
                browser,
                os,
                bot,
            }),
            trigger: self.trigger,
            referrer: Referrer { host: host.trim_start_matches("www.").to_owned(), url: self.referrer.to_owned() },
            url: self.url.to_owned(),
            utm: Utm {
                source: utm("utm_source"),
                medium: utm("utm_medium"),
                campaign: utm("utm_campaign"),
                term: utm("utm_term"),
                content: utm("utm_content"),
            },
            conversion: (self.kind == EventKind::Lead).then(|| Box::new(lead)),
        }
    }
}

/// An answer as it went out.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn message(&self) -> String {
        let body = self.json();
        let error = &body["error"];
        assert!(error["code"].is_string() && error["doc_url"].is_string(), "{body}");
        error["message"].as_str().unwrap().to_owned()
    }
}

pub struct Scene {
    pub app: App,
    pub warehouse: Warehouse,
    router: Router,
    pub key: String,
    pub user: UserId,
    pub workspace: WorkspaceId,
    /// By the name that the lines use, and `theirs`, which is another workspace's.
    pub links: BTreeMap<&'static str, LinkId>,
    pub tags: [TagId; 2],
    pub foreign_tag: TagId,
    pub folder: FolderId,
    pub foreign_folder: FolderId,
}

impl Scene {
    /// The scene in fresh databases named after the test.
    pub async fn start(test: &str) -> Self {
        let database = crate::world::database_url(test).await;
        let catalog = Catalog::connect(&SecretString::from(database.clone()), 8).unwrap();
        catalog.migrate().await.unwrap();
        let warehouse = crate::world::warehouse(test).await;
        let clock = Clock::fixed(ms(NOW));
        let public_url = Arc::new(Url::parse("http://localhost:8080").unwrap());
        let app = App {
            auth: Auth::new(catalog.clone(), clock.clone()),
            analytics: Analytics::new(warehouse.clone(), catalog.clone()),
            clicks: ClickKey::new([7; 16]),
            links: LinkService::new(catalog.clone(), clock.clone(), Arc::clone(&public_url)),
            clock,
            catalog,
            public_url,
            max_body_bytes: 100_000,
        };
        let router = dub::routes().with_state(app.clone());
        let (workspace, user, key) = tenant(&app, "ours@example.com", &["go.example.com", "s.example.org"]).await;
        let (foreign, _, foreign_key) = tenant(&app, "theirs@example.com", &["go.other.example"]).await;
        let tag =
            async |workspace, name| app.catalog.add_tag(workspace, name, TagColor::Red, ms(NOW)).await.unwrap().id;
        let folder = async |workspace| app.catalog.add_folder(workspace, "News", ms(NOW)).await.unwrap().id;
        let mut scene = Self {
            tags: [tag(workspace, "One").await, tag(workspace, "Two").await],
            foreign_tag: tag(foreign, "One").await,
            folder: folder(workspace).await,
            foreign_folder: folder(foreign).await,
            links: BTreeMap::new(),
            warehouse,
            router,
            key,
            user,
            workspace,
            app,
        };
        scene.add_links(&foreign_key).await;
        scene.execute(&database, "UPDATE link SET group_id = 'g1' WHERE slug = 'b'").await;
        scene.store(workspace, foreign).await;
        scene
    }

    async fn add_links(&mut self, foreign_key: &str) {
        let [one, two] = self.tags.map(|tag| tag.to_string());
        let folder = self.folder.to_string();
        let (ours, theirs) = (self.key.clone(), foreign_key.to_owned());
        for (name, key, body) in [
            (
                "a",
                &ours,
                json!({"url": LANDING, "key": "a", "externalId": "ext_a", "tenantId": "t1", "tagIds": [one.clone()],
                       "folderId": folder, "title": "Landing, the \"first\"", "comments": "=1+1"}),
            ),
            ("b", &ours, json!({"url": "https://example.com/b", "key": "b", "partnerId": "p1", "tagIds": [one, two]})),
            ("c", &ours, json!({"url": "https://example.org/?q=1", "domain": "s.example.org", "key": "a"})),
            ("root", &ours, json!({"url": "https://example.com/", "key": "_root"})),
            ("gone", &ours, json!({"url": "https://example.com/gone", "key": "gone", "tenantId": "t1"})),
            ("theirs", &theirs, json!({"url": "https://example.net/", "key": "a", "externalId": "ext_theirs"})),
        ] {
            let answer = self.send(key, Method::POST, "/links", &[], body.to_string()).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            self.links.insert(name, LinkId::parse(answer.json()["id"].as_str().unwrap()).unwrap());
        }
        let gone = format!("/links/{}", self.links["gone"]);
        assert_eq!(self.send(&ours, Method::DELETE, &gone, &[], String::new()).await.status, 200);
    }

    async fn execute(&self, database: &str, sql: &str) {
        let (client, connection) = tokio_postgres::connect(database, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        assert_eq!(client.execute(sql, &[]).await.unwrap(), 1);
        drop(client);
        let _ = connection.await;
    }

    async fn store(&self, workspace: WorkspaceId, foreign: WorkspaceId) {
        let mut months: BTreeMap<&str, Vec<Event>> = BTreeMap::new();
        for line in LINES {
            let month = months.entry(&line.at[..7]).or_default();
            month.push(line.event(workspace, self.links[line.link]));
            // The same for the others, a node further.
            let mut twin = line.event(foreign, self.links["theirs"]);
            twin.id = EventId::new(2, twin.id.sequence());
            month.push(twin);
        }
        for (month, events) in months {
            self.warehouse.insert(month, &events).await.unwrap();
        }
    }

    pub async fn send(&self, key: &str, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(&self.key, Method::GET, path, &[], String::new()).await
    }

    /// The body of an answer that must be good.
    pub async fn body(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The letters of the events on a page, in its order.
    pub async fn letters(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let events = answer.json();
        events.as_array().unwrap().iter().map(|event| self.letter(event["click"]["id"].as_str().unwrap())).collect()
    }

    /// The letter of an event by its public id.
    pub fn letter(&self, click: &str) -> char {
        let event = self.app.clicks.parse(click).unwrap();
        assert_eq!(event.node(), 1, "an event of another workspace");
        char::from(b'a' - 1 + u8::try_from(event.sequence()).unwrap())
    }

    pub fn click(&self, letter: char) -> String {
        self.app.clicks.public(id(letter))
    }

    /// A key of ours with these scopes only.
    pub async fn key_with(&self, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let grant = KeyGrant { workspace: Some(self.workspace), scopes, ..KeyGrant::default() };
        self.app.auth.create_key(self.user, &grant).await.unwrap().1.expose_secret().to_owned()
    }
}

/// A workspace with an owner, short domains and a key that may do everything in it.
pub async fn tenant(app: &App, email: &str, domains: &[&str]) -> (WorkspaceId, UserId, String) {
    let workspace = app.catalog.add_workspace(email, ms(NOW)).await.unwrap().id;
    // Hashing a password takes its time, and none is used here.
    let user = app.catalog.add_user(email, "no password", Some((workspace, Role::Owner)), ms(NOW)).await.unwrap().id;
    for domain in domains {
        app.auth.create_domain(workspace, domain, false).await.unwrap();
    }
    let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
    let key = app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned();
    (workspace, user, key)
}
