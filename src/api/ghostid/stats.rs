//! `GET /api/stats`: a site at a glance (Ghost ID's "Events & Tracking API").

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::future::try_join3;
use serde_json::Value;

use crate::domain::high_value::HighValue;
use crate::plan::Bots;
use crate::table::{Cell, Table};
use crate::warehouse::audience::{CountRow, Seen};
use crate::web::error::ApiError;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

use super::sections::{Part, Sections};
use super::site;

/// Pages that are shown where `limit` does not say otherwise.
const PAGES: i64 = 10;

/// Answers one call. A hot lead is a visitor of the range whose score, told from all they did until its end, is 60 or more.
pub(super) async fn get(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let site = site::asked(&app, &meter, &headers, &params).await?;
    let (scope, range) = (site::scope_of(&site), site::span(&app, &params)?.range);
    let most_pages = params.integer("limit", site::LIMIT)?.unwrap_or(PAGES).cast_unsigned();
    let writing = site::writing(&headers, &params, "stats")?;
    let high_value = HighValue::new(site.settings.high_value_pages.as_deref());
    let seen = Seen { scope, range, bots: Bots::Exclude, high_value: &high_value };
    let (overview, leads, (pages, countries)) = try_join3(
        app.analytics.site_overview(scope, range, Bots::Exclude),
        app.analytics.leads(seen),
        app.analytics.pages_and_countries(scope, range, Bots::Exclude, most_pages),
    )
    .await?;
    let mut table =
        Table::new(&["unique_visitors", "sessions", "pageviews", "total_events", "identified_visitors", "hot_leads"]);
    let numbers =
        [overview.visitors, overview.sessions, overview.pageviews, overview.events, leads.identified, leads.hot];
    table.push(numbers.map(Cell::from).to_vec());
    Sections::default()
        .with("overview", Part::Row(table))
        .with("top_pages", Part::Rows(page_table(&pages)))
        .with("countries", Part::Rows(country_table(&countries)))
        .with("time_range", Part::Value(Value::from(site::range_name(&params))))
        .answer("overview", &params, &writing)
}

/// `page`, `views`.
pub(super) fn page_table(pages: &[CountRow]) -> Table {
    let mut table = Table::new(&["page", "views"]);
    for row in pages {
        table.push(vec![Cell::from(row.value.as_str()), Cell::from(row.count)]);
    }
    table
}

/// `country` by its English name, `visitors`.
pub(super) fn country_table(countries: &[CountRow]) -> Table {
    let mut table = Table::new(&["country", "visitors"]);
    for row in countries {
        table.push(vec![Cell::from(site::country_name(&row.value)), Cell::from(row.count)]);
    }
    table
}
