//! Rate limits over HTTP: what is counted, what the headers say, what goes on regardless.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use linktrail::api::{collect, dub, ghostid, linkly};
use linktrail::auth::Auth;
use linktrail::config::LimitsConfig;
use linktrail::web::client::Peer;
use linktrail::web::limits::Limits;
use linktrail::web::state::App;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::reading::lines::{NOW, ms};
use crate::reading::scene::tenant;

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// Limit, what remains, and in how many seconds all of it is there again; `None` without headers.
    fn standing(&self, app: &App) -> Option<(i64, i64, i64)> {
        let number = |name| Some(self.headers.get(name)?.to_str().unwrap().parse::<i64>().unwrap());
        let now = app.clock.now_ms().div_euclid(1_000);
        Some((number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?, number("x-ratelimit-reset")? - now))
    }

    fn retry_after(&self) -> &str {
        self.headers.get("retry-after").map_or("", |value| value.to_str().unwrap())
    }
}

struct World {
    app: App,
    router: Router,
    key: String,
    other_key: String,
}

impl World {
    async fn start(name: &str, config: &LimitsConfig) -> Self {
        let database = crate::world::database_url(name).await;
        let mut app = crate::world::app(&database, &crate::world::warehouse(name).await, ms(NOW)).await;
        app.limits = Limits::new(config, &app.clock);
        app.auth = Auth::new(app.catalog.clone(), app.clock.clone()).with_guess_limit(config.wrong_keys_per_minute);
        let (_, _, key) = tenant(&app, "ours@example.com", &["go.example.com"]).await;
        let (_, _, other_key) = tenant(&app, "theirs@example.com", &["go.other.example"]).await;
        let routes = dub::routes().merge(linkly::routes()).merge(ghostid::routes()).merge(collect::routes());
        Self { router: routes.with_state(app.clone()), app, key, other_key }
    }

    async fn send(&self, method: Method, path: &str, key: &str, client: [u8; 4], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).extension(Peer(SocketAddr::from((client, 1))));
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &self.key, [192, 0, 2, 1], "").await
    }
}

fn config() -> LimitsConfig {
    LimitsConfig { per_minute: 3, analytics_per_second: 2, wrong_keys_per_minute: 2, ..LimitsConfig::default() }
}

#[tokio::test]
async fn a_key_runs_out_and_goes_on_later() {
    let world = World::start("limits_keys", &config()).await;
    let (app, get) = (&world.app, async |path: &str| world.get(path).await);
    // Failures after the key was taken are charged and say so, too.
    for (path, status, remaining, full_in) in
        [("/links", 200, 2, 20), ("/links/link_nonsense", 404, 1, 40), ("/api/links?page=0", 422, 0, 60)]
    {
        let answer = get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.standing(app), Some((3, remaining, full_in)), "{path}");
        assert_eq!(answer.retry_after(), "", "{path}");
    }
    let refused = get("/links").await;
    assert_eq!((refused.status, refused.standing(app), refused.retry_after()), (429, Some((3, 0, 60)), "20"));
    let expected = json!({"error": {
        "code": "rate_limit_exceeded",
        "message": "Too many requests.",
        "doc_url": "https://dub.co/docs/api-reference/errors#rate-limit_exceeded",
    }});
    assert_eq!(refused.body, expected);
    // The same budget on another surface, in that surface's words.
    let refused = get("/api/v1/workspaces").await;
    assert_eq!((refused.status, refused.retry_after()), (429, "20"));
    let expected = json!({
        "error": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "Too many requests.",
        "current_usage": 3, "limit": 3,
    });
    assert_eq!(refused.body, expected);
    assert_eq!(get("/api/sessions?siteId=1").await.body, json!({"error": "Too many requests."}));
    // Another key has its own; what needs no key is not counted.
    let other = world.send(Method::GET, "/links", &world.other_key, [192, 0, 2, 1], "").await;
    assert_eq!((other.status, other.standing(app)), (200, Some((3, 2, 20))));
    assert_eq!(get("/api/no/such/path").await.status, 404);
    app.clock.advance(19_999);
    assert_eq!(get("/links").await.retry_after(), "1");
    app.clock.advance(1);
    assert_eq!(get("/links").await.standing(app), Some((3, 0, 60)));
    assert_eq!(get("/links").await.status, 429);
}

#[tokio::test]
async fn analytics_and_events_have_seconds() {
    let world = World::start("limits_seconds", &config()).await;
    for path in ["/analytics", "/api/events"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in ["/analytics", "/events?limit=x", "/api/analytics?groupBy=os"] {
        let refused = world.get(path).await;
        assert_eq!((refused.status, refused.retry_after()), (429, "1"), "{path}");
        assert_eq!(refused.standing(&world.app), Some((2, 0, 1)), "{path}");
    }
    assert_eq!(world.get("/links").await.standing(&world.app), Some((3, 2, 20)), "another budget");
    world.app.clock.advance(500);
    assert_eq!(world.get("/analytics").await.status, 200);
    assert_eq!(world.get("/analytics").await.status, 429);
}

#[tokio::test]
async fn without_a_limit_nothing_is_said() {
    let off = LimitsConfig { per_minute: 0, analytics_per_second: 0, ..LimitsConfig::default() };
    let world = World::start("limits_off", &off).await;
    for path in ["/links", "/analytics"] {
        for _ in 0..5 {
            let answer = world.get(path).await;
            assert_eq!((answer.status, answer.standing(&world.app)), (200, None), "{path}");
        }
    }
}

#[tokio::test]
async fn wrong_keys_are_looked_up_so_often_only() {
    let world = World::start("limits_guesses", &config()).await;
    let guess = |number: u32| format!("lt_{number:043}");
    let show = async |key: &str, client| world.send(Method::GET, "/links", key, client, "").await;
    let (here, there) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    // A key in use stays known.
    assert_eq!(show(&world.key, here).await.status, 200);
    for number in 0..2 {
        let answer = show(&guess(number), here).await;
        assert_eq!((answer.status, answer.standing(&world.app)), (401, None));
    }
    let refused = show(&guess(2), here).await;
    assert_eq!((refused.status, refused.retry_after()), (429, "60"));
    assert_eq!(refused.body["error"]["code"], "rate_limit_exceeded");
    let linkly = world.send(Method::GET, "/api/v1/workspaces", &guess(2), here, "").await;
    assert_eq!((linkly.status, &linkly.body["current_usage"], &linkly.body["limit"]), (429, &json!(2), &json!(2)));
    assert_eq!(show(&world.key, here).await.status, 200, "known keys go on");
    assert_eq!(show("dub_none_of_ours", here).await.status, 401, "costs no look-up");
    assert_eq!(show(&world.other_key, here).await.status, 429, "a right one that nobody used yet, after guesses");
    assert_eq!(show(&world.other_key, there).await.status, 200, "others are not concerned");
    assert_eq!(show(&world.other_key, here).await.status, 200, "and now it is known");
    let reported = json!({"site_id": "1", "type": "pageview"}).to_string();
    assert_eq!(world.send(Method::POST, "/api/track", &guess(3), here, &reported).await.status, 429);
}

#[tokio::test]
async fn collection_is_not_limited() {
    let world = World::start("limits_collection", &config()).await;
    let reported = json!({"site_id": "1", "type": "pageview"}).to_string();
    for _ in 0..5 {
        let answer = world.send(Method::POST, "/api/track", &world.key, [192, 0, 2, 1], &reported).await;
        assert_ne!(answer.status, 429);
        assert_eq!(answer.standing(&world.app), None);
    }
}
