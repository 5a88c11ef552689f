//! `GET /analytics/export`

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use linktrail::api::dub;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event};
use linktrail::domain::id::LinkId;
use tower::ServiceExt as _;

use super::goods;
use super::lines::{NOW, ms};
use super::scene::Scene;

async fn ask(scene: &Scene, query: &str) -> Response {
    let request = Request::builder()
        .uri(format!("/analytics/export?{query}"))
        .header("authorization", format!("Bearer {}", scene.key))
        .body(Body::empty())
        .unwrap();
    dub::routes().with_state(scene.app.clone()).oneshot(request).await.unwrap()
}

/// The files of an archive, by name.
async fn files(scene: &Scene, query: &str) -> BTreeMap<String, String> {
    let response = ask(scene, query).await;
    assert_eq!(response.status(), 200, "{query}");
    assert_eq!(response.headers()["content-type"], "application/zip");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=analytics_export.zip");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        files.insert(file.name().unwrap().into_owned(), text);
    }
    files
}

/// The groupings of `/analytics`, as it lists them.
async fn groupings(scene: &Scene) -> Vec<String> {
    let message = scene.get("/analytics?groupBy=nonsense").await.message();
    let names = message.split_once("Valid values are: ").unwrap().1.split_once(". Given").unwrap().0;
    names.split(", ").filter(|name| *name != "count").map(str::to_owned).collect()
}

#[tokio::test]
async fn an_archive_holds_what_every_grouping_says() {
    let scene = Scene::start("reading_archive").await;
    goods::store(&scene).await;
    let groupings = groupings(&scene).await;
    assert!(groupings.len() > 25, "{groupings:?}");
    let sale = "event=sales&interval=all";
    for (query, event) in [
        ("interval=all", "event=composite&interval=all"),
        (sale, sale),
        ("interval=all&event=leads&country=US", "event=leads&interval=all&country=US"),
    ] {
        let files = files(&scene, query).await;
        for name in &groupings {
            let listed =
                scene.body(&format!("/analytics?{event}&groupBy={name}&format=csv&spreadsheetSafe=true")).await;
            let expected = Some(&listed).filter(|csv| csv.lines().count() > 1);
            assert_eq!(files.get(&format!("{name}.csv")), expected, "{query} {name}");
        }
        assert!(files.len() > 10 && files.keys().all(|file| groupings.contains(&file.replace(".csv", ""))), "{query}");
    }
    // Two kinds in one row, and what a spreadsheet would run is text.
    let all = files(&scene, "interval=all").await;
    assert!(all["top_links.csv"].contains(",'=1+1,"), "{}", all["top_links.csv"]);
    assert!(
        all["countries.csv"].starts_with("country,region,city,clicks,leads,sales,saleAmount\nUS,*,*,3,5,5,"),
        "{}",
        all["countries.csv"]
    );
    let currency = ask(&scene, "interval=all").await.headers()["x-linktrail-currency"].clone();
    assert!(!currency.is_empty());
}

#[tokio::test]
async fn which_files_there_are() {
    let scene = Scene::start("reading_archive_files").await;
    let (a, b) = (scene.links["a"], scene.links["b"]);
    for (query, there) in [
        (String::new(), true),
        (format!("linkId={a}"), false),
        (format!("linkId={a},{b}"), true),
        (format!("linkId=-{b}"), true),
        ("domain=go.example.com&key=a".to_owned(), false),
        ("externalId=ext_a".to_owned(), false),
        ("domain=go.example.com".to_owned(), true),
    ] {
        let files = files(&scene, &query).await;
        assert_eq!(files.contains_key("top_links.csv"), there, "{query}");
        assert!(files.contains_key("countries.csv"), "{query}");
    }
    let nothing = files(&scene, "country=XX").await;
    assert_eq!(nothing.keys().collect::<Vec<_>>(), ["timeseries.csv"]);
    for (query, status) in [
        ("event=clicks&interval=no", 422),
        ("event=visits", 422),
        ("interval=all&granularity=minute", 422),
        ("externalId=ext_theirs", 404),
        ("folderId=nonsense", 404),
    ] {
        let refused = scene.get(&format!("/analytics/export?{query}")).await;
        assert_eq!((refused.status, refused.header("content-type")), (status, "application/json"), "{query}");
        refused.message();
    }
    let links_only = scene.key_with(&["links.read"]).await;
    assert_eq!(scene.send(&links_only, Method::GET, "/analytics/export", &[], String::new()).await.status, 403);
    let held: Vec<_> = (0..4).map(|_| scene.app.exports.take(scene.workspace).unwrap()).collect();
    assert_eq!(scene.get("/analytics/export").await.status, 429);
    drop(held);
    assert_eq!(ask(&scene, "").await.status(), 200);
}

#[tokio::test]
async fn an_archive_is_whole_or_broken() {
    const ADDRESSES: u64 = 5_500;
    let scene = Scene::start("reading_archive_long").await;
    let event = |number: u64| Event {
        workspace: scene.workspace,
        at_ms: ms(NOW) - 1_000,
        id: EventId::new(3, number + 1),
        link: LinkId(scene.links["b"].0),
        visitor: number,
        agent: Arc::new(Agent { device: "Wearable".to_owned(), ..Agent::default() }),
        url: format!("https://example.com/{number}"),
        ..Event::default()
    };
    scene.warehouse.insert("addresses", &(0..ADDRESSES).map(event).collect::<Vec<_>>()).await.unwrap();
    let files = files(&scene, "device=Wearable").await;
    let mut addresses: Vec<&str> = files["top_urls.csv"].lines().skip(1).collect();
    addresses.sort_unstable();
    let mut expected: Vec<String> =
        (0..ADDRESSES).map(|number| format!("https://example.com/{number},1,0,0,0")).collect();
    expected.sort_unstable();
    assert_eq!(addresses, expected);
    // The store goes away while the file is under way.
    let response = ask(&scene, "interval=all").await;
    assert_eq!(response.status(), 200);
    scene.clickhouse().query("DROP TABLE events SYNC").execute().await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    let held: Vec<_> = (0..4).map(|_| scene.app.exports.take(scene.workspace).unwrap()).collect();
    assert_eq!(held.len(), 4);
}
