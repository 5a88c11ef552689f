//! Local days and hours as Linkly's API tells them (contract, D1 to D4): a click at every quarter of an hour, so that a
//! day or an hour is as long as it counts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use linktrail::domain::click_id::EventId;
use linktrail::domain::event::Event;
use serde_json::{Value, json};

use super::scene::{NOW_MS, Scene};

const QUARTER_MS: i64 = 900_000;
const DAY_MS: i64 = 86_400_000;

/// A zone, a day in it, and its hours that have not four quarters; one with none of its own is not there.
type Case = (&'static str, &'static str, &'static [(u32, i64)]);

const CASES: &[Case] = &[
    ("UTC", "2026-03-08", &[]),
    ("America/New_York", "2026-03-08", &[(2, 0)]),
    ("America/New_York", "2026-11-01", &[(1, 8)]),
    ("US/Eastern", "2026-11-01", &[(1, 8)]),
    ("Europe/Berlin", "2026-03-29", &[(2, 0)]),
    ("Europe/Berlin", "2026-10-25", &[(2, 8)]),
    ("Europe/Dublin", "2026-10-25", &[(1, 8)]),
    ("America/Santiago", "2026-04-04", &[(23, 8)]),
    ("America/Santiago", "2026-09-06", &[(0, 0)]),
    // By half an hour.
    ("Australia/Lord_Howe", "2026-04-05", &[(1, 6)]),
    ("Australia/Lord_Howe", "2026-10-04", &[(2, 2)]),
    // From a quarter to four, and by two hours: what is repeated is not the hour before.
    ("Pacific/Chatham", "2026-04-05", &[(2, 5), (3, 7)]),
    ("Pacific/Chatham", "2026-09-27", &[(2, 3), (3, 1)]),
    ("Antarctica/Troll", "2026-03-29", &[(1, 0), (2, 0)]),
    ("Antarctica/Troll", "2026-10-25", &[(1, 8), (2, 8)]),
    // Days that begin at one o'clock, and midnights that come twice.
    ("America/Havana", "2025-03-09", &[(0, 0)]),
    ("America/Havana", "2025-11-02", &[(0, 8)]),
    ("Asia/Beirut", "2026-03-29", &[(0, 0)]),
    ("Asia/Beirut", "2026-10-24", &[(23, 8)]),
    ("Africa/Cairo", "2026-04-24", &[(0, 0)]),
    ("Africa/Cairo", "2026-10-29", &[(23, 8)]),
    ("America/Sao_Paulo", "2018-11-04", &[(0, 0)]),
    ("America/Sao_Paulo", "2018-02-17", &[(23, 8)]),
    // The days beside the one that was left out.
    ("Pacific/Apia", "2011-12-29", &[]),
    ("Pacific/Apia", "2011-12-31", &[]),
    // Clocks that are no longer set.
    ("America/Vancouver", "2026-03-08", &[(2, 0)]),
    ("America/Vancouver", "2026-11-01", &[]),
    ("Africa/Casablanca", "2026-11-01", &[]),
    ("America/Sao_Paulo", "2026-11-01", &[]),
];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A click at each quarter of an hour of these days and of two on either side, and one a millisecond before it is over.
async fn scene(test: &str, days: impl Iterator<Item = &'static str>) -> Scene {
    let scene = Scene::quiet(test).await;
    let mut starts = BTreeSet::new();
    for text in days {
        let midnight_ms = day(text).and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis();
        starts
            .extend((midnight_ms - 2 * DAY_MS..midnight_ms + 3 * DAY_MS).step_by(QUARTER_MS.cast_unsigned() as usize));
    }
    let click = |(number, start_ms): (u64, i64)| Event {
        workspace: scene.workspace,
        id: EventId::new(1, number),
        at_ms: if number % 2 == 0 { start_ms } else { start_ms + QUARTER_MS - 1 },
        link: scene.links[0],
        visitor: number,
        ..Event::default()
    };
    let events: Vec<Event> = (1..).zip(starts).map(click).collect();
    scene.store("quarters", &events).await;
    scene
}

fn points(answer: &Value) -> Vec<(String, i64)> {
    let point = |point: &Value| (point["t"].as_str().unwrap().to_owned(), point["y"].as_i64().unwrap());
    answer["traffic"].as_array().unwrap().iter().map(point).collect()
}

fn quarters(odd: &[(u32, i64)], hour: u32) -> i64 {
    odd.iter().find(|(known, _)| *known == hour).map_or(4, |(_, quarters)| *quarters)
}

#[tokio::test]
async fn days_and_hours_are_as_long_as_the_clocks_make_them() {
    let scene = scene("linkly_clicks_zones", CASES.iter().map(|(_, day, _)| *day)).await;
    for (zone, day, odd) in CASES {
        let query = format!("?timezone={zone}&start={day}&end={day}");
        let hours: Vec<(String, i64)> = (0..24)
            .map(|hour| (format!("{day}T{hour:02}:00:00"), quarters(odd, hour)))
            .filter(|(_, quarters)| *quarters > 0)
            .collect();
        let total: i64 = hours.iter().map(|(_, quarters)| quarters).sum();
        assert_eq!(points(&scene.json(&query).await), [((*day).to_owned(), total)], "{query}");
        let hourly = scene.json(&format!("{query}&frequency=hour")).await;
        assert_eq!(points(&hourly), hours, "{query}");
        // The other shapes count the same ones.
        let pivot = scene.json(&format!("{query}&frequency=hour&pivot=link_id")).await;
        assert_eq!(points(&pivot), hours, "{query}");
        let cells = pivot["traffic"].as_array().unwrap().iter().map(|point| point["values"][0].as_i64().unwrap());
        assert_eq!(cells.sum::<i64>(), total, "{query}");
        assert_eq!(scene.json(&format!("/counters/link_id{query}")).await["total"], total, "{query}");
    }
}

#[tokio::test]
async fn a_range_over_a_switch_adds_up() {
    let scene = scene("linkly_clicks_switches", CASES.iter().map(|(_, day, _)| *day)).await;
    for (zone, middle, _) in CASES {
        let (before, after) = (day(middle) - Days::new(1), day(middle) + Days::new(1));
        let query = format!("?timezone={zone}&start={before}&end={after}");
        let days = points(&scene.json(&query).await);
        let hours = points(&scene.json(&format!("{query}&frequency=hour")).await);
        let labels: BTreeSet<&String> = hours.iter().map(|(label, _)| label).collect();
        assert!(labels.iter().copied().eq(hours.iter().map(|(label, _)| label)), "ascending, each once: {hours:?}");
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for (label, count) in &hours {
            *sums.entry(&label[..10]).or_default() += count;
        }
        assert!(days.iter().map(|(day, count)| (day.as_str(), *count)).eq(sums), "{query}: {days:?} {hours:?}");
    }
}

#[tokio::test]
async fn a_day_that_never_was_has_no_row() {
    let scene = scene("linkly_clicks_apia", ["2011-12-30"].into_iter()).await;
    let around = scene.json("?timezone=Pacific/Apia&start=2011-12-28&end=2012-01-01").await;
    let labels: Vec<String> = points(&around).into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]);
    for rest in ["", "&frequency=hour", "&pivot=link_id"] {
        let query = format!("?timezone=Pacific/Apia&start=2011-12-30&end=2011-12-30{rest}");
        assert_eq!(points(&scene.json(&query).await), [], "{query}");
    }
    let counter = scene.json("/counters/link_id?timezone=Pacific/Apia&start=2011-12-30&end=2011-12-30").await;
    assert_eq!(counter, json!({"total": 0, "values": []}));
    // It is a bound as any other.
    let from = scene.json("?timezone=Pacific/Apia&start=2011-12-30&end=2011-12-31").await;
    assert_eq!(points(&from), [("2011-12-31".to_owned(), 96)]);
    let until = scene.json("?timezone=Pacific/Apia&start=2011-12-29&end=2011-12-30").await;
    assert_eq!(points(&until), [("2011-12-29".to_owned(), 96)]);
}

