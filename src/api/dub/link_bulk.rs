//! Dub's endpoints for many links at once.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::code;
use super::link_body;
use super::links::named;
use super::shape_link::LinkContext;
use crate::domain::link::Link;
use crate::domain::password;
use crate::links::{LinkChange, LinkName, MAX_LINKS};
use crate::web::body::{Bodies, Body};
use crate::web::caller::Caller;
use crate::web::error::ApiError;
use crate::web::params::Params;
use crate::web::state::App;

/// `POST /links/bulk`: each link, or why it was not made, in the order given.
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Bodies(bodies): Bodies,
) -> Result<Json<Vec<Value>>, ApiError> {
    caller.require("links.write")?;
    check_count("links", bodies.len())?;
    let mut changes = Vec::with_capacity(bodies.len());
    for (place, body) in bodies.iter().enumerate() {
        changes.push(read(body, place)?);
    }
    // Those that can be tried, in their order; the others are known by their refusal.
    let tried: Vec<LinkChange> = changes.iter().filter_map(|change| change.as_ref().ok()).cloned().collect();
    let made = app.links.create_many(caller.workspace, Some(caller.principal.user), tried).await?;
    let (links, outcomes) = split(made);
    let context = LinkContext::of_new(&app, caller.workspace, &links).await?;
    let mut shown = links.iter().map(|link| serde_json::to_value(context.answer(&app, link)));
    let mut outcomes = outcomes.into_iter();
    let mut answer = Vec::with_capacity(bodies.len());
    for (body, change) in bodies.into_iter().zip(changes) {
        let refusal = match change {
            Err(refusal) => Some(refusal),
            Ok(_) => outcomes.next().flatten(),
        };
        answer.push(match refusal {
            Some(refusal) => refused(body, &refusal),
            None => shown.next().and_then(Result::ok).ok_or(ApiError::Internal)?,
        });
    }
    Ok(Json(answer))
}

/// What is asked of one link of a list. A field of the wrong type refuses the whole list; what is well formed and not
/// possible only refuses the link.
fn read(body: &Body, place: usize) -> Result<Result<LinkChange, ApiError>, ApiError> {
    match link_body::read(body) {
        Ok(mut change) => {
            change.patch.forward_parameters.get_or_insert(true);
            Ok(Ok(change))
        }
        Err(error @ ApiError::Invalid { .. }) => Err(error.within(place)),
        Err(error) => Ok(Err(error)),
    }
}

/// The links that were made, and of each that was tried why it was not.
fn split(made: Vec<Result<Link, crate::links::Error>>) -> (Vec<Link>, Vec<Option<ApiError>>) {
    let mut links = Vec::new();
    let outcomes = made
        .into_iter()
        .map(|outcome| match outcome {
            Ok(link) => {
                links.push(link);
                None
            }
            Err(error) => Some(error.into()),
        })
        .collect();
    (links, outcomes)
}

/// The entry of a link that was not made. The codes of entries are those of Dub's that a status goes with.
fn refused(body: Body, refusal: &ApiError) -> Value {
    let mut link = body.into_value();
    if link.get("password").is_some_and(Value::is_string) {
        link["password"] = password::MASK.into();
    }
    let code = match refusal {
        ApiError::Unavailable(_) => "internal_server_error",
        refusal => code(refusal),
    };
    json!({ "link": link, "error": refusal.to_string(), "code": code })
}

/// `PATCH /links/bulk`: the changed links, in the order in which they were named. Ids of no link are left out.
pub(super) async fn update(State(app): State<App>, caller: Caller, body: Body) -> Result<Json<Vec<Value>>, ApiError> {
    caller.require("links.write")?;
    let names = names(&body)?;
    let data = body
        .nested("data")?
        .flatten()
        .ok_or_else(|| ApiError::invalid("invalid_type", "data", "Invalid input: expected object"))?;
    let change = link_body::read(&data).map_err(|error| error.within("data"))?;
    let links = app.links.update_many(caller.workspace, &names, change).await?;
    let context = LinkContext::of(&app, caller.workspace, &links).await?;
    let shown = links.iter().map(|link| serde_json::to_value(context.answer(&app, link)));
    Ok(Json(shown.collect::<Result<_, _>>().map_err(|_| ApiError::Internal)?))
}

/// `linkIds`, else `externalIds`.
fn names(body: &Body) -> Result<Vec<LinkName>, ApiError> {
    if let Some(ids) = body.texts("linkIds")?.flatten().filter(|ids| !ids.is_empty()) {
        check_count("linkIds", ids.len())?;
        return Ok(ids.iter().filter_map(|id| named(id)).collect());
    }
    let Some(ids) = body.texts("externalIds")?.flatten().filter(|ids| !ids.is_empty()) else {
        let message = "You must provide linkIds or externalIds to update links.";
        return Err(ApiError::BadRequest(message.to_owned()));
    };
    check_count("externalIds", ids.len())?;
    // The prefix says "external id follows" and is no part of it.
    Ok(ids.iter().map(|id| LinkName::External(id.strip_prefix("ext_").unwrap_or(id).to_owned())).collect())
}

/// `DELETE /links/bulk?linkIds=a,b,ext_c`. Ids of no link are left out.
pub(super) async fn delete(State(app): State<App>, caller: Caller, params: Params) -> Result<Json<Value>, ApiError> {
    caller.require("links.write")?;
    // One list with commas, or the parameter several times.
    let ids: Vec<&str> = params.all("linkIds").flat_map(|list| list.split(',')).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        let message =
            "Please provide linkIds to delete: ids, or external ids with `ext_` in front, separated by commas.";
        return Err(ApiError::BadRequest(message.to_owned()));
    }
    check_count("linkIds", ids.len())?;
    let names: Vec<LinkName> = ids.into_iter().filter_map(named).collect();
    let deleted = app.links.delete_many(caller.workspace, &names).await?;
    Ok(Json(json!({ "deletedCount": deleted })))
}

fn check_count(field: &'static str, count: usize) -> Result<(), ApiError> {
    if count == 0 {
        return Err(ApiError::invalid("too_small", field, "Too small: expected array to have >=1 items. Given: 0"));
    }
    if count > MAX_LINKS {
        let message = format!("Too big: expected array to have <={MAX_LINKS} items. Given: {count}");
        return Err(ApiError::invalid("too_big", field, message));
    }
    Ok(())
}
