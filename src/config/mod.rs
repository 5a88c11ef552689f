//! Settings: plain values from flags and `LINKTRAIL_*` variables, one struct a section. Services never see the whole; they
//! are handed their section.

pub mod domains;
pub mod hooks;
pub mod http;
pub mod ingest;
pub mod limits;
pub mod queries;
pub mod sign_in;
pub mod stores;

use std::path::PathBuf;

use clap::Args;

pub use domains::{DomainProof, DomainsConfig};
pub use hooks::HooksConfig;
pub use http::HttpConfig;
pub use ingest::IngestConfig;
pub use limits::LimitsConfig;
pub use queries::QueriesConfig;
pub use sign_in::SignInConfig;
pub use stores::StoresConfig;

/// What every command can be told: where things are.
#[derive(Args, Clone, Debug)]
pub struct PlacesConfig {
    /// Folder that holds all that Linktrail keeps: spool, secrets, and the embedded engines' data. Made with mode 0700.
    #[arg(long, env = "LINKTRAIL_DATA_DIR", default_value = "./data", value_name = "FOLDER", global = true)]
    pub data_dir: PathBuf,

    /// Folder of the embedded engines (`node_modules` of the pinned packages). Default: `.engines` in the current folder
    /// or above the program.
    #[arg(long, env = "LINKTRAIL_ENGINES_DIR", value_name = "FOLDER", global = true, help_heading = "Stores")]
    pub engines_dir: Option<PathBuf>,

    /// MaxMind-format files (`.mmdb`) in order of preference: city or country, of which an address takes the first that
    /// knows it, and ASN, ISP or anonymous-IP, which tell its provider and whether that hosts servers. When none knows
    /// places, the files that `make run` fetched are used too. Files are mapped into memory: replace one by renaming another
    /// over it.
    #[arg(
        long = "geo-file",
        env = "LINKTRAIL_GEO_FILES",
        value_delimiter = ',',
        value_name = "FILE",
        global = true,
        help_heading = "Geography"
    )]
    pub geo_files: Vec<PathBuf>,

    /// Where Postgres and ClickHouse are.
    #[command(flatten)]
    pub stores: StoresConfig,
}

/// Everything that `serve` can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where things are.
    pub places: PlacesConfig,
    /// Who may speak to us and how.
    pub http: HttpConfig,
    /// How much may be asked.
    pub limits: LimitsConfig,
    /// How people sign in.
    pub sign_in: SignInConfig,
    /// How events are collected.
    pub ingest: IngestConfig,
    /// Who may be told.
    pub hooks: HooksConfig,
    /// Whose short domains are.
    pub domains: DomainsConfig,
}
