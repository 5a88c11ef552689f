//! Clicks on a site's links, against a slow reckoning.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::Method;
use linktrail::calendar::rfc3339;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Coordinates, Event, Place, Utm};
use linktrail::domain::id::LinkId;
use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::scene::{NOW_MS, Scene, rng};

const DAY_MS: i64 = 86_400_000;
/// The midnight after now.
const MIDNIGHT_MS: i64 = 1_773_187_200_000;

/// Code, English name, region, city and coordinates.
const PLACES: [(&str, &str, &str, &str, i32, i32); 5] = [
    ("US", "United States", "US-TX", "Austin", 302_672, -977_431),
    ("US", "United States", "US-IL", "Springfield", 398_017, -896_437),
    ("US", "United States", "US-MO", "Springfield", 372_153, -932_982),
    ("CA", "Canada", "", "", 0, 0),
    ("", "Unknown", "", "", 0, 0),
];

fn click(scene: &Scene, rng: &mut SmallRng, links: &[LinkId], sequence: u64) -> Event {
    let (country, _, region, city, latitude, longitude) = *PLACES.choose(rng).unwrap();
    let bot = if rng.random_bool(0.1) { "Googlebot" } else { "" };
    Event {
        workspace: scene.ours.workspace,
        at_ms: NOW_MS - rng.random_range(0..40 * DAY_MS / 1_000) * 1_000,
        id: EventId::new(1, sequence),
        link: *links.choose(rng).unwrap(),
        visitor: rng.random_range(1..60),
        repeat: rng.random_bool(0.2),
        place: Place { country: country.into(), region: region.into(), city: city.into(), ..Place::default() },
        coordinates: Coordinates { latitude, longitude },
        agent: Arc::new(Agent {
            bot: bot.to_owned(),
            device: "Mobile".to_owned(),
            browser: "Chrome".to_owned(),
            ..Agent::default()
        }),
        utm: Utm {
            source: (*["newsletter", "x", ""].choose(rng).unwrap()).to_owned(),
            campaign: (*["spring-2026", "spring-2026, two", ""].choose(rng).unwrap()).to_owned(),
            ..Utm::default()
        },
        ..Event::default()
    }
}

fn ranked<K: Ord + Clone>(counts: &BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut counts: Vec<(K, u64)> = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
    counts.sort_by_key(|(key, count)| (Reverse(*count), key.clone()));
    counts
}

fn counted<'a, K: Ord + Clone>(clicks: &[&'a Event], key: impl Fn(&'a Event) -> K) -> Vec<(K, u64)> {
    let mut counts = BTreeMap::new();
    for click in clicks {
        *counts.entry(key(click)).or_default() += 1;
    }
    ranked(&counts)
}

fn english(code: &str) -> &'static str {
    PLACES.iter().find(|place| place.0 == code).unwrap().1
}

struct Case {
    query: &'static str,
    start_ms: i64,
    end_ms: i64,
    means: fn(&Event) -> bool,
    slug: Option<usize>,
    unique: bool,
}

