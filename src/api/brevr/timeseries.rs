//! `/api/v1/analytics/timeseries`: clicks over time, every bucket of the span, zeros included. `granularity` is minute, hour,
//! day, week or month; by default what suits the span.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::analytics::{period, writing};
use super::asked::Asked;
use super::caller::Asker;
use super::error::invalid;
use crate::calendar::{Bucket, Buckets, label};
use crate::plan::Shape;
use crate::table::{Cell, Table};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;
use crate::web::uniques;

/// Buckets in a series at most: a year of hours.
const MAX_BUCKETS: usize = 8_784;

/// Answers one call.
pub(super) async fn answer(
    State(app): State<App>,
    Asker(caller): Asker,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let asked = Asked::read(&app, caller.workspace, &params).await?;
    let writing = writing(&params, &headers, &format!("timeseries_{}", asked.zone.day_at(app.clock.now_ms())))?;
    let bucket = match params.text("granularity") {
        Some(name) => Bucket::parse(name).map_err(|error| invalid("granularity", error.to_string()))?,
        None => asked.span.bucket,
    };
    let buckets = Buckets::cover(bucket, asked.span.range, &asked.zone, MAX_BUCKETS)
        .map_err(|error| invalid("granularity", error.to_string()))?;
    let counts = app.analytics.run(asked.query(Shape::Series(buckets))).await?;
    let mut table = Table::new(&["date", "clicks"]);
    let (mut points, mut total) = (Vec::with_capacity(counts.rows.len()), 0);
    for row in counts.rows {
        let [Cell::Int(start_ms), Cell::Int(clicks)] = row.as_slice() else { continue };
        let date = label(*start_ms, &asked.zone);
        points.push(json!({ "date": date, "clicks": clicks }));
        table.push(vec![Cell::from(date), Cell::Int(*clicks)]);
        total += clicks;
    }
    let body: Value = json!({
        "granularity": bucket.name(),
        "total": total,
        "data": points,
        "period": period(asked.span.range, &asked.zone),
    });
    let response = answer::value(&body, &table, &writing)?;
    uniques::say(&app, caller.workspace, asked.counting().unique, response).await
}