#[tokio::test]
async fn names_of_zones_are_taken_as_they_are_written() {
    let scene = scene("linkly_clicks_names", ["2026-11-01"].into_iter()).await;
    // When the second of November begins there.
    for (zone, midnight) in [
        ("UTC", "02T00:00"),
        ("Etc/UTC", "02T00:00"),
        ("Etc/GMT%2B12", "02T12:00"),
        ("Etc/GMT-1", "01T23:00"),
        ("GMT", "02T00:00"),
        ("Zulu", "02T00:00"),
        ("US/Eastern", "02T05:00"),
        ("America/New_York", "02T05:00"),
        ("America/Argentina/Buenos_Aires", "02T03:00"),
        ("America/Vancouver", "02T07:00"),
        ("America/Edmonton", "02T06:00"),
        ("Africa/Casablanca", "02T00:00"),
        ("Asia/Calcutta", "01T18:30"),
        ("Asia/Kathmandu", "01T18:15"),
        ("Europe/Kyiv", "01T22:00"),
        ("Europe/Kiev", "01T22:00"),
        ("Pacific/Kiritimati", "01T10:00"),
    ] {
        let query = format!("?timezone={zone}&frequency=hour&start=2026-11-{midnight}:00Z&end=2026-11-{midnight}:00Z");
        let answer = points(&scene.json(&query).await);
        assert_eq!(answer.len(), 1, "{query}");
        assert_eq!(answer[0].0, "2026-11-02T00:00:00", "{query}");
    }
    for (written, name) in [
        ("america/new_york", "america/new_york"),
        ("AMERICA/NEW_YORK", "AMERICA/NEW_YORK"),
        ("utc", "utc"),
        ("%2B02:00", "+02:00"),
        ("+02:00", " 02:00"),
        ("-0500", "-0500"),
        ("UTC%2B2", "UTC+2"),
        ("Etc/GMT%2B15", "Etc/GMT+15"),
        ("Europe/Berlin%20", "Europe/Berlin "),
        ("Europe", "Europe"),
        ("Mars/Phobos", "Mars/Phobos"),
        ("../UTC", "../UTC"),
        ("Local", "Local"),
        ("%C3%9Crumqi", "Ürumqi"),
    ] {
        for path in ["", "/counters/country"] {
            let answer = scene.ask(&format!("{path}?timezone={written}")).await;
            let body = format!("{{\"code\":\"bad_request\",\"error\":\"Unknown time zone: {name}\"}}");
            assert_eq!((answer.status, answer.json()), (400, serde_json::from_str(&body).unwrap()), "{written}");
            assert_eq!(answer.headers["content-type"], "application/json");
        }
    }
}

