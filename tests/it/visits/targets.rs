//! Where visitors are sent: by device, by country, by what the visit says.

use linktrail::engines;
use linktrail::enrich::Geo;

use super::agents::{GALAXY_TAB, GOOGLEBOT, IPAD, IPHONE, IPHONE_CHROME, IPOD, MAC, PIXEL, WINDOWS, agent};
use super::world::{World, http_config, options};

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_countries_have_targets_of_their_own() {
    let world = World::start().await;
    world.store.put("app", |fields| {
        fields.ios_url = Some("https://apps.example/ios".to_owned());
        fields.android_url = Some("https://apps.example/android".to_owned());
        fields.geo_urls = [("DE", "https://example.de/"), ("FR", "https://example.fr/")]
            .map(|(country, url)| (country.to_owned(), url.to_owned()))
            .into();
    });
    let (ios, android, own) = ("https://apps.example/ios", "https://apps.example/android", "https://example.com/app");
    for (user_agent, country, expected) in [
        (IPHONE, "", ios),
        (IPHONE_CHROME, "DE", ios),
        (IPAD, "", ios),
        (IPOD, "", ios),
        (PIXEL, "DE", android),
        (GALAXY_TAB, "", android),
        (MAC, "", own),
        (MAC, "DE", "https://example.de/"),
        (WINDOWS, "fr", "https://example.fr/"),
        (WINDOWS, "US", own),
        (WINDOWS, "XX", own),
        (GOOGLEBOT, "", own),
    ] {
        let country = if country.is_empty() { String::new() } else { format!("CF-IPCountry: {country}\r\n") };
        let answer = world.visit("GET", "/app", &(agent(user_agent) + &country)).await;
        assert_eq!((answer.status(), answer.header("location")), (302, Some(expected)), "{user_agent} {country}");
        assert_eq!(world.hits()[0].url, expected, "{user_agent} {country}");
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn countries_come_from_the_geo_files() {
    let geo = Geo::open(&engines::geo_files(None)).unwrap();
    assert!(geo.knows_places(), "make engines fetches a geo file");
    let world = World::start_over(options(), &http_config(&[]), geo).await;
    world.store.put("app", |fields| {
        fields.geo_urls = [("US".to_owned(), "https://example.us/".to_owned())].into();
    });
    for (address, expected) in [
        ("8.8.8.8", "https://example.us/"),
        ("193.0.6.139", "https://example.com/app"),
        ("10.0.0.1", "https://example.com/app"),
    ] {
        // Without trust in an edge its headers say nothing.
        let headers = format!("X-Forwarded-For: {address}\r\nCF-IPCountry: US\r\n");
        let answer = world.visit("GET", "/app", &(agent(MAC) + &headers)).await;
        assert_eq!(answer.header("location"), Some(expected), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn roots_scripts_and_partners() {
    let world = World::start().await;
    assert_eq!(world.visit("GET", "/", "").await.status(), 404);
    for slug in ["wp-login.php", "a/B.PHP"] {
        world.store.put(slug, |_| {});
        assert_eq!(world.visit("GET", &format!("/{slug}"), "").await.status(), 404, "{slug}");
    }
    let world = World::start().await;
    world.store.put("_root", |fields| fields.url.clear());
    let empty = world.visit("GET", "/", "").await;
    assert_eq!((empty.status(), empty.header("x-robots-tag")), (200, Some("noindex")));
    assert!(empty.body().contains("<h1>"));
    assert_eq!(world.hits(), []);
    let world = World::start().await;
    world.store.put("_root", |fields| fields.url = "https://example.com/".to_owned());
    let root = world.visit("GET", "/?qr=1", "").await;
    assert_eq!((root.status(), root.header("location")), (301, Some("https://example.com/")));
    assert_eq!(world.hits().len(), 1);
    world.store.put("kim", |fields| {
        (fields.program_id, fields.partner_id) = (Some("p".to_owned()), Some("k".to_owned()));
    });
    let partner = world.visit("GET", "/kim", &agent(MAC)).await;
    let location = partner.header("location").unwrap();
    assert!(location.starts_with("https://example.com/kim?via=kim&dub_id="), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plus_shows_where_a_link_leads() {
    let world = World::start().await;
    world.store.put("go", |fields| {
        fields.url = "https://example.com/a?b=1&c=<script>".to_owned();
        fields.geo_urls = [("DE".to_owned(), "https://example.de/".to_owned())].into();
        fields.track_conversion = true;
    });
    world.store.put("locked", |fields| fields.password_hash = Some("$argon2id$x".to_owned()));
    world.store.put("off", |fields| fields.disabled_at_ms = Some(1));
    for (method, path) in [("GET", "/go+"), ("GET", "/GO%2B?x=1"), ("HEAD", "/go+")] {
        let page = world.visit(method, path, &agent(MAC)).await;
        assert_eq!(
            (page.status(), page.header("x-robots-tag"), page.header("set-cookie")),
            (200, Some("noindex"), None)
        );
        if method == "GET" {
            assert!(page.body().contains(">https://example.com/a?b=1&amp;c=%3Cscript%3E</a>"), "{}", page.body());
            assert!(page.body().contains("elsewhere") && !page.body().contains("<script"), "{}", page.body());
        }
    }
    let german = world.visit("GET", "/go+", &(agent(MAC) + "CF-IPCountry: DE\r\n")).await;
    assert!(german.body().contains(">https://example.de/</a>"), "{}", german.body());
    world.store.put("framed", |fields| {
        fields.geo_urls = [("DE".to_owned(), "https://example.de/".to_owned())].into();
        fields.cloak = true;
    });
    for path in ["/framed+", "/sale+"] {
        let same_for_all = world.visit("GET", path, &(agent(MAC) + "CF-IPCountry: DE\r\n")).await;
        assert!(same_for_all.body().contains(">https://example.com/"), "{path}");
        assert!(!same_for_all.body().contains("elsewhere"), "{path}");
    }
    for (path, status) in [("/off+", 404), ("/none+", 404), ("/go++", 404)] {
        assert_eq!(world.visit("GET", path, &agent(MAC)).await.status(), status, "{path}");
    }
    assert!(!world.visit("GET", "/locked+", &agent(MAC)).await.body().contains("example.com/locked"));
    assert_eq!(world.hits(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_chooses_among_its_owners_hosts_only() {
    let world = World::start().await;
    world.store.put("go", |fields| fields.ios_url = Some("https://apps.example/ios".to_owned()));
    world.store.set("go", |settings| settings.allowed_hostnames = vec!["*.shop.example".to_owned()]);
    world.store.put("locked", |fields| fields.password_hash = Some("$argon2id$x".to_owned()));
    let own = "https://example.com/go";
    for (asked, expected) in [
        ("https%3A%2F%2Fexample.com%2Fother%3Fa%3D1", "https://example.com/other?a=1"),
        ("https://www.example.com/", "https://www.example.com/"),
        ("http://apps.example/android", "http://apps.example/android"),
        ("https://de.shop.example/", "https://de.shop.example/"),
        ("https://shop.example/", own),
        ("https://evil.example/", own),
        ("//evil.example/", own),
        ("https%3A%5C%5Cevil.example", own),
        ("https://example.com@evil.example/", own),
        ("https://evil.example%23@example.com/", own),
        ("https://user:password@example.com/", own),
        ("https://example.com.evil.example/", own),
        ("https://sub.example.com/", own),
        ("javascript:alert(1)%2F%2Fexample.com", own),
        ("data:text/html,x", own),
        ("mailto:a@example.com", own),
        ("https://example.com/%0d%0aSet-Cookie:a=b", own),
        ("", own),
    ] {
        let answer = world.visit("GET", &format!("/go?redir_url={asked}"), &agent(MAC)).await;
        assert_eq!((answer.status(), answer.header("location")), (302, Some(expected)), "{asked}");
        assert_eq!(world.hits()[0].url, expected, "{asked}");
    }
    assert_eq!(
        world.visit("GET", "/locked?redir_url=https://example.com/", &agent(MAC)).await.header("location"),
        None
    );
}