#[tokio::test]
async fn clicks_and_what_they_have_in_common() {
    let scene = Scene::new("ghostid_link_clicks").await;
    let mut rng = rng();
    let links = scene.add_links(&scene.ours, &[Some("spring-launch"), Some("Bio"), None]).await;
    let slugs = ["spring-launch", "Bio"];
    let clicks: Vec<Event> = (1..=1_000).map(|sequence| click(&scene, &mut rng, &links, sequence)).collect();
    scene.store(&mut rng, &clicks).await;
    let site = scene.ours.site.0;
    let human = |click: &Event| click.agent.bot.is_empty();
    let week = MIDNIGHT_MS - 7 * DAY_MS;
    let case = Case { query: "", start_ms: week, end_ms: MIDNIGHT_MS, means: human, slug: None, unique: false };
    let cases = [
        Case { ..case },
        Case { query: "&range=30d", start_ms: MIDNIGHT_MS - 30 * DAY_MS, ..case },
        Case { query: "&range=90d", start_ms: MIDNIGHT_MS - 90 * DAY_MS, ..case },
        Case { query: "&range=all", start_ms: 0, end_ms: NOW_MS + 1, ..case },
        Case { query: "&range=30d&slug=spring-launch", start_ms: MIDNIGHT_MS - 30 * DAY_MS, slug: Some(0), ..case },
        Case { query: "&slug=bio", slug: Some(1), ..case },
        Case {
            query: "&range=30d&campaign=spring-2026%2C+two&source=x",
            start_ms: MIDNIGHT_MS - 30 * DAY_MS,
            means: |click| {
                click.agent.bot.is_empty() && click.utm.campaign == "spring-2026, two" && click.utm.source == "x"
            },
            ..case
        },
        Case { query: "&bots=include", means: |_| true, ..case },
        Case { query: "&bots=only", means: |click| !click.agent.bot.is_empty(), ..case },
        Case { query: "&repeats=exclude", means: |click| click.agent.bot.is_empty() && !click.repeat, ..case },
        Case { query: "&unique=true&range=30d", start_ms: MIDNIGHT_MS - 30 * DAY_MS, unique: true, ..case },
        Case {
            // Two local days, one of which has 23 hours.
            query: "&start=2026-03-07&end=2026-03-08&timezone=America/New_York",
            start_ms: 1_772_859_600_000,
            end_ms: 1_773_028_800_000,
            ..case
        },
    ];
    for Case { query, start_ms, end_ms, means, slug, unique } in cases {
        let shown = scene.json(&format!("/api/link-analytics?siteId={site}{query}")).await;
        let mut matching: Vec<&Event> = clicks
            .iter()
            .filter(|click| slug.map_or(click.link != links[2], |place| click.link == links[place]))
            .filter(|click| start_ms <= click.at_ms && click.at_ms < end_ms && means(click))
            .collect();
        matching.sort_by_key(|click| (click.at_ms, click.id));
        if unique {
            let mut known = BTreeSet::new();
            matching.retain(|click| known.insert((click.link, click.visitor)));
        }
        assert_eq!(shown["total"], matching.len(), "{query}");
        let newest: Vec<Value> = matching
            .iter()
            .rev()
            .take(500)
            .map(|click| {
                let place = PLACES.iter().find(|place| place.2 == click.place.region && place.0 == click.place.country);
                let (_, name, _, city, latitude, longitude) = *place.unwrap();
                json!({
                    "id": click.id.0.to_string(),
                    "ghost_vid": format!("gv_00000000_{:08x}", click.visitor),
                    "slug": links.iter().position(|link| *link == click.link).map(|place| slugs[place]),
                    "campaign": click.utm.campaign,
                    "source": click.utm.source,
                    "country": name,
                    "city": if city.is_empty() { Value::Null } else { json!(city) },
                    "lat": if latitude == 0 { Value::Null } else { json!(f64::from(latitude) / 10_000.0) },
                    "lon": if longitude == 0 { Value::Null } else { json!(f64::from(longitude) / 10_000.0) },
                    "device_type": "mobile",
                    "browser": "Chrome",
                    "created_at": rfc3339(click.at_ms),
                })
            })
            .collect();
        assert_eq!(shown["clicks"], json!(newest), "{query}");
        let countries: Vec<Value> = counted(&matching, |click| click.place.country.as_str())
            .into_iter()
            .map(|(code, count)| json!({ "country": english(code), "clicks": count }))
            .collect();
        assert_eq!(shown["byCountry"], json!(countries), "{query}");
        let cities: Vec<Value> = counted(&matching, |click| {
            (click.place.country.as_str(), click.place.region.as_str(), click.place.city.as_str())
        })
        .into_iter()
        .filter(|((_, _, city), _)| !city.is_empty())
        .map(|((_, region, city), count)| {
            let (_, name, _, _, latitude, longitude) = *PLACES.iter().find(|place| place.2 == region).unwrap();
            let region = match region {
                "US-TX" => "Texas",
                "US-IL" => "Illinois",
                _ => "Missouri",
            };
            json!({
                "city": city,
                "country": name,
                "clicks": count,
                "lat": f64::from(latitude) / 10_000.0,
                "lon": f64::from(longitude) / 10_000.0,
                "region": region,
            })
        })
        .collect();
        assert_eq!(shown["byCity"], json!(cities), "{query}");
        for (part, name, of) in [
            ("byCampaign", "campaign", (|click| click.utm.campaign.as_str()) as fn(&Event) -> &str),
            ("bySource", "source", |click| click.utm.source.as_str()),
        ] {
            let expected: Vec<Value> = counted(&matching, of)
                .into_iter()
                .filter(|(value, _)| !value.is_empty())
                .map(|(value, count)| json!({ name: value, "clicks": count }))
                .collect();
            assert_eq!(shown[part], json!(expected), "{query} {part}");
        }
        let days = shown["byDay"].as_array().unwrap();
        let sum: u64 = days.iter().map(|day| day["clicks"].as_u64().unwrap()).sum();
        assert_eq!(sum, matching.len() as u64);
        assert!(days.is_sorted_by_key(|day| day["date"].as_str().unwrap().to_owned()));
        if query.contains("timezone") {
            assert_eq!(days.len(), 2);
            continue;
        }
        if query.contains("all") {
            assert!(days.iter().all(|day| day["clicks"] != 0));
        } else {
            assert_eq!(days.len() as i64, (end_ms - start_ms) / DAY_MS);
        }
        for day in days {
            let of_day = |click: &&&Event| rfc3339(click.at_ms).starts_with(day["date"].as_str().unwrap());
            assert_eq!(day["clicks"], matching.iter().filter(of_day).count(), "{query} {day}");
        }
    }
    // Without a number the first site of the caller; the same again as a table.
    let shown = scene.json("/api/link-analytics?range=90d").await;
    assert_eq!(shown, scene.json(&format!("/api/link-analytics?siteId={site}&range=90d")).await);
    let csv = scene.text("/api/link-analytics?range=90d&format=csv").await;
    assert!(csv.starts_with("id,ghost_vid,slug,campaign,source,country,city,lat,lon,device_type,browser,created_at\n"));
    assert_eq!(csv.lines().count() as u64, shown["total"].as_u64().unwrap().min(500) + 1);
    let days = scene.text("/api/link-analytics?format=tsv&table=byDay").await;
    assert_eq!((days.lines().next(), days.lines().count()), (Some("date\tclicks"), 8));
    let all = scene.json("/api/link-analytics?range=90d&includeUnknown=true").await;
    let sum: u64 = all["byCity"].as_array().unwrap().iter().map(|row| row["clicks"].as_u64().unwrap()).sum();
    assert_eq!(all["total"], sum);
}

