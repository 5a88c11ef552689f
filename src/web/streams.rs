//! Live streams: how many may be open, when those that hold link attributes look again, and when all of them end.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::places::{Place, Places};
use crate::domain::id::WorkspaceId;
use crate::telemetry::name::STREAMS_OPEN;

/// Streams of one workspace at once.
const PER_WORKSPACE: u32 = 50;

/// The live streams of this node. Clones share them.
#[derive(Clone)]
pub struct Streams {
    places: Places,
    links: Arc<watch::Sender<u64>>,
    stop: CancellationToken,
}

impl Streams {
    /// Streams that end with `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { places: Places::new(PER_WORKSPACE), links: Arc::new(watch::Sender::new(0)), stop }
    }

    /// A place for one more stream of the workspace; it is free again when the place is dropped.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] when the workspace has as many as it may.
    pub fn place(&self, workspace: WorkspaceId) -> Result<StreamPlace, ApiError> {
        let place = self.places.take(workspace)?;
        gauge!(STREAMS_OPEN).increment(1.0);
        Ok(StreamPlace { _place: place })
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
    _place: Place,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        gauge!(STREAMS_OPEN).decrement(1.0);
    }
}
