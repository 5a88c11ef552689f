//! The published examples, field by field.

use linktrail::domain::id::LinkId;
use serde_json::{Value, json};

use crate::people::scene::{HOUR_MS, Scene};

async fn scene(test: &str) -> (Scene, String) {
    let scene = Scene::new(test).await;
    scene.app.holdings.add_domain(scene.theirs, "go.example", false, Default::default()).await.unwrap();
    let cookie = scene.sign_in(&scene.member).await;
    (scene, cookie)
}

#[tokio::test]
async fn a_link_lives_as_published() {
    let (scene, cookie) = scene("ghostid_links_published").await;
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        let answer = scene.send(method, path, &[("cookie", &cookie)], body.as_ref()).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        answer.json()
    };
    let site = scene.site.id.0;
    let free = ask("GET", &format!("/api/links/check-slug?slug=spring-launch&siteId={site}"), None).await;
    assert_eq!(free, json!({"available": true, "slug": "spring-launch"}));
    let made = ask(
        "POST",
        "/api/links",
        Some(json!({
            "siteId": site,
            "destinationUrl": "https://example.com/pricing",
            "slug": "spring-launch",
            "campaign": "spring-2026",
            "source": "newsletter",
            "medium": "email",
        })),
    )
    .await;
    let id = made["link"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("lnk_"), "{id}");
    let at = "2026-03-10T17:30:00.000Z";
    assert_eq!(
        made,
        json!({
            "link": {
                "id": id,
                "site_id": site,
                "slug": "spring-launch",
                "destination_url": "https://example.com/pricing",
                "campaign": "spring-2026",
                "source": "newsletter",
                "medium": "email",
                "content": "",
                "notes": "",
                "is_active": true,
                "link_type": "content",
                "tags": [],
                "expires_at": null,
                "max_clicks": null,
                "created_at": at,
                "updated_at": at,
            },
            "fullUrl": "http://localhost:8080/l/ghostid/spring-launch",
        })
    );
    let taken = ask("GET", "/api/links/check-slug?slug=spring-launch", None).await;
    assert_eq!(taken, json!({"available": false, "slug": "spring-launch"}));

    let changed = ask(
        "PUT",
        &format!("/api/links/{id}"),
        Some(json!({
            "campaign": "spring-2026-retargeting",
            "is_active": true,
            "notes": "Retargeting variant",
            "tags": ["retargeting", "paid-social"],
        })),
    )
    .await;
    let link = &changed["link"];
    for (field, expected) in [
        ("id", json!(id)),
        ("slug", json!("spring-launch")),
        ("campaign", json!("spring-2026-retargeting")),
        ("source", json!("newsletter")),
        ("notes", json!("Retargeting variant")),
        ("is_active", json!(true)),
        ("tags", json!(["retargeting", "paid-social"])),
        ("destination_url", json!("https://example.com/pricing")),
    ] {
        assert_eq!(link[field], expected, "{field}");
    }
    // The destination carries the labels.
    let stored = scene.app.links.get(scene.workspace, &linktrail::links::LinkName::Id(number(&id))).await.unwrap();
    assert_eq!(
        stored.fields.url,
        "https://example.com/pricing?utm_source=newsletter&utm_medium=email&utm_campaign=spring-2026-retargeting"
    );
    assert_eq!((stored.domain.as_str(), stored.slug.as_str()), ("go.example", "l/ghostid/spring-launch"));

    let second = ask(
        "POST",
        "/api/links",
        Some(json!({"siteId": site.to_string(), "destinationUrl": "https://example.com/?utm_source=x&a=1", "link_type": "ad"})),
    )
    .await;
    let slug = second["link"]["slug"].as_str().unwrap();
    assert!(
        slug.len() == 8 && slug.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()),
        "{slug}"
    );
    assert_eq!(second["link"]["destination_url"], "https://example.com/?a=1");
    assert_eq!((&second["link"]["source"], &second["link"]["link_type"]), (&json!("x"), &json!("ad")));

    let day = 24 * HOUR_MS;
    let first = number(&id);
    scene
        .clicks(
            "first",
            first,
            &[(60_000, false, 1, false), (120_000, false, 1, true), (30_000, true, 2, false), (day, false, 3, false)],
        )
        .await;
    scene.clicks("second", number(second["link"]["id"].as_str().unwrap()), &[(2 * day, false, 1, false)]).await;
    let list = ask("GET", &format!("/api/links?siteId={site}"), None).await;
    let links = list["links"].as_array().unwrap();
    assert_eq!(links.len(), 2);
    let shown = links.iter().find(|link| link["id"] == json!(id)).unwrap();
    for (field, expected) in [
        ("site_id", json!(site)),
        ("total_clicks", json!(3)),
        ("clicks_today", json!(2)),
        ("last_clicked_at", json!("2026-03-10T17:29:00.000Z")),
        ("is_active", json!(true)),
        ("content", json!("")),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    assert_eq!(
        (&list["siteSlug"], &list["stats"]),
        (&json!("ghostid"), &json!({"totalLinks": 2, "totalClicks": 4, "clicksToday": 2, "topSource": "newsletter"}))
    );
    assert_eq!(list, ask("GET", "/api/links", None).await, "the first accessible site");

    assert_eq!(ask("DELETE", &format!("/api/links/{id}"), None).await, json!({"success": true}));
    let gone = scene.send("DELETE", &format!("/api/links/{id}"), &[("cookie", &cookie)], None).await;
    assert_eq!((gone.status, gone.json()), (404, json!({"error": "Link not found."})));
    let left = ask("GET", "/api/links", None).await;
    assert_eq!((left["links"].as_array().unwrap().len(), &left["stats"]["totalClicks"]), (1, &json!(1)));
    assert_eq!(ask("GET", "/api/links/check-slug?slug=spring-launch", None).await["available"], true);
}

