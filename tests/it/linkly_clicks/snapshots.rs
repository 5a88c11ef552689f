//! Every form of an answer and every refusal, as they go out.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::Method;
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::{Agent, Event, Network, Place, Referrer, Utm};

use super::scene::{Answer, NOW_MS, Scene};

const HOUR_MS: i64 = 3_600_000;

/// A few clicks on the two days before, of which each counter has several values and one that is not known.
async fn scene(test: &str) -> Scene {
    let scene = Scene::quiet(test).await;
    let click = |(number, (hours, link, visitor, values)): (u64, (i64, usize, u64, [&str; 9]))| {
        let [country, region, city, browser, os, bot, host, isp, params] = values.map(str::to_owned);
        let agent = Agent { browser, os, bot, ..Agent::default() };
        let value = |name: &str| {
            let pairs = params.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        Event {
            workspace: scene.workspace,
            id: EventId::new(1, number),
            at_ms: NOW_MS - hours * HOUR_MS,
            link: scene.links[link],
            visitor,
            place: Place { country, region, city, ..Place::default() },
            agent: Arc::new(agent),
            referrer: Referrer { host, ..Referrer::default() },
            network: Network { isp, ..Network::default() },
            utm: Utm {
                source: value("utm_source"),
                medium: value("utm_medium"),
                campaign: value("utm_campaign"),
                ..Utm::default()
            },
            url: format!("https://example.com/?{params}"),
            params,
            ..Event::default()
        }
    };
    let of = [
        (1, 0, 1, ["US", "US-NY", "New York", "Chrome", "Mac OS", "", "t.co", "Foo, Inc.", "utm_source=a&x=1"]),
        (2, 0, 1, ["US", "US-NY", "New York", "Chrome", "Mac OS", "", "t.co", "Foo, Inc.", "utm_source=a"]),
        (12, 1, 2, ["DE", "DE-BE", "Berlin", "Firefox", "Windows", "", "", "\"Bar\" Net", "x=1&y=%C3%BC+z"]),
        (26, 0, 3, ["DE", "", "", "Mobile Safari", "iOS", "", "l.facebook.com", "tab\tnet", "utm_medium=mail"]),
        (27, 2, 4, ["", "", "", "", "", "Googlebot", "", "", ""]),
        (40, 1, 2, ["FR", "FR-IDF", "Paris", "Firefox", "Windows", "", "", "=1+1", "utm_campaign=c&utm_source=a"]),
    ];
    let events: Vec<Event> = (1..).zip(of).map(click).collect();
    scene.store("snapshots", &events).await;
    scene
}

/// What was asked, and the status, the headers that matter and the body of the answer.
fn write(text: &mut String, asked: &str, answer: &Answer) {
    writeln!(text, ">>> {asked}\n{}", answer.status).unwrap();
    for name in ["content-type", "content-disposition", "cache-control", "allow"] {
        if let Some(value) = answer.headers.get(name) {
            writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    writeln!(text, "\n{}\n", answer.body.trim_end_matches('\n')).unwrap();
}

async fn shown(scene: &Scene, asked: &[&str]) -> String {
    let mut text = String::new();
    for asked in asked {
        write(&mut text, asked, &scene.ask(asked).await);
    }
    text
}

#[tokio::test]
async fn series() {
    let scene = scene("linkly_clicks_snap_series").await;
    let asked = [
        "?start=2026-10-31",
        "?start=2026-10-31&format=csv",
        "?start=2026-10-31&format=tsv",
        "?start=2026-10-31&bots=false&unique=true",
        "?start=2026-11-01&end=2026-11-01&frequency=hour&timezone=America/New_York",
        "?start=2026-11-02T08:00:00Z&end=2026-11-02T12:00:00Z&frequency=hour&format=csv",
        "?start=2026-11-02T08:00:00Z&end=2026-11-02T12:00:00Z&frequency=hour&format=tsv",
        "?start=2026-11-02&link_id=999999",
    ];
    insta::assert_snapshot!("series", shown(&scene, &asked).await);
}

#[tokio::test]
async fn pivots() {
    let scene = scene("linkly_clicks_snap_pivot").await;
    let [first, second] = [0, 1].map(|place| scene.links[place].0);
    let named = format!("?pivot=link_id&start=2026-10-31&link_ids={second}-{first}&bots=false&format=csv");
    let asked = [
        "?pivot=link_id&start=2026-10-31",
        "?pivot=link_id&start=2026-10-31&format=csv",
        "?pivot=link_id&start=2026-10-31&format=tsv",
        named.as_str(),
        "?pivot=link_id&start=2026-11-02T10:00:00Z&end=2026-11-02T11:59:59Z&frequency=hour",
        "?pivot=link_id&start=2026-11-02&link_id=999999",
        "?pivot=link_id&start=2026-11-02&link_id=999999&format=csv",
    ];
    insta::assert_snapshot!("pivots", shown(&scene, &asked).await);
}

#[tokio::test]
async fn counters() {
    let scene = scene("linkly_clicks_snap_counters").await;
    let mut text = String::new();
    for counter in [
        "country",
        "platform",
        "browser",
        "referer",
        "isp",
        "link_id",
        "top_params",
        "city",
        "region",
        "destination",
        "bot_name",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_content",
        "utm_term",
        "ad_network",
        "remote_ip",
    ] {
        for format in ["json", "csv", "tsv"] {
            let asked = format!("/counters/{counter}?format={format}");
            write(&mut text, &asked, &scene.ask(&asked).await);
        }
    }
    let asked = [
        "/counters/browser_name?unique=true&bots=exclude",
        "/counters/isp?format=csv&spreadsheet_safe=true",
        "/counters/country?start=2026-12-01&end=2026-12-02",
        "/counters/country?start=2026-12-01&end=2026-12-02&format=csv",
    ];
    text.push_str(&shown(&scene, &asked).await);
    insta::assert_snapshot!("counters", text);
}

#[tokio::test]
async fn exports() {
    let scene = scene("linkly_clicks_snap_exports").await;
    let asked = [
        "/export?end=2026-11-02",
        "/export?end=2026-11-02&format=csv",
        "/export?end=2026-11-02&format=tsv",
        "/export?end=2026-11-02&format=csv&spreadsheet_safe=true&country=FR",
        "/export?format=csv&sort_dir=desc&unique=true&bots=false",
        "/export?start=2026-12-01&end=2026-12-02",
        "/export?start=2026-12-01&end=2026-12-02&format=csv",
    ];
    insta::assert_snapshot!("exports", shown(&scene, &asked).await);
}

#[tokio::test]
async fn refusals() {
    let scene = Scene::quiet("linkly_clicks_snap_refusals").await;
    let long = format!("?isp={}", "x".repeat(256));
    let asked = [
        "?format=xml",
        "?frequency=week",
        "?pivot=country",
        "?bots=maybe",
        "?unique=2",
        "?unique=yes",
        "?spreadsheet_safe=maybe",
        "?country=USA",
        "?country=U1",
        "?link_id=abc",
        "?link_id=1.5",
        "?link_id=99999999999999999999",
        "?link_ids=1-b",
        "?link_ids[]=1&link_ids[]=x",
        "?start=yesterday",
        "?end=2026-02-30",
        "?start=2026-11-01T25:00:00Z",
        "?start=2026-11-05&end=2026-11-01",
        "?start=2026-11-01T10:00:01Z&end=2026-11-01T10:00:00Z",
        "?start=2026-11-03",
        "?start=2012-01-01",
        "?frequency=hour&start=2025-01-01",
        "?timezone=%2B02:00",
        "?timezone=america/new_york",
        "/counters/shoes",
        "/counters/country?format=xml",
        "/counters/country?start=2012-13-01",
        "/export?format=xml",
        "/export?sort_dir=up",
        "/export?timezone=%2B02:00",
        "/export?start=2026-11-02",
        "?browser=%FF",
        "?browser=%00",
        long.as_str(),
    ];
    let mut text = shown(&scene, &asked).await;
    let bearer = format!("Bearer {}", scene.key);
    let key = [("authorization", bearer.as_str())];
    let path = format!("/api/v1/workspace/{}/clicks", scene.workspace.0);
    for (asked, method, path, headers) in [
        ("without a key", Method::GET, path.as_str(), &[][..]),
        ("with a wrong key", Method::GET, &path, &[("authorization", "Bearer lt_wrong")]),
        ("with a header of another kind", Method::GET, &path, &[("authorization", "Digest x")]),
        ("a workspace that is not there", Method::GET, "/api/v1/workspace/999999/clicks", &key),
        ("a workspace without a number", Method::GET, "/api/v1/workspace/x/clicks/counters/country", &key),
        ("a path that is not there", Method::GET, "/api/v1/workspace/1/klicks", &key),
        ("POST", Method::POST, &path, &key),
    ] {
        write(&mut text, asked, &scene.send(method, path, headers, "").await);
    }
    insta::assert_snapshot!("refusals", text);
}
