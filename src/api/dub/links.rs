//! Dub's endpoints for links.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::shape_link::{COLUMNS, LinkContext};
use super::{link_body, link_list};
use crate::catalog::{LinkGroup, LinkGroups};
use crate::domain::id::{FolderId, LinkId};
use crate::domain::link::{Link, ROOT_SLUG};
use crate::links::LinkName;
use crate::web::body::Body;
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::listing::Listing;
use crate::web::params::Params;
use crate::web::state::App;

/// The link in the path: an id, or `ext_` and the id in the user's own database. Anything else is no link.
pub(super) struct Named(LinkName);

impl FromRequestParts<App> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let name = match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => named(&text),
            Err(_) => None,
        };
        name.map(Self).ok_or_else(no_link)
    }
}

/// The link that a text names: an id, or `ext_` and the id in the user's own database.
pub(super) fn named(text: &str) -> Option<LinkName> {
    match text.strip_prefix("ext_") {
        Some(external) => Some(LinkName::External(external.to_owned())),
        None => LinkId::parse(text).map(LinkName::Id),
    }
}

fn no_link() -> ApiError {
    ApiError::NotFound("Link not found.".to_owned())
}

/// `POST /links`
pub(super) async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    caller.require("links.write")?;
    let mut change = link_body::read(&body)?;
    // Dub always hands the visit's parameters on.
    change.patch.forward_parameters.get_or_insert(true);
    let link = app.links.create(caller.workspace, Some(caller.principal.user), change).await?;
    shown(&app, &caller, link).await
}

/// `PUT /links/upsert`
pub(super) async fn upsert(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    caller.require("links.write")?;
    let known = link_body::read(&body)?;
    let mut new = known.clone();
    new.patch.forward_parameters.get_or_insert(true);
    let link = app.links.upsert(caller.workspace, Some(caller.principal.user), new, known).await?;
    shown(&app, &caller, link).await
}

/// `GET /links`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    listing: Listing,
) -> Result<Response, ApiError> {
    caller.require("links.read")?;
    let (mut query, rank) = (link_list::query(&params)?, link_list::rank(&params)?);
    let page = link_list::page(&params, rank)?;
    if let Some(rank) = rank {
        query.by = Some(app.analytics.ranks(caller.workspace, rank).await?);
    }
    let links = app.links.list(caller.workspace, &query, page).await?;
    let context = LinkContext::of(&app, caller.workspace, &links).await?;
    let objects: Vec<_> = links.iter().map(|link| context.answer(&app, link)).collect();
    listing.answer(&objects, &COLUMNS, "links")
}

/// `GET /links/count`
pub(super) async fn count(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    listing: Listing,
) -> Result<Response, ApiError> {
    caller.require("links.read")?;
    let mut query = link_list::query(&params)?;
    let Some(group) = link_list::group(&params)? else {
        return Ok(Json(app.links.count(caller.workspace, &query).await?).into_response());
    };
    if group == LinkGroup::Folder && params.text("folderId").is_none() {
        // Who asks for folders means the links in them, too.
        query.folder = None;
    }
    let groups = app.links.count_by(caller.workspace, &query, group).await?;
    let (columns, objects) = counts(&groups);
    listing.answer(&objects, columns, "links_count")
}

/// By the columns that each kind of groups has.
fn counts(groups: &LinkGroups) -> (&'static [&'static str; 2], Vec<Value>) {
    let shown = |id: Option<String>, name: &str, number: u64| json!({ name: id, "_count": number });
    match groups {
        LinkGroups::Domains(rows) => {
            (&["domain", "_count"], rows.iter().map(|(name, n)| shown(Some(name.clone()), "domain", *n)).collect())
        }
        LinkGroups::Tags(rows) => {
            (&["tagId", "_count"], rows.iter().map(|(id, n)| shown(Some(id.to_string()), "tagId", *n)).collect())
        }
        LinkGroups::Users(rows) => (
            &["userId", "_count"],
            rows.iter().map(|(id, n)| shown(id.map(|id| id.to_string()), "userId", *n)).collect(),
        ),
        LinkGroups::Folders(rows) => {
            let row = |(id, n): &(Option<FolderId>, u64)| shown(id.map(|id| id.to_string()), "folderId", *n);
            (&["folderId", "_count"], rows.iter().map(row).collect())
        }
    }
}

/// `GET /links/info`
pub(super) async fn info(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, ApiError> {
    caller.require("links.read")?;
    let name = match (params.text("linkId"), params.text("externalId"), params.text("domain")) {
        (Some(id), _, _) => named(id).ok_or_else(no_link)?,
        (None, Some(id), _) => match id.strip_prefix("ext_") {
            Some(external) => LinkName::External(external.to_owned()),
            None => {
                let message = "Invalid externalId. Did you forget to prefix it with `ext_`?";
                return Err(ApiError::BadRequest(message.to_owned()));
            }
        },
        (None, None, Some(domain)) => {
            let key = params.text("key").map_or(ROOT_SLUG, |key| key.trim_matches('/'));
            LinkName::Place(domain.to_owned(), key.to_owned())
        }
        (None, None, None) => {
            let message = "You must provide a domain and a key, or a linkId or an externalId to retrieve a link.";
            return Err(ApiError::BadRequest(message.to_owned()));
        }
    };
    let link = app.links.get(caller.workspace, &name).await?;
    shown(&app, &caller, link).await
}

/// `GET /links/{link}`
pub(super) async fn get(State(app): State<App>, caller: Caller, Named(name): Named) -> Result<Response, ApiError> {
    caller.require("links.read")?;
    let link = app.links.get(caller.workspace, &name).await?;
    shown(&app, &caller, link).await
}

/// `PATCH /links/{link}` and `PUT /links/{link}`
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    Named(name): Named,
    body: Body,
) -> Result<Response, ApiError> {
    caller.require("links.write")?;
    let link = app.links.update(caller.workspace, &name, link_body::read(&body)?).await?;
    shown(&app, &caller, link).await
}

/// `DELETE /links/{link}`
pub(super) async fn delete(State(app): State<App>, caller: Caller, Named(name): Named) -> Result<Response, ApiError> {
    caller.require("links.write")?;
    let link = app.links.delete(caller.workspace, &name).await?;
    Ok(Json(json!({ "id": link.id.to_string() })).into_response())
}

async fn shown(app: &App, caller: &Caller, link: Link) -> Result<Response, ApiError> {
    let links = [link];
    let context = LinkContext::of(app, caller.workspace, &links).await?;
    Ok(Json(context.answer(app, &links[0])).into_response())
}