#[tokio::test]
async fn what_is_absent_stays_and_null_clears() {
    let (scene, cookie) = scene("ghostid_links_patch").await;
    let put = async |id: &str, body: Value| {
        let answer = scene.send("PUT", &format!("/api/links/{id}"), &[("cookie", &cookie)], Some(&body)).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        answer.json()["link"].clone()
    };
    let body = json!({
        "siteId": scene.site.id.0, "destinationUrl": "https://example.com/a", "slug": "a", "notes": "n", "content": "c",
        "expires_at": "2026-04-01T00:00:00Z", "max_clicks": 5, "tags": ["x", "y"], "is_active": false,
    });
    let made = scene.send("POST", "/api/links", &[("cookie", &cookie)], Some(&body)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let made = made.json()["link"].clone();
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["expires_at"], &made["max_clicks"], &made["tags"], &made["is_active"]),
        (&json!("2026-04-01T00:00:00.000Z"), &json!(5), &json!(["x", "y"]), &json!(false))
    );
    assert_eq!(put(id, json!({})).await, made);
    let moved = put(id, json!({"slug": "b", "destinationUrl": "https://example.com/b"})).await;
    assert_eq!(
        (&moved["slug"], &moved["destination_url"], &moved["content"], &moved["notes"]),
        (&json!("b"), &json!("https://example.com/b"), &json!("c"), &json!("n"))
    );
    let cleared = put(
        id,
        json!({"expires_at": null, "max_clicks": null, "notes": "", "content": null, "tags": [], "is_active": true}),
    )
    .await;
    for (field, expected) in [
        ("expires_at", Value::Null),
        ("max_clicks", Value::Null),
        ("notes", json!("")),
        ("content", json!("")),
        ("tags", json!([])),
        ("is_active", json!(true)),
    ] {
        assert_eq!(cleared[field], expected, "{field}");
    }
    assert_eq!(put(id, json!({"tags": ["Y", "z"]})).await["tags"], json!(["y", "z"]), "tags are known in any case");
    assert_eq!(scene.app.catalog.tags(scene.workspace).await.unwrap().len(), 3);
}

fn number(id: &str) -> LinkId {
    LinkId::parse_with_prefix("lnk_", id).unwrap()
}

#[tokio::test]
async fn lists_are_written_in_three_ways_and_in_parts() {
    let (scene, cookie) = scene("ghostid_links_parts").await;
    for slug in ["one", "two", "three"] {
        let body = json!({
            "siteId": scene.site.id.0, "destinationUrl": format!("https://example.com/{slug}"), "slug": slug, "notes": "=1+1",
        });
        assert_eq!(scene.send("POST", "/api/links", &[("cookie", &cookie)], Some(&body)).await.status, 200);
    }
    let get = async |query: &str, accept: &str| {
        scene.send("GET", &format!("/api/links?{query}"), &[("cookie", &cookie), ("accept", accept)], None).await
    };
    let csv = get("format=csv", "*/*").await;
    let lines: Vec<&str> = csv.text.lines().collect();
    assert!(
        lines[0].starts_with("id,site_id,slug,destination_url,campaign,source,medium,content,notes,is_active,"),
        "{}",
        csv.text
    );
    assert!(
        lines[1].ends_with("http://localhost:8080/l/ghostid/three") && lines[1].contains(",=1+1,true,content,"),
        "{}",
        lines[1]
    );
    assert_eq!((lines.len(), get("spreadsheetSafe=true&format=csv", "*/*").await.text.contains(",'=1+1,")), (4, true));
    let tsv = get("", "text/tab-separated-values").await;
    assert!(
        tsv.text.starts_with("id\tsite_id\t") && tsv.headers["content-type"].to_str().unwrap().starts_with("text/tab")
    );
    let slugs = async |query: &str| {
        let list = get(query, "*/*").await.json();
        assert_eq!(list["stats"]["totalLinks"], 3, "{query}");
        list["links"]
            .as_array()
            .unwrap()
            .iter()
            .map(|link| link["slug"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(slugs("").await, ["three", "two", "one"]);
    assert_eq!(slugs("limit=2").await, ["three", "two"]);
    assert_eq!(slugs("limit=2&page=2").await, ["one"]);
    assert_eq!(slugs("limit=2&page=3").await, [""; 0]);
    assert_eq!(slugs("search=TWO").await, ["two"]);
    assert_eq!(slugs("page=2").await, [""; 0]);
}
