//! Live streams: how many may be open, when those that hold link attributes look again, and when all of them end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::gauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use crate::domain::id::WorkspaceId;
use crate::telemetry::name::STREAMS_OPEN;

/// Streams of one workspace at once.
const PER_WORKSPACE: u32 = 50;
/// What a client that finds no place should wait.
const RETRY_AFTER_SECS: u64 = 10;

/// The live streams of this node. Clones share them.
#[derive(Clone)]
pub struct Streams {
    open: Arc<Mutex<HashMap<WorkspaceId, u32>>>,
    links: Arc<watch::Sender<u64>>,
    stop: CancellationToken,
}

impl Streams {
    /// Streams that end with `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { open: Arc::default(), links: Arc::new(watch::Sender::new(0)), stop }
    }

    /// A place for one more stream of the workspace; it is free again when the place is dropped.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] when the workspace has as many as it may.
    pub fn place(&self, workspace: WorkspaceId) -> Result<StreamPlace, ApiError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(workspace).or_default();
        if *count >= PER_WORKSPACE {
            return Err(ApiError::RateLimited { retry_after_secs: RETRY_AFTER_SECS });
        }
        *count += 1;
        gauge!(STREAMS_OPEN).increment(1.0);
        Ok(StreamPlace { streams: self.clone(), workspace })
    }

    /// Says that some link is not what it was.
    pub fn links_changed(&self) {
        self.links.send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Follows changes of links.
    pub fn watch_links(&self) -> watch::Receiver<u64> {
        self.links.subscribe()
    }

    /// Cancelled when all streams end.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }
}

/// A stream's place among those of its workspace.
pub struct StreamPlace {
    streams: Streams,
    workspace: WorkspaceId,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.workspace);
            }
        }
        gauge!(STREAMS_OPEN).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_so_many_places_and_gets_them_back() {
        let streams = Streams::new(CancellationToken::new());
        let held: Vec<_> = (0..PER_WORKSPACE).map(|_| streams.place(WorkspaceId(1)).map_err(drop).unwrap()).collect();
        assert!(matches!(streams.place(WorkspaceId(1)), Err(ApiError::RateLimited { .. })));
        assert!(streams.place(WorkspaceId(2)).is_ok());
        drop(held);
        assert!(streams.place(WorkspaceId(1)).is_ok());
        assert!(streams.open.lock().unwrap().is_empty());
    }
}
