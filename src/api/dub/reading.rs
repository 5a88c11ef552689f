//! What `/analytics` and `/events` resolve before they ask: who may, which link, which span of time.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::Response;

use super::analytics::{self, Counts};
use super::asked::Asked;
use super::events;
use super::params::{NamedLink, Reading};
use crate::calendar::{EARLIEST_MS, Span, Zone};
use crate::domain::dimension::LinkAttribute;
use crate::domain::id::{FolderId, LinkId, WorkspaceId};
use crate::filter::Field;
use crate::links::{self, LinkName};
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;
use crate::web::uniques;

/// `GET /analytics` and `POST /analytics`
pub(super) async fn analytics(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(params): Asked,
) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let answer = analytics::answer(&app, caller.workspace, &params, accept(&headers), Counts::Object).await?;
    say_uniques(&app, caller.workspace, &params, answer).await
}

/// `GET /events` and `POST /events`
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Asked(params): Asked,
) -> Result<Response, ApiError> {
    caller.require("analytics.read")?;
    let answer = events::answer(&app, caller.workspace, &params, accept(&headers)).await?;
    say_uniques(&app, caller.workspace, &params, answer).await
}

/// Says of uniques that were asked for within what a visitor is known again.
pub(super) async fn say_uniques(
    app: &App,
    workspace: WorkspaceId,
    params: &Params,
    answer: Response,
) -> Result<Response, ApiError> {
    uniques::say(app, workspace, params.boolean("unique")?.unwrap_or(false), answer).await
}

pub(super) fn accept(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default()
}

/// The link that the caller named by its place or its external id.
///
/// # Errors
/// [`ApiError::NotFound`] when the workspace has no such link.
pub(super) async fn named_link(app: &App, workspace: WorkspaceId, said: &Reading) -> Result<Option<LinkId>, ApiError> {
    let name = match &said.link {
        None => return Ok(None),
        Some(NamedLink::At { domain, key }) => LinkName::Place(domain.clone(), key.clone()),
        Some(NamedLink::External(id)) => match id.strip_prefix("ext_") {
            Some(external) => LinkName::External(external.to_owned()),
            None => {
                let message = "Invalid externalId. Did you forget to prefix it with `ext_`?";
                return Err(ApiError::BadRequest(message.to_owned()));
            }
        },
    };
    Ok(Some(app.links.get(workspace, &name).await?.id))
}

/// Sees that the first folder that is asked for, or asked to be left out, is the workspace's (Dub contract, section 2).
///
/// # Errors
/// [`ApiError::NotFound`] when it is not.
pub(super) async fn check_folder(app: &App, workspace: WorkspaceId, said: &Reading) -> Result<(), ApiError> {
    let by_folder = said.filters.iter().find_map(|filter| filter.list_of(Field::Attribute(LinkAttribute::Folder)));
    let Some(first) = by_folder.and_then(|list| list.values.first()) else { return Ok(()) };
    let folder = match FolderId::parse(first) {
        Some(id) => app.catalog.folder(workspace, id).await?,
        None => None,
    };
    if folder.is_some() { Ok(()) } else { Err(links::Error::NoFolder.into()) }
}

/// The span of time that is meant. A workspace's data begin with its first event, or when it was made if it has none; only
/// where buckets `begin` with the span does that have to be known.
///
/// # Errors
/// When the range is the wrong way round, or a store that has to be asked does not answer.
pub(super) async fn span(app: &App, workspace: WorkspaceId, said: &Reading, begin: bool) -> Result<Span, ApiError> {
    let now_ms = app.clock.now_ms();
    let beginning_ms = if !begin {
        EARLIEST_MS
    } else if said.when.needs_beginning() {
        let (first, made) = tokio::join!(app.analytics.beginning_ms(workspace), app.catalog.workspace(workspace));
        let made_ms = made?.map_or(now_ms, |workspace| workspace.created_at_ms);
        first?.map_or(made_ms, |first_ms| first_ms.min(made_ms))
    } else {
        now_ms
    };
    said.when.resolve(now_ms, &said.zone, beginning_ms)
}

/// `analytics_2026-11-20`: what a CSV or TSV file is called, with the local date.
pub(super) fn file_name(app: &App, what: &str, zone: &Zone) -> String {
    format!("{what}_{}", zone.day_at(app.clock.now_ms()))
}
