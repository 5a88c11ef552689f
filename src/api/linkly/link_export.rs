//! `GET /api/v1/workspace/{workspace}/links/export`: every link with its counters, the oldest first, in constant memory
//! (Linkly contract, 1.2). As JSON a bare array.

use std::borrow::Cow;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::caller::Caller;
use super::click_params::boolean;
use super::link_list::searched;
use super::link_rows::{COLUMNS, LinkRow, Rows, writing};
use crate::catalog::{Cursor, LinkQuery, Page};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// Links that are read together.
const CHUNK: u32 = 1_000;

/// Answers one call.
pub(super) async fn export(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("links.read")?;
    let query =
        LinkQuery { trashed: boolean(&params, "deleted")?.unwrap_or(false), ascending: true, ..searched(&params)? };
    let writing = writing(&app, &params, &headers, "links")?;
    let place = app.exports.take(member.workspace)?;
    let chunks = async_stream::try_stream! {
        let _place = place;
        let mut cursor = Cursor::Offset(0);
        loop {
            let (rows, last) = chunk(&app, member.workspace, &query, cursor).await?;
            let is_last = rows.len() < CHUNK as usize;
            yield rows;
            match last {
                Some(last) if !is_last => cursor = Cursor::After(last),
                _ => break,
            }
        }
    };
    let columns = COLUMNS.map(Cow::Borrowed);
    answer::stream::<LinkRow, ApiError>(&columns, chunks, &writing).await
}

async fn chunk(
    app: &App,
    workspace: WorkspaceId,
    query: &LinkQuery,
    cursor: Cursor,
) -> Result<(Vec<LinkRow>, Option<LinkId>), ApiError> {
    let links = app.links.list(workspace, query, Page { cursor, size: CHUNK }).await?;
    let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
    let clicks = app.analytics.link_clicks(workspace, Some(&ids), app.clock.now_ms()).await?;
    let rows = Rows::of(app, workspace).await?;
    Ok((links.into_iter().map(|link| rows.counted(link, &clicks)).collect(), ids.last().copied()))
}
