//! Clicks that are known by hand, as Brevr counts them and as Dub does.

use std::sync::Arc;

use axum::http::Method;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, EventKind, Place, Referrer, Utm};
use linktrail::domain::id::LinkId;
use serde_json::{Value, json};

use super::world::{NOW, World, id};

/// Link, visitor, country, city, device, referrer, source, bot, hours ago, whether it is a repeat.
type Line = (usize, u64, &'static str, &'static str, &'static str, &'static str, &'static str, &'static str, i64, bool);

const LINES: [Line; 9] = [
    (0, 1, "DE", "Berlin", "Mobile", "t.co", "news", "", 1, false),
    (0, 1, "DE", "Berlin", "Mobile", "t.co", "news", "", 1, true),
    (0, 2, "DE", "Bonn", "Desktop", "", "news", "", 30, false),
    (0, 3, "US", "", "Desktop", "", "", "", 31, false),
    (1, 1, "DE", "Berlin", "Mobile", "t.co", "", "", 2, false),
    (1, 4, "", "", "", "", "", "", 50, false),
    (1, 5, "US", "Austin", "Desktop", "", "", "Googlebot", 2, false),
    (1, 6, "US", "Austin", "Desktop", "", "", "Googlebot", 49, false),
    // Before the last seven days.
    (0, 1, "FR", "Paris", "Tablet", "t.co", "ads", "", 24 * 10, false),
];

struct Scene {
    world: World,
    links: [String; 2],
}

impl Scene {
    async fn start(name: &str) -> Self {
        let world = World::start(name).await;
        let mut links = Vec::new();
        for slug in ["a", "b"] {
            links.push(id(&world.link(json!({ "customSlug": slug })).await).to_owned());
        }
        let links: [String; 2] = links.try_into().unwrap();
        let ids = [0, 1].map(|place: usize| LinkId::parse_cuid(&links[place]).unwrap());
        let events: Vec<Event> =
            LINES.iter().enumerate().map(|(place, line)| event(&world, ids, place, line)).collect();
        world.warehouse.insert("lines", &events).await.unwrap();
        Self { world, links }
    }

