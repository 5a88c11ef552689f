//! How events are collected.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const SPOOL_MAX_BYTES: u64 = 8 << 30;
const BATCH_ROWS: u32 = 50_000;
const BATCH_LINGER_MS: u64 = 500;

/// Spool and drain.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Ingest")]
pub struct IngestConfig {
    /// Folder of the spool. Default: `spool` in the data folder.
    #[arg(long, env = "LINKTRAIL_SPOOL_DIR")]
    pub spool_dir: Option<PathBuf>,

    /// When a redirect may answer: after its click is synced to disk, or at once (a crash may lose the last
    /// tenth of a second).
    #[arg(long, env = "LINKTRAIL_SYNC", value_enum, default_value = "always")]
    pub sync: SyncPolicy,

    /// Bytes the spool may hold while ClickHouse is away; beyond it redirects go on uncounted.
    #[arg(long, env = "LINKTRAIL_SPOOL_MAX_BYTES", default_value_t = SPOOL_MAX_BYTES, value_parser = clap::value_parser!(u64).range(100_000..))]
    pub spool_max_bytes: u64,

    /// Events in one insert at most.
    #[arg(long, env = "LINKTRAIL_BATCH_ROWS", default_value_t = BATCH_ROWS, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    pub batch_rows: u32,

    /// Milliseconds that an event may wait for others before its batch is sent.
    #[arg(long, env = "LINKTRAIL_BATCH_LINGER_MS", default_value_t = BATCH_LINGER_MS, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub batch_linger_ms: u64,
}

/// What the options default to.
impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            spool_dir: None,
            sync: SyncPolicy::Always,
            spool_max_bytes: SPOOL_MAX_BYTES,
            batch_rows: BATCH_ROWS,
            batch_linger_ms: BATCH_LINGER_MS,
        }
    }
}

/// When an append counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SyncPolicy {
    /// After `fdatasync`, shared by all appends that wait.
    Always,
    /// At once; synced in the background.
    Behind,
}
