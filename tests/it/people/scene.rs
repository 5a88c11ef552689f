//! Two workspaces with a site each; in ours an owner, a member and a viewer, who sign in with their passwords.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use linktrail::api::ghostid;
use linktrail::auth::{Auth, KeyGrant};
use linktrail::calendar::Clock;
use linktrail::catalog::NewSite;
use linktrail::config::SignInConfig;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event};
use linktrail::domain::id::{LinkId, UserId, WorkspaceId};
use linktrail::domain::principal::Role;
use linktrail::domain::site::{Site, SiteSettings};
use linktrail::warehouse::Warehouse;
use linktrail::web::client::Peer;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-03-10T17:30:00Z
pub const NOW_MS: i64 = 1_773_163_800_000;
/// In place of a header's name: where a request comes from.
pub const PEER: &str = "(peer)";
pub const HOUR_MS: i64 = 3_600_000;
pub const RULES: SignInConfig =
    SignInConfig { idle_hours: 24, longest_hours: 72, tries_per_client: 3, tries_per_account: 5 };

pub struct Person {
    pub id: UserId,
    pub email: String,
    pub password: String,
}

pub struct Scene {
    pub app: App,
    pub clock: Clock,
    pub warehouse: Warehouse,
    pub router: Router,
    pub workspace: WorkspaceId,
    pub site: Site,
    pub theirs: WorkspaceId,
    pub their_site: Site,
    pub owner: Person,
    pub member: Person,
    pub viewer: Person,
    pub stranger: Person,
    pub key: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// The `Set-Cookie` lines.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect()
    }

    /// The first cookie as a browser shows it.
    pub fn cookie(&self) -> String {
        self.cookies()[0].split(';').next().unwrap().to_owned()
    }
}

impl Scene {
    pub async fn new(test: &str) -> Self {
        let database = crate::world::database_url(test).await;
        let warehouse = crate::world::warehouse(test).await;
        let mut app = crate::world::app(&database, &warehouse, NOW_MS).await;
        let clock = app.clock.clone();
        app.auth = Auth::new(app.catalog.clone(), clock.clone()).with_sign_in(RULES);
        let workspace = app.catalog.add_workspace("Ours", NOW_MS).await.unwrap().id;
        let theirs = app.catalog.add_workspace("Theirs", NOW_MS).await.unwrap().id;
        let site = site(&app, workspace, "ghostid").await;
        let their_site = site_of(&app, theirs).await;
        let owner = person(&app, "owner@example.com", workspace, Role::Owner).await;
        let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
        let key = app.auth.create_key(owner.id, &grant).await.unwrap().1.expose_secret().to_owned();
        let scene = Self {
            member: person(&app, "member@example.com", workspace, Role::Member).await,
            viewer: person(&app, "viewer@example.com", workspace, Role::Viewer).await,
            stranger: person(&app, "stranger@example.com", theirs, Role::Owner).await,
            router: ghostid::routes().merge(ghostid::shared_routes()).with_state(app.clone()),
            app,
            clock,
            warehouse,
            workspace,
            site,
            theirs,
            their_site,
            owner,
            key,
        };
        scene.app.sites.load().await.unwrap();
        scene
    }

    /// One request; a body is JSON and says so, unless `headers` say something else.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in headers {
            request = match *name {
                PEER => request.extension(Peer(SocketAddr::new(value.parse().unwrap(), 1))),
                name => request.header(name, *value),
            };
        }
        let body = body.map(Value::to_string);
        if let Some(body) = &body {
            request = request.header("content-length", body.len());
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/json");
            }
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// What a person's password answers.
    pub async fn try_password(&self, email: &str, password: &str) -> Answer {
        self.send("POST", "/api/auth/login", &[], Some(&json!({"email": email, "password": password}))).await
    }

    /// The cookie of a person who has just signed in, as a browser shows it.
    pub async fn sign_in(&self, person: &Person) -> String {
        let answer = self.try_password(&person.email, &person.password).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.cookie()
    }

    /// The status of a question of who is signed in.
    pub async fn is_in(&self, cookie: &str) -> u16 {
        self.send("GET", "/api/auth/me", &[("cookie", cookie)], None).await.status
    }

    /// Stores clicks on a link of ours: how long ago, by a robot or not, by whom, whether it is a repeat.
    pub async fn clicks(&self, token: &str, link: LinkId, clicks: &[(i64, bool, u64, bool)]) {
        let events: Vec<Event> = (1..)
            .zip(clicks)
            .map(|(number, &(ago_ms, is_robot, visitor, repeat))| Event {
                workspace: self.workspace,
                at_ms: NOW_MS - ago_ms,
                id: EventId::new(1, link.0 * 100_000 + number),
                link,
                visitor,
                repeat,
                agent: Arc::new(Agent { bot: if is_robot { "Googlebot" } else { "" }.to_owned(), ..Agent::default() }),
                ..Event::default()
            })
            .collect();
        self.warehouse.insert(token, &events).await.unwrap();
    }
}

pub async fn person(app: &App, email: &str, workspace: WorkspaceId, role: Role) -> Person {
    let (user, password) = app.auth.create_user(email, Some((workspace, role))).await.unwrap();
    Person { id: user.id, email: user.email, password: password.expose_secret().to_owned() }
}

async fn site_of(app: &App, workspace: WorkspaceId) -> Site {
    site(app, workspace, "theirs").await
}

pub async fn site(app: &App, workspace: WorkspaceId, slug: &str) -> Site {
    let new = NewSite {
        name: slug.to_owned(),
        slug: slug.to_owned(),
        hosts: vec![format!("{slug}.example")],
        settings: SiteSettings::default(),
    };
    app.catalog.add_site(workspace, &new, NOW_MS).await.unwrap()
}
