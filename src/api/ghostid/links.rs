//! `/api/links`: the tracking links of a site (Ghost ID's "Links API").

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::catalog::{Cursor, LinkQuery, Page};
use crate::domain::id::{TagId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::site::Site;
use crate::holdings::{self, TagChange};
use crate::links::{self, LinkName, TagChoice};
use crate::web::answer;
use crate::web::body::Body;
use crate::web::error::ApiError;
use crate::web::params::{IntegerRule, Params};
use crate::web::state::App;

use super::caller::Caller;
use super::link_body::{Asked, PLACEMENT, refusal};
use super::link_counts::{self, Clicks};
use super::link_shape::{counted, full_url, parse_id, shown, slug, table};
use super::site;

/// Links that are read at once.
const SLICE: u32 = 1_000;
const PAGE: IntegerRule<'_> = IntegerRule {
    label: "page",
    min: 1,
    too_small: "page must be at least 1.",
    max: 1_000_000,
    too_big: "page must be at most 1000000.",
};
const LIMIT: IntegerRule<'_> = IntegerRule {
    label: "limit",
    min: 1,
    too_small: "limit must be at least 1.",
    max: 10_000,
    too_big: "limit must be at most 10000.",
};

/// The links of a site, newest first, with their clicks, and what the whole site has. All of them, unless `limit` and `page`
/// ask for a part; `search` looks at slug, destination and title. The numbers of the site do not depend on these.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let site = caller.site(&app, params.text("siteId"), "links.read").await?;
    let writing = site::writing(&headers, &params, "links")?;
    let counting = link_counts::counting(&params)?;
    let search = params.text_within("search", 1_000)?;
    let page = params.integer("page", PAGE)?.map_or(0, |page| page - 1).unsigned_abs();
    let limit = params.integer("limit", LIMIT)?.map(i64::unsigned_abs);
    let all = links_of(&app, &site, None).await?;
    let ids: Vec<_> = all.iter().map(|link| link.id).collect();
    let clicks = link_counts::of(&app, site.workspace, &ids, counting).await?;
    let found = match search {
        Some(_) => Some(links_of(&app, &site, search).await?),
        None => None,
    };
    let wanted: Vec<&Link> = match limit {
        None if page == 0 => found.as_ref().unwrap_or(&all).iter().collect(),
        limit => {
            let limit = usize::try_from(limit.unwrap_or(LIMIT.max.unsigned_abs())).unwrap_or(usize::MAX);
            let skipped = limit.saturating_mul(usize::try_from(page).unwrap_or(usize::MAX));
            found.as_ref().unwrap_or(&all).iter().skip(skipped).take(limit).collect()
        }
    };
    let tags = tag_names(&app, site.workspace).await?;
    let of = |link: &Link| clicks.get(&link.id).copied().unwrap_or_default();
    let rows: Vec<Value> = wanted.iter().map(|link| counted(&site, link, &tags, of(link))).collect();
    let body = json!({
        "links": rows,
        "siteSlug": site.slug,
        "stats": {
            "totalLinks": all.len(),
            "totalClicks": all.iter().map(|link| of(link).total).sum::<u64>(),
            "clicksToday": all.iter().map(|link| of(link).today).sum::<u64>(),
            "topSource": top_source(&all, of),
        },
    });
    answer::value(&body, &table(&app, &site, &wanted, &tags, &clicks), &writing)
}

/// The source whose links have the most clicks; of several the first by name. `None` without clicks.
fn top_source(links: &[Link], clicks: impl Fn(&Link) -> Clicks) -> Option<&str> {
    let mut sources: BTreeMap<&str, u64> = BTreeMap::new();
    for link in links {
        if let Some(source) = &link.fields.utm.source {
            *sources.entry(source).or_default() += clicks(link).total;
        }
    }
    let most = sources.values().copied().max().filter(|most| *most > 0)?;
    sources.into_iter().find(|(_, count)| *count == most).map(|(source, _)| source)
}

/// Makes a link.
pub(super) async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    let given = site_id(&body)?.ok_or_else(|| {
        ApiError::BadRequest("siteId is required: the number that `linktrail site list` shows".to_owned())
    })?;
    let site = caller.site(&app, Some(&given), "links.write").await?;
    let mut asked = Asked::read(&body, app.clock.now_ms())?;
    if asked.change.patch.url.is_none() {
        return Err(ApiError::BadRequest("destinationUrl is required".to_owned()));
    }
    let placement = &mut asked.change.patch.placement;
    *placement = Some(placement.take().flatten().or_else(|| Some(PLACEMENT.to_owned())));
    if let Some(slug) = &asked.slug
        && !app.links.is_free_for_site(&site, slug).await.map_err(refusal)?
    {
        return Err(refusal(links::Error::SlugTaken));
    }
    set_tags(&app, site.workspace, &mut asked).await?;
    let by = Some(caller.principal.user);
    let made = app.links.create_for_site(&site, by, asked.slug.as_deref(), asked.change).await.map_err(refusal)?;
    let tags = tag_names(&app, site.workspace).await?;
    let full_url = full_url(&app, &site, slug(&site, &made));
    Ok(Json(json!({ "link": shown(&site, &made, &tags), "fullUrl": full_url })).into_response())
}

