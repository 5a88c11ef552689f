//! Passwords are checked on blocking threads, some at a time, so that guessing cannot eat the machine.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::domain::password;

/// Checks that wait.
pub(super) const WAITING: usize = 64;

/// The places at which passwords are checked.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) places: Semaphore,
    pub(super) hashing: Arc<Semaphore>,
}

impl Default for Checks {
    fn default() -> Self {
        // Half of the cores stay free for everything else.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { places: Semaphore::new(WAITING), hashing: Arc::new(Semaphore::new((cores / 2).max(1))) }
    }
}

impl Checks {
    /// Whether `given` is the password of which `hash` is kept; `None` when too many wait already.
    pub(super) async fn fits(&self, given: &str, hash: &str) -> Option<bool> {
        let _place = self.places.try_acquire().ok()?;
        let permit = Arc::clone(&self.hashing).acquire_owned().await.ok()?;
        let (hash, given) = (hash.to_owned(), given.to_owned());
        // The permit goes along: a caller who leaves makes no room before the work is done.
        let checking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            password::verify(&given, &hash)
        });
        checking.await.inspect_err(|error| tracing::error!(%error, "a password could not be checked")).ok()
    }
}
