//! Lists of links: pages, filters, orders, forms.

use axum::http::Method;
use serde_json::{Value, json};

use super::world::{World, id};

fn codes(list: &Value) -> Vec<&str> {
    list["links"].as_array().unwrap().iter().map(|link| link["shortCode"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn links_are_found_and_sorted() {
    let world = World::start("brevr_lists").await;
    let (_, tag) = world.post("/tags", json!({"name": "one"})).await;
    let tag = id(&tag["tag"]).to_owned();
    world.app.catalog.add_domain(world.ours.workspace, "second.example.com", false, 1).await.unwrap();
    for (slug, title, url) in [("b", "Zebra", "https://example.com/1"), ("a", "ant", "https://example.org/2")] {
        world.link(json!({"customSlug": slug, "title": title, "url": url, "tagIds": [tag]})).await;
    }
    world.link(json!({"customSlug": "c", "domain": "second.example.com"})).await;
    let off = world.link(json!({"customSlug": "d", "isActive": false})).await;
    assert_eq!(off["isActive"], false);
    for (query, expected) in [
        ("", &["d", "c", "a", "b"][..]),
        ("sortOrder=asc", &["b", "a", "c", "d"]),
        ("sortBy=shortCode&sortOrder=asc", &["a", "b", "c", "d"]),
        ("sortBy=title", &["b", "a", "d", "c"]),
        ("search=EXAMPLE.org", &["a"]),
        ("search=zeb", &["b"]),
        ("domain=second.example.com", &["c"]),
        (&format!("tagId={tag}"), &["a", "b"]),
        ("isActive=true", &["c", "a", "b"]),
        ("isActive=false", &["d"]),
        ("limit=2", &["d", "c"]),
        ("limit=2&page=2", &["a", "b"]),
        ("pageSize=3&page=2", &["b"]),
        ("page=9", &[]),
    ] {
        let (status, list) = world.get(&format!("/links?{query}")).await;
        assert_eq!((status, codes(&list)), (200, expected.to_vec()), "{query}");
    }
    let (_, list) = world.get("/links?limit=3&page=2").await;
    let said = ["total", "page", "limit", "totalPages"].map(|name| list[name].as_u64().unwrap());
    assert_eq!(said, [4, 2, 3, 2]);
    // What a list shows is the beginning of what is shown in detail.
    let (_, detail) = world.get(&format!("/links/{}", id(&list["links"][0]))).await;
    let listed = list["links"][0].as_object().unwrap();
    assert_eq!(listed.len(), 11);
    assert!(listed.iter().all(|(name, value)| detail["link"][name] == *value), "{listed:?}");
    for bad in ["page=0", "limit=101", "sortBy=moon", "isActive=maybe", "tagId=nonsense", "format=xls"] {
        let (status, refused) = world.get(&format!("/links?{bad}")).await;
        assert_eq!(status, 400, "{bad}: {refused}");
    }
}

#[tokio::test]
async fn lists_are_csv_too() {
    let world = World::start("brevr_lists_csv").await;
    world.link(json!({"customSlug": "a", "title": "x,y"})).await;
    let answer = world.ask(&world.ours.key, Method::GET, "/api/v1/links?format=csv", None).await;
    let lines: Vec<&str> = answer.text.lines().collect();
    assert_eq!(lines.len(), 2, "{}", answer.text);
    assert!(
        lines[0].starts_with("id,shortCode,url,title,domain,linkType,isActive,clickCount,createdAt"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains(",a,https://example.com,\"x,y\",go.example.com,URL,true,0,"), "{}", lines[1]);
    for list in ["tags", "pixels", "domains"] {
        let answer = world.ask(&world.ours.key, Method::GET, &format!("/api/v1/{list}?format=tsv"), None).await;
        assert!(answer.status == 200 && answer.text.starts_with("id\t"), "{list}: {}", answer.text);
    }
}
