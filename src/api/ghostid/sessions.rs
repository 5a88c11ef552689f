//! `GET /api/sessions`: the sessions of a site, newest first, each with how its visitor first and last came.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::domain::click_id::EventId;
use crate::domain::session;
use crate::table::{Cell, Table};
use crate::warehouse::session::SessionRow;
use crate::warehouse::visitor::{TouchRow, VisitorRow};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::meter::Meter;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::site;

const PAGE: IntegerRule<'_> = IntegerRule {
    label: "page",
    min: 1,
    too_small: "page must be at least 1.",
    max: 100_000,
    too_big: "page must be at most 100000.",
};

const COLUMNS: [&str; 29] = [
    "session_id",
    "ghost_vid",
    "identified_user_id",
    "started_at",
    "ended_at",
    "duration_seconds",
    "event_count",
    "pageview_count",
    "entry_page",
    "exit_page",
    "referrer",
    "channel",
    "country",
    "city",
    "device_type",
    "browser",
    "os",
    "first_seen",
    "first_touch_channel",
    "first_touch_referrer",
    "first_touch_utm_source",
    "first_touch_utm_campaign",
    "first_touch_click_id",
    "last_touch_channel",
    "last_touch_referrer",
    "last_touch_utm_source",
    "last_touch_utm_campaign",
    "last_touch_click_id",
    "last_seen",
];

/// Answers one call.
pub(super) async fn list(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let scope = site::scope(&app, &meter, &headers, &params).await?;
    let span = site::span(&app, &params)?;
    let page = params.integer("page", PAGE)?.unwrap_or(1).cast_unsigned();
    let limit = params.integer("limit", site::LIMIT)?.unwrap_or(50).cast_unsigned();
    let writing = site::writing(&headers, &params, "sessions")?;
    let sessions = app.analytics.sessions(scope, span.range, None, limit, (page - 1) * limit).await?;
    let ids: Vec<u64> = sessions.iter().map(|session| session.visitor).collect();
    let visitors: HashMap<u64, VisitorRow> =
        app.analytics.visitors(scope, &ids).await?.into_iter().map(|visitor| (visitor.visitor, visitor)).collect();
    let mut table = Table::new(&COLUMNS);
    for session in &sessions {
        table.push(row(&app, session, visitors.get(&session.visitor)));
    }
    answer::table(&table, &writing)
}

fn row(app: &App, session: &SessionRow, visitor: Option<&VisitorRow>) -> Vec<Cell> {
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    // Who was named in an earlier session is still the same person.
    let user_id = text(&session.user_id).or_else(|| visitor.and_then(|visitor| text(&visitor.user_id)));
    let mut cells = vec![
        Cell::from(session::public_id(&app.clicks, EventId(session.first_event))),
        Cell::from(site::visitor_id(session.visitor)),
        Cell::from(user_id),
        Cell::from(instant::format(session.started_ms)),
        Cell::from(instant::format(session.ended_ms)),
        Cell::from((session.ended_ms - session.started_ms) / 1_000),
        Cell::from(session.events),
        Cell::from(session.pageviews),
        Cell::from(text(&session.entry_page)),
        Cell::from(text(&session.exit_page)),
        Cell::from(text(&session.referrer_url)),
        Cell::from(session.channel.as_str()),
        Cell::from(site::country_name(&session.country)),
        Cell::from(text(&session.city)),
        Cell::from(session.device.to_lowercase()),
        Cell::from(text(&session.browser)),
        Cell::from(text(site::os_name(&session.os))),
        Cell::from(visitor.map(|visitor| instant::format(visitor.first_seen_ms))),
    ];
    let first = visitor.map(|visitor| &visitor.first_touch);
    // Who always came directly came so the last time too.
    let last = visitor.map(|visitor| &visitor.last_touch).filter(|touch| !touch.channel.is_empty()).or(first);
    for touch in [first, last] {
        cells.extend(touch_cells(app, touch));
    }
    cells.push(Cell::from(visitor.map(|visitor| instant::format(visitor.last_seen_ms))));
    cells
}

fn touch_cells(app: &App, touch: Option<&TouchRow>) -> [Cell; 5] {
    let text =
        |field: fn(&TouchRow) -> &str| Cell::from(touch.map(field).filter(|text| !text.is_empty()).map(str::to_owned));
    let click = touch.map(|touch| touch.click_event_id).filter(|id| *id != 0);
    [
        text(|touch| &touch.channel),
        text(|touch| &touch.referrer_url),
        text(|touch| &touch.utm_source),
        text(|touch| &touch.utm_campaign),
        Cell::from(click.map(|id| app.clicks.public(EventId(id)))),
    ]
}
