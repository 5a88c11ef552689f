//! Series, counters and pivots say the same, for every way of counting, and what a count by hand says.

use std::collections::{BTreeMap, HashSet};

use linktrail::domain::event::Event;
use serde_json::Value;

use super::scene::{NOW_MS, Scene};

/// The clicks of a way of counting, of which `wanted` holds.
fn counted<'a>(scene: &'a Scene, bots: &str, unique: bool, wanted: impl Fn(&Event) -> bool) -> Vec<&'a Event> {
    let is_human = |event: &Event| event.agent.bot.is_empty();
    let mut events: Vec<&Event> = scene.events.iter().filter(|event| wanted(event)).collect();
    events.retain(|event| match bots {
        "exclude" | "false" => is_human(event),
        "only" => !is_human(event),
        _ => true,
    });
    if unique {
        events.sort_by_key(|event| (event.at_ms, event.id));
        let mut known = HashSet::new();
        events.retain(|event| known.insert((event.link, event.visitor)));
    }
    events
}

/// What a filter of the query means.
fn wanted(filter: &str, event: &Event, scene: &Scene) -> bool {
    match filter {
        "" => true,
        "country=us" => event.place.country == "US",
        "platform=Mac" => event.agent.os == "Mac OS",
        "browser=mobile%20safari" => event.agent.browser == "Mobile Safari",
        "isp=foo%2C%20inc." => event.network.isp == "Foo, Inc.",
        "referer=facebook.com" => event.referrer.host.ends_with("facebook.com"),
        "link_ids" => event.link != scene.links[1],
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_way_of_counting_agrees_with_a_count_by_hand() {
    let scene = Scene::start("linkly_clicks_sums").await;
    for bots in ["", "true", "false", "include", "exclude", "only"] {
        for unique in [false, true] {
            for filter in [
                "",
                "country=us",
                "platform=Mac",
                "browser=mobile%20safari",
                "isp=foo%2C%20inc.",
                "referer=facebook.com",
                "link_ids",
            ] {
                let named = format!("link_ids={}-{}-{}", scene.links[2].0, scene.links[0].0, scene.foreign_link.0);
                let filter_text = if filter == "link_ids" { &named } else { filter };
                let query = format!("bots={bots}&unique={unique}&{filter_text}&timezone=America/New_York");
                let events = counted(&scene, bots, unique, |event| wanted(filter, event, &scene));
                let total = events.len() as i64;

                let series = scene.json(&format!("?{query}&frequency=hour&start=2026-10-30")).await;
                let sum: i64 =
                    series["traffic"].as_array().unwrap().iter().map(|point| point["y"].as_i64().unwrap()).sum();
                assert_eq!(sum, total, "series {query}");

                let pivot = scene.json(&format!("?{query}&pivot=link_id")).await;
                let rows = pivot["traffic"].as_array().unwrap();
                let sum: i64 = rows.iter().flat_map(|row| row["values"].as_array().unwrap()).map(number).sum();
                assert_eq!(sum, total, "pivot {query}");
                assert_eq!(rows.iter().map(|row| number(&row["y"])).sum::<i64>(), total, "pivot {query}");

                for (counter, value) in COUNTERS {
                    let answer = scene.json(&format!("/counters/{counter}?{query}")).await;
                    assert_eq!(answer["total"], total, "{counter} {query}");
                    assert_eq!(pairs(&answer), by_hand(&events, value), "{counter} {query}");
                }
            }
        }
    }
}

type ValueOf = fn(&Event) -> Vec<Option<String>>;

fn some(text: &str) -> Vec<Option<String>> {
    vec![(!text.is_empty()).then(|| text.to_owned())]
}

const COUNTERS: [(&str, ValueOf); 7] = [
    ("country", |event| some(&event.place.country)),
    ("platform", |event| some(if event.agent.os == "Mac OS" { "Mac" } else { &event.agent.os })),
    ("browser", |event| some(&event.agent.browser)),
    ("referer", |event| some(&event.referrer.host)),
    ("isp", |event| some(&event.network.isp)),
    ("link_id", |event| some(&event.link.0.to_string())),
    ("top_params", |event| match event.params.as_str() {
        "" => Vec::new(),
        "x=1&x=1&y=%C3%BC+z" => vec![Some("x=1".into()), Some("y=ü z".into())],
        other => other.split('&').map(|pair| Some(pair.to_owned())).collect(),
    }),
];

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn pairs(answer: &Value) -> Vec<(Option<String>, i64)> {
    let pair = |value: &Value| (value["value"].as_str().map(str::to_owned), number(&value["count"]));
    answer["values"].as_array().unwrap().iter().map(pair).collect()
}

fn by_hand(events: &[&Event], value: ValueOf) -> Vec<(Option<String>, i64)> {
    let mut counts: BTreeMap<(bool, Option<String>), i64> = BTreeMap::new();
    for event in events {
        for value in value(event) {
            // The unknown stands behind its equals.
            *counts.entry((value.is_none(), value)).or_default() += 1;
        }
    }
    let mut pairs: Vec<(Option<String>, i64)> = counts.into_iter().map(|((_, value), count)| (value, count)).collect();
    pairs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    pairs
}

#[tokio::test]
async fn every_hour_is_one_point_on_the_local_clock() {
    let scene = Scene::start("linkly_clicks_hours").await;
    let answer = scene.json("?frequency=hour&timezone=America/New_York&start=2026-11-01&end=2026-11-01").await;
    let points = answer["traffic"].as_array().unwrap();
    let labels: Vec<&str> = points.iter().map(|point| point["t"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..24).map(|hour| format!("2026-11-01T{hour:02}:00:00")).collect();
    assert_eq!(labels, expected);
    // 04:00Z to 05:00Z next day: twenty-five hours, of which one o'clock was two.
    let start_ms = NOW_MS - 32 * 3_600_000;
    let within = |from: i64, to: i64| {
        let hours = (start_ms + from * 3_600_000)..(start_ms + to * 3_600_000);
        scene.events.iter().filter(|event| hours.contains(&event.at_ms)).count()
    };
    assert_eq!(points[0]["y"], within(0, 1));
    assert_eq!(points[1]["y"], within(1, 3));
    assert_eq!(points[2]["y"], within(3, 4));
    assert_eq!(points[23]["y"], within(24, 25));
}
