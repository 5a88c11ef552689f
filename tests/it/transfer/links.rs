//! Links as files.

use linktrail::catalog::{Cursor, LinkQuery, Page};
use linktrail::domain::link::Link;
use linktrail::transfer::{
    Format, ImportLinks, LinkSummary, OnConflict, Out, Progress, Source, export_links, link_columns,
};
use serde_json::{Value, json};

use super::columns::as_csv;
use super::scene::{MARCH_MS, Scene};

async fn import(
    scene: &Scene,
    name: &str,
    text: &str,
    on_conflict: OnConflict,
    dry_run: bool,
) -> Result<LinkSummary, String> {
    let import = ImportLinks {
        catalog: scene.catalog.clone(),
        service: scene.service(),
        clock: linktrail::calendar::Clock::fixed(MARCH_MS),
        workspace: scene.workspace.id,
        on_conflict,
        rejects: scene.folder.path().join("rejects"),
        dry_run,
    };
    let source = Source::open(&scene.file(name, text), None).unwrap();
    import.run(&source, &Progress::default()).await.map_err(|error| error.to_string())
}

async fn export(scene: &Scene, format: Format) -> String {
    let mut out = Out::new(Vec::new(), format, &link_columns()).unwrap();
    export_links(&scene.catalog, scene.workspace.id, &mut out, |_| ()).await.unwrap();
    String::from_utf8(out.finish().unwrap()).unwrap()
}

async fn links(scene: &Scene) -> Vec<Link> {
    let query = LinkQuery { archived: true, ascending: true, ..LinkQuery::default() };
    let page = Page { cursor: Cursor::Offset(0), size: 100 };
    scene.catalog.links(scene.workspace.id, &query, page).await.unwrap().unwrap()
}

/// With every column that can be written but the password in clear.
fn full() -> Value {
    json!({
        "domain": "go.example.com", "slug": "Full", "url": "https://example.com/?utm_source=a+b",
        "created_at": "2020-02-29T23:59:59.999+01:00", "title": "T, \"t\"\n🚀", "description": "D",
        "image": "https://example.com/i.png", "video": "https://example.com/v.mp4", "notes": "N",
        "tags": ["one, two", "three"], "folder": "F", "archived": true, "external_id": "e1", "tenant_id": "t1",
        "program_id": "p1", "partner_id": "p2", "group_id": "g1", "partner_tags": ["gold", "north"], "redirect": 301, "cloak": true,
        "password_hash": linktrail::domain::password::hash("secret").unwrap(),
        "starts_at": "2026-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z",
        "expired_url": "https://example.com/gone", "max_clicks": 7, "disabled_at": "2026-02-01T00:00:00Z",
        "forward_parameters": true, "block_bots": true, "hide_referrer": true, "skip_social_crawlers": true,
        "utm_medium": "m", "pixels": {"meta": "1234567890123456"}, "kept": {"a": [1]}, "head_tags": "<x>", "body_tags": "<y>",
        "webhook_urls": ["https://example.com/hook"], "og_title": "O", "og_description": "P",
        "og_image": "https://example.com/o.png", "custom_preview": true, "index": true,
        "ios_url": "https://example.com/ios", "android_url": "https://example.com/android",
        "geo_urls": {"DE": "https://example.de/"},
        "rules": [{"on": "split", "values": [], "percent": 12.5, "url": "https://example.com/b"}],
        "test_variants": [
            {"url": "https://example.com/a", "percentage": 33.5}, {"url": "https://example.com/b", "percentage": 66.5}
        ],
        "test_started_at": "2026-01-01T00:00:00Z", "test_completed_at": "2026-03-01T00:00:00Z",
        "track_conversion": true, "public_statistics": true, "site": "shop", "placement": "ad 1"
    })
}

#[tokio::test]
async fn every_column_is_kept_and_leaves_again() {
    let scene = Scene::new("transfer_links").await;
    let summary = import(&scene, "a.ndjson", &format!("{}\n", full()), OnConflict::Skip, false).await.unwrap();
    assert_eq!((summary.made, summary.rejected), (1, 0), "{}", scene.read("rejects"));
    let link = links(&scene).await.remove(0);
    let fields = &link.fields;
    assert_eq!((link.slug.as_str(), link.created_at_ms), ("Full", 1_583_017_199_999));
    assert_eq!(fields.utm.medium.as_deref(), Some("m"));
    assert_eq!(fields.tags.len(), 2);
    assert!(fields.folder.is_some() && fields.archived && fields.cloak && fields.custom_preview);
    assert_eq!((fields.max_clicks, fields.site), (Some(7), Some(scene.site.0)));
    assert!(linktrail::domain::password::verify("secret", fields.password_hash.as_deref().unwrap()));
    let (csv, ndjson) = (export(&scene, Format::Csv).await, export(&scene, Format::Ndjson).await);
    // Every column that is exported has been tried: the full link fills it.
    let row: Value = serde_json::from_str(ndjson.lines().next().unwrap()).unwrap();
    for column in link_columns() {
        assert!(row.get(column).is_some(), "{column} is missing in {row:#}");
    }
    for (test, name, text) in [("transfer_links_b", "b.csv", &csv), ("transfer_links_c", "c.ndjson", &ndjson)] {
        let there = Scene::new(test).await;
        for link in &there.links {
            there.catalog.delete_link(there.workspace.id, link.id, MARCH_MS).await.unwrap();
        }
        let summary = import(&there, name, text, OnConflict::Fail, false).await.unwrap();
        assert_eq!((summary.made, summary.rejected), (4, 0));
        assert_eq!(export(&there, Format::Csv).await, csv);
        assert_eq!(export(&there, Format::Ndjson).await, ndjson);
        // Again it changes nothing.
        let summary = import(&there, name, text, OnConflict::Skip, false).await.unwrap();
        assert_eq!((summary.made, summary.skipped), (0, 4));
        let summary = import(&there, name, text, OnConflict::Update, false).await.unwrap();
        assert_eq!((summary.made, summary.updated), (0, 4), "{}", there.read("rejects"));
        assert_eq!(export(&there, Format::Csv).await, csv);
    }
}

