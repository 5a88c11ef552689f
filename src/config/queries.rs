//! How many analytics queries run at once, and what one may cost.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use clap::Args;
use clap::builder::RangedU64ValueParser;

const MAX_SECS: u32 = 30;
const MAX_ROWS: u64 = 5_000_000_000;
const MAX_MEMORY_BYTES: u64 = 4 << 30;
const QUEUE: usize = 1_000;
const QUEUE_SECS: u32 = 5;
/// Queries for each core. At most so many in all that they and the exports fit into the 100 that the embedded ClickHouse
/// takes at once.
const PER_CORE: usize = 4;
const MOST: usize = 64;
/// Exports may be so many however few cores there are, since slow clients need little, and no more however many.
const LEAST_EXPORTS: usize = 8;
const MOST_EXPORTS: usize = 32;

/// Analytics queries. Each node counts for itself.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Queries")]
pub struct QueriesConfig {
    /// Seconds an analytics query may run.
    #[arg(id = "query_max_secs", long = "query-max-secs", env = "LINKTRAIL_QUERY_MAX_SECS", default_value_t = MAX_SECS, value_parser = clap::value_parser!(u32).range(1..=3600), value_name = "SECONDS", global = true)]
    pub max_secs: u32,

    /// Rows an analytics query may read in ClickHouse. 0 for no limit.
    #[arg(id = "query_max_rows", long = "query-max-rows", env = "LINKTRAIL_QUERY_MAX_ROWS", default_value_t = MAX_ROWS, value_name = "ROWS", global = true)]
    pub max_rows: u64,

    /// Memory an analytics query may take in ClickHouse, in bytes.
    #[arg(id = "query_max_memory_bytes", long = "query-max-memory-bytes", env = "LINKTRAIL_QUERY_MAX_MEMORY_BYTES", default_value_t = MAX_MEMORY_BYTES, value_name = "BYTES", global = true)]
    pub max_memory_bytes: u64,

    /// Analytics queries that run at once, exports not counted; further ones wait for a place. Default: 4 for each core,
    /// at most 64.
    #[arg(id = "queries_at_once", long = "queries-at-once", env = "LINKTRAIL_QUERIES_AT_ONCE", value_parser = at_least_one(), value_name = "QUERIES", global = true)]
    pub at_once: Option<usize>,

    /// How many of them may be one workspace's. Default: half.
    #[arg(id = "queries_per_workspace", long = "queries-per-workspace", env = "LINKTRAIL_QUERIES_PER_WORKSPACE", value_parser = at_least_one(), value_name = "QUERIES", global = true)]
    pub per_workspace: Option<usize>,

    /// Analytics queries that wait for a place at once; at most half of them are one workspace's. Further ones answer 429
    /// where it is the workspace's share that is used up, and 503 where it is the whole.
    #[arg(id = "query_queue", long = "query-queue", env = "LINKTRAIL_QUERY_QUEUE", default_value_t = QUEUE, value_name = "QUERIES", global = true)]
    pub queue: usize,

    /// Seconds a query waits for a place before it answers 429 or 503.
    #[arg(id = "query_queue_secs", long = "query-queue-secs", env = "LINKTRAIL_QUERY_QUEUE_SECS", default_value_t = QUEUE_SECS, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS", global = true)]
    pub queue_secs: u32,

    /// Exports that run at once, which have places of their own; at most half of them are one workspace's. Default: 4 for
    /// each core, at least 8 and at most 32.
    #[arg(id = "exports_at_once", long = "exports-at-once", env = "LINKTRAIL_EXPORTS_AT_ONCE", value_parser = at_least_one(), value_name = "EXPORTS", global = true)]
    pub exports_at_once: Option<usize>,
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// Half of a bound, but something.
fn half(bound: usize) -> usize {
    bound.div_ceil(2)
}

impl QueriesConfig {
    /// Queries at once: in all, and of one workspace.
    pub fn places(&self) -> (usize, usize) {
        let in_all = self.at_once.unwrap_or_else(|| (PER_CORE * cores()).min(MOST));
        (in_all, self.per_workspace.unwrap_or_else(|| half(in_all)).min(in_all))
    }

    /// Exports at once: in all, and of one workspace.
    pub fn export_places(&self) -> (usize, usize) {
        let in_all = self.exports_at_once.unwrap_or_else(|| (PER_CORE * cores()).clamp(LEAST_EXPORTS, MOST_EXPORTS));
        (in_all, half(in_all))
    }

    /// Queries that wait at once: in all, and of one workspace.
    pub fn queues(&self) -> (usize, usize) {
        (self.queue, half(self.queue))
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// What the options default to.
impl Default for QueriesConfig {
    fn default() -> Self {
        Self {
            max_secs: MAX_SECS,
            max_rows: MAX_ROWS,
            max_memory_bytes: MAX_MEMORY_BYTES,
            at_once: None,
            per_workspace: None,
            queue: QUEUE,
            queue_secs: QUEUE_SECS,
            exports_at_once: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_whole() {
        let of = |at_once, per_workspace| QueriesConfig { at_once, per_workspace, ..QueriesConfig::default() }.places();
        assert_eq!(of(Some(8), None), (8, 4));
        assert_eq!(of(Some(1), None), (1, 1));
        assert_eq!(of(Some(8), Some(2)), (8, 2));
        assert_eq!(of(Some(8), Some(20)), (8, 8));
        let (in_all, each) = of(None, None);
        assert!(in_all >= 4 && each * 2 == in_all);
        let exports = QueriesConfig { exports_at_once: Some(3), queue: 5, ..QueriesConfig::default() };
        assert_eq!((exports.export_places(), exports.queues()), ((3, 2), (5, 3)));
        assert!(QueriesConfig::default().export_places().1 >= 4);
    }
}
