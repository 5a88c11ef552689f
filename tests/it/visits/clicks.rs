//! Click ids: which visits are told one, and which of them the next visit is told again.

use linktrail::domain::click_id::ClickKey;

use super::agents::{GOOGLEBOT, MAC, WINDOWS, agent};
use super::world::{Answer, World, http_config, options};

/// The click id in the address that a visitor is sent to.
fn handed_on(answer: &Answer) -> Option<String> {
    let (_, id) = answer.header("location")?.split_once("dub_id=")?;
    Some(id.to_owned())
}

/// The cookie without its attributes.
fn pair(answer: &Answer) -> Option<&str> {
    Some(answer.header("set-cookie")?.split_once(';')?.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_click_that_counted_is_handed_on_again() {
    let world = World::start().await;
    for slug in ["shop/sale", "other"] {
        world.store.put(slug, |fields| fields.track_conversion = true);
    }
    let first = world.visit("GET", "/shop/sale", &agent(MAC)).await;
    let id = handed_on(&first).unwrap();
    assert!(ClickKey::new([7; 16]).parse(&id).is_some(), "{id}");
    let set = first.header("set-cookie").unwrap();
    let expected = format!("dub_id_go.example_shop%2Fsale={id}.");
    assert!(set.starts_with(&expected), "{set}");
    assert!(set.ends_with("; Path=/shop/sale; Max-Age=3600; HttpOnly; SameSite=Lax"), "{set}");
    let cookie = pair(&first).unwrap().to_owned();
    // Also from another address: the browser is the same.
    let with = format!("{}X-Forwarded-For: 203.0.113.9\r\nCookie: a=b; {cookie}\r\n", agent(MAC));
    let second = world.visit("GET", "/shop/sale", &with).await;
    assert_eq!((handed_on(&second), second.header("set-cookie")), (Some(id.clone()), None));
    assert_eq!(world.hits().len(), 2, "the second visit is recorded too");

    // A cookie that is not this link's, or not ours, hands nothing on.
    let (_, value) = cookie.split_once('=').unwrap();
    let stranger =
        ClickKey::new([8; 16]).bound(linktrail::domain::click_id::EventId(7), linktrail::domain::id::LinkId(7));
    for cookie in [
        format!("dub_id_go.example_other={}", value.replace('.', "")),
        format!("dub_id_go.example_other={id}"),
        format!("dub_id_go.example_other={stranger}"),
        format!("dub_id_go.example_shop%2Fsale={value}"),
        "dub_id_go.example_other=".to_owned(),
    ] {
        let answer = world.visit("GET", "/other", &format!("{}Cookie: {cookie}\r\n", agent(MAC))).await;
        let fresh = handed_on(&answer).unwrap();
        assert_ne!(fresh, id, "{cookie}");
        assert!(pair(&answer).unwrap().starts_with(&format!("dub_id_go.example_other={fresh}.")), "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_other_links_do_not_pass() {
    let world = World::start().await;
    world.store.put("one", |fields| fields.track_conversion = true);
    world.store.put("two", |fields| fields.track_conversion = true);
    world.store.renumber("two", 8);
    let one = world.visit("GET", "/one", &agent(MAC)).await;
    let (_, value) = pair(&one).unwrap().split_once('=').unwrap();
    let two = format!("{}Cookie: dub_id_go.example_two={value}\r\n", agent(MAC));
    let answer = world.visit("GET", "/two", &two).await;
    assert_ne!(handed_on(&answer), handed_on(&one));
    assert!(answer.header("set-cookie").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_no_trace() {
    let world = World::start().await;
    world.store.put("t", |fields| fields.track_conversion = true);
    world.store.set("t", |settings| {
        settings.honor_do_not_track = true;
        settings.exclude.addresses = vec!["203.0.113.0/24".parse().unwrap()];
    });
    world.store.put("plain", |fields| fields.ios_url = Some("https://apps.example".to_owned()));
    let known = world.visit("GET", "/t", &agent(MAC)).await;
    let cookie = format!("Cookie: {}\r\n", pair(&known).unwrap());
    for (method, path, headers) in [
        ("HEAD", "/t", agent(MAC)),
        ("GET", "/t", agent(MAC) + "Sec-Purpose: prefetch\r\n"),
        ("GET", "/t", agent(MAC) + "dub-no-track: 1\r\n"),
        ("GET", "/t?dub-no-track=1", agent(MAC)),
        ("GET", "/t", agent(MAC) + "DNT: 1\r\n"),
        ("GET", "/t", agent(MAC) + "Sec-GPC: 1\r\n"),
        ("GET", "/t", agent(MAC) + "X-Forwarded-For: 203.0.113.9\r\n"),
        ("GET", "/plain", agent(MAC)),
    ] {
        for headers in [headers.clone(), headers + &cookie] {
            let answer = world.visit(method, path, &headers).await;
            assert_eq!(answer.status(), 302, "{method} {path} {headers}");
            assert_eq!((handed_on(&answer), pair(&answer)), (None, None), "{method} {path} {headers}");
        }
    }
    // A robot is told its own click, and neither keeps nor shows one.
    for headers in [agent(GOOGLEBOT), agent(GOOGLEBOT) + &cookie, String::new()] {
        let robot = world.visit("GET", "/t", &headers).await;
        assert_eq!(pair(&robot), None, "{headers}");
        assert!(handed_on(&robot).is_some_and(|id| Some(id) != handed_on(&known)), "{headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_click_is_handed_on_though_the_new_one_is_lost() {
    let world = World::start().await;
    world.store.put("t", |fields| fields.track_conversion = true);
    let known = world.visit("GET", "/t", &agent(MAC)).await;
    world.keeper.refuses.store(true, std::sync::atomic::Ordering::SeqCst);
    let lost = world.visit("GET", "/t", &agent(WINDOWS)).await;
    assert_eq!((handed_on(&lost), pair(&lost)), (None, None));
    let again = world.visit("GET", "/t", &format!("{}Cookie: {}\r\n", agent(MAC), pair(&known).unwrap())).await;
    assert_eq!(handed_on(&again), handed_on(&known));
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_links_and_https() {
    let world = World::start().await;
    world.store.put("pay", |fields| {
        fields.url = "https://pay.example/x?dub_client_reference_id=1&a=1".to_owned();
        fields.track_conversion = true;
    });
    let answer = world.visit("GET", "/pay", &(agent(MAC) + "X-Forwarded-Proto: https\r\n")).await;
    let location = answer.header("location").unwrap();
    let id = handed_on(&Answer(answer.0.replace("dub_id_", "dub_id="))).unwrap();
    let id = id.split('&').next().unwrap();
    assert_eq!(location, format!("https://pay.example/x?client_reference_id=dub_id_{id}&a=1"));
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
    let stranger = http_config(&["--trusted-proxies", "192.0.2.0/24"]);
    let world = World::start_with(options(), &stranger).await;
    world.store.put("t", |fields| fields.track_conversion = true);
    let answer = world.visit("GET", "/t", &(agent(MAC) + "X-Forwarded-Proto: https\r\n")).await;
    assert!(!answer.header("set-cookie").unwrap().contains("Secure"));
}