#[tokio::test]
async fn conflicts_faults_and_dry_runs() {
    let scene = Scene::new("transfer_links_d").await;
    let rows = [
        json!({ "link": "https://go.example.com/l0", "title": "other" }),
        json!({ "slug": "new", "url": "https://example.com/n", "tags": "a, b", "password": "x" }),
        json!({ "url": "https://example.com/" }),
        json!({ "slug": "bad", "url": "javascript:alert(1)" }),
        json!({ "slug": "loop", "url": "https://go.example.com/l0" }),
        json!({ "slug": "foreign", "domain": "other.example", "url": "https://example.com/" }),
        json!({ "slug": "when", "url": "https://example.com/", "expires_at": "tomorrow" }),
        json!({ "slug": "yes", "url": "https://example.com/", "cloak": "perhaps" }),
        json!({ "slug": "geo", "url": "https://example.com/", "geo_urls": "[1]" }),
        json!({ "slug": "hash", "url": "https://example.com/", "password_hash": "secret" }),
        json!({ "slug": "nowhere", "url": "https://example.com/", "site": "blog" }),
        json!({ "slug": "api/x", "url": "https://example.com/" }),
    ];
    let text = as_csv(&rows);
    let before = export(&scene, Format::Csv).await;
    let dry = import(&scene, "a.csv", &text, OnConflict::Skip, true).await.unwrap();
    assert_eq!((dry.made, dry.skipped, dry.rejected), (1, 1, 10));
    let lines: Vec<u64> = dry.first_rejects.iter().map(|reject| reject.line).collect();
    assert_eq!(lines, (4..=13).collect::<Vec<_>>());
    assert_eq!(export(&scene, Format::Csv).await, before);
    assert!(scene.catalog.tags(scene.workspace.id).await.unwrap().is_empty());
    assert!(!scene.folder.path().join("rejects").exists());

    let error = import(&scene, "a.csv", &text, OnConflict::Fail, false).await.unwrap_err();
    assert!(error.contains("line 2: there is a link go.example.com/l0 already"), "{error}");
    let done = import(&scene, "a.csv", &text, OnConflict::Update, false).await.unwrap();
    assert_eq!((done.made, done.updated, done.rejected), (1, 1, 10));
    let rejects = scene.read("rejects");
    for reason in [
        "\n4,\"slug: a link needs one",
        "\n5,",
        "url: leads to the short domain",
        "domain: it is not the workspace's",
        "\n8,\"expires_at: 'tomorrow' is not RFC 3339",
        "is not true or false",
        "geo_urls: it is not an object of addresses by country",
        "password_hash: it is no argon2id hash",
        "site: 'blog' is no site of the workspace",
        "slug is reserved",
    ] {
        assert!(rejects.contains(reason), "{reason} in {rejects}");
    }
    let all = links(&scene).await;
    let title = |slug: &str| all.iter().find(|link| link.slug == slug).unwrap().fields.title.clone();
    assert_eq!((title("l0").as_deref(), title("l1")), (Some("other"), None));
    let new = all.iter().find(|link| link.slug == "new").unwrap();
    assert_eq!((new.fields.tags.len(), new.created_at_ms), (2, MARCH_MS));
    for (name, text, message) in [
        ("b.csv", "slug,colour\n", "unknown columns: 'colour'; known are link, domain, slug"),
        ("c.csv", "slug,slug\n", "the column slug is there twice"),
    ] {
        let error = import(&scene, name, text, OnConflict::Skip, false).await.unwrap_err();
        assert!(error.contains(message), "{error}");
    }
    // As commands.
    let file = scene.folder.path().join("out.csv");
    let (code, out, err) = scene.said(&["export", "links", "-o", file.to_str().unwrap()]).await;
    assert!(code == 0 && out.starts_with("4 links in "), "{out}{err}");
    let (code, out, _) = scene.said(&["import", "links", file.to_str().unwrap()]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, "0 links made, 0 updated, 4 skipped as they are there already, 0 rows rejected\n")
    );
}
