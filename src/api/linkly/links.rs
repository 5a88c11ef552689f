//! Links one at a time: made, changed, read, thrown away, taken back (Linkly contract, 1.2, 1.3 and D14).
//!
//! A link is found in every workspace that the key opens, or in the one that is named; elsewhere it does not exist.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::asking::Asking;
use super::caller::{Caller, Member};
use super::click_params::boolean;
use super::faults::Refusal;
use super::link_body::{self, LinkRequest};
use super::link_rows::{self, LinkRow, Rows};
use super::link_webhooks;
use crate::domain::id::LinkId;
use crate::domain::link::Link;
use crate::domain::workspace::parse_domain_name;
use crate::links::{LinkChange, LinkName, SlugChoice};
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;

/// `POST /api/v1/link`: makes a link, or changes the one that `id` names.
pub(super) async fn save(State(app): State<App>, asking: Asking) -> Result<Response, Refusal> {
    let given = asking.workspace();
    let target = match link_body::named(&asking.body) {
        Some(id) => Target::old(find(&app, &asking.caller.members(given.as_deref())?, &id).await?),
        None => Target::new(asking.caller.any_workspace(given.as_deref())?),
    };
    write(&app, target, &asking).await
}

/// `POST /api/v1/workspace/{workspace}/links`: the same in one workspace.
pub(super) async fn save_in_workspace(
    State(app): State<App>,
    Path(workspace): Path<String>,
    asking: Asking,
) -> Result<Response, Refusal> {
    let member = asking.caller.workspace(&workspace)?;
    let target = match link_body::named(&asking.body) {
        Some(id) => Target::old(find(&app, &[member], &id).await?),
        None => Target::new(member),
    };
    write(&app, target, &asking).await
}

/// `PUT /api/v1/zapier/link/{link}`: changes the link of the path.
pub(super) async fn change(
    State(app): State<App>,
    Path(link): Path<String>,
    asking: Asking,
) -> Result<Response, Refusal> {
    let given = asking.workspace();
    let target = Target::old(find(&app, &asking.caller.members(given.as_deref())?, &link).await?);
    write(&app, target, &asking).await
}

/// `GET /api/v1/link/{link}` and `GET /api/v1/get_link/{link}`: also one in the trash. Its counters are left out while the
/// event store does not answer.
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(link): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    read(&app, &caller.workspaces()?, &link, &params, &headers).await
}

/// `GET /api/v1/workspace/{workspace}/links/{link}`: the same in one workspace.
pub(super) async fn get_in_workspace(
    State(app): State<App>,
    caller: Caller,
    Path((workspace, link)): Path<(String, String)>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    read(&app, &[caller.workspace(&workspace)?], &link, &params, &headers).await
}

/// `DELETE /api/v1/workspace/{workspace}/links/{link}`: into the trash; with `purge=true` for good.
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((workspace, link)): Path<(String, String)>,
    params: Params,
) -> Result<Json<&'static str>, Refusal> {
    remove(&app, &[caller.workspace(&workspace)?], &link, &params).await
}

/// `DELETE /api/v1/link/{link}` and `DELETE /api/v1/zapier/link/{link}`: the same wherever the link is.
pub(super) async fn delete_anywhere(
    State(app): State<App>,
    caller: Caller,
    Path(link): Path<String>,
    params: Params,
) -> Result<Json<&'static str>, Refusal> {
    remove(&app, &caller.workspaces()?, &link, &params).await
}

/// `POST /api/v1/workspace/{workspace}/links/{link}/restore`: out of the trash. A link that is not there is answered as it is.
pub(super) async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path((workspace, link)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (member, link) = find(&app, &[caller.workspace(&workspace)?], &link).await?;
    member.require("links.write")?;
    let link = app.links.restore(member.workspace, link.id).await?;
    shown(&app, link).await
}

async fn read(
    app: &App,
    members: &[Member],
    number: &str,
    params: &Params,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (member, link) = find(app, members, number).await?;
    member.require("links.read")?;
    let writing = link_rows::writing(app, params, headers, "link")?;
    let row = Rows::of(app, member.workspace).await?.counted_if_known(link).await;
    link_rows::one(&row, &writing)
}

