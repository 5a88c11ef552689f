//! `list_links` and `links/export`: orders, pages and forms against counts that are known by hand.

use axum::http::Method;
use linktrail::domain::id::LinkId;
use serde_json::{Value, json};

use super::world::{DAY_MS, HOUR_MS, World};

/// Five links of which each has clicks of its own: their ids, by name.
async fn five(world: &World) -> Vec<(&'static str, LinkId)> {
    let mut links = Vec::new();
    for (name, url, slug, note) in [
        ("delta", "https://b.example/", "/m", "Plain"),
        ("Alpha, \"one\"", "https://e.example/", "/z", "holds a\nsecond line"),
        ("echo", "https://a.example/?q=needle", "/Promo", "plain"),
        ("bravo", "https://d.example/", "/a", "100%_sure"),
        ("charlie", "https://c.example/", "/k", "the needle"),
    ] {
        let body = json!({"name": name, "url": url, "slug": slug, "note": note, "domain": "go.example.com"});
        links.push((name, world.link(body).await.0));
        world.app.clock.advance(1_000);
    }
    // Back to where the clicks are counted from.
    world.app.clock.advance(-5_000);
    let clicks: [&[(i64, bool, u64)]; 5] = [
        &[(0, false, 1), (0, true, 9), (30 * HOUR_MS, false, 2)],
        &[(0, false, 3), (100 * DAY_MS, false, 1)],
        &[],
        &[(0, false, 3), (20 * DAY_MS, true, 6), (100 * DAY_MS, false, 20)],
        &[(30 * HOUR_MS, false, 7)],
    ];
    for ((name, id), clicks) in links.iter().zip(clicks) {
        if !clicks.is_empty() {
            world.clicks(name, *id, clicks).await;
        }
    }
    links
}

