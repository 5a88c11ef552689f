//! Links with a page: a password, a frame, a preview.

use std::sync::atomic::Ordering;

use linktrail::domain::hit::Trigger;
use linktrail::domain::password;

use super::world::{Answer, NOW_MS, World};

const PASSWORD: &str = "ope n+ses%me";
const SECRET: &str = "https://secret.example/place";

/// A world with a link `/locked`.
async fn locked() -> World {
    let world = World::start().await;
    world.store.put("locked", |fields| {
        fields.url = SECRET.to_owned();
        fields.password_hash = Some(password::hash(PASSWORD).unwrap());
        fields.title = Some("A secret title".to_owned());
        fields.forward_parameters = true;
    });
    world
}

fn encoded(password: &str) -> String {
    percent_encoding::utf8_percent_encode(password, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn post(world: &World, path: &str, headers: &str, form: &str) -> Answer {
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n{headers}\r\n{form}",
        form.len()
    );
    world.exchange(format!("POST {path} HTTP/1.1\r\nHost: go.example\r\nConnection: close\r\n{headers}")).await
}

/// Nothing of the link is in it, and nobody keeps it.
fn asks_only(answer: &Answer) {
    assert!(answer.body().contains("<form method=\"post\">"), "{answer:?}");
    for told in ["secret", "Location", "location:"] {
        assert!(!answer.0.contains(told), "{told}: {answer:?}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_opens_by_form_and_is_remembered() {
    let world = locked().await;
    let asked = world.visit("GET", "/locked?qr=1", "Referer: https://news.example/\"post\"\r\n").await;
    assert_eq!(asked.status(), 200);
    asks_only(&asked);
    assert!(asked.body().contains("name=\"referrer\" value=\"https://news.example/&quot;post&quot;\""));
    let head = world.visit("HEAD", "/locked", "").await;
    assert_eq!((head.status(), head.body(), head.header("location")), (200, "", None));

    let wrong = post(&world, "/locked?qr=1", "", "password=guess&referrer=https%3A%2F%2Fnews.example%2F").await;
    assert_eq!((wrong.status(), wrong.header("set-cookie")), (403, None));
    asks_only(&wrong);
    assert!(wrong.body().contains("role=\"alert\"") && wrong.body().contains("value=\"https://news.example/\""));
    assert_eq!(world.hits(), [], "who does not know it does not click");

    let form = format!("password={}&referrer=https%3A%2F%2Fnews.example%2F", encoded(PASSWORD));
    let right = post(&world, "/locked?qr=1&x=2", "Referer: http://go.example/locked\r\n", &form).await;
    assert_eq!((right.status(), right.header("location")), (303, Some("https://secret.example/place?x=2")));
    let hits = world.hits();
    assert_eq!(hits.len(), 1);
    assert_eq!(
        (hits[0].trigger, &*hits[0].referrer, &*hits[0].params),
        (Trigger::Qr, "https://news.example/", "qr=1&x=2")
    );

    let cookie = right.header("set-cookie").unwrap().to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/locked; Max-Age=21600; HttpOnly; SameSite=Lax");
    let known = format!("Cookie: a=b; {pair}\r\n");
    let again = world.visit("GET", "/locked", &known).await;
    assert_eq!((again.status(), again.header("location")), (302, Some(SECRET)));
    assert_eq!(again.header("set-cookie"), None);
    assert_eq!(world.visit("HEAD", "/locked", &known).await.status(), 302);
    assert_eq!(world.hits().len(), 1);

    // One link, one password, our own seal.
    let forged = format!("Cookie: {}\r\n", pair.replace(['a', 'b', 'c'], "d"));
    assert_eq!(world.visit("GET", "/locked", &forged).await.status(), 200);
    world.store.put("changed", |fields| {
        fields.url = SECRET.to_owned();
        fields.password_hash = Some(password::hash("another").unwrap());
    });
    asks_only(&world.visit("GET", "/changed", &known).await);
    assert_eq!(world.hits(), []);
    // Behind a proxy that speaks https, nobody else hears the cookie.
    let secure = post(&world, "/locked", "X-Forwarded-Proto: https\r\n", &form).await;
    assert!(secure.header("set-cookie").unwrap().ends_with("; Secure"), "{secure:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_query_goes_no_further() {
    let world = locked().await;
    let path = format!("/locked?x=1&pw={}&y=2", encoded(PASSWORD));
    let right = world.visit("GET", &path, "").await;
    assert_eq!((right.status(), right.header("location")), (302, Some("https://secret.example/place?x=1&y=2")));
    assert!(right.header("set-cookie").is_some());
    let hits = world.hits();
    assert_eq!((hits.len(), &*hits[0].params), (1, "x=1&y=2"));
    assert!(!format!("{hits:?}").contains("ses"), "{hits:?}");
    // A robot that asks first is no click.
    assert_eq!(world.visit("HEAD", &path, "").await.status(), 302);
    for path in ["/locked?pw=guess", "/locked?pw=", "/locked?pw"] {
        asks_only(&world.visit("GET", path, "").await);
    }
    assert_eq!(world.hits(), []);
    // Of a link without a password it is a parameter like any other.
    world.store.put("plain", |fields| fields.forward_parameters = true);
    let plain = world.visit("GET", "/plain?pw=1", "").await;
    assert_eq!(plain.header("location"), Some("https://example.com/plain?pw=1"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_ends() {
    let world = locked().await;
    let from = |last: u8| format!("X-Forwarded-For: 203.0.113.{last}\r\n");
    for guess in 0..10 {
        assert_eq!(post(&world, "/locked", &from(1), &format!("password={guess}")).await.status(), 403);
    }
    let right = format!("password={}", encoded(PASSWORD));
    let over = post(&world, "/locked", &from(1), &right).await;
    assert_eq!((over.status(), over.header("retry-after"), over.header("set-cookie")), (429, Some("60"), None));
    asks_only(&over);
    let by_query = world.visit("GET", &format!("/locked?pw={}", encoded(PASSWORD)), &from(1)).await;
    assert_eq!(by_query.status(), 429);
    assert_eq!(world.visit("GET", "/locked", &from(1)).await.status(), 200, "looking is free");
    assert_eq!(post(&world, "/locked", &from(2), &right).await.status(), 303, "others are not kept out");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_are_not_there_ask_for_nothing() {
    let world = locked().await;
    world.store.put("off", |fields| {
        fields.password_hash = Some(password::hash(PASSWORD).unwrap());
        fields.disabled_at_ms = Some(1);
    });
    world.store.put("over", |fields| {
        fields.password_hash = Some(password::hash(PASSWORD).unwrap());
        fields.expires_at_ms = Some(1);
        fields.expired_url = Some("https://secret.example/over".to_owned());
    });
    let right = format!("password={}", encoded(PASSWORD));
    world.store.put("later", |fields| {
        fields.password_hash = Some(password::hash(PASSWORD).unwrap());
        fields.starts_at_ms = Some(NOW_MS + 1);
    });
    asks_only(&world.visit("GET", "/over", "").await);
    let over = post(&world, "/over", "", &right).await;
    assert_eq!((over.status(), over.header("location")), (303, Some("https://secret.example/over")));
    for path in ["/sale", "/none", "/off", "/later"] {
        let refused = post(&world, path, "", &right).await;
        assert_eq!((refused.status(), refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{path}");
        assert_eq!(refused.header("set-cookie"), None, "{path}");
    }
    // A form that is too long, or none at all, gives nothing.
    for form in [format!("{right}&x={}", "x".repeat(20_000)), "\0\u{ff}=&&&=".to_owned()] {
        asks_only(&post(&world, "/locked", "", &form).await);
    }
    assert_eq!(world.hits(), []);
    world.keeper.refuses.store(true, Ordering::SeqCst);
    assert_eq!(post(&world, "/locked", "", &right).await.status(), 303, "a click that is lost stops nobody");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloaked_link_frames_its_destination_and_is_one_click() {
    const EVIL: &str = "</title><script>alert(1)</script>\"'";
    let world = World::start().await;
    world.store.put("cloaked", |fields| {
        fields.url = "https://shop.example:8443/a?x=\"1\"&y='2'".to_owned();
        fields.cloak = true;
        fields.forward_parameters = true;
        fields.track_conversion = true;
        fields.hide_referrer = true;
        fields.title = Some(EVIL.to_owned());
        fields.description = Some(EVIL.to_owned());
        fields.image = Some("javascript:alert(1)".to_owned());
    });
    let answer = world.visit("GET", "/cloaked?z=%22%3E%3Cscript%3E", "").await;
    assert_eq!((answer.status(), answer.header("location")), (200, None));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("; frame-src https://shop.example:8443 https://www.shop.example:8443; "), "{policy}");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"));
    let body = answer.body();
    let framed = body.split_once("<iframe src=\"").unwrap().1.split('"').next().unwrap();
    assert!(
        framed.starts_with("https://shop.example:8443/a?x=%221%22&amp;y=%272%27&amp;z=%22%3E%3Cscript%3E&amp;dub_id="),
        "{framed}"
    );
    assert!(body.contains(&format!("<a href=\"{framed}\" referrerpolicy=\"no-referrer\">Open shop.example</a>")));
    for broken in ["<script", "alert(1)<", "og:image"] {
        assert!(!body.contains(broken), "{broken}: {body}");
    }
    assert_eq!(world.hits().len(), 1);
    let head = world.visit("HEAD", "/cloaked", "").await;
    assert_eq!((head.status(), head.body(), head.header("cache-control")), (200, "", Some("no-store")));
    assert_eq!(world.hits(), []);
    // With a password the form leads back, so that loading the page again does not send it again.
    world.store.put("both", |fields| {
        fields.cloak = true;
        fields.password_hash = Some(password::hash(PASSWORD).unwrap());
    });
    asks_only(&world.visit("GET", "/both", "").await);
    let opened = post(&world, "/both?x=1", "", &format!("password={}", encoded(PASSWORD))).await;
    assert_eq!((opened.status(), opened.header("location")), (303, Some("/both?x=1")));
    assert_eq!(world.hits(), []);
    let pair = opened.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let framed = world.visit("GET", "/both?x=1", &format!("Cookie: {pair}\r\n")).await;
    assert!(framed.body().contains("<iframe src=\"https://example.com/both\""), "{framed:?}");
    assert_eq!(world.hits().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_for_robots_of_messengers_only() {
    const EVIL: &str = "</title><script>alert(1)</script>\"'";
    let world = World::start().await;
    world.store.put("shown", |fields| {
        fields.custom_preview = true;
        fields.title = Some("Own".to_owned());
        fields.preview.title = Some(EVIL.to_owned());
        fields.description = Some("All & sundry".to_owned());
        fields.image = Some("https://cdn.example/i.png?a=1&b=2".to_owned());
        fields.video = Some("data:text/html,<script>".to_owned());
    });
    for agent in ["facebookexternalhit/1.1", "WhatsApp/2.23.20.0", "Slackbot-LinkExpanding 1.0"] {
        let answer = world.visit("GET", "/shown", &format!("User-Agent: {agent}\r\n")).await;
        assert_eq!((answer.status(), answer.header("location")), (200, None), "{agent}");
        let body = answer.body();
        for part in [
            "<meta property=\"og:title\" content=\"&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;\">",
            "<meta property=\"og:description\" content=\"All &amp; sundry\">",
            "<meta property=\"og:image\" content=\"https://cdn.example/i.png?a=1&amp;b=2\">",
            "<meta name=\"twitter:card\" content=\"summary_large_image\">",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(!body.contains("<script") && !body.contains("og:video"), "{body}");
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    }
    for agent in ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "Googlebot/2.1"] {
        let answer = world.visit("GET", "/shown", &format!("User-Agent: {agent}\r\n")).await;
        assert_eq!((answer.status(), answer.header("location")), (302, Some("https://example.com/shown")), "{agent}");
    }
    assert_eq!(world.hits().len(), 2);
    // What is written for social networks is shown to them, asked for or not; a title in lists is not.
    world.store.put("written", |fields| {
        fields.title = Some("In lists".to_owned());
        fields.preview.description = Some("For networks".to_owned());
    });
    world.store.put("titled", |fields| fields.title = Some("In lists".to_owned()));
    let written = world.visit("GET", "/written", "User-Agent: facebookexternalhit/1.1\r\n").await;
    assert_eq!(written.status(), 200);
    assert!(written.body().contains("<meta property=\"og:description\" content=\"For networks\">"), "{written:?}");
    assert_eq!(world.visit("GET", "/titled", "User-Agent: facebookexternalhit/1.1\r\n").await.status(), 302);
    // A link without a preview of its own leaves that to its destination.
    let plain = world.visit("GET", "/sale", "User-Agent: facebookexternalhit/1.1\r\n").await;
    assert_eq!(plain.status(), 302);
    world.end().await;
}