#[tokio::test]
async fn a_deleted_link_keeps_its_clicks_and_strangers_see_none() {
    let scene = Scene::new("ghostid_link_clicks_closed").await;
    let mut rng = rng();
    let links = scene.add_links(&scene.ours, &[Some("gone")]).await;
    let clicks: Vec<Event> = (1..=20).map(|sequence| click(&scene, &mut rng, &links, sequence)).collect();
    scene.store(&mut rng, &clicks).await;
    let site = scene.ours.site.0;
    let path = format!("/api/link-analytics?siteId={site}&range=90d&bots=include");
    scene.app.catalog.delete_link(scene.ours.workspace, links[0], NOW_MS).await.unwrap();
    let shown = scene.json(&format!("{path}&slug=gone")).await;
    assert_eq!((&shown["total"], &shown["clicks"][0]["slug"]), (&json!(20), &json!("gone")));
    assert_eq!(scene.json(&format!("{path}&slug=other")).await["total"], 0);
    scene.closed(&path).await;
    // Theirs is theirs alone.
    let (_, body) =
        scene.send(Method::GET, "/api/link-analytics?range=90d&bots=include", &scene.theirs.key, None).await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["total"], 0);
    for (query, words) in [
        ("range=8d", "range must be one of"),
        ("bots=maybe", "bots"),
        ("unique=yes", "unique"),
        ("repeats=no", "repeats"),
        ("timezone=Mars", "timezone"),
        ("start=2010-01-01&end=2026-01-01", "3660"),
        ("start=2026-03-02&end=2026-03-01", "start"),
        ("format=xml", "format"),
        ("format=csv&table=clix", "table"),
    ] {
        scene.refused(&format!("/api/link-analytics?{query}"), 400, words).await;
    }
}
