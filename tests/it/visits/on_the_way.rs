//! Pages with pixels and tags in a real browser: they go on, reach whom they may, and learn nothing of the API's host.

use linktrail::domain::pixel::Network;
use serde_json::{Value, json};

use super::world::World;
use crate::browser::driver::{Browser, Kind};

/// A script of an owner that tries what it should not, and says what came of it.
const SPY: &str = "<script>window.found = {}; \
    try { document.cookie = 'spy=1'; found.cookie = document.cookie } catch (e) { found.cookie = e.name } \
    try { localStorage.spy = 1; found.storage = 'open' } catch (e) { found.storage = e.name } \
    fetch('/api', { credentials: 'include' }).then(a => a.text()).then(t => found.api = t, e => found.api = e.name)</script>";

struct Scene {
    world: World,
    browser: Browser,
}

impl Scene {
    async fn start(kind: Kind) -> Self {
        Self { world: World::start().await, browser: Browser::start_as(kind).await }
    }

    fn short(&self, path: &str) -> String {
        format!("http://go.example:{}{path}", self.world.address.port())
    }

    /// A page of a host that is no short domain, where the API answers.
    fn shared(&self, path: &str) -> String {
        format!("http://shop.example:{}{path}", self.world.address.port())
    }

    async fn wait_until(&self, script: &str) {
        for _ in 0..600 {
            if self.browser.run(script).await == true {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("never: {script}");
    }

    async fn end(self) {
        self.browser.end().await;
        self.world.end().await;
    }
}

fn example(network: Network) -> (String, String) {
    let id = network.parse_id("?").unwrap_err().example;
    (network.key().to_owned(), id.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn pixels_are_asked_for_and_the_visitor_goes_on() {
    let scene = Scene::start(Kind::Watched).await;
    let destination = scene.shared("/api?x=1&y='2'");
    scene.world.store.put("ad", |fields| {
        fields.url = destination.clone();
        fields.pixels = Network::ALL.into_iter().map(example).collect();
    });
    scene.world.store.put("one", |fields| {
        fields.url = "mailto:a@b.example".to_owned();
        fields.pixels = [example(Network::Meta)].into();
    });
    scene.browser.open(&scene.shared("/length")).await;
    scene.browser.requests().await;
    scene.browser.open(&scene.short("/ad")).await;
    scene.browser.wait_for(&scene.shared("/api?x=1&y=%272%27")).await;
    let requests = scene.browser.requests().await;
    for network in Network::ALL {
        let loads = network.hosts().script.split(' ').any(|host| requests.iter().any(|url| url.starts_with(host)));
        assert!(loads, "{network:?}: {requests:?}");
    }
    let known = |url: &String| {
        url.contains(".example:")
            || Network::ALL.iter().any(|network| network.hosts().script.split(' ').any(|host| url.starts_with(host)))
    };
    assert!(requests.iter().all(known), "{requests:?}");
    assert_eq!(scene.world.hits().len(), 1);
    // The page leaves no step behind.
    scene.browser.back().await;
    assert_eq!(scene.browser.address().await, scene.shared("/length"));

    // What is nobody's of those is refused, whoever asks for it.
    scene.browser.open(&scene.short("/one")).await;
    scene
        .browser
        .run(
            "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.effectiveDirective))",
        )
        .await;
    let tries = "new Image().src = 'https://elsewhere.example/'; fetch('https://elsewhere.example/').catch(() => 0); \
                 document.head.appendChild(document.createElement('script')).src = 'https://elsewhere.example/x.js'; \
                 document.head.appendChild(document.createElement('script')).textContent = 'window.ran = 1'; \
                 new Image().src = 'https://www.facebook.com/tr?id=1'";
    scene.browser.run(tries).await;
    scene.wait_until("return refused.length >= 4").await;
    let refused = scene.browser.run("return [refused.sort(), window.ran === undefined, typeof fbq]").await;
    assert_eq!(refused, json!([["connect-src", "img-src", "script-src-elem", "script-src-elem"], true, "function"]));
    // A program was opened, and who stays sees how to do that again.
    assert_eq!(scene.browser.run("return document.querySelector('a').href").await, "mailto:a@b.example");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_visitor_goes_on_as_well() {
    let scene = Scene::start(Kind::WithoutScripts).await;
    let destination = scene.shared("/api?x=1");
    scene.world.store.put("ad", |fields| {
        fields.url = destination.clone();
        fields.pixels = [example(Network::X)].into();
    });
    for page in [scene.short("/ad"), scene.shared("/ad")] {
        scene.browser.open(&page).await;
        scene.browser.wait_for(&destination).await;
        assert_eq!(scene.world.hits().len(), 1);
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_at_home_on_their_owners_domain_only() {
    let scene = Scene::start(Kind::Watched).await;
    let destination = scene.shared("/api?x=1");
    for (slug, url) in [("spy", "mailto:a@b.example"), ("go", &*destination)] {
        scene.world.store.put(slug, |fields| {
            fields.url = url.to_owned();
            fields.head_tags = Some(SPY.to_owned());
            fields.body_tags = Some("<p id=tag onclick=\"window.clicked = 1\">A tag</p><!-- <textarea>".to_owned());
        });
    }
    // From either place one goes on, and the destination is in no sandbox.
    for page in [scene.short("/go"), scene.shared("/go")] {
        scene.browser.open(&page).await;
        scene.browser.wait_for(&destination).await;
        assert_eq!(scene.browser.run("localStorage.x = 1; return self.origin").await, scene.shared(""));
    }
    let found = async |page: &str| -> Value {
        // A page that opens a program meanwhile may take the way of this one.
        while scene.browser.address().await != page {
            scene.browser.open(page).await;
        }
        scene.wait_until("return window.found !== undefined && found.api !== undefined").await;
        scene.browser.click("#tag").await;
        assert_eq!(scene.browser.run("return window.clicked").await, 1);
        scene.browser.run("return [found.cookie, found.storage, found.api.slice(0, 9)]").await
    };
    assert_eq!(found(&scene.short("/spy")).await, json!(["spy=1", "open", "<!doctype"]));
    assert_eq!(found(&scene.shared("/spy")).await, json!(["SecurityError", "SecurityError", "TypeError"]));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_carries_pixels_and_tags() {
    let scene = Scene::start(Kind::Watched).await;
    let destination = scene.shared("/api?x=1");
    for (slug, tags) in [("plain", None), ("tagged", Some("<script>window.tagged = 1</script>".to_owned()))] {
        scene.world.store.put(slug, |fields| {
            fields.url = destination.clone();
            fields.cloak = true;
            fields.pixels = [example(Network::Meta)].into();
            fields.body_tags = tags;
        });
    }
    for (slug, is_tagged) in [("plain", false), ("tagged", true)] {
        scene.browser.requests().await;
        scene.browser.open(&scene.short(&format!("/{slug}"))).await;
        let seen = scene.browser.run("return [window.tagged === 1, frames.length, typeof fbq]").await;
        assert_eq!(seen, json!([is_tagged, 1, "function"]));
        let requests = scene.browser.requests().await;
        for asked in [&*destination, "https://connect.facebook.net/en_US/fbevents.js"] {
            assert!(requests.iter().any(|url| url == asked), "{asked}: {requests:?}");
        }
        assert_eq!(scene.browser.address().await, scene.short(&format!("/{slug}")));
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_is_read_by_people() {
    let scene = Scene::start(Kind::Watched).await;
    scene.world.counted.totals.lock().unwrap().insert(7, 1_234);
    scene.world.store.put("open", |fields| fields.public_statistics = true);
    scene.browser.requests().await;
    scene.browser.open(&scene.short("/open.stats")).await;
    let text = scene.browser.run("return document.querySelector('main').innerText").await;
    assert_eq!(text, "1,234 clicks\n\ngo.example/open\n\nAll clicks so far, those of robots included.");
    let requests = scene.browser.requests().await;
    assert!(requests.iter().all(|url| url.starts_with(&scene.short("/"))), "{requests:?}");
    assert_eq!(scene.world.hits(), []);
    scene.end().await;
}
