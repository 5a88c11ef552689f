//! `GET /api/v1/workspace/{workspace}/clicks`: clicks by day or hour (Linkly contract, 1.4).

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::Response;
use serde_json::json;

use super::caller::Caller;
use super::click_params::{Asked, LastDay};
use super::pivot;
use crate::calendar::{Bucket, Buckets, Zone};
use crate::plan::{Request, Shape, build};
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// Most points: ten years of days, of which one more is touched where the first is not whole; a year of hours, one of which comes
/// twice (contract, D1).
const MOST_DAYS: usize = 3_660;
const MOST_HOURS: usize = 8_785;

/// Answers one call.
pub(super) async fn series(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("analytics.read")?;
    let asked = Asked::read(&app, member.workspace, &params, accept(&headers), ("clicks", LastDay::Today))?;
    let buckets = buckets(&params, &asked)?;
    if params.one_of("pivot", &[("link_id", ())])?.is_some() {
        let answer = pivot::answer(&app, &asked, buckets).await?;
        return asked.say_uniques(&app, answer).await;
    }
    let labels = Labels::of(&buckets, &asked.zone);
    let query = build(Request { shape: Shape::Series(buckets), ..asked.request.clone() });
    let counts = app.analytics.run(query).await?;
    let mut sums = vec![0_i64; labels.texts.len()];
    for row in &counts.rows {
        if let [Cell::Int(start_ms), Cell::Int(count)] = row.as_slice()
            && let Some(place) = labels.place_of(*start_ms)
        {
            sums[place] += count;
        }
    }
    let mut points = Table::new(&["t", "y"]);
    for (label, sum) in labels.texts.into_iter().zip(sums) {
        points.push(vec![Cell::from(label), Cell::from(sum)]);
    }
    let traffic: Vec<_> = points.rows.iter().filter_map(|row| point(row)).collect();
    let answer = answer::value(&json!({ "traffic": traffic }), &points, &asked.writing)?;
    asked.say_uniques(&app, answer).await
}

fn point(row: &[Cell]) -> Option<serde_json::Value> {
    match row {
        [Cell::Text(label), Cell::Int(count)] => Some(json!({ "t": label, "y": count })),
        _ => None,
    }
}

pub(super) fn accept(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default()
}

fn buckets(params: &Params, asked: &Asked) -> Result<Buckets, ApiError> {
    let bucket = params.one_of("frequency", &[("day", Bucket::Day), ("hour", Bucket::Hour)])?.unwrap_or(Bucket::Day);
    let range = asked.request.range;
    let begins_within_day = asked.zone.day_start_ms(asked.zone.day_at(range.start_ms())) < range.start_ms();
    let most = match bucket {
        Bucket::Hour => MOST_HOURS,
        _ => MOST_DAYS + usize::from(begins_within_day),
    };
    Buckets::cover(bucket, range, &asked.zone, most).map_err(|_| {
        let message = match bucket {
            Bucket::Hour => "a range by hour has 366 days at most; take a shorter one, or frequency=day",
            _ => "a range has 3660 days at most; take a shorter one",
        };
        ApiError::invalid("too_big", "start", message)
    })
}

/// The labels of the points of a chart.
pub(super) struct Labels {
    /// Each once, in the order of the local clock.
    pub texts: Vec<String>,
    places: HashMap<i64, usize>,
}

impl Labels {
    /// An hour that comes twice is one point (contract, D4). It need not stand beside itself: where clocks go back by two
    /// hours, or at a quarter to four, another one lies between.
    pub(super) fn of(buckets: &Buckets, zone: &Zone) -> Self {
        let label_of = |start: &i64| (*start, label(*start, buckets.bucket(), zone));
        let of_buckets: Vec<(i64, String)> = buckets.starts().iter().map(label_of).collect();
        let mut texts: Vec<String> = of_buckets.iter().map(|(_, label)| label.clone()).collect();
        texts.sort_unstable();
        texts.dedup();
        let place = |(start, label): (i64, String)| Some((start, texts.binary_search(&label).ok()?));
        let places = of_buckets.into_iter().filter_map(place).collect();
        Self { texts, places }
    }

    /// Which of them the bucket that begins then counts to.
    pub(super) fn place_of(&self, start_ms: i64) -> Option<usize> {
        self.places.get(&start_ms).copied()
    }
}

/// `2026-03-08`, or `2026-03-08T14:00:00` without an offset.
fn label(start_ms: i64, bucket: Bucket, zone: &Zone) -> String {
    match bucket {
        // Where clocks move by half an hour a piece of an hour begins at half past.
        Bucket::Hour => zone.wall_at(start_ms).format("%Y-%m-%dT%H:00:00").to_string(),
        _ => zone.day_at(start_ms).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Range;

    fn labels(bucket: Bucket, zone: &str, start: &str, end: &str) -> Vec<String> {
        let zone = Zone::parse(zone).unwrap();
        let ms = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let range = Range::new(ms(start), ms(end)).unwrap();
        let buckets = Buckets::cover(bucket, range, &zone, 100).unwrap();
        Labels::of(&buckets, &zone).texts
    }

    #[test]
    fn points_are_labelled_by_the_local_clock() {
        // The hour that comes twice, the one that is skipped, and Lord Howe's halves.
        let fall = labels(Bucket::Hour, "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z");
        assert_eq!(fall, ["2026-11-01T00:00:00", "2026-11-01T01:00:00", "2026-11-01T02:00:00"]);
        let spring = labels(Bucket::Hour, "America/New_York", "2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z");
        assert_eq!(spring, ["2026-03-08T01:00:00", "2026-03-08T03:00:00"]);
        let howe = labels(Bucket::Hour, "Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-04T17:00:00Z");
        assert_eq!(howe, ["2026-04-05T00:00:00", "2026-04-05T01:00:00", "2026-04-05T02:00:00", "2026-04-05T03:00:00"]);
        // Another hour lies between the two.
        let chatham = labels(Bucket::Hour, "Pacific/Chatham", "2026-04-04T12:15:00Z", "2026-04-04T15:15:00Z");
        assert_eq!(chatham, ["2026-04-05T02:00:00", "2026-04-05T03:00:00"]);
        // A day that begins at one o'clock, and one that never was.
        let cuba = labels(Bucket::Day, "America/Havana", "2026-03-08T05:00:00Z", "2026-03-09T05:00:00Z");
        assert_eq!(cuba, ["2026-03-08", "2026-03-09"]);
        let apia = labels(Bucket::Day, "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T00:00:00Z");
        assert_eq!(apia, ["2011-12-29", "2011-12-31"]);
    }
}
