//! Whose a link is, by its id: what the pixel of a link needs to know. Kept until it is in doubt or memory is short; what is
//! in doubt is asked again, and still served while Postgres is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::{LinkOwner, Unavailable};
use crate::catalog::Catalog;
use crate::domain::id::LinkId;

/// Links that are remembered.
const LINKS: u64 = 100_000;
/// How long an answer is believed: a deleted link is told by its slug, not by its id.
const BELIEVED: Duration = Duration::from_secs(60);
/// How long "there is none" and a failure are believed.
const BRIEFLY: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Answer {
    owner: Option<Arc<LinkOwner>>,
    epoch: u64,
    until: Instant,
}

/// The owners of links.
pub(super) struct Owners {
    catalog: Catalog,
    known: Cache<LinkId, Answer>,
    epoch: AtomicU64,
}

impl Owners {
    pub(super) fn new(catalog: Catalog) -> Self {
        Self { catalog, known: Cache::builder().max_capacity(LINKS).build(), epoch: AtomicU64::new(0) }
    }

    /// Believes nothing any more.
    pub(super) fn doubt(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) async fn get(&self, link: LinkId) -> Result<Option<Arc<LinkOwner>>, Unavailable> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let before = self.known.get(&link);
        if let Some(answer) = before.as_ref().filter(|answer| answer.epoch == epoch && Instant::now() < answer.until) {
            return Ok(answer.owner.clone());
        }
        match self.catalog.link_owner(link).await {
            Ok(found) => {
                let owner = found.map(|(workspace, settings)| Arc::new(LinkOwner { workspace, settings }));
                let believed = if owner.is_some() { BELIEVED } else { BRIEFLY };
                self.known.insert(link, Answer { owner: owner.clone(), epoch, until: Instant::now() + believed });
                Ok(owner)
            }
            Err(error) => {
                tracing::warn!(%error, "the owner of a link cannot be read");
                let owner = before.and_then(|answer| answer.owner).ok_or(Unavailable)?;
                let answer = Answer { owner: Some(Arc::clone(&owner)), epoch, until: Instant::now() + BRIEFLY };
                self.known.insert(link, answer);
                Ok(Some(owner))
            }
        }
    }
}
