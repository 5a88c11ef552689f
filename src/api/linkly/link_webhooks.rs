//! `webhooks` of a link: the addresses that are told of it alone.

use super::faults::Refusal;
use crate::catalog::{self, MAX_WEBHOOKS, NewWebhook};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::webhook::{Flavour, HookEvent};
use crate::hooks::linkly_link::webhooks_of;
use crate::hooks::sign;
use crate::web::error::ApiError;
use crate::web::state::App;

/// What is to be done so that a link has the addresses that it is to have.
#[derive(Debug, Default)]
pub(super) struct Plan {
    add: Vec<String>,
    remove: Vec<String>,
}

/// Finds out what is to be done. `link` is `None` for one that is yet to be made.
///
/// # Errors
/// When the workspace would have more webhooks than it may.
pub(super) async fn plan(
    app: &App,
    workspace: WorkspaceId,
    link: Option<LinkId>,
    urls: &[String],
) -> Result<Plan, Refusal> {
    let all = app.catalog.webhooks(workspace, Flavour::Linkly).await?;
    let own = link.map(|link| webhooks_of(link, &all)).unwrap_or_default();
    let add: Vec<String> = urls.iter().filter(|url| !own.contains(url)).cloned().collect();
    let remove: Vec<String> = own.into_iter().filter(|url| !urls.contains(url)).collect();
    let after = (all.len() + add.len()).saturating_sub(remove.len());
    if !add.is_empty() && i64::try_from(after).map_or(true, |after| after > MAX_WEBHOOKS) {
        return Err(too_many());
    }
    Ok(Plan { add, remove })
}

/// Does it.
///
/// # Errors
/// When the workspace has got more webhooks meanwhile than it may, or Postgres does not answer.
pub(super) async fn carry_out(app: &App, link: &Link, plan: Plan) -> Result<(), Refusal> {
    for url in &plan.remove {
        app.catalog.remove_subscription(link.workspace, Some(link.id), url).await?;
    }
    for url in plan.add {
        let new = NewWebhook {
            link: Some(link.id),
            flavour: Flavour::Linkly,
            name: "Linkly".to_owned(),
            url,
            secret: sign::new_secret().ok_or(ApiError::Internal)?,
            events: HookEvent::LINKLY.to_vec(),
        };
        match app.catalog.add_webhook(link.workspace, &new, app.clock.now_ms()).await {
            Ok(_) => {}
            Err(catalog::Error::Taken(what)) if what == "webhook_count" => return Err(too_many()),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

fn too_many() -> Refusal {
    let advice = format!("a workspace can have {MAX_WEBHOOKS} webhooks; remove some that are no longer needed");
    Refusal::field("webhooks", "are too many", advice)
}
