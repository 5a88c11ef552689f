//! The door: hits go into the spool, or are refused for one of two reasons.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};
use tokio::sync::watch;

use crate::config::IngestConfig;
use crate::config::ingest;
use crate::domain::click_id::EventId;
use crate::domain::hit::Hit;
use crate::spool::{MAX_PAYLOAD, Observer, Options, Pending, Reader, Spool, SpoolError, SyncPolicy};
use crate::telemetry::name;

use super::live::Live;

/// A disk that does not answer for so long counts as failed for the caller; the hit may still be recorded.
const SYNC_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of hits that are appended at once in bulk.
const BULK_BYTES: usize = 4 << 20;

/// Why a hit was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The store has been away for so long that the spool is full.
    #[error("the spool is full")]
    Full,
    /// The spool's disk does not take it, or the service ends.
    #[error("the spool cannot be written")]
    Unavailable,
}

impl From<SpoolError> for Refused {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full { .. } => Self::Full,
            SpoolError::Locked
            | SpoolError::Busy
            | SpoolError::Unavailable { .. }
            | SpoolError::Closed
            | SpoolError::Size { .. } => Self::Unavailable,
        }
    }
}

impl Refused {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "spool_full",
            Self::Unavailable => "spool_unavailable",
        }
    }
}

/// Accepts hits. Clones share it.
#[derive(Clone)]
pub struct Ingest {
    spool: Spool,
    node: u16,
    /// Up to this sequence somebody waits for the store.
    hurry: Arc<watch::Sender<u64>>,
    live: Live,
}

struct Metrics {
    hits: Counter,
    lost: Counter,
    sync: Histogram,
}

impl Observer for Metrics {
    fn synced(&self, took: Duration, records: u64) {
        self.hits.increment(records);
        self.sync.record(took);
    }

    fn failed(&self, records: u64) {
        self.lost.increment(records);
    }
}

impl Ingest {
    /// Opens the spool in `folder` as `config` says; the reader is for the [`Drain`](super::Drain). `known_to_store` is the
    /// last sequence of the node that the store is seen to hold, 0 for none. Blocks. Metrics go to the recorder that is
    /// installed now.
    pub fn open(
        config: &IngestConfig,
        folder: &Path,
        node: u16,
        known_to_store: u64,
    ) -> Result<(Self, Reader), SpoolError> {
        let sync = match config.sync {
            ingest::SyncPolicy::Always => SyncPolicy::Always,
            ingest::SyncPolicy::Behind => SyncPolicy::Behind,
        };
        let max_bytes = config.spool_max_bytes;
        Self::with_options(Options { sync, max_bytes, known_to_store, ..Options::new(folder) }, node)
    }

    /// Opens a spool as told.
    pub fn with_options(options: Options, node: u16) -> Result<(Self, Reader), SpoolError> {
        let observer = Metrics {
            hits: counter!(name::HITS_TOTAL),
            lost: counter!(name::CLICKS_LOST_TOTAL, "reason" => Refused::Unavailable.name()),
            sync: histogram!(name::SPOOL_SYNC_SECONDS),
        };
        let (spool, reader) = Spool::open(Options { observer: Some(Arc::new(observer)), ..options })?;
        Ok((Self { spool, node, hurry: Arc::new(watch::Sender::new(0)), live: Live::default() }, reader))
    }

    /// Takes a hit. Its identity is known at once; it is safe when [`Recorded::synced`] says so.
    pub fn record(&self, hit: &Hit) -> Result<Recorded, Refused> {
        match self.spool.append(&hit.encode()) {
            Ok(pending) => Ok(Recorded { pending, node: self.node }),
            Err(error) => Err(refuse(error, 1)),
        }
    }

    /// Takes several hits at once, all of them or none, with identities that follow each other. What is answered stands for
    /// the last of them, and is safe when all of them are.
    pub fn record_all(&self, hits: &[Hit]) -> Result<Recorded, Refused> {
        let payloads: Vec<Vec<u8>> = hits.iter().map(Hit::encode).collect();
        match self.spool.append_many(&payloads) {
            Ok(pending) => Ok(Recorded { pending, node: self.node }),
            Err(error) => Err(refuse(error, hits.len() as u64)),
        }
    }

    /// Takes many hits, in their order; waits while the spool is full or the disk does not keep up, so it never outruns
    /// the store by more than the spool holds. Returns once all are safe; after an error some may be.
    pub async fn record_many(&self, hits: &[Hit]) -> Result<(), Refused> {
        let mut waiting: Option<Pending> = None;
        let mut rest = hits;
        while !rest.is_empty() {
            let (mut payloads, mut bytes) = (Vec::new(), 0);
            while let Some((hit, others)) = rest.split_first().filter(|_| bytes < BULK_BYTES) {
                let payload = hit.encode();
                bytes += payload.len().min(MAX_PAYLOAD);
                payloads.push(payload);
                rest = others;
            }
            let left = (payloads.len() + rest.len()) as u64;
            let next = self.spool.append_many_in_time(&payloads).await.map_err(|error| refuse(error, left))?;
            // One is synced while the next is encoded.
            if let Some(before) = waiting.replace(next) {
                before.synced().await.map_err(Refused::from)?;
            }
        }
        match waiting {
            Some(last) => Ok(last.synced().await?),
            None => Ok(()),
        }
    }

    /// Waits until everything recorded before the call is stored or set aside: for ever, while the store is away or no
    /// drain runs.
    pub async fn flushed(&self) {
        let target = self.spool.settled().await;
        self.hurry.send_if_modified(|hurry| {
            let more = target > *hurry;
            *hurry = target.max(*hurry);
            more
        });
        // The sender lives in the spool that is held here.
        let _ = self.spool.watch_stored().wait_for(|stored| *stored >= target).await;
    }

    /// Follows the last sequence of this node up to which everything is stored or set aside.
    pub fn watch_stored(&self) -> watch::Receiver<u64> {
        self.spool.watch_stored()
    }

    /// Whether an event of this node is stored or set aside already.
    pub fn is_stored(&self, id: EventId) -> bool {
        id.node() == self.node && id.sequence() <= *self.spool.watch_stored().borrow()
    }

    /// The node number in the identities.
    pub fn node(&self) -> u16 {
        self.node
    }

    /// The spool below.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// What was just stored, as it comes.
    pub fn live(&self) -> &Live {
        &self.live
    }

    pub(super) fn watch_hurry(&self) -> watch::Receiver<u64> {
        self.hurry.subscribe()
    }
}

fn refuse(error: SpoolError, hits: u64) -> Refused {
    let refused = Refused::from(error);
    counter!(name::CLICKS_LOST_TOTAL, "reason" => refused.name()).increment(hits);
    refused
}

/// A hit that was taken.
#[must_use = "a hit is safe only once it is synced"]
pub struct Recorded {
    pending: Pending,
    node: u16,
}

impl Recorded {
    /// The identity of the event that the hit becomes.
    pub fn id(&self) -> EventId {
        EventId::new(self.node, self.pending.sequence())
    }

    /// Waits until the hit is safe as the sync policy demands, at most five seconds.
    pub async fn synced(&self) -> Result<(), Refused> {
        match tokio::time::timeout(SYNC_LIMIT, self.pending.synced()).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(Refused::Unavailable),
        }
    }
}
