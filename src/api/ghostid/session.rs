//! `GET /api/session/{id}`: one session, event by event (Ghost ID's "Events & Tracking API").

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::click_id::EventId;
use crate::domain::session;
use crate::encode::Format;
use crate::table::{Cell, Table};
use crate::warehouse::session::StepRow;
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::meter::Meter;
use crate::web::params::Params;
use crate::web::state::App;

use super::site;

/// Answers one call; as CSV or TSV with the timeline alone.
pub(super) async fn get(
    State(app): State<App>,
    meter: Meter,
    headers: HeaderMap,
    params: Params,
    id: Path<String>,
) -> Result<Response, ApiError> {
    let scope = site::scope(&app, &meter, &headers, &params).await?;
    let writing = site::writing(&headers, &params, "session")?;
    let missing = || ApiError::NotFound("Session not found.".to_owned());
    let event = session::parse_id(&app.clicks, &id).ok_or_else(missing)?;
    let (visitor, steps) = app.analytics.session(scope, event).await?.ok_or_else(missing)?;
    if writing.format != Format::Json {
        return answer::table(&timeline(&steps), &writing);
    }
    let known = app.analytics.visitors(scope, &[visitor]).await?;
    let user_id = known.first().map(|visitor| visitor.user_id.as_str());
    shown(&app, visitor, user_id, &steps).map(|session| Json(session).into_response()).ok_or_else(missing)
}

fn shown(app: &App, visitor: u64, user_id: Option<&str>, steps: &[StepRow]) -> Option<Value> {
    let (first, last) = (steps.first()?, steps.last()?);
    let views: Vec<&StepRow> = steps.iter().filter(|step| step.is_pageview).collect();
    let mut pages: Vec<&str> = Vec::new();
    for view in &views {
        if !pages.contains(&view.page.as_str()) {
            pages.push(&view.page);
        }
    }
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::from(text) };
    let named = steps.iter().rev().map(|step| step.user_id.as_str()).find(|user| !user.is_empty());
    Some(json!({
        "session_id": session::public_id(&app.clicks, EventId(first.event_id)),
        "ghost_vid": site::visitor_id(visitor),
        "identified_user_id": text(named.or(user_id).unwrap_or_default()),
        "country": site::country_name(&first.country),
        "city": text(&first.city),
        "device_type": first.device.to_lowercase(),
        "browser": first.browser,
        "os": site::os_name(&first.os),
        "started_at": instant::format(first.at_ms),
        "ended_at": instant::format(last.at_ms),
        "duration_seconds": (last.at_ms - first.at_ms) / 1_000,
        "event_count": steps.len(),
        "pageview_count": views.len(),
        "entry_page": text(views.first().map_or("", |view| &view.page)),
        "exit_page": text(views.last().map_or("", |view| &view.page)),
        "referrer": text(&first.referrer_url),
        "channel": first.channel,
        "pages": pages,
        "timeline": seconds_before(steps).zip(steps).map(|(seconds, step)| json!({
            "type": step.event_type,
            "event_name": step.event_name,
            "page": step.page,
            "page_title": step.page_title,
            "timestamp": instant::format(step.at_ms),
            "time_on_previous_page": seconds,
            "props": site::props(&step.metadata),
        })).collect::<Vec<_>>(),
    }))
}

/// Whole seconds since the event before; 0 for the first.
fn seconds_before(steps: &[StepRow]) -> impl Iterator<Item = i64> {
    let before = steps.iter().map(|step| step.at_ms);
    let first = steps.first().map(|step| step.at_ms);
    first.into_iter().chain(before).zip(steps).map(|(before_ms, step)| (step.at_ms - before_ms) / 1_000)
}

fn timeline(steps: &[StepRow]) -> Table {
    let mut table =
        Table::new(&["timestamp", "type", "event_name", "page", "page_title", "time_on_previous_page", "props"]);
    for (seconds, step) in seconds_before(steps).zip(steps) {
        table.push(vec![
            Cell::from(instant::format(step.at_ms)),
            Cell::from(step.event_type.as_str()),
            Cell::from(step.event_name.as_str()),
            Cell::from(step.page.as_str()),
            Cell::from(step.page_title.as_str()),
            Cell::from(seconds),
            Cell::from(step.metadata.as_str()),
        ]);
    }
    table
}
