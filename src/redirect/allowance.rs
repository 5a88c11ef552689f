//! Links that only so many visitors may follow.
//!
//! What always holds:
//! - A visitor goes on only after the store said so. The store counts, so that several nodes never give away one click
//!   more than the link allows; memory only remembers that nothing is left.
//! - Visitors of one link who come at the same time ask in one question: a link that many storm costs a few questions.
//! - A visitor who leaves while the store is asked does not hold up the others. At worst a click is used up that nobody
//!   followed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::source::{BoxFuture, Unavailable};
use crate::domain::id::{LinkId, WorkspaceId};

/// How long a visitor waits for the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What memory knows of a link's limit. It is forgotten with the link whenever that changes, so that a limit that is raised
/// or lifted counts at once.
#[derive(Debug, Default)]
pub struct Limit {
    used_up: AtomicBool,
}

impl Limit {
    /// Whether nothing was left when it was asked for last. Nothing comes back while the link stays as it is.
    pub fn is_used_up(&self) -> bool {
        self.used_up.load(Ordering::Relaxed)
    }

    /// Remembers that nothing is left.
    pub fn use_up(&self) {
        self.used_up.store(true, Ordering::Relaxed);
    }
}

impl Clone for Limit {
    fn clone(&self) -> Self {
        Self { used_up: AtomicBool::new(self.is_used_up()) }
    }
}

/// What memory happens to know makes no difference to what a link is.
impl PartialEq for Limit {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What the store gave of a link's clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// So many visitors may go on; never more than were asked for.
    pub granted: u64,
    /// There are more.
    pub left: bool,
}

/// Counts the clicks of links that have a limit.
pub trait AllowanceStore: Send + Sync + 'static {
    /// Takes `wanted` of the clicks that a link still allows, or as many as there are; with 0 it only looks.
    fn take(&self, workspace: WorkspaceId, link: LinkId, wanted: u64) -> BoxFuture<'_, Result<Taken, Unavailable>>;
}

/// Whether a visitor may go on; what the store says.
type Answer = Result<bool, Unavailable>;

/// A visitor who waits.
struct Waiting {
    /// Takes a click; else it only looks.
    takes: bool,
    answer: oneshot::Sender<Answer>,
}

/// Asks for visitors. Cheap to clone.
#[derive(Clone)]
pub struct Allowances {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn AllowanceStore>,
    /// Who waits for a link's next question; a link is here while somebody asks for it.
    queues: Mutex<HashMap<LinkId, Vec<Waiting>>>,
}

impl Inner {
    fn queues(&self) -> MutexGuard<'_, HashMap<LinkId, Vec<Waiting>>> {
        // Nothing under the lock can leave the map half changed.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Allowances {
    /// Over this store.
    pub fn new(store: Arc<dyn AllowanceStore>) -> Self {
        Self { inner: Arc::new(Inner { store, queues: Mutex::default() }) }
    }

    /// Takes a click of the link; false when none is left.
    ///
    /// # Errors
    /// [`Unavailable`] when the store does not answer in time.
    pub async fn take(&self, workspace: WorkspaceId, link: LinkId) -> Result<bool, Unavailable> {
        self.ask(workspace, link, true).await
    }

    /// Whether the link has a click left. Takes none.
    ///
    /// # Errors
    /// [`Unavailable`] when the store does not answer in time.
    pub async fn look(&self, workspace: WorkspaceId, link: LinkId) -> Result<bool, Unavailable> {
        self.ask(workspace, link, false).await
    }

    async fn ask(&self, workspace: WorkspaceId, link: LinkId, takes: bool) -> Answer {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { takes, answer };
        let is_first = {
            let mut queues = self.inner.queues();
            let is_first = !queues.contains_key(&link);
            queues.entry(link).or_default().push(waiting);
            is_first
        };
        if is_first {
            let asker = Asker { inner: Arc::clone(&self.inner), workspace, link, is_over: false };
            // A task of its own: a visitor who leaves must not take the answer from those who wait with him.
            tokio::spawn(asker.run());
        }
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => answer,
            // Too late, or the question panicked.
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }
}

/// Asks for one link until nobody waits any more.
struct Asker {
    inner: Arc<Inner>,
    workspace: WorkspaceId,
    link: LinkId,
    /// Nobody waits any more.
    is_over: bool,
}

impl Asker {
    async fn run(mut self) {
        while let Some(waiting) = self.next() {
            let wanted = waiting.iter().filter(|waiting| waiting.takes).count() as u64;
            let taken = self.inner.store.take(self.workspace, self.link, wanted).await;
            deal_out(waiting, taken);
        }
        self.is_over = true;
    }

    /// Who waits now, without those who left; `None` when it is over.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queues = self.inner.queues();
        let queue = queues.get_mut(&self.link)?;
        let mut waiting = std::mem::take(queue);
        waiting.retain(|waiting| !waiting.answer.is_closed());
        if waiting.is_empty() {
            queues.remove(&self.link);
            return None;
        }
        Some(waiting)
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        // After a panic those who wait hear nothing, and whoever comes next asks anew.
        if !self.is_over {
            self.inner.queues().remove(&self.link);
        }
    }
}

/// First come, first served; what one who left meanwhile does not take is the next one's.
fn deal_out(waiting: Vec<Waiting>, taken: Result<Taken, Unavailable>) {
    let mut left = taken.map_or(0, |taken| taken.granted);
    for Waiting { takes, answer } in waiting {
        let Ok(taken) = taken else {
            let _ = answer.send(Err(Unavailable));
            continue;
        };
        if !takes {
            let _ = answer.send(Ok(taken.granted > 0 || taken.left));
        } else if left == 0 {
            let _ = answer.send(Ok(false));
        } else if answer.send(Ok(true)).is_ok() {
            left -= 1;
        }
    }
}

#[cfg(test)]
#[path = "allowance_tests.rs"]
mod tests;