fn names(list: &Value) -> Vec<&str> {
    list["links"].as_array().unwrap().iter().map(|link| link["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rows_carry_counters_and_stand_in_every_order() {
    let world = World::start("linkly_links_lists").await;
    let links = five(&world).await;
    let list = async |query: &str| world.get(&world.path(&format!("/list_links{query}"))).await;
    let all = list("").await;
    assert_eq!(names(&all), ["charlie", "bravo", "echo", "Alpha, \"one\"", "delta"], "the newest first");
    let mut row = all["links"][4].clone();
    assert_eq!(row["id"], links[0].1.0);
    row["id"] = json!(0);
    insta::assert_snapshot!("row", serde_json::to_string_pretty(&row).unwrap());
    let mut whole = all.clone();
    whole["links"] = json!([]);
    let expected = json!({
        "links": [], "page_number": 1, "page_size": 1000, "total_entries": 5, "total_pages": 1, "total_rows": 5,
        "workspace_link_count": 5,
    });
    assert_eq!(whole, expected);

    // What each has: clicks in all, today, in thirty days; of humans in all, today, yesterday, in thirty days.
    let counts = |name: &str| {
        let row = all["links"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
        [
            "clicks_total",
            "clicks_today",
            "clicks_thirty_days",
            "human_clicks_total",
            "human_clicks_today",
            "human_clicks_previous_day",
            "human_clicks_thirty_days",
        ]
        .map(|counter| row[counter].as_u64().unwrap())
    };
    assert_eq!(counts("delta"), [12, 10, 12, 3, 1, 2, 3]);
    assert_eq!(counts("Alpha, \"one\""), [4, 3, 3, 4, 3, 0, 3]);
    assert_eq!(counts("echo"), [0; 7]);
    assert_eq!(counts("bravo"), [29, 3, 9, 23, 3, 0, 3]);
    assert_eq!(counts("charlie"), [7, 0, 7, 7, 0, 7, 7]);

    let (a, b, c, d, e) = ("Alpha, \"one\"", "bravo", "charlie", "delta", "echo");
    for (query, expected) in [
        ("sort_by=clicks_total", [b, d, c, a, e]),
        ("sort_by=clicks_total&sort_dir=asc", [e, a, c, d, b]),
        ("sort_by=clicks_count", [b, d, c, a, e]),
        ("sort_by=clicks_today", [d, b, a, c, e]),
        ("sort_by=clicks_thirty_days", [d, b, c, a, e]),
        ("sort_by=human_clicks_total", [b, c, a, d, e]),
        // Equals by age, the newest first, and the other way round.
        ("sort_by=human_clicks_today", [b, a, d, c, e]),
        ("sort_by=human_clicks_today&sort_dir=asc", [e, c, d, a, b]),
        ("sort_by=human_clicks_previous_day", [c, d, b, e, a]),
        ("sort_by=human_clicks_thirty_days", [c, b, a, d, e]),
        ("sort_by=sparkline", [c, b, a, d, e]),
        ("sort_by=last_clicked_at&sort_dir=asc", [e, c, d, a, b]),
        ("sort_by=name", [a, b, c, d, e]),
        ("sort_by=name&sort_dir=desc", [e, d, c, b, a]),
        ("sort_by=url", [e, d, c, b, a]),
        ("sort_by=slug", [b, c, d, e, a]),
        ("sort_by=domain", [b, c, d, e, a]),
        ("sort_by=note&sort_dir=asc", [b, a, d, e, c]),
        ("sort_by=id", [c, b, e, a, d]),
        ("sort_by=id&sort_dir=asc", [d, a, e, b, c]),
        ("sort_by=inserted_at&sort_dir=asc", [d, a, e, b, c]),
        ("sort_by=updated_at", [c, b, e, a, d]),
    ] {
        assert_eq!(names(&list(&format!("?{query}")).await), expected, "{query}");
        // The same in pages.
        let mut paged = Vec::new();
        for page in 1..=3 {
            let part = list(&format!("?{query}&page={page}&page_size=2")).await;
            assert_eq!((&part["total_entries"], &part["total_pages"]), (&json!(5), &json!(3)));
            paged.extend(names(&part).into_iter().map(str::to_owned));
        }
        assert_eq!(paged, expected, "{query} in pages");
    }
    let past = list("?page=4&page_size=2").await;
    assert_eq!((past["links"].clone(), &past["page_number"]), (json!([]), &json!(4)));
}

#[tokio::test]
async fn searches_are_literal_and_parameters_are_checked() {
    let world = World::start("linkly_links_search").await;
    five(&world).await;
    let list = async |query: &str| world.get(&world.path(&format!("/list_links?sort_by=name&{query}"))).await;
    for (search, expected) in [
        ("ALPHA", vec!["Alpha, \"one\""]),
        ("needle", vec!["charlie", "echo"]),
        ("/promo", vec!["echo"]),
        ("%25_", vec!["bravo"]),
        ("plain", vec!["delta", "echo"]),
        ("https%3A%2F%2Fgo.example.com%2FPromo%3Futm_source%3Dx", vec!["echo"]),
        ("GO.example.com/m", vec!["delta"]),
        ("go.other.example/m", vec![]),
        ("nothing%20like%20it", vec![]),
        ("", vec!["Alpha, \"one\"", "bravo", "charlie", "delta", "echo"]),
    ] {
        let found = list(&format!("search={search}")).await;
        assert_eq!(names(&found), expected, "{search}");
        assert_eq!((&found["total_entries"], &found["workspace_link_count"]), (&json!(expected.len()), &json!(5)));
    }
    for (query, field) in [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=0", "page_size"),
        ("page_size=10001", "page_size"),
        ("sort_by=shoes", "sort_by"),
        ("sort_dir=up", "sort_dir"),
        ("deleted=perhaps", "deleted"),
        ("format=xls", "format"),
    ] {
        let answer =
            world.send_as(&world.ours, Method::GET, &world.path(&format!("/list_links?{query}")), &Value::Null).await;
        let said = answer.json();
        assert_eq!((answer.status, &said["code"]), (400, &json!("bad_request")), "{query}");
        assert!(said["error"].as_str().unwrap().starts_with(field), "{query}: {said}");
    }
    // Empty is absent, and what nobody knows is ignored.
    let usual = list("page=&page_size=&sort_dir=&deleted=&format=&search=&shoes=1").await;
    assert_eq!(usual["links"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn exports_are_read_back() {
    let world = World::start("linkly_links_export").await;
    let links = five(&world).await;
    let path = world.path("/links/export");
    let array = world.get(&path).await;
    let rows = array.as_array().unwrap();
    let ids: Vec<u64> = rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, links.iter().map(|(_, id)| id.0).collect::<Vec<_>>(), "the oldest first");
    let counts: Vec<u64> = rows.iter().map(|row| row["clicks_count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [12, 4, 0, 29, 7]);

    let bearer = format!("Bearer {}", world.ours.key);
    for (query, accept, delimiter, content_type) in [
        ("?format=csv", "", b',', "text/csv; charset=utf-8"),
        ("?format=tsv", "", b'\t', "text/tab-separated-values; charset=utf-8"),
        ("", "text/csv", b',', "text/csv; charset=utf-8"),
    ] {
        for path in [path.clone(), world.path("/list_links")] {
            let headers = [("authorization", bearer.as_str()), ("accept", accept)];
            let answer = world.send(Method::GET, &format!("{path}{query}"), &headers, "").await;
            assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, content_type));
            assert!(answer.headers["content-disposition"].to_str().unwrap().contains("links_2026-11-20."));
            let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(answer.text.as_bytes());
            let header = reader.headers().unwrap().clone();
            assert_eq!(header.iter().take(5).collect::<Vec<_>>(), ["id", "name", "url", "full_url", "clicks_count"]);
            let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(read.len(), 5);
            for record in &read {
                let row = rows.iter().find(|row| row["id"].as_u64() == record[0].parse().ok()).unwrap();
                for (name, cell) in header.iter().zip(record) {
                    let expected = match &row[name] {
                        Value::Null => String::new(),
                        Value::String(text) => text.clone(),
                        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
                        other => other.to_string(),
                    };
                    assert_eq!(cell, expected, "{name}");
                }
            }
        }
    }
    let searched = world.get(&format!("{path}?search=needle")).await;
    assert_eq!(searched.as_array().unwrap().len(), 2);
    let one = world
        .send_as(&world.ours, Method::GET, &format!("/api/v1/link/{}?format=csv", links[1].1.0), &Value::Null)
        .await;
    let mut reader = csv::Reader::from_reader(one.text.as_bytes());
    assert_eq!(&reader.records().next().unwrap().unwrap()[1], "Alpha, \"one\"");
}

#[tokio::test]
async fn long_exports_are_streamed_whole() {
    let world = World::start("linkly_links_long").await;
    let (client, connection) = tokio_postgres::connect(&world.database, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let text = "INSERT INTO link (workspace_id, domain_id, slug, slug_key, url, created_at, updated_at)
        SELECT workspace_id, id, 's' || n, 's' || n, 'https://example.com/' || n, now(), now()
        FROM domain, generate_series(1, 2500) AS n WHERE name = 'go.example.com'";
    client.execute(text, &[]).await.unwrap();
    drop(client);
    let _ = connection.await;
    let all = world.get(&world.path("/links/export")).await;
    let ids: std::collections::BTreeSet<u64> =
        all.as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!((ids.len(), all.as_array().unwrap().len()), (2_500, 2_500));
    let csv = world.send_as(&world.ours, Method::GET, &world.path("/links/export?format=csv"), &Value::Null).await;
    assert_eq!(csv::Reader::from_reader(csv.text.as_bytes()).records().map(Result::unwrap).count(), 2_500);
    let listed = world.get(&world.path("/list_links?page_size=10000&sort_by=clicks_total")).await;
    assert_eq!((listed["links"].as_array().unwrap().len(), &listed["total_pages"]), (2_500, &json!(1)));
    let third = world.get(&world.path("/list_links?page=3")).await;
    assert_eq!((third["links"].as_array().unwrap().len(), &third["total_pages"]), (500, &json!(3)));
}
