//! `GET /events`.

use axum::response::Response;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::Value;

use crate::domain::event::{Event, EventKind};
use crate::domain::id::WorkspaceId;
use crate::plan::{From, Order, Page, Request, Shape, build};
use crate::table::Cell;
use crate::warehouse::event::EventRow;
use crate::web::answer::{self, Record, Writing};
use crate::web::error::{ApiError, quoted};
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::event_columns;
use super::event_shape::{Shown, shown};
use super::params;
use super::reading;
use super::stream;

/// What `event` takes.
pub(super) const KINDS: [(&str, EventKind); 3] =
    [("clicks", EventKind::Click), ("leads", EventKind::Lead), ("sales", EventKind::Sale)];
/// The furthest page; beyond it `startingAfter` is the way.
const PAGE: IntegerRule<'_> = IntegerRule {
    label: "Page",
    min: 1,
    too_small: "Page must be greater than 0.",
    max: 1_000_000,
    too_big: "Page is too big (cannot be more than 1000000), use startingAfter instead.",
};
/// Events on a page (Dub contract, sections 1 and 5).
const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "Limit",
    min: 1,
    too_small: "Page size must be greater than 0.",
    max: 1_000,
    too_big: "Max page size is 1000.",
};

/// Answers one call.
///
/// # Errors
/// The first parameter that is wrong; a store that does not answer.
pub async fn answer(app: &App, workspace: WorkspaceId, params: &Params, accept: &str) -> Result<Response, ApiError> {
    let kind = params.one_of("event", &KINDS)?.unwrap_or(EventKind::Click);
    let page = params.integer("page", PAGE)?.unwrap_or(1).cast_unsigned();
    let limit = params.integer("limit", LIMIT)?.unwrap_or(100).cast_unsigned();
    params.one_of("sortBy", &[("timestamp", ())])?;
    let order = order(params)?;
    let said = params::read(params, accept)?;
    let span = reading::span(app, workspace, &said, false).await?;
    let from = match params.text("startingAfter") {
        Some(_) if page > 1 => {
            let message = "You cannot use both page and startingAfter at the same time.";
            return Err(ApiError::invalid("custom", "startingAfter", message));
        }
        Some(id) => after(app, workspace, id).await?,
        None => From::Offset((page - 1) * limit),
    };
    let link = reading::named_link(app, workspace, &said).await?;
    reading::check_folder(app, workspace, &said).await?;
    let query = build(Request {
        workspace,
        kind,
        range: span.range,
        counting: said.counting,
        filters: said.filters,
        link,
        root: said.root,
        shape: Shape::Events { order, page: Page { limit, from } },
    });
    let writing = Writing {
        format: said.format,
        spreadsheet_safe: said.spreadsheet_safe,
        file_name: reading::file_name(app, "events", &said.zone),
    };
    let app_of_chunks = app.clone();
    let chunks = app.analytics.events(query).then(move |chunk| {
        let app = app_of_chunks.clone();
        async move { shown(&app, workspace, chunk?.into_iter().map(|event| (kind, event)).collect()).await }
    });
    answer::stream(&event_columns::flat_header(kind), chunks, &writing).await
}

/// Events that were just stored, each as the list of its kind shows it.
///
/// # Errors
/// When a store does not answer.
pub(super) async fn live(app: &App, workspace: WorkspaceId, events: &[Event]) -> Result<Vec<Value>, ApiError> {
    let rows = events.iter().map(|event| (event.kind, EventRow::from(event))).collect();
    let value = |(shown, event): (Shown, &Event)| match event.kind {
        EventKind::Click | EventKind::Lead | EventKind::Sale => {
            serde_json::to_value(shown.object()).map_err(|_| ApiError::Internal)
        }
        EventKind::Pageview | EventKind::Custom => Ok(stream::other(&shown, event)),
    };
    shown(app, workspace, rows).await?.into_iter().zip(events).map(value).collect()
}

/// `sortOrder`, or the deprecated `order`, which counts when it is `asc` (Dub contract, section 5).
pub(super) fn order(params: &Params) -> Result<Order, ApiError> {
    let ascending = |name| params.one_of(name, &[("asc", true), ("desc", false)]);
    let (old, new) = (ascending("order")?, ascending("sortOrder")?);
    Ok(if old == Some(true) || new == Some(true) { Order::Ascending } else { Order::Descending })
}

/// After the event of a public id, of whichever kind it is.
async fn after(app: &App, workspace: WorkspaceId, event: &str) -> Result<From, ApiError> {
    let unknown = || {
        let message = format!("Invalid cursor: the provided ID does not exist. Given: {}", quoted(event));
        ApiError::invalid("custom", "startingAfter", message)
    };
    let id = app.clicks.parse(event).ok_or_else(unknown)?;
    let at_ms = app.analytics.event_time_ms(workspace, id).await?.ok_or_else(unknown)?;
    Ok(From::After { at_ms, id })
}

impl Record for Shown {
    fn row(&self) -> Vec<Cell> {
        event_columns::flat_row(self)
    }

    fn json(&self) -> impl Serialize {
        self.object()
    }
}
