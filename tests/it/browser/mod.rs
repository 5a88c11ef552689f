//! The tracker in a real browser, on pages of a server of their own: what a visit leaves behind, and what it must not.

pub mod driver;
mod scene;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use driver::USER_AGENT;
use scene::{HOST, Scene, of_type};

fn props(event: &Value) -> Value {
    serde_json::from_str(event["metadata"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_told_step_by_step_and_leaves_nothing_behind() {
    let scene = Scene::start("browser_visit", "", "").await;
    let browser = &scene.browser;
    scene.open("/start?utm_source=news&x=1").await;
    let events = scene.wait_for(1, "pageview", "/start").await;
    let first = &events[0];
    assert_eq!(events.len(), 1);
    assert_eq!((&first["kind"], &first["page_title"]), (&json!("pageview"), &json!("Page /start")));
    assert_eq!((&first["params"], &first["utm_source"]), (&json!("utm_source=news&x=1"), &json!("news")));
    assert_eq!(first["url"], format!("http://{HOST}/start?utm_source=news&x=1"));
    assert_eq!((&first["user_agent"], &first["referrer_host"]), (&json!(USER_AGENT), &json!("")));
    assert!(first["screen_width"].as_u64().unwrap() > 0 && first["screen_height"].as_u64().unwrap() > 0);

    // Other paths of history are pages; the same path is none.
    browser.run("history.replaceState({}, '', '?filter=1'); history.pushState({}, '', '/second?y=2'); document.title = 'Two'").await;
    scene.wait_for(1, "pageview", "/second").await;
    browser.run("history.replaceState({}, '', '/third')").await;
    scene.wait_for(1, "pageview", "/third").await;
    browser.back().await;
    let events = scene.wait_for(2, "pageview", "/start").await;
    let pages: Vec<_> = of_type(&events, "pageview").iter().map(|event| event["page"].clone()).collect();
    assert_eq!(pages, ["/start", "/second", "/third", "/start"]);
    assert_eq!(of_type(&events, "pageview")[1]["page_title"], "Two");
    assert_eq!(of_type(&events, "pageview")[1]["referrer_host"], "", "own pages are no referrers");
    let left: Vec<_> = of_type(&events, "page_leave").iter().map(|event| event["page"].clone()).collect();
    assert_eq!(left, ["/start", "/second", "/third"]);

    browser.run("linktrail.track('cta', { section: 'hero', n: 1 }); ghost.track('other')").await;
    browser.run("linktrail.identify('jane@example.com', { plan: 'pro' })").await;
    scene.wait_for(1, "custom_event", "other").await;
    let events = scene.wait_for(1, "identify", "/start").await;
    // Both may be of one millisecond, and arrive in either order.
    let cta = events.iter().find(|event| event["event_name"] == "cta").unwrap();
    assert_eq!(
        (&cta["kind"], &cta["event_name"], props(cta)),
        (&json!("custom"), &json!("cta"), json!({"section": "hero", "n": 1}))
    );
    assert_eq!(cta["user_id"], "");
    let identified = of_type(&events, "identify")[0];
    assert_eq!((&identified["user_id"], props(identified)), (&json!("jane@example.com"), json!({"plan": "pro"})));

    browser.click("#send").await;
    let events = scene.wait_for(1, "pageview", "/answer").await;
    let form = of_type(&events, "form_submit")[0];
    assert_eq!(props(form), json!({"id": "ask", "name": "asking", "action": "/answer"}));
    assert_eq!(form["user_id"], "jane@example.com");
    browser.click("#out").await;
    let events = scene.wait_for(1, "outbound", "/answer").await;
    let out = props(of_type(&events, "outbound")[0]);
    assert!(out["url"].as_str().unwrap().starts_with("http://away.example:"), "{out}");
    assert_eq!(out["text"], "Go away");

    scene.open("/last").await;
    let events = scene.wait_for(1, "pageview", "/last").await;
    assert!(events.iter().all(|event| !event.to_string().contains("hunter2")), "values of forms are nobody's business");
    assert!(events.iter().all(|event| event["site_id"] == 1 && event["link_id"] == 0));
    assert_eq!(browser.cookies().await, [], "no cookies unless the site asks");
    let kept = browser.run("return Object.keys(localStorage).concat(Object.keys(sessionStorage))").await;
    assert_eq!(kept, json!([]), "what was sent is not kept");
    assert_eq!(browser.run("return faults").await, json!([]));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_on_page_is_the_time_it_was_seen() {
    const HIDDEN: Duration = Duration::from_millis(700);
    let scene = Scene::start("browser_time", "", "").await;
    let begun = Instant::now();
    scene.open("/long").await;
    scene.wait_for(1, "pageview", "/long").await;
    let show = |state: &str| {
        format!(
            "Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }});\
                 document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    scene.browser.run(&show("hidden")).await;
    tokio::time::sleep(HIDDEN).await;
    scene.browser.run(&show("visible")).await;
    scene.open("/next").await;
    let events = scene.wait_for(1, "page_leave", "/long").await;
    let all = begun.elapsed();
    let spent = of_type(&events, "page_leave")[0]["duration_ms"].as_u64().unwrap();
    assert!(spent > 0 && Duration::from_millis(spent) + HIDDEN <= all, "{spent} ms of {all:?}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_sent_goes_out_with_the_next_page_and_counts_once() {
    let scene = Scene::start("browser_offline", "", "").await;
    let browser = &scene.browser;
    scene.open("/one").await;
    scene.wait_for(1, "pageview", "/one").await;
    // The server is away.
    scene.gate.set_shut(true);
    browser.run("linktrail.track('while-away', { n: 1 })").await;
    browser.run("linktrail.track('while-away', { n: 2 })").await;
    wait_until(&scene, "return JSON.parse(localStorage['linktrail.1']).length == 2").await;
    scene.open("/two").await;
    wait_until(&scene, "return JSON.parse(localStorage['linktrail.1']).length == 4").await;
    scene.gate.set_shut(false);
    scene.open("/three").await;
    let events = scene.wait_for(1, "pageview", "/three").await;
    assert_eq!(of_type(&events, "custom_event").len(), 2);
    let of_page = |events: &[Value], kind: &str, page: &str| {
        of_type(events, kind).iter().filter(|event| event["page"] == page).count()
    };
    scene.wait_for(1, "page_leave", "/two").await;
    // The network is away, which the browser knows.
    browser.set_offline(true).await;
    browser.run("linktrail.track('offline')").await;
    wait_until(&scene, "return JSON.parse(localStorage['linktrail.1']).some(e => e.event_name == 'offline')").await;
    browser.set_offline(false).await;
    scene.open("/four").await;
    scene.wait_for(1, "custom_event", "offline").await;
    let events = scene.wait_for(1, "pageview", "/four").await;
    for page in ["/one", "/two", "/three"] {
        assert_eq!((of_page(&events, "pageview", page), of_page(&events, "page_leave", page)), (1, 1), "{page}");
    }
    assert_eq!((of_type(&events, "custom_event").len(), of_page(&events, "pageview", "/four")), (3, 1));
    wait_until(&scene, "return localStorage.length == 0").await;
    assert_eq!(browser.run("return faults").await, json!([]));

    // The answer is lost, so it is sent again; it counts once.
    browser
        .run(
            "const real = fetch; window.fetch = (...all) => real(...all).then(() => { throw new TypeError('lost') });\
              linktrail.track('twice'); return 1",
        )
        .await;
    scene.wait_for(1, "custom_event", "twice").await;
    scene.open("/five").await;
    scene.wait_for(1, "pageview", "/five").await;
    let events = scene.events().await;
    let twice: Vec<_> = events.iter().filter(|event| event["event_name"] == "twice").collect();
    let counted = twice.iter().filter(|event| event["repeat"] == false).count();
    assert_eq!((twice.len(), counted), (2, 1));
    scene.end().await;
}

async fn wait_until(scene: &Scene, script: &str) {
    let begun = Instant::now();
    while scene.browser.run(script).await != true {
        let kept = scene.browser.run("return JSON.stringify(localStorage)").await;
        assert!(begun.elapsed() < driver::PATIENCE, "{script}: {kept}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_asks_knows_its_visitors_again() {
    let scene = Scene::start("browser_cookie", "", "data-cookie data-hash").await;
    scene.open("/one").await;
    scene.wait_for(1, "pageview", "/one").await;
    let cookies = scene.browser.cookies().await;
    let [(name, value)] = cookies.as_slice() else { panic!("{cookies:?}") };
    assert!(name == "_lt_vid" && value.len() >= 20, "{cookies:?}");
    scene.browser.run("linktrail.identify('jane')").await;
    scene.wait_for(1, "identify", "/one").await;
    scene.open("/two").await;
    scene.browser.run("location.hash = '#part'").await;
    let events = scene.wait_for(1, "pageview", "/two#part").await;
    assert_eq!(scene.browser.cookies().await, cookies);
    assert!(events.iter().all(|event| event["visitor"] == events[0]["visitor"]));
    assert_eq!(of_type(&events, "pageview").last().unwrap()["user_id"], "jane");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_before_it_has_loaded_wait_and_a_hostile_page_sees_no_fault() {
    let before = "<script>window.linktrail = window.linktrail || { q: [], \
        track() { this.q.push(['track', ...arguments]) }, identify() { this.q.push(['identify', ...arguments]) } };\
        linktrail.track('early', { a: 1 }); linktrail.identify('joe');\
        if (location.pathname == '/hostile') { Object.defineProperty(window, 'localStorage', { get() { throw 1 } });\
        window.fetch = () => { throw 2 }; navigator.sendBeacon = () => { throw 3 }; window.crypto.getRandomValues = null }</script>";
    let scene = Scene::start("browser_queue", before, "").await;
    scene.open("/early").await;
    scene.wait_for(1, "custom_event", "early").await;
    let events = scene.wait_for(1, "identify", "/early").await;
    assert_eq!(props(of_type(&events, "custom_event")[0]), json!({"a": 1}));
    assert_eq!(of_type(&events, "identify")[0]["user_id"], "joe");
    scene.open("/hostile").await;
    let faults = "linktrail.track('x', { get a() { throw 4 } }); linktrail.track(); linktrail.identify(null, 5);\
        history.pushState({}, '', '/elsewhere'); document.querySelector('#out').dispatchEvent(new Event('click', { bubbles: true }));\
        return faults";
    assert_eq!(scene.browser.run(faults).await, json!([]));
    scene.open("/after").await;
    assert_eq!(scene.browser.run("return faults").await, json!([]));
    scene.end().await;
}
