//! How often a client asked for what is not there: guessing slugs or keys must not cost the store a query each.
//!
//! Counted are only requests that had to ask the store and found nothing, by address (IPv6 by its /64), in windows of fixed
//! length that begin with a client's first miss. The table is bounded; when it is full the least used entry goes.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use super::client_group;

const CLIENTS: u64 = 100_000;

/// Misses by client.
#[derive(Debug)]
pub struct Misses {
    limit: u32,
    clients: Cache<IpAddr, Arc<AtomicU32>>,
}

impl Misses {
    /// Allows `limit` misses a client in each `window`; 0 for no limit.
    pub fn new(limit: u32, window: Duration) -> Self {
        Self { limit, clients: Cache::builder().max_capacity(CLIENTS).time_to_live(window).build() }
    }

    /// Misses that a client has in each window; 0 for no limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Whether this client has used up its misses.
    pub fn exhausted(&self, client: IpAddr) -> bool {
        self.limit > 0
            && self.clients.get(&client_group(client)).is_some_and(|count| count.load(Ordering::Relaxed) >= self.limit)
    }

    /// Counts a miss.
    pub fn count(&self, client: IpAddr) {
        if self.limit > 0 {
            self.clients.get_with(client_group(client), Arc::default).fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_runs_out_and_its_neighbours_do_not() {
        let misses = Misses::new(3, Duration::from_secs(600));
        let client = |text: &str| text.parse::<IpAddr>().unwrap();
        for _ in 0..3 {
            assert!(!misses.exhausted(client("192.0.2.1")));
            misses.count(client("192.0.2.1"));
            misses.count(client("2001:db8::1"));
        }
        assert!(misses.exhausted(client("192.0.2.1")));
        assert!(!misses.exhausted(client("192.0.2.2")));
        assert!(misses.exhausted(client("2001:db8::ffff:2")));
        assert!(!misses.exhausted(client("2001:db8:0:1::1")));
    }

    #[test]
    fn no_limit_counts_nothing() {
        let misses = Misses::new(0, Duration::from_secs(600));
        let client = IpAddr::from([192, 0, 2, 1]);
        misses.count(client);
        assert!(!misses.exhausted(client));
    }
}
