//! `GET /analytics`.

use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::analytics;
use crate::calendar::Span;
use crate::domain::event::EventKind;
use crate::domain::id::WorkspaceId;
use crate::encode::Format;
use crate::plan::{Request, Shape};
use crate::table::Table;
use crate::web::answer::{self, Writing};
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

use super::analytics_rows::dressed;
use super::params::{self, GroupBy, Reading};
use super::reading;

/// Rows of a breakdown at most (Dub contract, 4.2).
const MAX_ROWS: u64 = 5_000;
/// Says in which currency `saleAmount` is.
const CURRENCY: HeaderName = HeaderName::from_static("x-linktrail-currency");

/// What a caller wants to know, apart from how it is grouped: every parameter is read, every name resolved.
pub(super) struct Question {
    /// Clicks, leads, sales.
    pub kinds: &'static [EventKind],
    /// The question; its shape and its kind are still to be set.
    pub request: Request,
    /// As read.
    pub said: Reading,
    /// Of what length buckets are where nothing else is said.
    pub span: Span,
    /// Show events whose dimension is unknown.
    pub unknown: bool,
}

impl Question {
    /// Reads parameters and looks up what they name. It is `a_series` if one of its answers is.
    ///
    /// # Errors
    /// The first parameter that is wrong; a link or folder that the workspace does not have; a store that does not answer.
    pub(super) async fn read(
        app: &App,
        workspace: WorkspaceId,
        params: &Params,
        accept: &str,
        a_series: bool,
    ) -> Result<Self, ApiError> {
        let kinds = params::kinds(params)?;
        let said = params::read(params, accept)?;
        let unknown = params.boolean("includeUnknown")?.unwrap_or(false);
        let span = reading::span(app, workspace, &said, a_series).await?;
        let link = reading::named_link(app, workspace, &said).await?;
        reading::check_folder(app, workspace, &said).await?;
        let request = Request {
            workspace,
            kind: EventKind::Click,
            range: span.range,
            counting: said.counting,
            filters: said.filters.clone(),
            link,
            root: said.root,
            shape: Shape::Total,
        };
        Ok(Self { kinds, request, said, span, unknown })
    }

    /// The answer by one grouping, as this surface shows it, with at most `limit` rows; and the currency of its amounts.
    ///
    /// # Errors
    /// Too many buckets; a store that does not answer.
    pub(super) async fn answer(
        &self,
        app: &App,
        params: &Params,
        group_by: GroupBy,
        limit: Option<u64>,
    ) -> Result<(Table, Option<String>), ApiError> {
        let shape = match group_by {
            GroupBy::Count => Shape::Total,
            GroupBy::Timeseries => Shape::Series(params::buckets(params, self.span, &self.said.zone)?),
            GroupBy::Dimension(by) => Shape::Groups { by, unknown: self.unknown, limit },
            GroupBy::Attribute(attribute) => Shape::Attributes(attribute),
        };
        let found = app.analytics.compare(Request { shape, ..self.request.clone() }, self.kinds).await?;
        let mut table = dressed(app, self.request.workspace, group_by, found.table, &self.said.zone).await?;
        table.rows.truncate(match (group_by, limit) {
            (GroupBy::Attribute(_), Some(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
            _ => usize::MAX,
        });
        Ok((table, found.currency))
    }
}

/// How a count of one kind of events is shown as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// An object of all metrics.
    Object,
    /// A number.
    Bare,
}

/// Answers one call.
///
/// # Errors
/// The first parameter that is wrong; a store that does not answer.
pub(super) async fn answer(
    app: &App,
    workspace: WorkspaceId,
    params: &Params,
    accept: &str,
    counts: Counts,
) -> Result<Response, ApiError> {
    let group_by = params::group_by(params)?;
    let asked = Question::read(app, workspace, params, accept, group_by == GroupBy::Timeseries).await?;
    let (table, currency) = asked.answer(app, params, group_by, Some(MAX_ROWS)).await?;
    let writing = Writing {
        format: asked.said.format,
        spreadsheet_safe: asked.said.spreadsheet_safe,
        file_name: reading::file_name(app, "analytics", &asked.said.zone),
    };
    let mut response = match (group_by, asked.kinds) {
        (GroupBy::Count, [kind]) if counts == Counts::Bare && writing.format == Format::Json => {
            Json(analytics::number(&table, *kind)).into_response()
        }
        (GroupBy::Count, _) => answer::object(&table, &writing)?,
        _ => answer::table(&table, &writing)?,
    };
    say_currency(&mut response, currency);
    Ok(response)
}

/// Says in which currency the amounts of an answer are.
pub(super) fn say_currency(response: &mut Response, currency: Option<String>) {
    if let Some(currency) = currency.and_then(|code| HeaderValue::try_from(code).ok()) {
        response.headers_mut().insert(CURRENCY, currency);
    }
}
