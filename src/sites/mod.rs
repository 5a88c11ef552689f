//! The sites whose events are taken, in memory.
//!
//! What always holds:
//! - A known site is served without Postgres, with the settings of its workspace as they were last read.
//! - Everything is read again after each change that Postgres tells of ([`Sites::doubt`]), so that a change made on any
//!   node counts within a second; the sites known before are served meanwhile, and for as long as Postgres is away.
//! - An unknown site costs one reading a second at most, however many ask; "there is none" is said only after one that
//!   succeeded.

mod change;
mod directory;
mod owners;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::catalog::{self, Catalog};
use crate::domain::id::{LinkId, SiteId, WorkspaceId};
use crate::domain::site::Site;
use crate::domain::workspace::WorkspaceSettings;

pub use change::{Error, SiteChange};
use directory::Directory;
use owners::Owners;

/// How long the outcome of a reading is believed by those who miss a site.
const MISS_PAUSE: Duration = Duration::from_secs(1);
/// The pause before sites that could not be read are read again.
const RELOAD_AGAIN: Duration = Duration::from_secs(1);

/// A site and how its workspace collects events.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownSite {
    /// The site.
    pub site: Site,
    /// The settings of its workspace.
    pub settings: WorkspaceSettings,
}

/// Whose a link is, and how that workspace collects events.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkOwner {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its settings.
    pub settings: WorkspaceSettings,
}

/// Memory does not know, and Postgres does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sites cannot be read")]
pub struct Unavailable;

/// The sites. Cheap to clone.
#[derive(Clone)]
pub struct Sites {
    inner: Arc<Inner>,
}

struct Inner {
    catalog: Catalog,
    directory: ArcSwap<Directory>,
    owners: Owners,
    doubt: Notify,
    /// The last reading: when it ended, and whether it succeeded. One reads at a time.
    last: Mutex<Option<(Instant, bool)>>,
}

impl std::fmt::Debug for Sites {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sites").field("known", &self.inner.directory.load().len()).finish_non_exhaustive()
    }
}

impl Sites {
    /// Knows nothing yet; [`load`](Self::load) comes next.
    pub fn new(catalog: Catalog) -> Self {
        let inner = Inner {
            owners: Owners::new(catalog.clone()),
            catalog,
            directory: ArcSwap::default(),
            doubt: Notify::new(),
            last: Mutex::new(None),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Reads all sites again.
    ///
    /// # Errors
    /// When Postgres does not answer; what was known stays.
    pub async fn load(&self) -> Result<(), catalog::Error> {
        let mut last = self.inner.last.lock().await;
        let read = self.inner.read().await;
        *last = Some((Instant::now(), read.is_ok()));
        read
    }

    /// Has everything read again, because something was changed; [`keep_fresh`](Self::keep_fresh) does it.
    pub fn doubt(&self) {
        self.inner.owners.doubt();
        self.inner.doubt.notify_one();
    }

    /// Reads again whenever there is doubt, and until it succeeds; ends with `stop`. Changes that come together cost one
    /// reading.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        let work = async {
            loop {
                self.inner.doubt.notified().await;
                while let Err(error) = self.load().await {
                    tracing::warn!(%error, "sites could not be read again, it is tried again; the known ones stay meanwhile");
                    tokio::time::sleep(RELOAD_AGAIN).await;
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// The site of this id; `None` when there is none.
    ///
    /// # Errors
    /// [`Unavailable`] when memory does not know it and Postgres does not answer.
    pub async fn find(&self, id: SiteId) -> Result<Option<Arc<KnownSite>>, Unavailable> {
        if let Some(known) = self.inner.directory.load().get(id) {
            return Ok(Some(known));
        }
        let mut last = self.inner.last.lock().await;
        // Somebody may have read while we waited.
        if let Some(known) = self.inner.directory.load().get(id) {
            return Ok(Some(known));
        }
        match *last {
            Some((ended, true)) if ended.elapsed() < MISS_PAUSE => return Ok(None),
            Some((ended, false)) if ended.elapsed() < MISS_PAUSE => return Err(Unavailable),
            _ => {}
        }
        let read = self.inner.read().await;
        *last = Some((Instant::now(), read.is_ok()));
        match read {
            Ok(()) => Ok(self.inner.directory.load().get(id)),
            Err(error) => {
                tracing::warn!(%error, "sites cannot be read");
                Err(Unavailable)
            }
        }
    }

    /// Whether any site has pages on this host.
    pub fn any_on(&self, host: &str) -> bool {
        self.inner.directory.load().any_on(host)
    }

    /// Whose a link is; `None` when there is no such link.
    ///
    /// # Errors
    /// [`Unavailable`] when memory does not know it and Postgres does not answer.
    pub async fn owner_of_link(&self, link: LinkId) -> Result<Option<Arc<LinkOwner>>, Unavailable> {
        self.inner.owners.get(link).await
    }
}

impl Inner {
    async fn read(&self) -> Result<(), catalog::Error> {
        let sites = self.catalog.all_sites().await?;
        self.directory.store(Arc::new(Directory::new(sites)));
        Ok(())
    }
}
