//! The forms of an answer.

use axum::http::Method;
use serde_json::json;

use super::scene::Scene;

#[tokio::test]
async fn days_are_filled_and_written_in_every_form() {
    let scene = Scene::start("linkly_clicks_answers").await;
    let days = scene.json("?link_id=&link_ids=&start=&end=&country=&browser=&platform=&referer=&isp=&bots=&unique=&format=&pivot=&timezone=&frequency=").await;
    let points = days["traffic"].as_array().unwrap();
    assert_eq!(points.len(), 31);
    assert_eq!((&points[0], points[30]["t"].as_str()), (&json!({"t": "2026-10-03", "y": 0}), Some("2026-11-02")));

    let csv = scene.ask("?start=2026-10-30&end=2026-11-05&format=csv").await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"clicks_2026-11-02.csv\"");
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[7]), (8, "t,y", "2026-11-05,0"), "days to come are there too");
    let tsv = scene.ask("/counters/country?format=tsv").await;
    assert_eq!(tsv.headers["content-type"], "text/tab-separated-values; charset=utf-8");
    assert_eq!(tsv.body.lines().next(), Some("value\tcount"));
    assert!(tsv.body.lines().any(|line| line.starts_with('\t')), "the unknown is an empty cell: {}", tsv.body);

    let ten_years = scene.json("?start=2016-11-05&end=2026-11-02").await;
    assert_eq!(ten_years["traffic"].as_array().unwrap().len(), 3_650);
}

#[tokio::test]
async fn a_pivot_names_its_links() {
    let scene = Scene::start("linkly_clicks_pivot").await;
    let [a, b, c] = [0, 1, 2].map(|place| scene.links[place].0);
    // Without names: those with clicks, by id, the deleted one too.
    let all = scene.json("?pivot=link_id&start=2026-10-31").await;
    let first = json!({"id": a, "name": "Spring, \"first\"", "full_url": "https://go.example.com/a"});
    assert_eq!((&all["links"][0], &all["links"][2]["name"]), (&first, &json!(null)));
    assert_eq!(all["links"].as_array().unwrap().len(), 3);
    // With names: those that are ours, in the order given, with clicks or without.
    let query = format!("?pivot=link_id&start=2026-10-31&link_ids={c}-{}-{a}-999999", scene.foreign_link.0);
    let named = scene.json(&query).await;
    let ids: Vec<_> = named["links"].as_array().unwrap().iter().map(|link| link["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [c, a]);
    let csv = scene.ask(&format!("{query}&format=csv")).await.body;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows[0], ["name", "", "Spring, \"first\""]);
    assert_eq!(rows[1], ["full_url", "https://go.example.com/c", "https://go.example.com/a"]);
    assert_eq!(rows[2], ["id".to_owned(), c.to_string(), a.to_string()]);
    assert_eq!((rows.len(), rows[3][0].as_str()), (6, "2026-10-31"));
    for (row, shown) in rows[3..].iter().zip(named["traffic"].as_array().unwrap()) {
        assert_eq!(
            (row[0].as_str(), row[1].parse::<i64>().ok()),
            (shown["t"].as_str().unwrap(), shown["values"][0].as_i64())
        );
    }
    // Nothing of ours is named: rows without columns, zeros without links.
    let nothing = scene.json(&format!("?link_id={}&start=2026-11-02", scene.foreign_link.0)).await;
    assert_eq!(nothing, json!({"traffic": [{"t": "2026-11-02", "y": 0}]}));
    let _ = b;
}

#[tokio::test]
async fn head_tells_the_length_of_what_get_sends() {
    let scene = Scene::start("linkly_clicks_head").await;
    let bearer = format!("Bearer {}", scene.key);
    let headers = [("authorization", bearer.as_str())];
    let path = format!("/api/v1/workspace/{}/clicks?format=csv&start=2026-10-01", scene.workspace.0);
    let get = scene.send(Method::GET, &path, &headers, "").await;
    let head = scene.send(Method::HEAD, &path, &headers, "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.headers["content-length"], get.body.len().to_string().as_str());
}
