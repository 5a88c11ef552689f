//! A number of requests in a period for each of many payers, by the generic cell rate algorithm: a payer may spend the
//! whole budget at once, and it fills again evenly.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use moka::sync::Cache;

use crate::calendar::Clock;

/// Payers remembered at once. When there are more, the least seen are forgotten and begin with a whole budget.
const PAYERS: u64 = 50_000;

type Limiter<P> = RateLimiter<P, Cells<P>, Ticks, StateInformationMiddleware>;

/// What every payer of one kind may spend.
pub struct Budget<P: Hash + Eq + Clone + Send + Sync + 'static> {
    limit: NonZeroU32,
    /// In which one request is earned again.
    interval: Duration,
    limiter: Limiter<P>,
}

/// Where a payer stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests that make up the whole budget.
    pub limit: u32,
    /// Requests that could follow at once.
    pub remaining: u32,
    /// When the whole budget is there again, in seconds since the epoch, rounded up.
    pub full_at_secs: u64,
    /// For a request that was refused: seconds until one more is earned, at least 1.
    pub retry_after_secs: Option<u64>,
}

impl<P: Hash + Eq + Clone + Send + Sync + 'static> Budget<P> {
    /// `limit` requests in each `period`; `None` for no limit when `limit` is 0.
    pub fn new(limit: u32, period: Duration, clock: &Clock) -> Option<Self> {
        let limit = NonZeroU32::new(limit)?;
        let interval = (period / limit.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(interval)?.allow_burst(limit);
        // A cell that nobody touched for a period is full, as a new one is.
        let idle = period.max(Duration::from_secs(1)) * 2;
        let cells = Cells(Cache::builder().max_capacity(PAYERS).time_to_idle(idle).build());
        let limiter = RateLimiter::new(quota, cells, Ticks(clock.clone()));
        Some(Self { limit, interval, limiter })
    }

    /// Spends one request of the payer's, if there is one left.
    ///
    /// # Errors
    /// The standing of a payer who has none left; nothing is spent.
    pub fn spend(&self, payer: &P) -> Result<Standing, Standing> {
        let limit = self.limit.get();
        match self.limiter.check_key(payer) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity().min(limit);
                let full_at_secs = self.secs_after(self.interval * (limit - remaining));
                Ok(Standing { limit, remaining, full_at_secs, retry_after_secs: None })
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.limiter.clock().now());
                let retry_after_secs = wait.as_nanos().div_ceil(1_000_000_000).max(1);
                let retry_after_secs = u64::try_from(retry_after_secs).unwrap_or(u64::MAX);
                let full_at_secs = self.secs_after(wait + self.interval * (limit - 1));
                Err(Standing { limit, remaining: 0, full_at_secs, retry_after_secs: Some(retry_after_secs) })
            }
        }
    }

    fn secs_after(&self, wait: Duration) -> u64 {
        let now_ms = u64::try_from(self.limiter.clock().0.now_ms()).unwrap_or(0);
        let full_at = Duration::from_millis(now_ms) + wait;
        full_at.as_secs() + u64::from(full_at.subsec_nanos() > 0)
    }
}

impl<P: Hash + Eq + Clone + Send + Sync + 'static> std::fmt::Debug for Budget<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").field("limit", &self.limit).field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// The payers' cells, in a table that does not grow without end.
struct Cells<P>(Cache<P, Arc<InMemoryState>>);

impl<P: Hash + Eq + Clone + Send + Sync + 'static> StateStore for Cells<P> {
    type Key = P;

    fn measure_and_replace<T, F, E>(&self, payer: &P, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // The table is asked first so that a payer that is known costs no copy of its name.
        let cell = self.0.get(payer).unwrap_or_else(|| self.0.get_with(payer.clone(), Arc::default));
        cell.measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

/// Time that never goes back, as the limiter wants it.
struct Ticks(Clock);

impl GovernorClock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    fn spent(budget: &Budget<u64>, payer: u64) -> (bool, u32, u64, Option<u64>) {
        let outcome = budget.spend(&payer);
        let standing = outcome.unwrap_or_else(|refused| refused);
        assert_eq!(standing.limit, 3);
        let until = standing.full_at_secs - NOW as u64 / 1_000;
        (outcome.is_ok(), standing.remaining, until, standing.retry_after_secs)
    }

    #[test]
    fn a_budget_runs_out_and_fills_again() {
        let clock = Clock::fixed(NOW);
        let budget = Budget::new(3, Duration::from_secs(60), &clock).unwrap();
        assert_eq!(spent(&budget, 1), (true, 2, 20, None));
        assert_eq!(spent(&budget, 1), (true, 1, 40, None));
        assert_eq!(spent(&budget, 1), (true, 0, 60, None));
        for _ in 0..3 {
            assert_eq!(spent(&budget, 1), (false, 0, 60, Some(20)), "a refusal costs nothing");
        }
        assert_eq!(spent(&budget, 2), (true, 2, 20, None), "everybody has their own");
        clock.advance(19_500);
        assert_eq!(spent(&budget, 1), (false, 0, 60, Some(1)));
        clock.advance(500);
        assert_eq!(spent(&budget, 1), (true, 0, 80, None));
        clock.advance(600_000);
        assert_eq!(spent(&budget, 1), (true, 2, 640, None), "no more than the whole is ever there");
    }

    #[test]
    fn a_second_is_rounded_up() {
        let clock = Clock::fixed(NOW + 1);
        let budget = Budget::new(3, Duration::from_secs(1), &clock).unwrap();
        assert_eq!(spent(&budget, 1), (true, 2, 1, None));
        assert_eq!(spent(&budget, 1), (true, 1, 1, None));
        assert_eq!(spent(&budget, 1), (true, 0, 2, None));
        assert_eq!(spent(&budget, 1), (false, 0, 2, Some(1)));
    }

    #[test]
    fn nothing_is_no_limit_and_much_is_one() {
        let clock = Clock::fixed(NOW);
        assert!(Budget::<u64>::new(0, Duration::from_secs(60), &clock).is_none());
        let budget = Budget::new(u32::MAX, Duration::from_secs(1), &clock).unwrap();
        assert!(budget.spend(&1_u64).is_ok());
    }
}
