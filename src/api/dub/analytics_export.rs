//! `GET /analytics/export`, and `POST`: every grouping that has rows, each as a CSV file in one zip archive (Dub contract, 4.5).
//!
//! All rows are there, and one grouping at a time is in memory. The amounts are in one currency, which a header says.

use async_stream::try_stream;
use axum::extract::State;
use axum::response::Response;
use futures_util::Stream;

use super::analytics::{Question, say_currency};
use super::asked::Asked;
use super::params::{GroupBy, groupings};
use super::reading;
use crate::domain::dimension::Dimension;
use crate::encode::{Archive, Delimited, Format};
use crate::filter::{Field, Sense};
use crate::table::Table;
use crate::web::answer;
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::places::Place;
use crate::web::state::App;

/// Rows that are encoded together.
const ROWS: usize = 1_000;

/// Answers one call. Where no `event` is named, clicks, leads and sales stand side by side.
pub(super) async fn answer(State(app): State<App>, caller: Caller, Asked(params): Asked) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let params = if params.text("event").is_none() { params.with("event", "composite") } else { params };
    let question = Question::read(&app, caller.workspace, &params, "", true).await?;
    let of_one_link = is_of_one_link(&question);
    let mut wanted = groupings().filter(move |(_, by)| !(of_one_link && *by == GroupBy::Dimension(Dimension::Link)));
    let place = app.exports.take(caller.workspace)?;
    // What fails with the first is told as what it is; what fails later breaks the file.
    let Some((name, by)) = wanted.next() else { return Err(ApiError::Internal) };
    let (table, currency) = question.answer(&app, &params, by, None).await?;
    let files = files(app.clone(), question, params.clone(), (name, table), wanted, place);
    let mut response = answer::file("application/zip", "analytics_export.zip", files);
    say_currency(&mut response, currency);
    reading::say_uniques(&app, caller.workspace, &params, response).await
}

/// Whether exactly one link is asked for: which one was clicked most is no question then.
fn is_of_one_link(question: &Question) -> bool {
    let link = Field::Dimension(Dimension::Link);
    let named = question.said.filters.iter().find_map(|filter| filter.list_of(link));
    question.request.link.is_some() || named.is_some_and(|list| list.sense == Sense::Is && list.values.len() == 1)
}

/// The archive in pieces.
fn files(
    app: App,
    question: Question,
    params: Params,
    first: (&'static str, Table),
    rest: impl Iterator<Item = (&'static str, GroupBy)> + Send + 'static,
    place: Place,
) -> impl Stream<Item = Result<Vec<u8>, ApiError>> + Send + 'static {
    try_stream! {
        // Given back when the export ends, whichever way.
        let _place = place;
        let mut archive = Archive::new(app.clock.now_ms());
        let (mut name, mut table) = first;
        let mut rest = rest;
        loop {
            if !table.rows.is_empty() {
                archive.begin(&format!("{name}.csv")).map_err(internal)?;
                let csv = Delimited::new(Format::Csv, true);
                let mut bytes = Vec::new();
                csv.header(&mut bytes, &table.columns).map_err(internal)?;
                for rows in table.rows.chunks(ROWS) {
                    for row in rows {
                        csv.row(&mut bytes, row).map_err(internal)?;
                    }
                    archive.write(&bytes).map_err(internal)?;
                    bytes.clear();
                    let written = archive.take();
                    if !written.is_empty() {
                        yield written;
                    }
                }
            }
            let Some((next, by)) = rest.next() else { break };
            // The table before is let go first.
            drop(table);
            (name, table) = (next, question.answer(&app, &params, by, None).await?.0);
        }
        yield archive.finish().map_err(internal)?;
    }
}

fn internal(error: impl std::error::Error) -> ApiError {
    tracing::error!(%error, "export cannot be encoded");
    ApiError::Internal
}
