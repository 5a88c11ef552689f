//! Links that only so many visitors may follow.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use linktrail::analytics::Analytics;
use linktrail::api::visit::Visits;
use linktrail::catalog::Catalog;
use linktrail::domain::link::{LinkFields, LinkPatch};
use linktrail::domain::password;
use linktrail::links::{LinkChange, LinkName, SlugChoice};
use linktrail::redirect::{Resolver, ResolverOptions};
use linktrail::server::CatalogSource;
use linktrail::web::client::Peer;
use secrecy::SecretString;

use super::agents::{GOOGLEBOT, WINDOWS, agent};
use super::leads::{Spooled, visits, visits_of};
use super::world::{Answer, World};
use crate::conversions::world::World as Installation;
use crate::world::{ClickHouseUrls, warehouse_at};

/// The number that the fake store gives its links.
const LINK: u64 = 7;

/// A world with a link `/few` that is limited in this way, of which so many clicks are left.
async fn limited(left: u64, change: impl FnOnce(&mut LinkFields)) -> World {
    let world = World::start().await;
    world.store.put("few", |fields| {
        fields.max_clicks = Some(left);
        change(fields);
    });
    world.till.put(LINK, left);
    world
}

async fn as_human(world: &World, method: &str, path: &str, headers: &str) -> Answer {
    world.visit(method, path, &format!("{}{headers}", agent(WINDOWS))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_as_many_as_allowed_go_on() {
    let world = Arc::new(limited(50, |_| {}).await);
    let visitors: Vec<_> = (0..200)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { as_human(&world, "GET", "/few", "").await.status() })
        })
        .collect();
    let mut answers = HashMap::new();
    for visitor in visitors {
        *answers.entry(visitor.await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(answers, HashMap::from([(302, 50), (410, 150)]));
    assert_eq!(world.hits().len(), 50);
    // From now on memory knows.
    let asked = world.till.questions.load(Ordering::SeqCst);
    assert_eq!(as_human(&world, "GET", "/few", "").await.status(), 410);
    assert_eq!(world.till.questions.load(Ordering::SeqCst), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_click() {
    let world = limited(10, |_| {}).await;
    let mut left = 10;
    for (method, path, headers, status, takes, is_kept) in [
        ("GET", "/few", String::new(), 302, false, true),
        ("GET", "/few", agent(GOOGLEBOT), 302, false, true),
        ("HEAD", "/few", agent(WINDOWS), 302, false, false),
        ("OPTIONS", "/few", agent(WINDOWS), 204, false, false),
        ("POST", "/few", format!("Content-Length: 0\r\n{}", agent(WINDOWS)), 405, false, false),
        ("GET", "/few", format!("Sec-Purpose: prefetch\r\n{}", agent(WINDOWS)), 302, false, false),
        ("GET", "/few+", agent(WINDOWS), 200, false, false),
        ("GET", "/few", agent(WINDOWS), 302, true, true),
        ("GET", "/few?dub-no-track=1", agent(WINDOWS), 302, true, false),
        ("GET", "/few", format!("dub-no-track: 1\r\n{}", agent(WINDOWS)), 302, true, false),
        ("GET", "/few?bot=1", agent(WINDOWS), 302, true, false),
    ] {
        let answer = world.visit(method, path, &headers).await;
        assert_eq!(answer.status(), status, "{method} {path} {headers}");
        left -= u64::from(takes);
        assert_eq!(world.till.left(LINK), left, "{method} {path} {headers}");
        assert_eq!(world.hits().len(), usize::from(is_kept), "{method} {path} {headers}");
    }
    // What cannot be recorded has been followed all the same.
    world.keeper.refuses.store(true, Ordering::SeqCst);
    assert_eq!(as_human(&world, "GET", "/few", "").await.status(), 302);
    assert_eq!(world.till.left(LINK), left - 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn used_up_is_over_for_everybody() {
    let elsewhere = "https://example.org/over";
    for (expired_url, status) in [(None, 410), (Some(elsewhere), 302)] {
        let world = limited(1, |fields| fields.expired_url = expired_url.map(str::to_owned)).await;
        assert_eq!(as_human(&world, "GET", "/few", "").await.header("location"), Some("https://example.com/few"));
        assert_eq!(world.hits().len(), 1);
        for (method, path, headers) in
            [("HEAD", "/few", agent(WINDOWS)), ("GET", "/few+", agent(WINDOWS)), ("GET", "/few", agent(GOOGLEBOT))]
        {
            let answer = world.visit(method, path, &headers).await;
            assert_eq!((answer.status(), answer.header("location")), (status, expired_url), "{method} {path}");
        }
        assert_eq!(world.hits(), []);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_count_a_limited_link_waits_and_others_go_on() {
    let world = limited(1, |_| {}).await;
    world.till.is_down.store(true, Ordering::SeqCst);
    for method in ["GET", "HEAD"] {
        let answer = as_human(&world, method, "/few", "").await;
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("5")), "{method}");
    }
    assert_eq!(as_human(&world, "GET", "/sale", "").await.status(), 302);
    world.till.is_down.store(false, Ordering::SeqCst);
    assert_eq!(as_human(&world, "GET", "/few", "").await.status(), 302);
    assert_eq!(as_human(&world, "GET", "/few", "").await.status(), 410);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_behind_a_password_takes_one_click() {
    for cloak in [false, true] {
        let world = limited(2, |fields| {
            fields.password_hash = Some(password::hash("open").unwrap());
            fields.cloak = cloak;
        })
        .await;
        assert_eq!(as_human(&world, "GET", "/few", "").await.status(), 200);
        assert_eq!(world.till.left(LINK), 2, "who is only asked takes none");
        let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 13";
        let request = format!("POST /few HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n{form}\r\n");
        let answer = world.exchange(format!("{request}{}\r\npassword=open", agent(WINDOWS))).await;
        assert_eq!(answer.status(), 303, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
        if cloak {
            assert_eq!((answer.header("location"), world.till.left(LINK)), (Some("/few"), 2));
            let shown = as_human(&world, "GET", "/few", &format!("Cookie: {cookie}\r\n")).await;
            assert_eq!((shown.status(), world.till.left(LINK)), (200, 1));
        } else {
            assert_eq!((answer.header("location"), world.till.left(LINK)), (Some("https://example.com/few"), 1));
        }
        assert_eq!(world.hits().len(), 1);
        world.end().await;
    }
}

/// The link `slug` of an installation, and visits of it.
struct Scene {
    world: Installation,
    visits: Arc<Visits<Spooled>>,
    name: LinkName,
}

impl Scene {
    async fn start(name: &str, patch: LinkPatch) -> Self {
        let world = Installation::start(name).await;
        let patch = LinkPatch { url: Some("https://example.com/few".to_owned()), ..patch };
        let change = LinkChange { slug: SlugChoice::Fixed("few".to_owned()), patch, ..LinkChange::default() };
        let link = world.app.links.create(world.ours.workspace, None, change).await.unwrap();
        Self { visits: visits(&world), name: LinkName::Id(link.id), world }
    }

    async fn limit(&self, max_clicks: Option<u64>) {
        let patch = LinkPatch { max_clicks: Some(max_clicks), ..LinkPatch::default() };
        let change = LinkChange { patch, ..LinkChange::default() };
        self.world.app.links.update(self.world.ours.workspace, &self.name, change).await.unwrap();
        // Nobody listens for changes here.
        self.world.app.resolver.forget_all();
    }

    async fn visit_as(&self, user_agent: &'static str) -> u16 {
        visit(Arc::clone(&self.visits), user_agent).await
    }

    async fn visit(&self) -> u16 {
        self.visit_as(WINDOWS).await
    }

    /// Visits of a node that reaches no ClickHouse.
    async fn node_without_clickhouse(&self) -> Arc<Visits<Spooled>> {
        let nowhere = ClickHouseUrls {
            writer: "http://nobody:x@127.0.0.1:1/nothing".to_owned(),
            reader: "http://nobody:x@127.0.0.1:1/nothing".to_owned(),
        };
        let mut app = self.world.app.clone();
        app.analytics = Analytics::new(warehouse_at(&nowhere), app.catalog.clone());
        visits_of(&app)
    }

    /// Visits of another node, with a memory and connections of its own: the two share nothing but the stores.
    async fn other_node(&self) -> Arc<Visits<Spooled>> {
        let mut app = self.world.app.clone();
        app.catalog = Catalog::connect(&SecretString::from(self.world.database.as_str()), 8).unwrap();
        let source = CatalogSource::new(app.catalog.clone());
        app.resolver = Arc::new(Resolver::new(Arc::new(source), ResolverOptions::default()));
        app.resolver.reload_domains().await.unwrap();
        visits_of(&app)
    }
}

/// What a visit of `/few` is answered with.
async fn visit(visits: Arc<Visits<Spooled>>, user_agent: &'static str) -> u16 {
    let request = Request::builder().uri("/few").header("host", "go.example.com").header("user-agent", user_agent);
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(SocketAddr::from(([198, 51, 100, 7], 1))));
    visits.fallback(request).await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_set_raised_lowered_and_lifted() {
    let scene = Scene::start("visits_limits", LinkPatch::default()).await;
    for _ in 0..3 {
        assert_eq!(scene.visit().await, 302);
    }
    assert_eq!(scene.visit_as(GOOGLEBOT).await, 302);
    // The three by humans count, though nobody counted them when they came.
    scene.limit(Some(5)).await;
    assert_eq!([scene.visit().await, scene.visit().await, scene.visit().await], [302, 302, 410]);
    scene.limit(Some(6)).await;
    assert_eq!(scene.visit_as(GOOGLEBOT).await, 302);
    assert_eq!([scene.visit().await, scene.visit().await], [302, 410]);
    scene.limit(Some(2)).await;
    assert_eq!(scene.visit().await, 410);
    scene.limit(None).await;
    assert_eq!([scene.visit().await, scene.visit().await], [302, 302]);
    // Those without a limit count as well when it comes back.
    scene.limit(Some(9)).await;
    assert_eq!([scene.visit().await, scene.visit().await], [302, 410]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_so_far_are_counted_or_nobody_goes_on() {
    let scene = Scene::start("visits_uncounted", LinkPatch { max_clicks: Some(Some(5)), ..LinkPatch::default() }).await;
    let without = scene.node_without_clickhouse().await;
    // One that was limited from its beginning has nothing to be counted.
    assert_eq!(visit(Arc::clone(&without), WINDOWS).await, 302);
    scene.limit(None).await;
    assert_eq!(scene.visit().await, 302);
    scene.limit(Some(3)).await;
    assert_eq!(visit(Arc::clone(&without), WINDOWS).await, 503);
    assert_eq!([scene.visit().await, scene.visit().await], [302, 410]);
    scene.limit(Some(4)).await;
    assert_eq!([visit(Arc::clone(&without), WINDOWS).await, visit(without, WINDOWS).await], [302, 410]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_and_a_restart_give_away_no_click_more() {
    let scene = Scene::start("visits_nodes", LinkPatch { max_clicks: Some(Some(50)), ..LinkPatch::default() }).await;
    let (first, second) = (Arc::clone(&scene.visits), scene.other_node().await);
    let visitors: Vec<_> = (0..200)
        .map(|number| tokio::spawn(visit(Arc::clone(if number % 2 == 0 { &first } else { &second }), WINDOWS)))
        .collect();
    let mut answers = HashMap::new();
    for visitor in visitors {
        *answers.entry(visitor.await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(answers, HashMap::from([(302, 50), (410, 150)]));
    // One that was just started remembers nothing.
    let restarted = scene.other_node().await;
    assert_eq!(visit(Arc::clone(&restarted), GOOGLEBOT).await, 410);
    assert_eq!(visit(restarted, WINDOWS).await, 410);
}
