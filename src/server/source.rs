//! Postgres as the redirects see it: links and domains to load, and changes to forget by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::catalog::{self, Catalog, Change};
use crate::domain::id::WorkspaceId;
use crate::domain::link::Link;
use crate::domain::workspace::{Domain, WorkspaceSettings};
use crate::redirect::{BoxFuture, FoundLink, LinkPlace, LinkSource, Resolver, Unavailable};
use crate::sites::Sites;
use crate::web::streams::Streams;

/// The pause before short domains that could not be read are read again.
const RELOAD_AGAIN: Duration = Duration::from_secs(1);

/// Links from the catalog.
pub struct CatalogSource {
    catalog: Catalog,
    /// The settings that were read last, so that all links of a workspace share one copy.
    settings: Mutex<HashMap<WorkspaceId, Arc<WorkspaceSettings>>>,
}

impl CatalogSource {
    /// The links of this catalog.
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog, settings: Mutex::default() }
    }

    async fn load(&self, places: &[LinkPlace]) -> Result<Vec<Option<FoundLink>>, catalog::Error> {
        let places: Vec<_> = places.iter().map(|place| (place.domain, &*place.slug_key)).collect();
        let found = self.catalog.resolve_all(&places).await?;
        let shared = |(link, settings): (Link, WorkspaceSettings)| {
            let settings = self.shared(link.workspace, settings);
            FoundLink { link, settings }
        };
        Ok(found.into_iter().map(|found| found.map(shared)).collect())
    }

    fn shared(&self, workspace: WorkspaceId, settings: WorkspaceSettings) -> Arc<WorkspaceSettings> {
        let mut known = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&workspace) {
            Some(shared) if **shared == settings => Arc::clone(shared),
            _ => {
                let shared = Arc::new(settings);
                known.insert(workspace, Arc::clone(&shared));
                shared
            }
        }
    }
}

impl LinkSource for CatalogSource {
    fn links<'a>(&'a self, places: &'a [LinkPlace]) -> BoxFuture<'a, Vec<Result<Option<FoundLink>, Unavailable>>> {
        Box::pin(async move {
            match self.load(places).await {
                Ok(found) => found.into_iter().map(Ok).collect(),
                Err(error) if places.len() > 1 && !matches!(error, catalog::Error::Unavailable(_)) => {
                    // One that cannot be asked for, or not be read, must not take the others with it.
                    let mut found = Vec::with_capacity(places.len());
                    for place in places.chunks(1) {
                        let one = self.load(place).await.map_err(|error| unavailable(&error));
                        found.push(one.map(|one| one.into_iter().next().flatten()));
                    }
                    found
                }
                Err(error) => vec![Err(unavailable(&error)); places.len()],
            }
        })
    }

    fn domains(&self) -> BoxFuture<'_, Result<Vec<Domain>, Unavailable>> {
        Box::pin(async move { self.catalog.domains().await.map_err(|error| unavailable(&error)) })
    }
}

fn unavailable(error: &catalog::Error) -> Unavailable {
    tracing::warn!(%error, "links cannot be read");
    Unavailable
}

/// Hands changes of the catalog, whoever made them, to those who remember what it said; until `stop`.
pub async fn follow_changes(
    catalog: Catalog,
    resolver: Arc<Resolver>,
    sites: Sites,
    auth: Auth,
    streams: Streams,
    stop: CancellationToken,
) {
    let mut changes = catalog.changes();
    let mut domains_are_old = false;
    loop {
        let change = tokio::select! {
            () = stop.cancelled() => return,
            change = changes.next() => change,
            () = tokio::time::sleep(RELOAD_AGAIN), if domains_are_old => {
                domains_are_old = !reload(&resolver).await;
                continue;
            }
        };
        match change {
            None => return,
            Some(Change::Link { domain, slug_key }) => {
                resolver.forget_link(domain, &slug_key);
                streams.links_changed();
            }
            Some(Change::Workspace(_)) => {
                resolver.forget_all();
                sites.doubt();
            }
            Some(Change::Site(_)) => sites.doubt(),
            Some(Change::Key) => auth.forget(),
            // Those who tell webhooks listen for themselves.
            Some(Change::Webhook) => {}
            Some(Change::Domain) => {
                streams.links_changed();
                domains_are_old = !reload(&resolver).await;
                resolver.forget_all();
            }
            // What was said while nobody listened is not known.
            Some(Change::Reconnected) => {
                auth.forget();
                streams.links_changed();
                sites.doubt();
                domains_are_old = !reload(&resolver).await;
                resolver.forget_all();
            }
        }
    }
}

/// Whether the short domains were read again.
async fn reload(resolver: &Resolver) -> bool {
    let read = resolver.reload_domains().await.is_ok();
    if !read {
        tracing::warn!("short domains could not be read again, it is tried again; the known ones stay meanwhile");
    }
    read
}
