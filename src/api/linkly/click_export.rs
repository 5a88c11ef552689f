//! `GET /api/v1/workspace/{workspace}/clicks/export`: the clicks themselves, one row each, as one file of any length (Linkly
//! contract, 1.6). JSON is a bare array.
//!
//! Times are UTC; `timezone` says what a day of `start` and `end` is. Oldest first, unless `sort_dir=desc`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;

use super::caller::Caller;
use super::click_params::{Asked, LastDay};
use super::clicks::accept;
use crate::analytics::{ClickFile, Error};
use crate::plan::{Order, build};
use crate::throttle::Standing;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::places::Place;
use crate::web::state::{App, EXPORTS_PER_WORKSPACE};
use crate::web::{answer, uniques};

const ORDERS: [(&str, Order); 2] = [("asc", Order::Ascending), ("desc", Order::Descending)];

/// Answers one call.
pub(super) async fn export(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("analytics.read")?;
    let order = params.one_of("sort_dir", &ORDERS)?.unwrap_or(Order::Ascending);
    let asked = Asked::read(&app, member.workspace, &params, accept(&headers), ("clicks_export", LastDay::Yesterday))?;
    let file = ClickFile { format: asked.writing.format, order, spreadsheet_safe: asked.writing.spreadsheet_safe };
    let place = match app.exports.take(member.workspace) {
        Ok(place) => place,
        Err(refusal) => return Ok(crowded(refusal)),
    };
    let unique = asked.request.counting.unique;
    let parts = app.analytics.click_file(build(asked.request), file, app.clicks.clone());
    let response = answer::bytes(kept(place, parts), &asked.writing).await?;
    uniques::say(&app, member.workspace, unique, response).await
}

/// Tells how many exports there may be, where else a key's requests are told.
fn crowded(refusal: ApiError) -> Response {
    let retry_after_secs = refusal.retry_after_secs();
    let mut response = refusal.into_response();
    let limit = EXPORTS_PER_WORKSPACE;
    response.extensions_mut().insert(Standing { limit, remaining: 0, full_at_secs: 0, retry_after_secs });
    response
}

/// The parts, and the place until they end, whichever way.
fn kept(
    place: Place,
    parts: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    async_stream::stream! {
        let _place = place;
        for await part in parts {
            yield part;
        }
    }
}
