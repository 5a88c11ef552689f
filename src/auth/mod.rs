//! Credentials to a principal, and what the operator's commands need of people and keys.
//!
//! A key is looked up by its SHA-256; the answer is kept for [`CACHED_SECS`] seconds at most and forgotten as soon as any key
//! or membership changes on any node (`Change::Key`, by [`forget`](Auth::forget)). Unknown keys are not kept, so that
//! guesses cannot crowd out the keys in use.

mod key;
mod people;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use subtle::ConstantTimeEq;

use crate::calendar::Clock;
use crate::catalog::{self, Catalog, Signature};
use crate::domain::principal::Principal;

pub use key::KeyGrant;
pub use people::{FirstRun, FirstRunRequest};

/// How long a principal is kept, in seconds.
pub const CACHED_SECS: u64 = 30;
/// Principals kept.
const CACHED_KEYS: u64 = 10_000;

/// Why credentials were not taken, or a command of the operator failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such key, or it was revoked.
    #[error("unknown key")]
    UnknownKey,
    /// The key's time is over.
    #[error("expired key")]
    ExpiredKey,
    /// The mail address, domain name, scope or role given makes no sense, is in use or is not there.
    #[error("{0}")]
    Refused(String),
    /// The system gives no random bytes, or a blocking thread died.
    #[error("{0}")]
    System(String),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
}

type Result<T> = std::result::Result<T, Error>;

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth {
    catalog: Catalog,
    clock: Clock,
    known: Cache<[u8; 32], Arc<Signature>>,
    /// How often everything was forgotten: what was asked before that is not kept after it.
    forgotten: Arc<AtomicU64>,
}

impl Auth {
    /// A service with nothing in memory.
    pub fn new(catalog: Catalog, clock: Clock) -> Self {
        let known = Cache::builder().max_capacity(CACHED_KEYS).time_to_live(Duration::from_secs(CACHED_SECS)).build();
        Self { catalog, clock, known, forgotten: Arc::default() }
    }

    /// Who shows this key.
    pub async fn authenticate(&self, key: &str) -> Result<Arc<Principal>> {
        if !key::is_plausible(key) {
            return Err(Error::UnknownKey);
        }
        let hash = key::hash(key);
        let signature = match self.known.get(&hash) {
            Some(signature) => signature,
            None => {
                let asked_at = self.forgotten.load(Ordering::Acquire);
                let found = self.catalog.signature(&hash).await?.ok_or(Error::UnknownKey)?;
                if !bool::from(found.hash.as_slice().ct_eq(&hash)) {
                    return Err(Error::UnknownKey);
                }
                let found = Arc::new(found);
                self.known.insert(hash, Arc::clone(&found));
                if self.forgotten.load(Ordering::Acquire) != asked_at {
                    self.known.invalidate(&hash);
                }
                self.note_use(&found.principal);
                found
            }
        };
        if signature.expires_at_ms.is_some_and(|end| end <= self.clock.now_ms()) {
            return Err(Error::ExpiredKey);
        }
        Ok(Arc::new(signature.principal.clone()))
    }

    /// Forgets every key, because one was changed.
    pub fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }

    /// Beside the request, which does not depend on it.
    fn note_use(&self, principal: &Principal) {
        let (catalog, key, now_ms) = (self.catalog.clone(), principal.key, self.clock.now_ms());
        tokio::spawn(async move {
            if let Err(error) = catalog.touch_key(key, now_ms).await {
                tracing::debug!(%error, "the use of a key was not noted");
            }
        });
    }
}
