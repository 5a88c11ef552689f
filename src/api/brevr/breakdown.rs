//! `/api/v1/analytics/geo`, `devices`, `referrers` and `utm`: clicks by the values of a dimension, the most first, each with
//! its share of all clicks that were asked for.
//!
//! `groupBy` chooses among the dimensions of an endpoint, `limit` (1 to 1,000, by default 100) the rows, and
//! `includeUnknown=true` brings the clicks in whose value is not known. Direct visits are always shown, as `(direct)`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::analytics::{number, period, share, writing};
use super::asked::Asked;
use super::caller::Asker;
use crate::domain::country;
use crate::domain::dimension::Dimension;
use crate::plan::Shape;
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;
use crate::web::uniques;

const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "limit",
    min: 1,
    too_small: "it must be at least 1.",
    max: 1_000,
    too_big: "it must be at most 1000.",
};
const DEFAULT_LIMIT: i64 = 100;

/// What `groupBy` takes at one endpoint, the default first.
type Groupings = &'static [(&'static str, Dimension)];

const GEO: Groupings = &[
    ("country", Dimension::Country),
    ("region", Dimension::Region),
    ("city", Dimension::City),
    ("continent", Dimension::Continent),
];
const DEVICES: Groupings = &[("device", Dimension::Device), ("browser", Dimension::Browser), ("os", Dimension::Os)];
const REFERRERS: Groupings =
    &[("referrer", Dimension::Referrer), ("referrerUrl", Dimension::ReferrerUrl), ("channel", Dimension::Channel)];
const UTM: Groupings = &[
    ("utmSource", Dimension::UtmSource),
    ("utmMedium", Dimension::UtmMedium),
    ("utmCampaign", Dimension::UtmCampaign),
    ("utmTerm", Dimension::UtmTerm),
    ("utmContent", Dimension::UtmContent),
];

/// `GET /analytics/geo`
pub(super) async fn geo(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &caller, &params, &headers, ("geo", GEO)).await
}

/// `GET /analytics/devices`
pub(super) async fn devices(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &caller, &params, &headers, ("devices", DEVICES)).await
}

/// `GET /analytics/referrers`
pub(super) async fn referrers(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &caller, &params, &headers, ("referrers", REFERRERS)).await
}

/// `GET /analytics/utm`
pub(super) async fn utm(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(&app, &caller, &params, &headers, ("utm", UTM)).await
}

async fn answer(
    app: &App,
    caller: &Caller,
    params: &Params,
    headers: &HeaderMap,
    (name, groupings): (&str, Groupings),
) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let by = params.one_of("groupBy", groupings)?.unwrap_or(groupings[0].1);
    let unknown = params.boolean("includeUnknown")?.unwrap_or(false);
    let limit = params.integer("limit", LIMIT)?.unwrap_or(DEFAULT_LIMIT).unsigned_abs();
    let asked = Asked::read(app, caller.workspace, params).await?;
    let writing = writing(params, headers, &format!("{name}_{}", asked.zone.day_at(app.clock.now_ms())))?;
    let groups = asked.query(Shape::Groups { by, unknown, limit: Some(limit) });
    let (total, groups) = tokio::try_join!(app.analytics.run(asked.query(Shape::Total)), app.analytics.run(groups))?;
    let (total, named) = (number(&total), groupings.iter().find(|(_, known)| *known == by));
    let group_by = named.map_or("", |(name, _)| *name);
    let columns = columns(group_by, by);
    let mut table = Table::new(&columns);
    let mut rows = Vec::with_capacity(groups.rows.len());
    for row in &groups.rows {
        let Some((Cell::Int(clicks), keys)) = row.split_last() else { continue };
        let mut cells = values(by, keys);
        let share = share(*clicks, total);
        let mut object = Map::new();
        for (column, cell) in columns.iter().zip(&cells) {
            object.insert((*column).to_owned(), text(cell).map_or(Value::Null, Value::from));
        }
        object.insert("clicks".to_owned(), json!(clicks));
        object.insert("share".to_owned(), json!(share));
        rows.push(Value::Object(object));
        cells.extend([Cell::Int(*clicks), Cell::from(share.to_string())]);
        table.push(cells);
    }
    let body =
        json!({ "groupBy": group_by, "total": total, "data": rows, "period": period(asked.span.range, &asked.zone) });
    let response = answer::value(&body, &table, &writing)?;
    uniques::say(app, caller.workspace, asked.counting().unique, response).await
}

/// The header: what a value lies in, the value, and its numbers.
fn columns(group_by: &'static str, by: Dimension) -> Vec<&'static str> {
    let mut columns = match by {
        Dimension::Country => vec!["country", "countryName"],
        Dimension::Region => vec!["country", "region"],
        Dimension::City => vec!["country", "region", "city"],
        _ => vec![group_by],
    };
    columns.extend(["clicks", "share"]);
    columns
}

/// Stored values as they are shown: the unknown has its label, or is empty where it only lies around another value.
fn values(by: Dimension, keys: &[Cell]) -> Vec<Cell> {
    let label = by.info().blank.label();
    let last = keys.len().saturating_sub(1);
    let shown = |(place, cell): (usize, &Cell)| match text(cell) {
        Some(text) => Cell::from(text),
        None if place == last => Cell::from(label),
        None => Cell::Null,
    };
    let mut cells: Vec<Cell> = keys.iter().enumerate().map(shown).collect();
    if by == Dimension::Country {
        let name = keys.first().and_then(text).map_or(label, |code| country::name(code).unwrap_or(code));
        cells.push(Cell::from(name));
    }
    cells
}

fn text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_has_a_label() {
        let cells = |by, keys: &[&str]| {
            let keys: Vec<Cell> = keys.iter().map(|key| Cell::from(*key)).collect();
            values(by, &keys).iter().map(|cell| text(cell).unwrap_or("-").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(cells(Dimension::Country, &["DE"]), ["DE", "Germany"]);
        assert_eq!(cells(Dimension::Country, &[""]), ["Unknown", "Unknown"]);
        assert_eq!(cells(Dimension::Region, &["DE", ""]), ["DE", "Unknown"]);
        assert_eq!(cells(Dimension::City, &["", "", "Paris"]), ["-", "-", "Paris"]);
        assert_eq!(cells(Dimension::Referrer, &[""]), ["(direct)"]);
        assert_eq!(columns("utmTerm", Dimension::UtmTerm), ["utmTerm", "clicks", "share"]);
    }
}