/// What a request that writes is about.
struct Target {
    member: Member,
    /// `None` to make one.
    link: Option<Link>,
}

impl Target {
    fn new(member: Member) -> Self {
        Self { member, link: None }
    }

    fn old((member, link): (Member, Link)) -> Self {
        Self { member, link: Some(link) }
    }
}

async fn write(app: &App, target: Target, asking: &Asking) -> Result<Response, Refusal> {
    let Target { member, link } = target;
    member.require("links.write")?;
    let request = link_body::read(&asking.body, link.is_none(), &app.hooks, app.clock.now_ms())?;
    let webhooks = match &request.webhooks {
        Some(urls) => {
            member.require("webhooks.write")?;
            Some(link_webhooks::plan(app, member.workspace, link.as_ref().map(|link| link.id), urls).await?)
        }
        None => None,
    };
    let LinkRequest { deleted, change, .. } = request;
    let mut link = match link {
        None => app.links.create(member.workspace, Some(asking.caller.principal.user), change).await?,
        Some(link) => update(app, &member, link, deleted, change).await?,
    };
    if let Some(plan) = webhooks {
        link_webhooks::carry_out(app, &link, plan).await?;
    }
    if deleted == Some(true) && link.trashed_at_ms.is_none() {
        link = app.links.trash(member.workspace, link.id).await?;
    }
    shown(app, link).await
}

/// Changes a link; one in the trash is taken out of it with the change, where that is asked.
async fn update(
    app: &App,
    member: &Member,
    link: Link,
    deleted: Option<bool>,
    mut change: LinkChange,
) -> Result<Link, Refusal> {
    if change.domain.as_deref().and_then(parse_domain_name).as_ref() == Some(&link.domain) {
        change.domain = None;
    }
    if change.slug == SlugChoice::Fixed(link.slug.clone()) {
        change.slug = SlugChoice::Keep;
    }
    if link.trashed_at_ms.is_some() {
        match (deleted, change.is_empty()) {
            (Some(false), true) => return Ok(app.links.restore(member.workspace, link.id).await?),
            (Some(false), false) => {
                return Ok(app.links.update_and_restore(member.workspace, link.id, change).await?);
            }
            // It is there already.
            (_, true) => return Ok(link),
            _ => {
                let advice = "take it out with \"deleted\": false before, or with it, to change it";
                return Err(Refusal::field("id", "is in the trash", advice));
            }
        }
    }
    if change.is_empty() {
        return Ok(link);
    }
    Ok(app.links.update(member.workspace, &LinkName::Id(link.id), change).await?)
}

async fn remove(app: &App, members: &[Member], number: &str, params: &Params) -> Result<Json<&'static str>, Refusal> {
    let (member, link) = find(app, members, number).await?;
    member.require("links.write")?;
    let purge = boolean(params, "purge")?.unwrap_or(false);
    if purge {
        app.links.purge(member.workspace, link.id).await?;
        return Ok(Json("The link was deleted for good."));
    }
    app.links.trash(member.workspace, link.id).await?;
    Ok(Json("The link was moved to the trash."))
}

/// The link of this number, also one in the trash, in one of these workspaces.
pub(super) async fn find(app: &App, members: &[Member], number: &str) -> Result<(Member, Link), ApiError> {
    let missing = || ApiError::NotFound(format!("Link not found. Given: {}", quoted(number)));
    let id = number.trim().parse::<u64>().ok().filter(|id| i64::try_from(*id).is_ok()).map(LinkId);
    let id = id.ok_or_else(missing)?;
    for member in members {
        if let Some(link) = app.catalog.link_or_trashed(member.workspace, id).await? {
            return Ok((member.clone(), link));
        }
    }
    Err(missing())
}

async fn shown(app: &App, link: Link) -> Result<Response, Refusal> {
    let row: LinkRow = Rows::of(app, link.workspace).await?.plain(link);
    Ok(Json(row.shown()).into_response())
}
