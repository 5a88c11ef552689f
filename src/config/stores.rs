//! Where Postgres and ClickHouse are.

use clap::Args;
use secrecy::SecretString;

use super::queries::QueriesConfig;

/// The two stores. A store without a URL is started as an embedded engine.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stores")]
pub struct StoresConfig {
    /// Your Postgres 15 or newer: `postgres://user:password@host:5432/database?sslmode=require`. Default: embedded.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<SecretString>,

    /// Your ClickHouse over HTTP: `https://writer:password@host:8443/database`. Default: embedded.
    #[arg(long, env = "CLICKHOUSE_URL", hide_env_values = true, global = true)]
    pub clickhouse_url: Option<SecretString>,

    /// The same ClickHouse for a user that can only read, for all analytics. Default: `--clickhouse-url`.
    #[arg(long, env = "CLICKHOUSE_READER_URL", hide_env_values = true, global = true)]
    pub clickhouse_reader_url: Option<SecretString>,

    /// Name of the ClickHouse cluster to create replicated, sharded tables on. Default: a single server.
    #[arg(long, env = "LINKTRAIL_CLICKHOUSE_CLUSTER", global = true)]
    pub clickhouse_cluster: Option<String>,

    /// Connections kept to Postgres.
    #[arg(long, env = "LINKTRAIL_POSTGRES_POOL", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000), global = true)]
    pub postgres_pool: u32,

    /// What queries may cost.
    #[command(flatten)]
    pub queries: QueriesConfig,
}
