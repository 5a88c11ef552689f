//! Local days and hours against an independent source of zone rules.
//!
//! `tests/fixtures/zone-days-2026.csv` was made minute by minute with another reader of another copy of the IANA database
//! (see the README beside it): the days around every change of offset in 2026, for every zone there is.

use std::collections::HashSet;

use chrono::{NaiveDate, NaiveDateTime};
use linktrail::calendar::{Bucket, Buckets, Range, Zone};

const FIXTURE: &str = include_str!("../fixtures/zone-days-2026.csv");
const MINUTE_MS: i64 = 60_000;

/// One local day, as all of `zones` have it.
struct Row<'a> {
    zones: Vec<&'a str>,
    day: NaiveDate,
    start_ms: i64,
    end_ms: i64,
    hours_ms: Vec<i64>,
}

fn rows() -> Vec<Row<'static>> {
    FIXTURE.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row<'_> {
    let fields: Vec<&str> = line.split(',').collect();
    let [zones, day, starts, ends, hours] = fields[..] else { panic!("not five columns: {line}") };
    let instant = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").unwrap().and_utc().timestamp_millis();
    let start_ms = instant(starts);
    Row {
        zones: zones.split(' ').collect(),
        day: day.parse().unwrap(),
        start_ms,
        end_ms: instant(ends),
        hours_ms: hours.split(' ').map(|minutes| start_ms + minutes.parse::<i64>().unwrap() * MINUTE_MS).collect(),
    }
}

#[test]
fn days_and_hours_are_those_of_the_fixture_in_every_zone() {
    let mut compared = HashSet::new();
    let mut wrong = Vec::new();
    for row in rows() {
        for name in &row.zones {
            let zone = Zone::parse(name).unwrap();
            let range = Range::new(row.start_ms, row.end_ms).unwrap();
            let days = Buckets::cover(Bucket::Day, range, &zone, 10).unwrap();
            let hours = Buckets::cover(Bucket::Hour, range, &zone, 50).unwrap();
            let right = zone.day_start_ms(row.day) == row.start_ms
                && zone.day_end_ms(row.day) == row.end_ms
                && zone.day_at(row.start_ms) == row.day
                && zone.day_at(row.end_ms - 1) == row.day
                && (days.starts(), days.end_ms()) == (&[row.start_ms][..], row.end_ms)
                && (hours.starts(), hours.end_ms()) == (&row.hours_ms[..], row.end_ms);
            if !right {
                wrong.push(format!("{name} {}", row.day));
            }
            compared.insert(*name);
        }
    }
    assert!(wrong.is_empty(), "{} days differ: {wrong:?}", wrong.len());
    assert!(compared.len() > 500, "only {} zones compared", compared.len());
}

#[test]
fn no_zone_has_a_switch_that_the_fixture_does_not_know() {
    let rows = rows();
    let known: HashSet<(&str, NaiveDate)> =
        rows.iter().flat_map(|row| row.zones.iter().map(|name| (*name, row.day))).collect();
    let first: NaiveDate = "2026-01-01".parse().unwrap();
    let mut unknown = Vec::new();
    for name in Zone::names() {
        let zone = Zone::parse(name).unwrap();
        for day in first.iter_days().take(365) {
            let minutes = (zone.day_end_ms(day) - zone.day_start_ms(day)) / MINUTE_MS;
            if minutes != 24 * 60 && !known.contains(&(name, day)) {
                unknown.push(format!("{name} {day}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_zone_that_is_taken_is_in_the_fixture() {
    let rows = rows();
    let fixture: HashSet<&str> = rows.iter().flat_map(|row| row.zones.iter().copied()).collect();
    let missing: Vec<&str> = Zone::names().filter(|name| !fixture.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn the_fixture_holds_the_odd_days() {
    let rows = rows();
    let minutes = |zone: &str, day: &str| {
        let day: NaiveDate = day.parse().unwrap();
        let row = rows.iter().find(|row| row.day == day && row.zones.contains(&zone)).unwrap();
        ((row.end_ms - row.start_ms) / MINUTE_MS, row.hours_ms.len())
    };
    assert_eq!(minutes("America/New_York", "2026-03-08"), (23 * 60, 23));
    assert_eq!(minutes("America/New_York", "2026-11-01"), (25 * 60, 25));
    assert_eq!(minutes("Australia/Lord_Howe", "2026-04-05"), (24 * 60 + 30, 25));
    assert_eq!(minutes("Australia/Lord_Howe", "2026-10-04"), (23 * 60 + 30, 24));
    assert_eq!(minutes("Pacific/Chatham", "2026-04-05"), (25 * 60, 26));
    assert_eq!(minutes("Asia/Beirut", "2026-03-29"), (23 * 60, 23));
    assert_eq!(minutes("Antarctica/Troll", "2026-03-29"), (22 * 60, 22));
    let havana: Vec<String> =
        rows.iter().filter(|row| row.zones.contains(&"America/Havana")).map(|row| row.day.to_string()).collect();
    assert_eq!(havana, ["2026-03-06", "2026-03-07", "2026-03-08", "2026-03-09"]);
}
