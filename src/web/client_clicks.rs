//! Clicks that pages report themselves: the same visitor of the same link gets the same click for an hour.
//!
//! Bounded, and in this process only: what is forgotten becomes a click of its own, which the drain still knows for a repeat.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::domain::click_id::EventId;
use crate::domain::hit::{Hit, Trigger};
use crate::domain::id::LinkId;
use crate::ingest::{Ingest, Refused};

const KEPT_FOR: Duration = Duration::from_secs(3_600);
const KEPT_CLICKS: u64 = 100_000;

/// Link, trigger, address and hash of the agent.
type Key = (LinkId, Trigger, IpAddr, u64);

/// The clicks of the last hour. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientClicks {
    known: Cache<Key, EventId>,
    agents: RandomState,
}

impl Default for ClientClicks {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(KEPT_CLICKS).time_to_live(KEPT_FOR).build();
        Self { known, agents: RandomState::new() }
    }
}

impl ClientClicks {
    /// The click that this hit is: recorded now, on disk before this returns, or recorded within the hour. Calls that come
    /// at once are one click.
    ///
    /// # Errors
    /// When the spool does not take it; then nothing is remembered.
    pub async fn record(&self, ingest: &Ingest, hit: &Hit) -> Result<EventId, Arc<Refused>> {
        let key = (hit.link, hit.trigger, hit.address, self.agents.hash_one(&hit.user_agent));
        let recording = async {
            let recorded = ingest.record(hit)?;
            recorded.synced().await?;
            Ok(recorded.id())
        };
        self.known.try_get_with(key, recording).await
    }
}
