//! `GET /api/v1/workspace/{workspace}/list_links`: pages of links with their counters (Linkly contract, 1.2 and 1.3).

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;

use super::caller::Caller;
use super::click_params::boolean;
use super::link_rows::{COLUMNS, LinkRow, Rows, writing};
use crate::analytics::LinkClicks;
use crate::catalog::{Cursor, LinkColumn, LinkQuery, Page};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::web::answer;
use crate::web::error::ApiError;
use crate::web::listing;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

/// Rows of a page unless asked otherwise.
const PAGE_SIZE: u32 = 1_000;
/// Longest text to search for, in characters.
const SEARCH_LENGTH: usize = 1_000;
const PAGE: IntegerRule<'_> = IntegerRule {
    label: "page",
    min: 1,
    too_small: "expected at least 1.",
    max: 100_000,
    too_big: "expected at most 100000.",
};
const SIZE: IntegerRule<'_> = IntegerRule {
    label: "page_size",
    min: 1,
    too_small: "expected at least 1.",
    max: 10_000,
    too_big: "expected at most 10000.",
};

/// By what a list is sorted.
#[derive(Clone, Copy)]
pub(super) enum SortBy {
    /// The time that links were made.
    Inserted,
    /// What Postgres knows of them.
    Column(LinkColumn),
    /// What became of them.
    Counter(fn(&LinkClicks) -> u64),
    /// When that was.
    LastClick(fn(&LinkClicks) -> Option<i64>),
}

/// Every name, and whether the smallest comes first unless asked otherwise.
const SORTS: [(&str, (SortBy, bool)); 22] = [
    ("inserted_at", (SortBy::Inserted, false)),
    ("updated_at", (SortBy::Column(LinkColumn::Updated), false)),
    ("id", (SortBy::Column(LinkColumn::Id), false)),
    ("name", (SortBy::Column(LinkColumn::Title), true)),
    ("note", (SortBy::Column(LinkColumn::Notes), true)),
    ("url", (SortBy::Column(LinkColumn::Url), true)),
    ("slug", (SortBy::Column(LinkColumn::Slug), true)),
    ("domain", (SortBy::Column(LinkColumn::Place), true)),
    ("full_url", (SortBy::Column(LinkColumn::Place), true)),
    ("enabled", (SortBy::Column(LinkColumn::Enabled), false)),
    ("clicks_count", (SortBy::Counter(|clicks| clicks.clicks.total), false)),
    ("clicks_total", (SortBy::Counter(|clicks| clicks.clicks.total), false)),
    ("clicks_today", (SortBy::Counter(|clicks| clicks.clicks.today), false)),
    ("clicks_thirty_days", (SortBy::Counter(|clicks| clicks.clicks.thirty_days), false)),
    ("human_clicks_total", (SortBy::Counter(|clicks| clicks.humans.total), false)),
    ("human_clicks_today", (SortBy::Counter(|clicks| clicks.humans.today), false)),
    ("human_clicks_previous_day", (SortBy::Counter(|clicks| clicks.humans_previous_day), false)),
    ("human_clicks_thirty_days", (SortBy::Counter(|clicks| clicks.humans.thirty_days), false)),
    // The month in a row is best told by its sum.
    ("sparkline", (SortBy::Counter(|clicks| clicks.humans.thirty_days), false)),
    ("last_clicked_at", (SortBy::LastClick(|clicks| clicks.last_ms), false)),
    ("last_human_clicked_at", (SortBy::LastClick(|clicks| clicks.last_human_ms), false)),
    ("created_at", (SortBy::Inserted, false)),
];

/// A page with what is told of the whole.
struct Listed {
    rows: Vec<LinkRow>,
    number: u32,
    size: u32,
    /// Links that are meant.
    entries: u64,
    /// Links of the workspace that are not in the trash.
    of_workspace: u64,
}

/// Answers one call. As JSON `links` and the numbers of the whole, else the links alone.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(workspace): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.workspace(&workspace)?;
    member.require("links.read")?;
    let writing = writing(&app, &params, &headers, "links")?;
    let listed = page(&app, member.workspace, &params).await?;
    let shown: Vec<_> = listed.rows.iter().map(LinkRow::shown).collect();
    let table = listing::table_for(&writing, &shown, &COLUMNS)?;
    let answer = Answer {
        links: shown,
        page_number: listed.number,
        page_size: listed.size,
        total_entries: listed.entries,
        total_pages: listed.entries.div_ceil(u64::from(listed.size)),
        total_rows: listed.entries,
        workspace_link_count: listed.of_workspace,
    };
    answer::value(&answer, &table, &writing)
}