/// Changes a link; what is absent stays as it is.
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let (link, site) = own_link(&app, &caller, &id).await?;
    caller.require(site.workspace, "links.write")?;
    let mut asked = Asked::read(&body, app.clock.now_ms())?;
    // Switched off once more it is off since the first time.
    if asked.change.patch.disabled_at_ms.flatten().is_some() && link.fields.disabled_at_ms.is_some() {
        asked.change.patch.disabled_at_ms = None;
    }
    let moves_to = asked.slug.as_deref().filter(|wanted| *wanted != slug(&site, &link));
    if let Some(wanted) = moves_to
        && !app.links.is_free_for_site(&site, wanted).await.map_err(refusal)?
    {
        return Err(refusal(links::Error::SlugTaken));
    }
    let moves_to = moves_to.map(str::to_owned);
    set_tags(&app, site.workspace, &mut asked).await?;
    let changed =
        app.links.update_for_site(&site, link.id, moves_to.as_deref(), asked.change).await.map_err(refusal)?;
    let tags = tag_names(&app, site.workspace).await?;
    let full_url = full_url(&app, &site, slug(&site, &changed));
    Ok(Json(json!({ "link": shown(&site, &changed, &tags), "fullUrl": full_url })).into_response())
}

/// Deletes a link; its clicks stay.
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (link, site) = own_link(&app, &caller, &id).await?;
    caller.require(site.workspace, "links.write")?;
    app.links.delete(site.workspace, &LinkName::Id(link.id)).await.map_err(refusal)?;
    Ok(Json(json!({ "success": true })).into_response())
}

/// Whether a slug is free, which it may not be for long.
pub(super) async fn check_slug(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, ApiError> {
    let site = caller.site(&app, params.text("siteId"), "links.read").await?;
    let slug = params.raw("slug").ok_or_else(|| ApiError::BadRequest("slug is required".to_owned()))?;
    let available = app.links.is_free_for_site(&site, slug).await.map_err(refusal)?;
    Ok(Json(json!({ "available": available, "slug": slug })).into_response())
}

async fn links_of(app: &App, site: &Site, search: Option<&str>) -> Result<Vec<Link>, ApiError> {
    let query =
        LinkQuery { site: Some(site.id), search: search.map(str::to_owned), archived: true, ..LinkQuery::default() };
    let mut all: Vec<Link> = Vec::new();
    loop {
        let cursor = all.last().map_or(Cursor::Offset(0), |last| Cursor::After(last.id));
        let some = app.links.list(site.workspace, &query, Page { cursor, size: SLICE }).await?;
        let is_last = some.len() < SLICE as usize;
        all.extend(some);
        if is_last {
            return Ok(all);
        }
    }
}

/// The link behind a public id with its site, when the caller may see it.
async fn own_link(app: &App, caller: &Caller, id: &str) -> Result<(Link, Arc<Site>), ApiError> {
    let missing = || ApiError::NotFound("Link not found.".to_owned());
    let id = parse_id(id).ok_or_else(missing)?;
    for workspace in caller.principal.opened() {
        let link = match app.links.get(workspace, &LinkName::Id(id)).await {
            Err(links::Error::NoLink) => continue,
            found => found?,
        };
        let site = link.fields.site.ok_or_else(missing)?.to_string();
        let site = caller.site(app, Some(&site), "links.read").await?;
        return Ok((link, site));
    }
    Err(missing())
}

/// `siteId` in a body: a number, or a text that holds one.
fn site_id(body: &Body) -> Result<Option<String>, ApiError> {
    match body.value("siteId") {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Ok(body.text("siteId")?.flatten()),
    }
}

/// Names to tags; those that are missing are made.
async fn set_tags(app: &App, workspace: WorkspaceId, asked: &mut Asked) -> Result<(), ApiError> {
    let Some(names) = asked.tags.take() else { return Ok(()) };
    let known = app.catalog.tags_by_names(workspace, &names).await?;
    for name in &names {
        if known.iter().any(|tag| tag.name.to_lowercase() == name.to_lowercase()) {
            continue;
        }
        match app.holdings.add_tag(workspace, TagChange { name: Some(name.clone()), color: None }).await {
            // Somebody else was faster.
            Ok(_) | Err(holdings::Error::TagTaken) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let tags = app.catalog.tags_by_names(workspace, &names).await?;
    let place = |name: &str| names.iter().position(|wanted| wanted.to_lowercase() == name.to_lowercase());
    let mut tags: Vec<_> = tags.into_iter().map(|tag| (place(&tag.name), tag.id)).collect();
    tags.sort_unstable();
    asked.change.tags = Some(TagChoice::Ids(tags.into_iter().map(|(_, id)| id).collect()));
    Ok(())
}

async fn tag_names(app: &App, workspace: WorkspaceId) -> Result<HashMap<TagId, String>, ApiError> {
    Ok(app.catalog.tags(workspace).await?.into_iter().map(|tag| (tag.id, tag.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::LinkId;
    use crate::domain::link::{LinkFields, LinkUtm};

    #[test]
    fn the_top_source_has_the_most_clicks() {
        let link = |id, source: Option<&str>| {
            let utm = LinkUtm { source: source.map(str::to_owned), ..LinkUtm::default() };
            Link { id: LinkId(id), fields: LinkFields { utm, ..LinkFields::default() }, ..Link::default() }
        };
        let links = [link(1, Some("b")), link(2, Some("a")), link(3, Some("b")), link(9, None)];
        let clicks = |counts: [u64; 10]| {
            move |link: &Link| Clicks { total: counts[usize::try_from(link.id.0).unwrap()], ..Clicks::default() }
        };
        assert_eq!(top_source(&links, clicks([0, 2, 3, 2, 0, 0, 0, 0, 0, 9])), Some("b"));
        assert_eq!(top_source(&links, clicks([0, 2, 4, 2, 0, 0, 0, 0, 0, 0])), Some("a"));
        assert_eq!(top_source(&links, clicks([0; 10])), None);
    }
}
