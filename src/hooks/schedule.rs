//! When a delivery is tried again.

use std::time::Duration;

use crate::catalog::FailurePolicy;

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct HookOptions {
    /// The pause before each attempt, counted from the one before; the first is made at once. Default: Svix's, 0, 5 s, 5 min,
    /// 30 min, 2 h, 5 h, 10 h, 10 h.
    pub schedule: Vec<Duration>,
    /// How failures of an endpoint are met. Default: off after 20, rests of 1 s to 5 min between them.
    pub failures: FailurePolicy,
    /// How often the stores are looked at for what is due, where nobody said that something is. Default 1 s.
    pub poll: Duration,
    /// How long deliveries are kept. Default 3 days.
    pub keep: Duration,
}

impl Default for HookOptions {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            schedule: [0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR]
                .map(Duration::from_secs)
                .to_vec(),
            failures: FailurePolicy { off_after: 20, first_rest_ms: 1_000, longest_rest_ms: 300_000 },
            poll: Duration::from_secs(1),
            keep: Duration::from_secs(72 * HOUR),
        }
    }
}

impl HookOptions {
    /// When to try again after the attempt of this number (from 1) failed at `now_ms`; `None` when it was the last.
    pub fn next_ms(&self, attempt: u32, now_ms: i64) -> Option<i64> {
        let pause = self.schedule.get(usize::try_from(attempt).ok()?)?;
        Some(now_ms.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_attempts_over_more_than_a_day() {
        let options = HookOptions::default();
        let mut now_ms = 0;
        let mut attempt = 1;
        while let Some(next_ms) = options.next_ms(attempt, now_ms) {
            (now_ms, attempt) = (next_ms, attempt + 1);
        }
        assert_eq!((attempt, now_ms / 1_000), (8, 5 + 300 + 1_800 + 7_200 + 18_000 + 36_000 + 36_000));
        // They are listed until all of it is over.
        assert!(options.keep.as_millis() > u128::from(now_ms.unsigned_abs()));
    }
}
