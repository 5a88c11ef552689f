//! `/api/sites`: the sites of the caller (Ghost ID contract, 2.1). Members of a workspace change them, viewers read.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use crate::domain::id::WorkspaceId;
use crate::domain::principal::Role;
use crate::domain::site::Site;
use crate::domain::workspace::Domain;
use crate::sites::SiteChange;
use crate::table::{Cell, Table};
use crate::web::body::Body;
use crate::web::error::{ApiError, quoted};
use crate::web::params::Params;
use crate::web::state::App;

use super::caller::Caller;
use super::sections::{Part, Sections};
use super::site;

const READ: &str = "workspaces.read";
const WRITE: &str = "workspaces.write";

/// `GET`: all sites that the caller's credentials open.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let writing = site::writing(&headers, &params, "sites")?;
    let mut shown = Vec::new();
    let mut table = Table::new(&["siteId", "name", "domain", "trackingMode", "firstPartyDomain", "slug"]);
    for workspace in caller.principal.opened() {
        caller.require(workspace, READ)?;
        let shape = Shape::of(&app, workspace).await?;
        for site in app.sites.of(workspace).await? {
            table.push(vec![
                Cell::from(site.id.0),
                Cell::from(site.name.as_str()),
                Cell::from(domain(&site)),
                Cell::from(shape.tracking_mode(&site)),
                Cell::from(shape.first_party_domain(&site).map(str::to_owned)),
                Cell::from(site.slug.as_str()),
            ]);
            shown.push(shape.site(&site));
        }
    }
    Sections::default().with("sites", Part::Shaped(Value::Array(shown), table)).answer("sites", &params, &writing)
}

/// `POST`: adds a site, to the first workspace that the caller may change where `workspaceId` names none.
pub(super) async fn create(State(app): State<App>, caller: Caller, body: Body) -> Result<Json<Value>, ApiError> {
    let named = body.text("workspaceId")?.flatten();
    let mut workspaces = caller.principal.opened();
    let workspace = match &named {
        Some(text) => workspaces
            .find(|workspace| Some(*workspace) == WorkspaceId::parse(text))
            .ok_or_else(|| ApiError::NotFound(format!("Workspace not found. workspaceId: {}", quoted(text))))?,
        None => {
            let opened: Vec<WorkspaceId> = workspaces.collect();
            let writes = |id: &&WorkspaceId| caller.principal.role_in(**id).is_some_and(|role| role >= Role::Member);
            let first = opened.iter().find(writes).or(opened.first());
            *first.ok_or_else(|| ApiError::Forbidden("Forbidden: you are in no workspace.".to_owned()))?
        }
    };
    caller.require(workspace, WRITE)?;
    let added = app.sites.add(workspace, &change(&body)?, app.clock.now_ms()).await?;
    let shape = Shape::of(&app, workspace).await?;
    Ok(Json(json!({ "site": shape.site(&added) })))
}

/// `PUT /:id`: changes what is given.
pub(super) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let site = caller.site(&app, Some(&id), WRITE).await?;
    let changed = app.sites.change(site.workspace, site.id, &change(&body)?).await?;
    let shape = Shape::of(&app, site.workspace).await?;
    Ok(Json(json!({ "site": shape.site(&changed) })))
}

/// `DELETE /:id`: its pages' events are no longer taken.
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let site = caller.site(&app, Some(&id), WRITE).await?;
    app.sites.remove(site.workspace, site.id, app.clock.now_ms()).await?;
    Ok(Json(json!({ "success": true })))
}

/// An absent or null name or domain is no change; `highValuePages: null` brings back the default ones.
fn change(body: &Body) -> Result<SiteChange, ApiError> {
    Ok(SiteChange {
        name: body.text("name")?.flatten(),
        domain: body.text("domain")?.flatten(),
        high_value_pages: body.texts("highValuePages")?,
    })
}

/// What tells how sites are tracked.
struct Shape {
    /// The public address's host.
    public: Vec<String>,
    /// The workspace's.
    short_domains: Vec<String>,
}

impl Shape {
    async fn of(app: &App, workspace: WorkspaceId) -> Result<Self, ApiError> {
        let domains = app.catalog.link_domains(workspace).await?;
        let short_domains = domains.into_iter().filter(Domain::is_verified).map(|domain| domain.name);
        Ok(Self {
            public: app.public_url.host_str().map(str::to_owned).into_iter().collect(),
            short_domains: short_domains.collect(),
        })
    }

    /// `first-party` where the tracker is loaded from the site's own domain.
    fn tracking_mode(&self, site: &Site) -> &'static str {
        if below(site, &self.public).is_some() { "first-party" } else { "third-party" }
    }

    /// The name on the site's own domain under which this installation, else a short domain of the workspace, is reached.
    fn first_party_domain(&self, site: &Site) -> Option<&str> {
        below(site, &self.public).or_else(|| below(site, &self.short_domains))
    }

    fn site(&self, site: &Site) -> Value {
        json!({
            "siteId": site.id.0,
            "name": site.name,
            "domain": domain(site),
            "trackingMode": self.tracking_mode(site),
            "firstPartyDomain": self.first_party_domain(site),
            "slug": site.slug,
            "highValuePages": site.settings.high_value_pages,
        })
    }
}

/// The first host of its pages.
fn domain(site: &Site) -> &str {
    site.main_host().or(site.hosts.first().map(String::as_str)).unwrap_or_default()
}

/// The first of these that is the site's domain or lies below it.
fn below<'a>(site: &Site, hosts: &'a [String]) -> Option<&'a str> {
    let domain = site.main_host()?;
    let lies_below =
        |host: &&String| host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    hosts.iter().find(lies_below).map(String::as_str)
}
