//! `GET /api/visitors`: who was on a site within the last 24 hours and what they did (Ghost ID contract, 2.1).

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::future::{try_join, try_join4};
use serde_json::Value;

use crate::calendar::{Interval, Zone};
use crate::domain::high_value::HighValue;
use crate::plan::Bots;
use crate::table::{Cell, Table};
use crate::warehouse::audience::{ActivityRow, AudienceRow, Order, Seen};
use crate::warehouse::session::OverviewRow;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

use super::person::Person;
use super::sections::{Part, Sections};
use super::{site, stats};

/// Visitors and events that are shown where `limit` does not say otherwise, and pages.
const SHOWN: i64 = 100;
const PAGES: u64 = 10;

const COLUMNS: [&str; 18] = [
    "ghost_vid",
    "identified_user_id",
    "country",
    "city",
    "region",
    "page",
    "pages_viewed",
    "duration_seconds",
    "lat",
    "lon",
    "device_type",
    "browser",
    "referrer",
    "last_seen",
    "session_count",
    "hot",
    "score",
    "clicks",
];

/// Answers one call. Counts are of the last 24 hours; `hot` and `score` are told from all that a visitor did.
pub(super) async fn stream(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let site = site::asked(&app, &meter, &headers, &params).await?;
    let limit = params.integer("limit", site::LIMIT)?.unwrap_or(SHOWN).cast_unsigned();
    let writing = site::writing(&headers, &params, "visitors")?;
    let scope = site::scope_of(&site);
    let now_ms = app.clock.now_ms();
    let range = Interval::LastDay.resolve(now_ms, &Zone::utc(), now_ms).range;
    let high_value = HighValue::new(site.settings.high_value_pages.as_deref());
    let seen = Seen { scope, range, bots: Bots::Exclude, high_value: &high_value };
    let (visitors, activity, overview, (pages, countries)) = try_join4(
        app.analytics.audience(seen, Order::Recent, limit, 0),
        app.analytics.activity(scope, range, Bots::Exclude, None, limit),
        app.analytics.site_overview(scope, range, Bots::Exclude),
        app.analytics.pages_and_countries(scope, range, Bots::Exclude, PAGES),
    )
    .await?;
    let ids: Vec<u64> = visitors.iter().map(|row| row.visitor).collect();
    // Who did something last may have been cut off the list of visitors.
    let doers: Vec<u64> = activity.iter().map(|row| row.visitor).collect();
    let (clicks, known) =
        try_join(app.analytics.clicks_of(scope, range, &ids), app.analytics.visitors(scope, &doers)).await?;
    let clicks: HashMap<u64, u64> = clicks.iter().map(|row| (row.visitor, row.clicks)).collect();
    let names: HashMap<u64, String> = known.into_iter().map(|row| (row.visitor, row.user_id)).collect();

    let mut table = Table::new(&COLUMNS);
    for row in &visitors {
        table.push(cells(row, clicks.get(&row.visitor).copied().unwrap_or(0)));
    }
    Sections::default()
        .with("visitors", Part::Rows(table))
        .with("activity", Part::Rows(activity_table(&activity, &names)))
        .with("stats", Part::Row(stats_table(&overview)))
        .with("countries", Part::Rows(stats::country_table(&countries)))
        .with("pages", Part::Rows(stats::page_table(&pages)))
        .with("timestamp", Part::Value(Value::from(instant::format(now_ms))))
        .answer("visitors", &params, &writing)
}

fn cells(row: &AudienceRow, clicks: u64) -> Vec<Cell> {
    let person = Person::new(row);
    vec![
        Cell::from(person.ghost_vid()),
        person.user_id(),
        Cell::from(person.country()),
        person.city(),
        person.region(),
        person.page(),
        Cell::from(row.pageviews_within),
        Cell::from(row.spent_within_ms / 1_000),
        person.latitude(),
        person.longitude(),
        Cell::from(person.device()),
        person.browser(),
        person.referrer(),
        Cell::from(instant::format(row.last_ms)),
        Cell::from(row.sessions_within),
        Cell::from(person.is_hot()),
        Cell::from(person.score()),
        Cell::from(clicks),
    ]
}

fn activity_table(activity: &[ActivityRow], names: &HashMap<u64, String>) -> Table {
    let mut table = Table::new(&["ghost_vid", "identified_user_id", "type", "event_name", "page", "timestamp"]);
    for row in activity {
        let name = names.get(&row.visitor).filter(|name| !name.is_empty());
        table.push(vec![
            Cell::from(site::visitor_id(row.visitor)),
            Cell::from(name.cloned()),
            Cell::from(row.event_type.as_str()),
            Cell::from(row.event_name.as_str()),
            Cell::from(row.page.as_str()),
            Cell::from(instant::format(row.at_ms)),
        ]);
    }
    table
}

/// `avg_duration` is the mean length of a session in whole seconds, of what lies within the range.
fn stats_table(overview: &OverviewRow) -> Table {
    let mut table = Table::new(&["unique_visitors", "sessions", "pageviews", "avg_duration"]);
    let mean_ms = overview.spent_ms.checked_div(overview.sessions).unwrap_or(0);
    table.push([overview.visitors, overview.sessions, overview.pageviews, mean_ms / 1_000].map(Cell::from).to_vec());
    table
}
