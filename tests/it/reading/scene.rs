//! A workspace whose every event is written by hand, asked through the whole router.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use linktrail::api::dub;
use linktrail::auth::KeyGrant;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::Event;
use linktrail::domain::id::{FolderId, LinkId, TagId, UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::tag::TagColor;
use linktrail::warehouse::Warehouse;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::lines::{LANDING, LINES, NOW, id, ms};

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
    clickhouse: clickhouse::Client,
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
        let urls = crate::world::clickhouse(test).await;
        let warehouse = crate::world::warehouse_at(&urls);
        warehouse.migrate().await.unwrap();
        let app = crate::world::app(&database, &warehouse, ms(NOW)).await;
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
            clickhouse: crate::world::clickhouse_client(&urls.writer),
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

    /// The scene's own ClickHouse, with all rights.
    pub fn clickhouse(&self) -> &clickhouse::Client {
        &self.clickhouse
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
        app.holdings.add_domain(workspace, domain, false, Default::default()).await.unwrap();
    }
    let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
    let key = app.auth.create_key(user, &grant).await.unwrap().1.expose_secret().to_owned();
    (workspace, user, key)
}
