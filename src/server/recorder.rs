//! Visits meet the spool.

use crate::api::visit::{Recorder, Refused};
use crate::domain::click_id::EventId;
use crate::domain::hit::Hit;
use crate::ingest::Ingest;

/// Keeps clicks in the spool.
pub struct SpoolRecorder(pub Ingest);

impl Recorder for SpoolRecorder {
    async fn record(&self, hit: &Hit) -> Result<EventId, Refused> {
        let pending = self.0.record(hit).map_err(|refused| Refused { reason: refused.name() })?;
        pending.synced().await.map_err(|refused| Refused { reason: refused.name() })?;
        Ok(pending.id())
    }
}
