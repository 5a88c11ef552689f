//! Where the present comes from: the system in production, a value that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The present, in milliseconds since 1970-01-01T00:00:00Z. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: Option<Arc<AtomicI64>>,
    began: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { fixed: None, began: Instant::now() }
    }

    /// A clock that stands at `now_ms` until it is [`set`](Self::set) or [`advanced`](Self::advance).
    pub fn fixed(now_ms: i64) -> Self {
        Self { fixed: Some(Arc::new(AtomicI64::new(now_ms))), began: Instant::now() }
    }

    /// Milliseconds since the epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that all others are to ask")]
    pub fn now_ms(&self) -> i64 {
        match &self.fixed {
            Some(now) => now.load(Ordering::Relaxed),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// Time since some moment in the past, for what must not mind that the machine's clock is set: the system's never goes
    /// back. A fixed clock goes where it is moved.
    pub fn elapsed(&self) -> Duration {
        match &self.fixed {
            Some(now) => Duration::from_millis(u64::try_from(now.load(Ordering::Relaxed)).unwrap_or(0)),
            None => self.began.elapsed(),
        }
    }

    /// Moves a fixed clock to `now_ms`, forward or back; the system clock is left alone.
    pub fn set(&self, now_ms: i64) {
        if let Some(now) = &self.fixed {
            now.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Moves a fixed clock by `by_ms`, which may be negative; the system clock is left alone.
    pub fn advance(&self, by_ms: i64) {
        if let Some(now) = &self.fixed {
            now.fetch_add(by_ms, Ordering::Relaxed);
        }
    }
}