#[derive(serde::Serialize)]
struct Answer<T> {
    links: Vec<T>,
    page_number: u32,
    page_size: u32,
    total_entries: u64,
    total_pages: u64,
    total_rows: u64,
    workspace_link_count: u64,
}

/// The same as a bare list, newest first, for `GET /api/v1/zapier/link`.
pub(super) async fn bare(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let member = caller.any_workspace(None)?;
    member.require("links.read")?;
    let writing = writing(&app, &params, &headers, "links")?;
    let listed = page(&app, member.workspace, &params).await?;
    let shown: Vec<_> = listed.rows.iter().map(LinkRow::shown).collect();
    let table = listing::table_for(&writing, &shown, &COLUMNS)?;
    answer::value(&json!(shown), &table, &writing)
}

async fn page(app: &App, workspace: WorkspaceId, params: &Params) -> Result<Listed, ApiError> {
    let mut query = LinkQuery { trashed: boolean(params, "deleted")?.unwrap_or(false), ..searched(params)? };
    let small = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    let given = |name| params.text(name).is_some();
    let number = if given("page") { small(params.integer("page", PAGE)?) } else { None }.unwrap_or(1);
    let size = if given("page_size") { small(params.integer("page_size", SIZE)?) } else { None }.unwrap_or(PAGE_SIZE);
    let (by, is_rising) = params.one_of("sort_by", &SORTS)?.unwrap_or((SortBy::Inserted, false));
    query.ascending = params.one_of("sort_dir", &[("asc", true), ("desc", false)])?.unwrap_or(is_rising);
    let ranked = rank(app, workspace, by, &mut query).await?;
    let offset = (number - 1).checked_mul(size);
    let offset = offset.ok_or_else(|| ApiError::invalid("too_big", "page", "there are no so many links"))?;
    let links = app.links.list(workspace, &query, Page { cursor: Cursor::Offset(offset), size }).await?;
    let clicks = match ranked {
        Some(clicks) => clicks,
        None => {
            let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
            app.analytics.link_clicks(workspace, Some(&ids), app.clock.now_ms()).await?
        }
    };
    let everything = LinkQuery { ..all() };
    let (entries, of_workspace) =
        tokio::try_join!(app.links.count(workspace, &query), app.links.count(workspace, &everything))?;
    let rows = Rows::of(app, workspace).await?;
    let rows = links.into_iter().map(|link| rows.counted(link, &clicks)).collect();
    Ok(Listed { rows, number, size, entries, of_workspace })
}

/// Every link of a workspace that is one to Linkly's clients: the page of a domain is none until it leads somewhere.
fn all() -> LinkQuery {
    LinkQuery { archived: true, leading_somewhere: true, ..LinkQuery::default() }
}

/// The links that `search` means: by name, destination, slug and note.
pub(super) fn searched(params: &Params) -> Result<LinkQuery, ApiError> {
    let search = params.text_within("search", SEARCH_LENGTH)?.map(str::to_owned);
    Ok(LinkQuery { search, search_notes: true, ..all() })
}

/// Sets the order. Where that is by clicks, it answers the counters of all links of the workspace.
async fn rank(
    app: &App,
    workspace: WorkspaceId,
    by: SortBy,
    query: &mut LinkQuery,
) -> Result<Option<HashMap<LinkId, LinkClicks>>, ApiError> {
    let number: Box<dyn Fn(&LinkClicks) -> i64 + Send> = match by {
        SortBy::Inserted => return Ok(None),
        SortBy::Column(column) => {
            query.column = Some(column);
            return Ok(None);
        }
        SortBy::Counter(counter) => Box::new(move |clicks| i64::try_from(counter(clicks)).unwrap_or(i64::MAX)),
        SortBy::LastClick(last) => Box::new(move |clicks| last(clicks).unwrap_or(0)),
    };
    let clicks = app.analytics.link_clicks(workspace, None, app.clock.now_ms()).await?;
    query.by = Some(clicks.iter().map(|(link, clicks)| (*link, number(clicks))).collect());
    Ok(Some(clicks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_and_name_can_be_sorted_by() {
        for column in COLUMNS
            .iter()
            .filter(|name| (name.contains("clicks") && **name != "expiry_clicks") || name.ends_with("_at"))
        {
            assert!(SORTS.iter().any(|(name, _)| name == column), "{column}");
        }
        for name in ["id", "name", "url", "slug", "domain", "full_url"] {
            assert!(SORTS.iter().any(|(known, _)| *known == name), "{name}");
        }
    }
}
