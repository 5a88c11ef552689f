//! Settings: plain values from flags and `LINKTRAIL_*` variables, one struct a section. Services never see the whole; they
//! are handed their section.

pub mod http;
pub mod ingest;
pub mod stores;

use std::path::PathBuf;

use clap::Args;

pub use http::HttpConfig;
pub use ingest::IngestConfig;
pub use stores::StoresConfig;

/// Everything that `serve` and the commands beside it can be told.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Folder that holds all that Linktrail keeps: spool, secrets, and the embedded engines' data. Made with mode 0700.
    #[arg(long, env = "LINKTRAIL_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,

    /// MaxMind-format files (`.mmdb`), country or city, in order of preference; an address takes the first that knows it.
    /// Default: the files that `make run` fetched.
    #[arg(
        long = "geo-file",
        env = "LINKTRAIL_GEO_FILES",
        value_delimiter = ',',
        global = true,
        help_heading = "Geography"
    )]
    pub geo_files: Vec<PathBuf>,

    /// Folder of the embedded engines (`node_modules` of the pinned packages). Default: `.engines` in the current folder
    /// or above the program.
    #[arg(long, env = "LINKTRAIL_ENGINES_DIR", global = true, help_heading = "Stores")]
    pub engines_dir: Option<PathBuf>,

    /// Who may speak to us and how.
    #[command(flatten)]
    pub http: HttpConfig,

    /// Where Postgres and ClickHouse are.
    #[command(flatten)]
    pub stores: StoresConfig,

    /// How events are collected.
    #[command(flatten)]
    pub ingest: IngestConfig,
}