    async fn ask(&self, path: &str) -> Value {
        let (status, answer) = self.world.get(&format!("/analytics/{path}")).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn text(&self, path: &str) -> String {
        let answer = self.world.ask(&self.world.ours.key, Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    /// Values and their clicks.
    async fn counted(&self, path: &str, column: &str) -> Vec<(String, i64)> {
        let answer = self.ask(path).await;
        let row = |row: &Value| (row[column].as_str().unwrap_or("-").to_owned(), row["clicks"].as_i64().unwrap());
        answer["data"].as_array().unwrap().iter().map(row).collect()
    }
}

fn event(world: &World, links: [LinkId; 2], place: usize, line: &Line) -> Event {
    let &(link, visitor, country, city, device, referrer, source, bot, ago, repeat) = line;
    Event {
        workspace: world.ours.workspace,
        kind: EventKind::Click,
        at_ms: NOW - ago * 3_600_000,
        id: EventId::new(1, place as u64 + 1),
        link: links[link],
        visitor,
        repeat,
        place: Place { country: country.into(), city: city.into(), ..Place::default() },
        agent: Arc::new(Agent { device: device.into(), bot: bot.into(), ..Agent::default() }),
        referrer: Referrer { host: referrer.into(), ..Referrer::default() },
        utm: Utm { source: source.into(), ..Utm::default() },
        ..Event::default()
    }
}

fn pairs(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn summaries() {
    let scene = Scene::start("brevr_summary").await;
    let summary = scene.ask("summary?period=7d").await;
    let numbers = |value: &Value, names: [&str; 2]| names.map(|name| value[name].as_i64().unwrap());
    assert_eq!(numbers(&summary, ["clicks", "uniqueClicks"]), [6, 5]);
    assert_eq!(summary["botClicks"], 2);
    assert_eq!(numbers(&summary["previous"], ["clicks", "uniqueClicks"]), [1, 1]);
    assert_eq!(summary["change"], json!({"clicks": 500.0, "uniqueClicks": 400.0}));
    assert_eq!(summary["topCountry"], json!({"country": "DE", "clicks": 4, "share": 0.6667}));
    assert_eq!(summary["topReferrer"]["clicks"], 3);
    assert_eq!((&summary["topLink"]["shortCode"], &summary["topLink"]["clicks"]), (&json!("a"), &json!(4)));
    assert_eq!(summary["topLink"]["linkId"], json!(scene.links[0]));
    for (query, clicks, uniques) in [
        ("period=7d&repeats=exclude", 5, 5),
        ("period=7d&unique=true", 5, 5),
        ("period=7d&bots=include", 8, 7),
        ("period=7d&bots=only", 2, 2),
        (&format!("period=7d&linkId={}", scene.links[1]), 2, 2),
        (&format!("period=7d&linkId=-{}", scene.links[1]), 4, 3),
        ("period=7d&country=-DE", 2, 2),
        ("period=7d&country=de&device=mobile", 3, 2),
        ("period=7d&domain=go.example.com", 6, 5),
        ("period=7d&domain=go.unknown.example", 0, 0),
        ("period=7d&referrer=t.co&utmSource=news", 2, 1),
        ("period=30d", 7, 5),
        ("", 7, 5),
        ("start=2026-09-20&end=2026-09-20&timezone=Asia/Tokyo", 2, 2),
    ] {
        let summary = scene.ask(&format!("summary?{query}")).await;
        assert_eq!(numbers(&summary, ["clicks", "uniqueClicks"]), [clicks, uniques], "{query}");
    }
    let csv = scene.text("/api/v1/analytics/summary?period=7d&format=csv").await;
    assert_eq!(csv, "clicks,uniqueClicks,botClicks,previousClicks,previousUniqueClicks\n6,5,2,1,1\n");
    let empty = scene.ask("summary?start=2020-01-01&end=2020-01-02").await;
    assert_eq!(
        (&empty["clicks"], &empty["topCountry"], &empty["change"]["clicks"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn breakdowns_and_shares() {
    let scene = Scene::start("brevr_breakdowns").await;
    let geo = scene.ask("geo?period=7d").await;
    assert_eq!(geo["total"], 6);
    assert_eq!(
        geo["data"],
        json!([
            {"country": "DE", "countryName": "Germany", "clicks": 4, "share": 0.6667},
            {"country": "US", "countryName": "United States", "clicks": 1, "share": 0.1667},
        ])
    );
    for (path, column, expected) in [
        ("geo?period=7d&includeUnknown=true", "country", &[("DE", 4), ("Unknown", 1), ("US", 1)][..]),
        ("geo?period=7d&groupBy=city", "city", &[("Berlin", 3), ("Bonn", 1)]),
        ("geo?period=7d&limit=1", "country", &[("DE", 4)]),
        ("devices?period=7d", "device", &[("Mobile", 3), ("Desktop", 2)]),
        ("referrers?period=7d", "referrer", &[("(direct)", 3), ("t.co", 3)]),
        ("utm?period=7d", "utmSource", &[("news", 3)]),
        ("utm?groupBy=utmSource", "utmSource", &[("news", 3), ("ads", 1)]),
        ("utm?period=7d&groupBy=utmTerm", "utmTerm", &[]),
    ] {
        assert_eq!(scene.counted(path, column).await, pairs(expected), "{path}");
    }
    let csv = scene.text("/api/v1/analytics/geo?period=7d&format=csv").await;
    assert_eq!(csv, "country,countryName,clicks,share\nDE,Germany,4,0.6667\nUS,United States,1,0.1667\n");
    for bad in ["geo?groupBy=device", "geo?limit=0", "devices?bots=maybe", "utm?period=week", "geo?timezone=Mars"] {
        let (status, refused) = scene.world.get(&format!("/analytics/{bad}")).await;
        assert_eq!(status, 400, "{bad}: {refused}");
    }
}

#[tokio::test]
async fn series_have_every_bucket() {
    let scene = Scene::start("brevr_series").await;
    let series = scene.ask("timeseries?start=2026-09-18&end=2026-09-21&granularity=day").await;
    assert_eq!((&series["total"], &series["granularity"]), (&json!(6), &json!("day")));
    let points: Vec<(String, i64)> = series["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| (point["date"].as_str().unwrap()[..10].to_owned(), point["clicks"].as_i64().unwrap()))
        .collect();
    // 14:13 UTC on the 21st: 50 hours before is the 19th, 30 and 31 are the 20th.
    assert_eq!(points, pairs(&[("2026-09-18", 0), ("2026-09-19", 1), ("2026-09-20", 2), ("2026-09-21", 3)]));
    let hours = scene.ask("timeseries?period=today&timezone=Europe/Berlin").await;
    assert_eq!((hours["data"].as_array().unwrap().len(), &hours["granularity"]), (24, &json!("hour")));
    assert_eq!(hours["data"][0]["date"], "2026-09-21T00:00:00.000+0200");
    let csv =
        scene.text("/api/v1/analytics/timeseries?start=2026-09-20&end=2026-09-21&granularity=day&format=csv").await;
    assert_eq!(csv, "date,clicks\n2026-09-20T00:00:00.000+0000,2\n2026-09-21T00:00:00.000+0000,3\n");
    let (status, _) = scene.world.get("/analytics/timeseries?start=2000-01-01&granularity=minute").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn every_click_is_exported() {
    let scene = Scene::start("brevr_export").await;
    let csv = scene.text("/api/v1/analytics/export?period=7d&sortOrder=asc").await;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("timestamp,clickId,linkId,shortCode,domain,shortUrl,url,continent,country"), "{csv}");
    assert_eq!(lines.len(), 7, "{csv}");
    assert!(lines[1].starts_with("2026-09-19T12:13:20.000Z,"), "{csv}");
    let json: Value =
        serde_json::from_str(&scene.text("/api/v1/analytics/export?bots=only&format=json").await).unwrap();
    let clicks = json.as_array().unwrap();
    assert_eq!(clicks.len(), 2);
    assert_eq!((&clicks[0]["bot"], &clicks[0]["shortCode"]), (&json!("Googlebot"), &json!("b")));
    assert_eq!((&clicks[0]["linkId"], &clicks[0]["referrer"]), (&json!(scene.links[1]), &Value::Null));
    let one = scene.text(&format!("/api/v1/analytics/export?linkId={}&format=tsv", scene.links[1])).await;
    assert_eq!(one.lines().count(), 3, "{one}");
}

#[tokio::test]
async fn the_numbers_are_those_of_other_surfaces() {
    let scene = Scene::start("brevr_beside_dub").await;
    let ranges = ["interval=7d", "interval=30d", "interval=all", "start=2026-09-19&end=2026-09-20&timezone=Asia/Tokyo"];
    let filters = ["", "&country=DE", "&device=-Mobile", "&bots=include", "&unique=true", "&utm_source=news"];
    for range in ranges {
        for filter in filters {
            let dub = scene.text(&format!("/analytics?{range}{filter}&repeats=include")).await;
            let dub: Value = serde_json::from_str(&dub).unwrap();
            let ours = scene.ask(&format!("summary?{range}{filter}")).await;
            assert_eq!(dub["clicks"], ours["clicks"], "{range}{filter}");
            let dub = scene.text(&format!("/analytics?{range}{filter}&groupBy=countries")).await;
            let dub: Value = serde_json::from_str(&dub).unwrap();
            let row = |row: &Value| (row["country"].as_str().unwrap().to_owned(), row["clicks"].as_i64().unwrap());
            let dub: Vec<(String, i64)> = dub.as_array().unwrap().iter().map(row).collect();
            assert_eq!(
                dub,
                scene.counted(&format!("geo?{range}{filter}&repeats=exclude"), "country").await,
                "{range}{filter}"
            );
        }
    }
    // What links are shown with is what is counted: humans, ever.
    let (_, list) = scene.world.get("/links?sortBy=clickCount").await;
    let counts: Vec<i64> =
        list["links"].as_array().unwrap().iter().map(|link| link["clickCount"].as_i64().unwrap()).collect();
    assert_eq!(counts, [5, 2]);
    let series = scene.ask("timeseries?period=all").await;
    assert_eq!(series["total"], 7);
}
