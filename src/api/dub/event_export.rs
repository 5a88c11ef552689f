//! `GET /events/export`, and `POST`: every event that `/events` would list, in columns of the caller's choice, as one file of any length
//! (Dub contract, 5.4).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_stream::try_stream;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use futures_util::Stream;
use serde::Serialize;

use super::asked::Asked;
use super::event_columns::{self, Column};
use super::event_shape::{self, LinkOfEvents, customers, distinct, dressed};
use super::events::{self, KINDS};
use super::{params, reading};
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::encode::{Format, RowObject};
use crate::plan::{Order, Query, Request, Shape, build};
use crate::table::Cell;
use crate::web::answer::{self, Record, Writing};
use crate::web::caller::Caller;
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::places::Place;
use crate::web::state::App;

/// Links that are remembered while an export runs.
const MOST_LINKS: usize = 10_000;

/// Answers one call.
pub(super) async fn answer(State(app): State<App>, caller: Caller, Asked(params): Asked) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let kind = params.one_of("event", &KINDS)?.unwrap_or(EventKind::Click);
    let columns = columns(&params, kind)?;
    params.one_of("sortBy", &[("timestamp", ())])?;
    let order = events::order(&params)?;
    // What the caller accepts does not matter: a link to the file is opened by a browser.
    let format = params.one_of("format", &Format::NAMES)?.unwrap_or(Format::Csv);
    let said = params::read(&params, "")?;
    let span = reading::span(&app, caller.workspace, &said, false).await?;
    let link = reading::named_link(&app, caller.workspace, &said).await?;
    reading::check_folder(&app, caller.workspace, &said).await?;
    let query = build(Request {
        workspace: caller.workspace,
        kind,
        range: span.range,
        counting: said.counting,
        filters: said.filters,
        link,
        root: said.root,
        shape: Shape::Total,
    });
    let place = app.exports.take(caller.workspace)?;
    let rows = rows(app.clone(), query, order, Columns::of(&columns), place);
    let name = KINDS.iter().find(|(_, known)| *known == kind).map_or("events", |(name, _)| name);
    let writing = Writing { format, spreadsheet_safe: true, file_name: format!("{name}_export") };
    let header: Vec<Cow<'static, str>> = columns.iter().map(|column| column.title()).collect();
    let mut response = answer::stream(&header, rows, &writing).await?;
    let headers = response.headers_mut();
    if format == Format::Csv {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/csv"));
    }
    let file = format!("attachment; filename={name}_export.{}", format.extension());
    if let Ok(file) = HeaderValue::try_from(file) {
        headers.insert(CONTENT_DISPOSITION, file);
    }
    reading::say_uniques(&app, caller.workspace, &params, response).await
}

/// Reads `columns`: names of the kind's columns, separated by commas, each once.
fn columns(params: &Params, kind: EventKind) -> Result<Vec<&'static Column>, ApiError> {
    let known = || event_columns::columns(kind);
    let allowed = || known().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let mut columns: Vec<&'static Column> = Vec::new();
    let names = params.text("columns").unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    for name in names {
        let Some(column) = known().find(|column| column.name == name) else {
            let message = format!("Invalid column: expected some of {}. Given: {}", allowed(), quoted(name));
            return Err(ApiError::invalid("invalid_value", "columns", message));
        };
        if columns.iter().all(|chosen| chosen.name != column.name) {
            columns.push(column);
        }
    }
    if columns.is_empty() {
        let message = format!("columns is required: some of {}, separated by commas", allowed());
        return Err(ApiError::invalid("invalid_type", "columns", message));
    }
    Ok(columns)
}

/// The columns that were chosen, shared by all rows.
#[derive(Clone)]
struct Columns {
    chosen: Arc<[&'static Column]>,
    names: Arc<[Cow<'static, str>]>,
}

impl Columns {
    fn of(chosen: &[&'static Column]) -> Self {
        Self { chosen: chosen.into(), names: chosen.iter().map(|column| Cow::Borrowed(column.name)).collect() }
    }
}

/// The events in chunks, each with its link and customer.
fn rows(
    app: App,
    query: Query,
    order: Order,
    columns: Columns,
    place: Place,
) -> impl Stream<Item = Result<Vec<Row>, ApiError>> + Send + 'static {
    try_stream! {
        // Given back when the export ends, whichever way.
        let _place = place;
        let (workspace, kind) = (query.workspace, query.kind);
        let mut links: HashMap<LinkId, Arc<LinkOfEvents>> = HashMap::new();
        for await events in app.analytics.all_events(query, order) {
            let events: Vec<_> = events?.into_iter().map(|event| (kind, event)).collect();
            learn(&app, workspace, &mut links, distinct(events.iter().map(|(_, event)| LinkId(event.link_id)))).await?;
            let customers = customers(&app, workspace, &events).await?;
            let row = |event| {
                let shown = dressed(&app, event, &links, &customers);
                let cells = columns.chosen.iter().map(|column| column.spoken_cell(&shown)).collect();
                Row { names: Arc::clone(&columns.names), cells }
            };
            yield events.into_iter().map(row).collect();
        }
    }
}

/// Looks up those of these links that are not yet known.
async fn learn(
    app: &App,
    workspace: WorkspaceId,
    links: &mut HashMap<LinkId, Arc<LinkOfEvents>>,
    mut wanted: Vec<LinkId>,
) -> Result<(), ApiError> {
    if links.len() > MOST_LINKS {
        links.clear();
    }
    wanted.retain(|id| !links.contains_key(id));
    let found = app.analytics.links(workspace, &wanted).await?;
    links.extend(found.iter().map(|link| (link.id, Arc::new(event_shape::place(app, link)))));
    Ok(())
}

/// One event in the columns that were chosen.
struct Row {
    names: Arc<[Cow<'static, str>]>,
    cells: Vec<Cell>,
}

impl Record for Row {
    fn row(&self) -> Vec<Cell> {
        self.cells.clone()
    }

    fn json(&self) -> impl Serialize {
        RowObject { columns: &self.names, row: &self.cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str, kind: EventKind) -> Result<Vec<&'static str>, String> {
        let columns = columns(&Params::parse(query).unwrap(), kind);
        columns.map(|columns| columns.iter().map(|column| column.name).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let every = chosen("columns=url,timestamp,+country,,url", EventKind::Click).unwrap();
        assert_eq!(every, ["url", "timestamp", "country"]);
        assert_eq!(chosen("columns=saleAmount", EventKind::Sale).unwrap(), ["saleAmount"]);
        for query in ["", "columns=", "columns=,%20,"] {
            let refused = chosen(query, EventKind::Click).unwrap_err();
            let start = "invalid_type: columns: columns is required: some of event, timestamp, clickId, linkId, link, ";
            assert!(refused.starts_with(start), "{refused}");
        }
        for (query, kind) in [
            ("columns=timestamp,saleAmount", EventKind::Lead),
            ("columns=customer", EventKind::Click),
            ("columns=Timestamp", EventKind::Sale),
        ] {
            let refused = chosen(query, kind).unwrap_err();
            assert!(
                refused.starts_with("invalid_value: columns: Invalid column: expected some of event, "),
                "{refused}"
            );
            assert!(refused.contains("Given: \""), "{refused}");
        }
    }
}
