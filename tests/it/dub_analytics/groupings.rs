//! Every grouping: its fields, its order, what is left out.

use serde_json::json;

use super::scene::Scene;

/// What all rows end with: clicks, leads, sales, saleAmount.
const METRICS: [&str; 4] = ["clicks", "leads", "sales", "saleAmount"];

#[tokio::test]
async fn every_grouping_shows_all_kinds_at_its_keys() {
    let scene = Scene::start("dub_analytics_groupings").await;
    let [a, b, c] = scene.links;
    let address = |link: linktrail::domain::id::LinkId| format!("https://example.com/{}?q=1", link.0);
    let base = |link: linktrail::domain::id::LinkId| format!("https://example.com/{}", link.0);
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("count", vec!["4,3,3,1500".into()]),
        ("continents", vec!["EU,4,3,3,1500".into()]),
        // Germany has no clicks and is there.
        ("countries", vec!["US,*,*,3,1,1,1000".into(), "FR,*,*,1,0,1,500".into(), "DE,*,*,0,2,1,0".into()]),
        (
            "regions",
            vec![
                "US,US-Unknown,*,3,1,1,1000".into(),
                "FR,FR-Unknown,*,1,0,1,500".into(),
                "DE,DE-Unknown,*,0,2,1,0".into(),
            ],
        ),
        ("cities", vec![]),
        ("devices", vec!["Desktop,4,3,3,1500".into()]),
        ("browsers", vec!["Firefox,4,3,3,1500".into()]),
        ("os", vec!["Linux,4,3,3,1500".into()]),
        ("triggers", vec!["qr,3,1,2,1500".into(), "link,1,2,1,0".into()]),
        ("trigger", vec!["qr,3,1,2,1500".into(), "link,1,2,1,0".into()]),
        (
            "event_names",
            vec![
                "Sign up,0,2,0,0".into(),
                "Demo,0,1,0,0".into(),
                "Purchase,0,0,2,1500".into(),
                "Upgrade,0,0,1,0".into(),
            ],
        ),
        // Each amount is in the row's own currency.
        ("currencies", vec!["usd,0,0,2,1500".into(), "eur,0,0,1,9900".into()]),
        ("referers", vec!["t.co,4,3,3,1500".into()]),
        ("referer_urls", vec!["https://t.co/x,4,3,3,1500".into()]),
        (
            "top_urls",
            vec![
                format!("{},3,1,2,1500", address(a)),
                format!("{},1,0,0,0", address(b)),
                format!("{},0,2,1,0", address(c)),
            ],
        ),
        (
            "top_base_urls",
            vec![format!("{},3,1,2,1500", base(a)), format!("{},1,0,0,0", base(b)), format!("{},0,2,1,0", base(c))],
        ),
        ("utm_sources", vec!["news,3,1,2,1500".into()]),
        ("utm_mediums", vec![]),
        ("utm_campaigns", vec![]),
        ("utm_terms", vec![]),
        ("utm_contents", vec![]),
        ("top_domains", vec!["go.example.com,4,1,2,1500".into(), "s.example.org,0,2,1,0".into()]),
        (
            "top_link_tags",
            vec![
                format!("{0},{0},One,red,4,1,2,1500", scene.tags[0]),
                format!("{0},{0},Two,blue,1,0,0,0", scene.tags[1]),
            ],
        ),
        ("top_partners", vec!["p1,p1,p1,3,1,2,1500".into(), "p2,p2,p2,1,0,0,0".into()]),
        ("top_groups", vec!["g1,g1,g1,g1,3,3,3,1500".into()]),
        ("top_partner_tags", vec!["gold,gold,gold,3,1,2,1500".into(), "north,north,north,3,1,2,1500".into()]),
    ];
    for (grouping, expected) in cases {
        assert_eq!(scene.rows(&format!("event=composite&groupBy={grouping}")).await, expected, "{grouping}");
    }
}

#[tokio::test]
async fn rows_are_objects_with_what_they_name() {
    let scene = Scene::start("dub_analytics_objects").await;
    let [a, ..] = scene.links;
    for (grouping, expected) in [
        ("count", json!({"clicks": 4, "leads": 3, "sales": 3, "saleAmount": 1500})),
        (
            "top_link_tags",
            json!({"tagId": scene.tags[0], "tag": {"id": scene.tags[0], "name": "One", "color": "red"},
                   "clicks": 4, "leads": 1, "sales": 2, "saleAmount": 1500}),
        ),
        (
            "top_partners",
            json!({"partnerId": "p1", "partner": {"id": "p1", "name": "p1"},
                   "clicks": 3, "leads": 1, "sales": 2, "saleAmount": 1500}),
        ),
        (
            "top_groups",
            json!({"groupId": "g1", "group": {"id": "g1", "name": "g1", "slug": "g1"},
                   "clicks": 3, "leads": 3, "sales": 3, "saleAmount": 1500}),
        ),
        (
            "countries",
            json!({"country": "US", "region": "*", "city": "*", "clicks": 3, "leads": 1, "sales": 1, "saleAmount": 1000}),
        ),
    ] {
        let answer = scene.json(&format!("/analytics?event=composite&groupBy={grouping}")).await;
        let first = if grouping == "count" { &answer } else { &answer[0] };
        assert_eq!(*first, expected, "{grouping}");
    }
    let folders = scene.json("/analytics?event=composite&groupBy=top_folders").await;
    assert_eq!(folders.as_array().unwrap().len(), 1);
    assert_eq!((&folders[0]["folderId"], &folders[0]["folder"]["id"]), (&json!(scene.folder), &json!(scene.folder)));
    assert_eq!(folders[0]["folder"]["name"], "News");
    let links = scene.json("/analytics?event=composite&groupBy=top_links").await;
    assert_eq!((&links[0]["id"], &links[0]["link"]), (&json!(a.to_string()), &json!(a.to_string())));
    for name in ["domain", "key", "shortLink", "url", "title", "comments", "folderId", "partnerId", "createdAt"] {
        assert!(links[0].get(name).is_some(), "{name}");
    }
    for name in METRICS {
        assert!(links[0][name].is_u64(), "{name}");
    }
}

#[tokio::test]
async fn attributes_filter_too() {
    let scene = Scene::start("dub_analytics_attributes").await;
    for (query, expected) in [
        ("programId=prog", "3,1,2,1500"),
        ("programId=-prog", "1,2,1,9900"),
        ("partnerTagId=gold", "3,1,2,1500"),
        ("partnerTagId=-north,x", "1,2,1,9900"),
        ("groupId=g1", "3,3,3,1500"),
        ("partnerId=p2,p1", "4,1,2,1500"),
        ("partnerTagId=gold&groupId=-g1", "0,0,0,0"),
        ("tenantId=t1&eventName=Demo", "3,0,0,0"),
        ("eventName=-Sign up,Purchase", "4,1,1,9900"),
        ("currency=EUR", "4,3,1,9900"),
    ] {
        let query = query.replace(' ', "%20");
        assert_eq!(scene.rows(&format!("event=composite&{query}")).await, [expected], "{query}");
    }
}
