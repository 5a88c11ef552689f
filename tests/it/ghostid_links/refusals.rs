//! Who may do what, and what is refused by name.

use serde_json::{Value, json};

use crate::people::scene::Scene;

#[tokio::test]
async fn roles_and_sites_keep_people_apart() {
    let scene = Scene::new("ghostid_links_roles").await;
    scene.app.holdings.add_domain(scene.theirs, "go.example", false, Default::default()).await.unwrap();
    let (ours, theirs) = (scene.site.id.0, scene.their_site.id.0);
    let [owner, member, viewer, stranger] = [
        scene.sign_in(&scene.owner).await,
        scene.sign_in(&scene.member).await,
        scene.sign_in(&scene.viewer).await,
        scene.sign_in(&scene.stranger).await,
    ];
    let link = |site: u64, slug: &str| json!({"siteId": site, "destinationUrl": "https://example.com", "slug": slug});
    let send = async |cookie: &str, method: &str, path: &str, body: Option<&Value>| {
        let answer = scene.send(method, path, &[("cookie", cookie)], body).await;
        if answer.status != 200 {
            let Value::Object(error) = answer.json() else { panic!("{}", answer.text) };
            assert_eq!(error.keys().collect::<Vec<_>>(), ["error"], "{path}");
        }
        answer
    };
    for (cookie, slug, status) in [(&owner, "a", 200), (&member, "b", 200), (&viewer, "c", 403), (&stranger, "d", 403)]
    {
        assert_eq!(send(cookie, "POST", "/api/links", Some(&link(ours, slug))).await.status, status, "{slug}");
    }
    let foreign = send(&stranger, "POST", "/api/links", Some(&link(theirs, "theirs"))).await.json();
    let foreign = foreign["link"]["id"].as_str().unwrap();
    let own = send(&owner, "GET", "/api/links", None).await.json()["links"][0]["id"].as_str().unwrap().to_owned();
    // Reading: every member; their site is somebody else's; a site that is not there is not there.
    for (cookie, site, status) in [
        (&viewer, ours, 200),
        (&viewer, theirs, 403),
        (&owner, theirs, 403),
        (&stranger, ours, 403),
        (&owner, 999, 404),
    ] {
        for path in [format!("/api/links?siteId={site}"), format!("/api/links/check-slug?slug=x&siteId={site}")] {
            assert_eq!(send(cookie, "GET", &path, None).await.status, status, "{path}");
        }
    }
    // Writing: a link of others is like one that is not there.
    let body = json!({"notes": "n"});
    for (cookie, id, status) in [
        (&viewer, own.as_str(), 403),
        (&stranger, own.as_str(), 404),
        (&owner, foreign, 404),
        (&owner, "lnk_0000000000000", 404),
        (&owner, "lnk_x", 404),
        (&owner, "link_0000000000001", 404),
        (&member, own.as_str(), 200),
    ] {
        let path = format!("/api/links/{id}");
        assert_eq!(send(cookie, "PUT", &path, Some(&body)).await.status, status, "PUT {path}");
        assert_eq!(send(cookie, "DELETE", &path, None).await.status, status, "DELETE {path}");
    }
    let unknown = send(&owner, "PUT", &format!("/api/links/{foreign}"), Some(&body)).await.text;
    assert_eq!(unknown, send(&owner, "PUT", "/api/links/lnk_0000000000001", Some(&body)).await.text);
    // Their list has nothing of ours.
    let list = send(&stranger, "GET", "/api/links", None).await.json();
    assert_eq!((list["links"].as_array().unwrap().len(), &list["siteSlug"]), (1, &json!("theirs")));
    for (method, path) in [
        ("GET", "/api/links"),
        ("POST", "/api/links"),
        ("PUT", "/api/links/lnk_x"),
        ("DELETE", "/api/links/lnk_x"),
        ("GET", "/api/links/check-slug"),
    ] {
        let answer = scene.send(method, path, &[], None).await;
        assert_eq!((answer.status, answer.json()), (401, json!({"error": "Unauthorized"})), "{method} {path}");
    }
    // A key reads what its scopes say.
    let grant = linktrail::auth::KeyGrant {
        workspace: Some(scene.workspace),
        scopes: vec!["links.read".to_owned()],
        ..Default::default()
    };
    let (_, key) = scene.app.auth.create_key(scene.owner.id, &grant).await.unwrap();
    let bearer = format!("Bearer {}", secrecy::ExposeSecret::expose_secret(&key));
    assert_eq!(scene.send("GET", "/api/links", &[("authorization", &bearer)], None).await.status, 200);
    let refused = scene.send("POST", "/api/links", &[("authorization", &bearer)], Some(&link(ours, "k"))).await;
    assert_eq!((refused.status, refused.text.contains("links.write")), (403, true));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let scene = Scene::new("ghostid_links_refused").await;
    let cookie = scene.sign_in(&scene.member).await;
    let site = scene.site.id.0;
    let send = async |method: &str, path: &str, body: Option<Value>| {
        scene.send(method, path, &[("cookie", &cookie)], body.as_ref()).await
    };
    let good = json!({"siteId": site, "destinationUrl": "https://example.com", "slug": "taken"});
    let early = send("POST", "/api/links", Some(good.clone())).await;
    assert_eq!((early.status, early.text.contains("linktrail domain add")), (400, true), "{}", early.text);
    scene.app.holdings.add_domain(scene.theirs, "go.example", false, Default::default()).await.unwrap();
    let made = send("POST", "/api/links", Some(good.clone())).await.json();
    let id = made["link"]["id"].as_str().unwrap().to_owned();
    assert_eq!(send("POST", "/api/links", Some(good.clone())).await.status, 409);
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body["slug"] = json!("free");
        body[field] = value;
        body
    };
    for (body, words) in [
        (json!({"destinationUrl": "https://example.com"}), "siteId is required"),
        (json!({"siteId": site}), "destinationUrl is required"),
        (with("siteId", json!("x")), "siteId must be"),
        (with("siteId", json!(1.5)), "siteId must be"),
        (with("siteId", json!(-1)), "siteId must be"),
        (with("siteId", json!([1])), "siteId"),
        (with("destinationUrl", json!("javascript:alert(1)")), "destinationUrl"),
        (with("destinationUrl", json!("not a url")), "destinationUrl"),
        (with("destinationUrl", json!("https://go.example/x")), "destinationUrl"),
        (with("destinationUrl", json!(5)), "destinationUrl"),
        (with("slug", json!("Has Space")), "slug"),
        (with("slug", json!("../../x")), "slug"),
        (with("slug", json!("a".repeat(101))), "slug"),
        (with("link_type", json!("banner")), "content, ad, bio"),
        (with("campaign", json!("x".repeat(256))), "campaign"),
        (with("notes", json!("x".repeat(10_001))), "notes"),
        (with("max_clicks", json!(0)), "max_clicks"),
        (with("expires_at", json!("tomorrow")), "expires_at"),
        (with("tags", json!([5])), "tags"),
    ] {
        let answer = send("POST", "/api/links", Some(body.clone())).await;
        assert_eq!(
            (answer.status, answer.text.contains(words)),
            (400, true),
            "{body}: {} {}",
            answer.status,
            answer.text
        );
    }
    let other = send("POST", "/api/links", Some(with("slug", json!("other")))).await.json();
    let other = other["link"]["id"].as_str().unwrap();
    let conflict = send("PUT", &format!("/api/links/{other}"), Some(json!({"slug": "taken"}))).await;
    assert_eq!((conflict.status, conflict.text.contains("slug")), (409, true));
    assert_eq!(send("PUT", &format!("/api/links/{id}"), Some(json!({"slug": "taken"}))).await.status, 200, "its own");
    for (slug, available) in
        [("free", true), ("taken", false), ("Taken", false), ("a%20b", false), ("", false), ("a%2Fb", false)]
    {
        let answer = send("GET", &format!("/api/links/check-slug?slug={slug}"), None).await;
        assert_eq!((answer.status, &answer.json()["available"]), (200, &json!(available)), "{slug}");
    }
    assert_eq!(send("GET", "/api/links/check-slug", None).await.status, 400);
    for (query, words) in [("siteId=x", "siteId"), ("limit=0", "limit"), ("page=0", "page"), ("format=xml", "format")] {
        let answer = send("GET", &format!("/api/links?{query}"), None).await;
        assert_eq!((answer.status, answer.text.contains(words)), (400, true), "{query}: {}", answer.text);
    }
    assert_eq!(send("PATCH", &format!("/api/links/{id}"), Some(json!({}))).await.status, 405);
    assert_eq!(send("GET", "/api/links/a/b", None).await.status, 404);
}