#[tokio::test]
async fn ranges_begin_and_end_where_they_say() {
    let scene = Scene::quiet("linkly_clicks_bounds").await;
    // 2026-10-31T10:00:00Z
    let ten_ms = NOW_MS - 2 * DAY_MS - 2 * 3_600_000;
    let instants = [-1, 0, 999, 1_000, 59_999, 3_599_999, 3_600_000];
    let click = |(number, after_ms): (u64, i64)| Event {
        workspace: scene.workspace,
        id: EventId::new(1, number),
        at_ms: ten_ms + after_ms,
        link: scene.links[0],
        visitor: number,
        ..Event::default()
    };
    let events: Vec<Event> = (1..).zip(instants).map(click).collect();
    scene.store("bounds", &events).await;
    for (start, end, expected) in [
        // Both seconds whole.
        ("2026-10-31T10:00:00Z", "2026-10-31T10:00:00Z", 2),
        ("2026-10-31T10:00:00Z", "2026-10-31T10:00:01Z", 3),
        ("2026-10-31T09:59:59Z", "2026-10-31T10:00:00Z", 3),
        ("2026-10-31T10:00:01Z", "2026-10-31T10:59:59Z", 3),
        ("2026-10-31T10:00:00Z", "2026-10-31T11:00:00Z", 6),
        ("2026-10-31", "2026-10-31", 7),
        ("2026-10-31T10:00:01Z", "2026-10-31", 4),
        ("2026-10-31", "2026-10-31T09:59:59Z", 1),
    ] {
        for rest in ["", "&frequency=hour", "&timezone=Asia/Kathmandu", "&pivot=link_id", "&unique=true"] {
            // A bare day is another one elsewhere.
            if rest.contains("timezone") && (start.len() == 10 || end.len() == 10) {
                continue;
            }
            let query = format!("?start={start}&end={end}{rest}");
            let counted: i64 = points(&scene.json(&query).await).iter().map(|(_, count)| count).sum();
            assert_eq!(counted, expected, "{query}");
            assert_eq!(scene.json(&format!("/counters/link_id{query}")).await["total"], expected, "{query}");
        }
    }
    // A part of an hour or a day goes by the name of the whole.
    let hour = scene.json("?frequency=hour&start=2026-10-31T10:59:59Z&end=2026-10-31T11:00:00Z").await;
    assert_eq!(points(&hour), [("2026-10-31T10:00:00".to_owned(), 1), ("2026-10-31T11:00:00".to_owned(), 1)]);
    let days = scene.json("?timezone=Pacific/Kiritimati&start=2026-10-31T09:59:59Z&end=2026-10-31T10:00:00Z").await;
    assert_eq!(points(&days), [("2026-10-31".to_owned(), 1), ("2026-11-01".to_owned(), 2)]);
}

