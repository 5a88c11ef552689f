//! Credentials to a principal, and what the operator's commands need of people and keys. Keys are here, people who sign in
//! are in `sign_in.rs`.
//!
//! A key is looked up by its SHA-256; the answer is kept for [`CACHED_SECS`] seconds at most and forgotten as soon as any key
//! or membership changes on any node (`Change::Key`, by [`forget`](Auth::forget)). Unknown keys are not kept, so that
//! guesses cannot crowd out the keys in use. Who guesses too much is not looked up any more; keys in use go on.

mod checks;
pub mod gate;
mod invitation;
mod key;
mod people;
mod sign_in;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use subtle::ConstantTimeEq;

use crate::calendar::Clock;
use crate::catalog::{self, Catalog, Signature};
use crate::config::SignInConfig;
use crate::domain::principal::{Principal, Shown};
use crate::throttle::Misses;

pub use invitation::MIN_PASSWORD;
pub use key::KeyGrant;
use key::KeyKind;
pub use people::{FirstRun, FirstRunRequest};
use sign_in::SignIns;
pub use sign_in::{SignedIn, TRIES_WINDOW_SECS};

/// How long a principal is kept, in seconds.
pub const CACHED_SECS: u64 = 30;
/// Principals kept.
const CACHED_KEYS: u64 = 10_000;

/// Length of the window in which wrong keys are counted, in seconds.
pub const GUESSES_WINDOW_SECS: u64 = 60;

/// Why credentials were not taken, or a command of the operator failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such key, or it was revoked.
    #[error("unknown key")]
    UnknownKey,
    /// The client showed too many keys that are none; whether this one is was not asked.
    #[error("too many wrong keys")]
    TooManyGuesses,
    /// A publishable key, where secrets are needed.
    #[error("publishable key")]
    OnlyPublishable,
    /// A secret key, where pages report.
    #[error("secret key in a page")]
    NotPublishable,
    /// The key's time is over.
    #[error("expired key")]
    ExpiredKey,
    /// Nobody is signed in with this cookie, or not any more.
    #[error("not signed in")]
    NotSignedIn,
    /// No such mail address, or not its password.
    #[error("wrong mail address or password")]
    WrongPassword,
    /// The client, or all clients for this mail address, tried too many wrong passwords; this one was not looked at.
    #[error("too many wrong passwords")]
    TooManyTries,
    /// No invitation has this code: it was used, withdrawn, or its time is over.
    #[error("no such invitation")]
    NoInvitation,
    /// A chosen password is too short, or longer than is looked at.
    #[error("the password must have 12 characters at least, and 1024 bytes at most")]
    WeakPassword,
    /// Too many passwords wait to be checked.
    #[error("too many passwords wait")]
    Busy,
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
#[derive(Clone)]
pub struct Auth {
    catalog: Catalog,
    clock: Clock,
    known: Cache<[u8; 32], Known>,
    /// How often everything was forgotten: what was asked before that is not kept after it.
    forgotten: Arc<AtomicU64>,
    guesses: Arc<Misses>,
    sign_ins: Arc<SignIns>,
}

/// A key that was found.
#[derive(Clone)]
struct Known {
    principal: Arc<Principal>,
    expires_at_ms: Option<i64>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is kept of keys is nobody's business.
        f.debug_struct("Auth").field("known", &self.known.entry_count()).finish_non_exhaustive()
    }
}

impl Auth {
    /// A service with nothing in memory, where clients may guess.
    pub fn new(catalog: Catalog, clock: Clock) -> Self {
        let sign_ins = Arc::new(SignIns::new(SignInConfig::default()));
        let known = Cache::builder().max_capacity(CACHED_KEYS).time_to_live(Duration::from_secs(CACHED_SECS)).build();
        Self { catalog, clock, known, forgotten: Arc::default(), guesses: Arc::new(guesses(0)), sign_ins }
    }

    /// Looks up at most `limit` wrong keys of one client in [`GUESSES_WINDOW_SECS`] seconds; 0 for no limit.
    #[must_use]
    pub fn with_guess_limit(self, limit: u32) -> Self {
        Self { guesses: Arc::new(guesses(limit)), ..self }
    }

    /// Signs people in by these rules.
    #[must_use]
    pub fn with_sign_in(self, config: SignInConfig) -> Self {
        Self { sign_ins: Arc::new(SignIns::new(config)), ..self }
    }

    /// Wrong keys of one client that are looked up in [`GUESSES_WINDOW_SECS`] seconds; 0 for no limit.
    pub fn guess_limit(&self) -> u32 {
        self.guesses.limit()
    }

    /// Who shows this key, from this address.
    pub async fn authenticate(&self, key: &str, client: IpAddr) -> Result<Arc<Principal>> {
        match KeyKind::of(key) {
            Some(KeyKind::Secret) => self.known(key, KeyKind::Secret, client).await,
            Some(KeyKind::Publishable) => Err(Error::OnlyPublishable),
            None => Err(Error::UnknownKey),
        }
    }

    /// Whose page shows this publishable key, from this address. Secret keys are refused: they must not stand in pages.
    pub async fn authenticate_page(&self, key: &str, client: IpAddr) -> Result<Arc<Principal>> {
        match KeyKind::of(key) {
            Some(KeyKind::Publishable) => self.known(key, KeyKind::Publishable, client).await,
            Some(KeyKind::Secret) => Err(Error::NotPublishable),
            None => Err(Error::UnknownKey),
        }
    }

    async fn known(&self, key: &str, kind: KeyKind, client: IpAddr) -> Result<Arc<Principal>> {
        let hash = key::hash(key);
        let known = match self.known.get(&hash) {
            Some(known) => known,
            None if self.guesses.exhausted(client) => return Err(Error::TooManyGuesses),
            None => self.look_up(hash).await.inspect_err(|error| {
                if matches!(error, Error::UnknownKey) {
                    self.guesses.count(client);
                }
            })?,
        };
        if known.expires_at_ms.is_some_and(|end| end <= self.clock.now_ms()) {
            return Err(Error::ExpiredKey);
        }
        if !kind.fits(&known.principal.scopes) {
            return Err(Error::UnknownKey);
        }
        Ok(known.principal)
    }

    async fn look_up(&self, hash: [u8; 32]) -> Result<Known> {
        let asked_at = self.forgotten.load(Ordering::Acquire);
        let Signature { hash: stored, principal, expires_at_ms } =
            self.catalog.signature(&hash).await?.ok_or(Error::UnknownKey)?;
        if !bool::from(stored.as_slice().ct_eq(&hash)) {
            return Err(Error::UnknownKey);
        }
        self.note_use(&principal);
        let known = Known { principal: Arc::new(principal), expires_at_ms };
        self.known.insert(hash, known.clone());
        if self.forgotten.load(Ordering::Acquire) != asked_at {
            self.known.invalidate(&hash);
        }
        Ok(known)
    }

    /// Forgets every key and everybody who is signed in, because something of that was changed.
    pub fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
        self.sign_ins.forget();
    }

    /// Beside the request, which does not depend on it.
    fn note_use(&self, principal: &Principal) {
        let Shown::Key(key) = principal.shown else { return };
        let (catalog, now_ms) = (self.catalog.clone(), self.clock.now_ms());
        tokio::spawn(async move {
            if let Err(error) = catalog.touch_key(key, now_ms).await {
                tracing::debug!(%error, "the use of a key was not noted");
            }
        });
    }
}

fn guesses(limit: u32) -> Misses {
    Misses::new(limit, Duration::from_secs(GUESSES_WINDOW_SECS))
}
