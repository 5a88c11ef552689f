//! Where links of sites live: visits, other surfaces, domains and sites that go.

use std::net::SocketAddr;

use linktrail::auth::KeyGrant;
use linktrail::calendar::Clock;
use linktrail::domain::id::WorkspaceId;
use linktrail::domain::principal::Role;
use linktrail::holdings;
use linktrail::web::state::App;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::people::scene::{NOW_MS, person, site};
use crate::sdk::server::{Listening, listen};
use crate::wire::{Reply, exchange, request};

const HUMAN: &str = "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15\r\n";

struct Tenant {
    workspace: WorkspaceId,
    key: String,
    cookie: String,
}

async fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: Option<&Value>) -> Reply {
    let headers = match body {
        Some(_) => format!("{headers}Content-Type: application/json\r\n"),
        None => headers.to_owned(),
    };
    let body = body.map(Value::to_string).unwrap_or_default();
    exchange(address, &request(method, path, "", &headers, body.as_bytes()), false).await
}

async fn tenant(app: &App, address: SocketAddr, name: &str) -> Tenant {
    let workspace = app.catalog.add_workspace(name, NOW_MS).await.unwrap().id;
    let owner = person(app, &format!("{name}@example.com"), workspace, Role::Owner).await;
    let grant = KeyGrant { workspace: Some(workspace), ..KeyGrant::default() };
    let key = app.auth.create_key(owner.id, &grant).await.unwrap().1.expose_secret().to_owned();
    let login = json!({"email": owner.email, "password": owner.password});
    let reply = send(address, "POST", "/api/auth/login", "", Some(&login)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    Tenant { workspace, key, cookie: format!("Cookie: {cookie}\r\n") }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_sites_answer_at_the_public_address() {
    let Listening { server, urls: _urls, folder: _folder } = listen("ghostid_links_home", Clock::fixed(NOW_MS)).await;
    let (app, address) = (server.app.clone(), server.address);
    // The first start's domain is the public host; its owner is neither of these.
    let ours = tenant(&app, address, "ours").await;
    let theirs = tenant(&app, address, "theirs").await;
    let shop = site(&app, ours.workspace, "shop").await;
    let their_shop = site(&app, theirs.workspace, "their-shop").await;
    app.sites.load().await.unwrap();
    let new = |site: u64, slug: &str| json!({"siteId": site, "destinationUrl": "https://example.com/x", "slug": slug, "source": "mail"});
    let made = send(address, "POST", "/api/links", &ours.cookie, Some(&new(shop.id.0, "sale"))).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let made = made.json();
    let full_url = made["fullUrl"].as_str().unwrap();
    assert_eq!(full_url, format!("http://{address}/l/shop/sale"));
    // The same slug of another site is another link.
    assert_eq!(
        send(address, "POST", "/api/links", &theirs.cookie, Some(&new(their_shop.id.0, "sale"))).await.status,
        200
    );

    let visit = send(address, "GET", "/l/shop/SALE", HUMAN, None).await;
    assert_eq!((visit.status, visit.header("location")), (302, "https://example.com/x?utm_source=mail"));
    assert_eq!(send(address, "GET", "/l/shop/none", HUMAN, None).await.status, 404);
    let counted = async || {
        let list = send(address, "GET", "/api/links", &ours.cookie, None).await.json();
        list["stats"]["totalClicks"].as_u64().unwrap()
    };
    for _ in 0..600 {
        if counted().await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(counted().await, 1, "the click is our workspace's");

    // The other surfaces of the workspace see it, at its real address, and leave it where it is.
    let bearer = format!("Authorization: Bearer {}\r\n", ours.key);
    let dub = send(address, "GET", "/links", &bearer, None).await.json();
    assert_eq!((dub.as_array().unwrap().len(), &dub[0]["shortLink"]), (1, &json!(full_url)));
    let dub_id = dub[0]["id"].as_str().unwrap();
    let info = send(address, "GET", "/links/info?domain=127.0.0.1&key=l/shop/sale", &bearer, None).await;
    assert_eq!(info.status, 200, "{}", info.text());
    let noted = send(address, "PATCH", &format!("/links/{dub_id}"), &bearer, Some(&json!({"comments": "seen"}))).await;
    assert_eq!(noted.status, 200, "{}", noted.text());
    for change in [json!({"key": "mine"}), json!({"key": "l/their-shop/x"})] {
        let moved = send(address, "PATCH", &format!("/links/{dub_id}"), &bearer, Some(&change)).await;
        assert_eq!(moved.status, 403, "{change}: {}", moved.text());
    }
    let notes = send(address, "GET", "/api/links", &ours.cookie, None).await.json();
    assert_eq!(notes["links"][0]["notes"], "seen");
    let foreign = format!("Authorization: Bearer {}\r\n", theirs.key);
    assert_eq!(send(address, "GET", &format!("/links/{dub_id}"), &foreign, None).await.status, 404);
    assert_eq!(send(address, "GET", "/links/info?domain=127.0.0.1&key=l/shop/sale", &foreign, None).await.status, 404);

    // One path, two surfaces.
    let by_key = send(address, "POST", "/api/links", &bearer, Some(&new(shop.id.0, "by-key"))).await;
    assert_eq!((by_key.status, by_key.json()["link"]["slug"].as_str()), (200, Some("by-key")));
    let dub =
        send(address, "POST", "/api/links", &bearer, Some(&json!({"url": "https://example.com", "key": "x"}))).await;
    assert_eq!(dub.status, 422, "Dub's: {}", dub.text());
    assert_eq!(send(address, "GET", "/api/links", &bearer, None).await.json().as_array().map(Vec::len), Some(2));
    let ours_by_key = send(address, "GET", &format!("/api/links?siteId={}", shop.id.0), &bearer, None).await.json();
    assert_eq!(ours_by_key["stats"]["totalLinks"], 2);
    let id = made["link"]["id"].as_str().unwrap();
    let put = send(address, "PUT", &format!("/api/links/{id}"), &bearer, Some(&json!({"is_active": false}))).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(send(address, "GET", "/l/shop/sale", HUMAN, None).await.status, 404, "a link that is off");
    assert_eq!(send(address, "GET", "/l/shop/by-key", HUMAN, None).await.status, 302);

    // A site takes its links along, and their slugs are free.
    assert!(app.catalog.remove_site(ours.workspace, shop.id, NOW_MS).await.unwrap());
    for _ in 0..200 {
        if send(address, "GET", "/l/shop/by-key", HUMAN, None).await.status == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(send(address, "GET", "/l/shop/by-key", HUMAN, None).await.status, 404);
    assert_eq!(send(address, "GET", "/l/their-shop/sale", HUMAN, None).await.status, 302);
    let again = site(&app, theirs.workspace, "shop").await;
    app.sites.load().await.unwrap();
    assert_eq!(send(address, "POST", "/api/links", &theirs.cookie, Some(&new(again.id.0, "sale"))).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_with_links_of_others_stays() {
    let scene = crate::people::scene::Scene::new("ghostid_links_domain").await;
    let app = &scene.app;
    app.holdings.add_domain(scene.theirs, "go.example", false, Default::default()).await.unwrap();
    app.holdings.add_domain(scene.workspace, "own.example", false, Default::default()).await.unwrap();
    let cookie = scene.sign_in(&scene.member).await;
    let body = json!({"siteId": scene.site.id.0, "destinationUrl": "https://example.com", "slug": "a"});
    let made = scene.send("POST", "/api/links", &[("cookie", &cookie)], Some(&body)).await.json();
    // The oldest domain is the default one, where nobody else has anything below `l`.
    for (workspace, domain, slug, taken) in [
        (scene.theirs, "go.example", "l/ghostid/b", true),
        (scene.theirs, "go.example", "L", true),
        (scene.workspace, "own.example", "l/ghostid/b", false),
    ] {
        let change = linktrail::links::LinkChange {
            domain: Some(domain.to_owned()),
            slug: linktrail::links::SlugChoice::Fixed(slug.to_owned()),
            patch: linktrail::domain::link::LinkPatch {
                url: Some("https://example.com".to_owned()),
                ..Default::default()
            },
            ..Default::default()
        };
        let outcome = app.links.create(workspace, None, change).await;
        assert_eq!(
            matches!(outcome, Err(linktrail::links::Error::ReservedSlug)),
            taken,
            "{domain}/{slug}: {outcome:?}"
        );
        assert_eq!(outcome.is_ok(), !taken, "{domain}/{slug}");
    }
    // What was exported says whose site it is, and comes back to its place; nobody else's does.
    for (workspace, slug, domain, comes) in [
        (scene.workspace, "l/ghostid/imported", "go.example", true),
        (scene.workspace, "l/ghostid/Not-A-Slug", "go.example", false),
        (scene.workspace, "l/other/imported", "go.example", false),
        (scene.theirs, "l/ghostid/imported-too", "go.example", false),
    ] {
        let change = linktrail::links::LinkChange {
            domain: Some(domain.to_owned()),
            slug: linktrail::links::SlugChoice::Fixed(slug.to_owned()),
            patch: linktrail::domain::link::LinkPatch {
                url: Some("https://example.com".to_owned()),
                site: Some(Some(scene.site.id.0)),
                ..Default::default()
            },
            ..Default::default()
        };
        assert_eq!(app.links.check(workspace, change.clone()).await.is_ok(), comes, "{slug}");
        let made = app.links.create(workspace, None, change).await;
        assert_eq!(made.as_ref().ok().map(|link| link.workspace), comes.then_some(scene.workspace), "{slug}: {made:?}");
        if let Ok(link) = made {
            app.links.delete(workspace, &linktrail::links::LinkName::Id(link.id)).await.unwrap();
        }
    }
    let refused = app.holdings.remove_domain(scene.theirs, "go.example").await;
    assert!(matches!(refused, Err(holdings::Error::DomainOfSites(_))), "{refused:?}");
    let refused = app.holdings.change_domain(scene.theirs, "go.example", Some("new.example"), Default::default()).await;
    assert!(matches!(refused, Err(holdings::Error::DomainOfSites(_))), "{refused:?}");
    assert!(app.catalog.remove_workspace(scene.theirs, NOW_MS).await.unwrap_err().is_taken("domain_of_sites"));
    let id = made["link"]["id"].as_str().unwrap();
    assert_eq!(scene.send("DELETE", &format!("/api/links/{id}"), &[("cookie", &cookie)], None).await.status, 200);
    assert_eq!(app.holdings.remove_domain(scene.theirs, "go.example").await.unwrap().links, 0);
    // The next oldest is the default one now.
    let made = scene.send("POST", "/api/links", &[("cookie", &cookie)], Some(&body)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    // A workspace that goes takes its links along, wherever they live.
    let place = app.catalog.domain_by_name("own.example").await.unwrap().unwrap();
    assert!(app.catalog.resolve(place.id, "l/ghostid/a").await.unwrap().is_some());
    assert!(app.catalog.remove_workspace(scene.workspace, NOW_MS).await.unwrap());
    assert!(app.catalog.resolve(place.id, "l/ghostid/a").await.unwrap().is_none());
}