#[tokio::test]
async fn every_day_is_there_whenever_it_is() {
    let scene = Scene::quiet("linkly_clicks_fill").await;
    let labels = |answer: &Value| points(answer).into_iter().map(|(label, _)| label).collect::<Vec<String>>();
    let days = |first: &str, last: &str| {
        let last = day(last);
        day(first).iter_days().take_while(|day| *day <= last).map(|day| day.to_string()).collect::<Vec<String>>()
    };
    for (query, first, last) in [
        // Days to come are days too.
        ("?start=2026-11-01&end=2026-11-30", "2026-11-01", "2026-11-30"),
        ("?start=2027-01-01&end=2027-03-31", "2027-01-01", "2027-03-31"),
        // What is not said: thirty days before the end, and today.
        ("", "2026-10-03", "2026-11-02"),
        ("?end=2026-03-01", "2026-01-30", "2026-03-01"),
        ("?start=2026-10-30", "2026-10-30", "2026-11-02"),
        // It is tomorrow there already.
        ("?timezone=Pacific/Kiritimati", "2026-10-04", "2026-11-03"),
        ("?timezone=Pacific/Pago_Pago&end=", "2026-10-03", "2026-11-02"),
        // Ten years in one call, and the longest there is.
        ("?start=2016-11-05&end=2026-11-02", "2016-11-05", "2026-11-02"),
        ("?start=2016-11-05&end=2026-11-02&timezone=Africa/Casablanca", "2016-11-05", "2026-11-02"),
        ("?start=2016-11-05&end=2026-11-02&timezone=America/Havana", "2016-11-05", "2026-11-02"),
        ("?start=2016-10-26&end=2026-11-02&timezone=Australia/Lord_Howe", "2016-10-26", "2026-11-02"),
    ] {
        assert_eq!(labels(&scene.json(query).await), days(first, last), "{query}");
    }
    let year = scene.json("?frequency=hour&start=2025-11-02&end=2026-11-02&timezone=America/New_York").await;
    // 366 days, two hours skipped and repeated: one is not there, two are one.
    assert_eq!(labels(&year).len(), 366 * 24 - 1);
    assert_eq!(labels(&year).iter().collect::<BTreeSet<_>>().len(), 366 * 24 - 1);
    for (query, words) in [
        ("?start=2016-10-01&end=2026-11-02", "start: a range has 3660 days at most; take a shorter one"),
        (
            "?start=2025-10-31&end=2026-11-02&frequency=hour",
            "start: a range by hour has 366 days at most; take a shorter one, or frequency=day",
        ),
    ] {
        let answer = scene.ask(query).await;
        assert_eq!((answer.status, answer.json()), (400, json!({"error": words, "code": "bad_request"})), "{query}");
    }
}
