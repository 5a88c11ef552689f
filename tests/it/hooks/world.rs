//! An installation with two tenants, telling with options that a test can wait for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use linktrail::api::{dub, linkly};
use linktrail::catalog::FailurePolicy;
use linktrail::domain::hit::{Hit, PlaceHint};
use linktrail::domain::id::{LinkId, WorkspaceId};
use linktrail::hooks::guard::{Policy, SystemResolver};
use linktrail::hooks::send::Sender;
use linktrail::hooks::{HookOptions, Hooks, Telling, TellingParts};
use linktrail::web::state::App;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::reading::scene::tenant;

pub const NOW: i64 = 1_790_000_000_000;
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
pub const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

pub struct Tenant {
    pub workspace: WorkspaceId,
    pub key: String,
}

pub struct World {
    pub app: App,
    pub router: Router,
    pub ours: Tenant,
    pub theirs: Tenant,
    telling: Option<Telling>,
    options: HookOptions,
    pub database: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

/// Attempts at once, after a minute, and after ten; no rests between failures.
pub fn options() -> HookOptions {
    HookOptions {
        schedule: [0, 60, 600].map(Duration::from_secs).to_vec(),
        failures: FailurePolicy { off_after: 20, first_rest_ms: 0, longest_rest_ms: 0 },
        poll: Duration::from_millis(20),
        ..HookOptions::default()
    }
}

impl World {
    pub async fn start(name: &str) -> Self {
        Self::with(name, options(), Policy { allowed: vec!["127.0.0.0/8".parse().unwrap()] }).await
    }

    pub async fn with(name: &str, options: HookOptions, policy: Policy) -> Self {
        let database = crate::world::database_url(name).await;
        let mut app = crate::world::app(&database, &crate::world::warehouse(name).await, NOW).await;
        app.hooks = Hooks::new(policy);
        let (workspace, _, key) = tenant(&app, "ours@example.com", &["go.example.com"]).await;
        let ours = Tenant { workspace, key };
        let (workspace, _, key) = tenant(&app, "theirs@example.com", &["go.other.example"]).await;
        let theirs = Tenant { workspace, key };
        let router = dub::routes().merge(linkly::routes()).with_state(app.clone());
        let mut world = Self { app, router, ours, theirs, telling: None, options, database };
        world.tell().await;
        world
    }

    /// Begins to tell, as a start of the program does.
    pub async fn tell(&mut self) {
        let app = &self.app;
        let (events, wants) = app.ingest.live().listen_at_will();
        let parts = TellingParts {
            hooks: app.hooks.clone(),
            catalog: app.catalog.clone(),
            clock: app.clock.clone(),
            sender: Sender::new(app.hooks.policy(), Arc::new(SystemResolver)).unwrap(),
            shape: Arc::new(dub::HookShape(app.clone())),
            events,
            wants: Box::new(wants),
            options: self.options.clone(),
        };
        self.telling = Some(Telling::start(parts).await);
    }

    /// Ends telling, as the end of the program does.
    pub async fn hush(&mut self) {
        self.telling.take().unwrap().stop().await;
    }

    /// Ends telling for good.
    pub async fn end(mut self) {
        self.hush().await;
    }

    pub async fn send(&self, key: &str, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send(&self.ours.key, Method::GET, path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.send(&self.ours.key, Method::POST, path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// A link of ours.
    pub async fn link(&self, key: &str) -> (LinkId, Value) {
        let link = self.post("/links", json!({"url": "https://example.com/page", "key": key, "title": "Promo"})).await;
        (LinkId::parse(link["id"].as_str().unwrap()).unwrap(), link)
    }

    /// A webhook of Dub's, known to those who tell.
    pub async fn hook(&self, url: &str, triggers: &[&str]) -> Value {
        let hook = self.post("/webhooks", json!({"url": url, "triggers": triggers})).await;
        self.heard().await;
        hook
    }

    /// Waits until a webhook that was just made is known.
    pub async fn heard(&self) {
        tokio::time::sleep(Duration::from_millis(400)).await;
    }

    /// A click by somebody of this number.
    pub fn hit(&self, link: LinkId, number: u8, user_agent: &str) -> Hit {
        Hit {
            at_ms: self.app.clock.now_ms(),
            workspace: self.ours.workspace,
            link,
            address: [81, 2, 69, number].into(),
            user_agent: user_agent.to_owned(),
            referrer: "https://news.example/today".to_owned(),
            url: "https://example.com/page?utm_source=mail".to_owned(),
            params: "utm_source=mail&a=b+c".to_owned(),
            accept_language: "en-US,en;q=0.5".to_owned(),
            sec_fetch: "cross-site navigate document ?1".to_owned(),
            place: Some(PlaceHint {
                country: "DE".to_owned(),
                region: "BE".to_owned(),
                city: "Berlin".to_owned(),
                continent: "EU".to_owned(),
            }),
            repeat_window_secs: 3_600,
            ..Hit::default()
        }
    }

    pub async fn visit(&self, hit: Hit) {
        self.app.ingest.record(&hit).unwrap().synced().await.unwrap();
    }

    /// The deliveries to a webhook, newest first, once they are as wanted.
    pub async fn deliveries(&self, hook: &Value, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let path = format!("/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
        let mut last = Value::Null;
        for _ in 0..1_200 {
            last = self.get(&path).await;
            let list = last.as_array().unwrap();
            if wanted(list) {
                return list.clone();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the deliveries never came to be as wanted: {last:#}");
    }
}

/// A number of events as a test may count them.
pub fn all_are(list: &[Value], count: usize, status: &str) -> bool {
    list.len() == count && list.iter().all(|delivery| delivery["status"] == status)
}
