//! Links with pixels and tags: the page on the way, and who gets it.

use linktrail::domain::link::LinkFields;
use linktrail::domain::password;

use super::agents::MAC;
use super::world::{Answer, World};

fn with_pixel(fields: &mut LinkFields) {
    fields.pixels = [("meta".to_owned(), "1234567890".to_owned())].into();
}

fn person() -> String {
    format!("User-Agent: {MAC}\r\n")
}

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_the_page_and_it_is_one_click() {
    let world = World::start().await;
    world.store.put("ad", |fields| {
        with_pixel(fields);
        fields.track_conversion = true;
        fields.forward_parameters = true;
    });
    let page = world.visit("GET", "/ad?x=%22%3C/script%3E", &person()).await;
    assert_eq!((page.status(), page.header("location")), (200, None));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
    assert!(page.header("set-cookie").unwrap().starts_with("dub_id_go.example_ad="), "{page:?}");
    let body = page.body();
    for part in [
        "q('init','1234567890')",
        "var to=\"https://example.com/ad?x=%22%3C/script%3E\\u0026dub_id=",
        "content=\"1;url=https://example.com/ad?x=%22%3C/script%3E&amp;dub_id=",
        "<a href=\"https://example.com/ad?x=%22%3C/script%3E&amp;dub_id=",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(policy(&page).contains("script-src 'nonce-") && !policy(&page).contains("sandbox"), "{page:?}");
    assert_eq!(world.hits().len(), 1);
    let head = world.visit("HEAD", "/ad", &person()).await;
    assert_eq!((head.status(), head.body()), (200, ""));
    assert_eq!(world.visit("GET", "/ad", &format!("{}Sec-Purpose: prefetch\r\n", person())).await.status(), 200);
    assert_eq!(world.hits(), []);

    // Robots go straight on, and count as they always do.
    for agent in ["Googlebot/2.1", "facebookexternalhit/1.1", "curl/8.5.0"] {
        let answer = world.visit("GET", "/ad", &format!("User-Agent: {agent}\r\n")).await;
        assert_eq!(answer.status(), 302, "{agent}");
        assert!(answer.header("location").unwrap().starts_with("https://example.com/ad?dub_id="), "{agent}");
    }
    assert_eq!(world.hits().len(), 3);
    // Nor is a page of use to one who wants a picture or a frame.
    for (dest, status) in [("document", 200), ("image", 302), ("iframe", 302), ("empty", 302)] {
        let answer = world.visit("GET", "/ad", &format!("{}Sec-Fetch-Dest: {dest}\r\n", person())).await;
        assert_eq!(answer.status(), status, "{dest}");
    }
    let seen = world.visit("GET", "/ad+", &person()).await;
    assert!(seen.body().contains("https://example.com/ad") && !seen.body().contains("fbevents"), "{seen:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_are_opened_and_referrers_hidden() {
    let world = World::start().await;
    for (slug, url, said) in [
        ("mail", "mailto:a@b.example?subject=Hi%20%22you%22", ">Write the mail</a>"),
        ("call", "tel:+15551234567", ">Call the number</a>"),
        ("text", "sms:+15551234567", ">Write the message</a>"),
    ] {
        world.store.put(slug, |fields| {
            with_pixel(fields);
            fields.url = url.to_owned();
            fields.hide_referrer = true;
            fields.index = true;
        });
        let page = world.visit("GET", &format!("/{slug}"), &person()).await;
        assert_eq!((page.status(), page.header("referrer-policy")), (200, Some("no-referrer")), "{slug}");
        assert_eq!(page.header("x-robots-tag"), None);
        assert!(page.body().contains(&format!("content=\"1;url={url}\"")) && page.body().contains(said), "{page:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_shared_grounds_pages_are_in_a_sandbox() {
    let world = World::start().await;
    world.store.put("tags", |fields| fields.head_tags = Some("<script src=/api></script>".to_owned()));
    world.store.put("framed", |fields| {
        with_pixel(fields);
        fields.body_tags = Some("<b>tag</b>".to_owned());
        fields.cloak = true;
    });
    let own = world.visit("GET", "/tags", &person()).await;
    assert!(own.body().contains("<script src=/api></script>\n</head>"), "{own:?}");
    assert!(policy(&own).contains("'unsafe-inline'") && !policy(&own).contains("sandbox"), "{own:?}");
    let framed = world.visit("GET", "/framed", &person()).await;
    assert!(framed.body().contains("<b>tag</b>") && framed.body().contains("<iframe"), "{framed:?}");
    assert!(!world.visit("GET", "/framed", "User-Agent: Googlebot/2.1\r\n").await.body().contains("<b>tag"));
    // Where the API answers, too.
    let shared = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n", person());
        world.exchange(request).await
    };
    let tags = shared("/tags").await;
    assert!(tags.body().contains("<script src=/api></script>"), "{tags:?}");
    assert!(policy(&tags).contains("; sandbox allow-scripts") && !policy(&tags).contains("allow-same-origin"));
    let framed = shared("/framed").await;
    assert!(framed.body().contains("<iframe") && !policy(&framed).contains("sandbox"), "{framed:?}");
    assert!(!framed.body().contains("<b>tag") && !framed.body().contains("facebook"), "{framed:?}");
    // On another workspace's domain, too.
    world.store.put("foreign", |fields| fields.head_tags = Some("<i>tag</i>".to_owned()));
    world.store.give_away("foreign", 3);
    let foreign = world.visit("GET", "/foreign", &person()).await;
    assert!(policy(&foreign).contains("; sandbox allow-scripts"), "{foreign:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_in_addresses_are_kept_from_pixels() {
    let world = World::start().await;
    world.store.put("locked", |fields| {
        with_pixel(fields);
        fields.password_hash = Some(password::hash("sesame").unwrap());
    });
    let given = world.visit("GET", "/locked?pw=sesame&x=1", &person()).await;
    assert_eq!((given.status(), given.header("location")), (303, Some("/locked?x=1")));
    let pair = given.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = world.visit("GET", "/locked?x=1", &format!("{}Cookie: {pair}\r\n", person())).await;
    assert!(page.status() == 200 && page.body().contains("fbevents"), "{page:?}");
    assert_eq!(world.hits().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_not_to_be_tracked_meets_no_pixels() {
    let world = World::start().await;
    for (slug, honours) in [("honours", true), ("does-not", false)] {
        world.store.put(slug, with_pixel);
        world.store.set(slug, |settings| settings.honor_do_not_track = honours);
        let status = world.visit("GET", &format!("/{slug}"), &format!("{}DNT: 1\r\n", person())).await.status();
        assert_eq!(status, if honours { 302 } else { 200 }, "{slug}");
    }
    world.end().await;
}
