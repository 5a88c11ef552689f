//! `/api/v1/analytics/summary`: the numbers of a span at a glance, beside those of the span of the same length before it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::analytics::{number, period, share, writing};
use super::asked::Asked;
use super::caller::Asker;
use crate::calendar::Range;
use crate::domain::dimension::Dimension;
use crate::domain::id::LinkId;
use crate::plan::{Bots, Counting, Shape};
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::short_link::short_link;
use crate::web::state::App;
use crate::web::uniques;

const COLUMNS: [&str; 5] = ["clicks", "uniqueClicks", "botClicks", "previousClicks", "previousUniqueClicks"];

/// Answers one call. `clicks` are counted as the caller asks, `uniqueClicks` are the first of each visitor on each link among
/// them, `botClicks` are robots' of the same span.
pub(super) async fn answer(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let asked = Asked::read(&app, caller.workspace, &params).await?;
    let writing = writing(&params, &headers, &format!("summary_{}", asked.zone.day_at(app.clock.now_ms())))?;
    let (range, counting) = (asked.span.range, asked.counting());
    let before = before(range);
    let unique = Counting { unique: true, ..counting };
    let bots = Counting { bots: Bots::Only, ..counting };
    let total = |counting, range| app.analytics.run(asked.total(counting, range));
    let top = |by| app.analytics.run(asked.query(Shape::Groups { by, unknown: false, limit: Some(1) }));
    let (clicks, uniques, robots, clicks_before, uniques_before) = tokio::try_join!(
        total(counting, range),
        total(unique, range),
        total(bots, range),
        total(counting, before),
        total(unique, before),
    )?;
    let (country, device, browser, referrer, link) = tokio::try_join!(
        top(Dimension::Country),
        top(Dimension::Device),
        top(Dimension::Browser),
        top(Dimension::Referrer),
        top(Dimension::Link),
    )?;
    let counts = [&clicks, &uniques, &robots, &clicks_before, &uniques_before].map(number);
    let mut table = Table::new(&COLUMNS);
    table.push(counts.map(Cell::Int).into());
    let [clicks, uniques, robots, clicks_before, uniques_before] = counts;
    let body = json!({
        "clicks": clicks,
        "uniqueClicks": uniques,
        "botClicks": robots,
        "previous": { "clicks": clicks_before, "uniqueClicks": uniques_before, "period": period(before, &asked.zone) },
        "change": { "clicks": change(clicks, clicks_before), "uniqueClicks": change(uniques, uniques_before) },
        "topCountry": first(&country, "country", clicks),
        "topDevice": first(&device, "device", clicks),
        "topBrowser": first(&browser, "browser", clicks),
        "topReferrer": first(&referrer, "referrer", clicks),
        "topLink": first_link(&app, caller.workspace, &link, clicks).await?,
        "period": period(range, &asked.zone),
    });
    let response = answer::value(&body, &table, &writing)?;
    uniques::say(&app, caller.workspace, true, response).await
}

/// The span of the same length that ends where this one begins; shorter where time begins.
fn before(range: Range) -> Range {
    Range::new(range.start_ms() - range.len_ms(), range.start_ms()).unwrap_or(range)
}

/// By how many percent a number grew, with one place; null where there was nothing.
fn change(now: i64, before: i64) -> Option<f64> {
    (before != 0).then(|| ((now - before) as f64 / before as f64 * 1_000.0).round() / 10.0)
}

/// The value of a breakdown that came first; null when there are no clicks.
fn first(groups: &Table, name: &str, total: i64) -> Value {
    match groups.rows.first().map(Vec::as_slice) {
        Some([.., Cell::Text(value), Cell::Int(clicks)]) => {
            let value = if value.is_empty() { Dimension::Referrer.info().blank.label() } else { value };
            json!({ name: value, "clicks": clicks, "share": share(*clicks, total) })
        }
        _ => Value::Null,
    }
}

async fn first_link(
    app: &App,
    workspace: crate::domain::id::WorkspaceId,
    groups: &Table,
    total: i64,
) -> Result<Value, ApiError> {
    let Some([Cell::Text(id), Cell::Int(clicks)]) = groups.rows.first().map(Vec::as_slice) else {
        return Ok(Value::Null);
    };
    let Ok(id) = id.parse().map(LinkId) else { return Ok(Value::Null) };
    let found = app.analytics.links(workspace, &[id]).await?.pop();
    let short_url = found.as_ref().map(|link| short_link(app, &link.domain, &link.slug));
    Ok(json!({
        "linkId": id.cuid(),
        "shortCode": found.map(|link| link.slug),
        "shortUrl": short_url,
        "clicks": clicks,
        "share": share(*clicks, total),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_with_those_before() {
        let range = Range::new(5_000_000, 7_000_000).unwrap();
        assert_eq!(before(range), Range::new(3_000_000, 5_000_000).unwrap());
        assert_eq!(before(Range::new(1_000, 5_000).unwrap()), Range::new(0, 1_000).unwrap());
        assert_eq!([change(3, 2), change(1, 3), change(5, 0)], [Some(50.0), Some(-66.7), None]);
    }
}
