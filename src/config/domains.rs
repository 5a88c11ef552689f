//! Whose short domains are.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

/// Short domains.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Short domains")]
pub struct DomainsConfig {
    /// Which short domains wait for a DNS record that proves whose they are; until it is found they answer no visits and
    /// take no links. Those that `linktrail domain add` makes never wait.
    #[arg(long, env = "LINKTRAIL_DOMAIN_PROOF", value_enum, default_value_t, value_name = "WHICH")]
    pub domain_proof: DomainProof,

    /// Address and port of the name server that is asked for these records, such as `1.1.1.1:53`. Default: those of the
    /// system.
    #[arg(long, env = "LINKTRAIL_DNS_SERVER", value_name = "ADDRESS")]
    pub dns_server: Option<SocketAddr>,
}

/// Which short domains have to be proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DomainProof {
    /// Those added through Brevr's API; Dub's and Linkly's owners of workspaces are trusted.
    #[default]
    Brevr,
    /// All that are added through an API: for installations whose tenants do not know each other.
    All,
    /// None, not even Brevr's: for development.
    None,
}
