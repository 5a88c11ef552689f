//! Who may speak to us and how.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

/// The HTTP side.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
pub struct HttpConfig {
    /// Address and port to listen on.
    #[arg(long, env = "LINKTRAIL_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The address that clients use, such as `https://go.example.com`. Default: `http://` and the listening address.
    #[arg(long, env = "LINKTRAIL_PUBLIC_URL")]
    pub public_url: Option<url::Url>,

    /// The short domain whose links answer on hosts that are no short domain, and where links of sites live unless the public
    /// address is a short domain itself. Default: the oldest. It should not change once there are links of sites.
    #[arg(long, env = "LINKTRAIL_DEFAULT_DOMAIN", value_name = "NAME")]
    pub default_domain: Option<String>,

    /// Proxies whose forwarding headers are believed, as addresses in CIDR form, separated by commas.
    #[arg(long, env = "LINKTRAIL_TRUSTED_PROXIES", value_delimiter = ',', default_value = "127.0.0.0/8,::1/128")]
    pub trusted_proxies: Vec<IpNet>,

    /// Take the client's place from the headers that this edge network adds; only from trusted proxies.
    #[arg(long, env = "LINKTRAIL_GEO_HEADERS", value_enum, default_value = "none")]
    pub geo_headers: GeoHeaders,

    /// Seconds a client may take to send its request headers.
    #[arg(long, env = "LINKTRAIL_HEADER_TIMEOUT_SECS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub header_timeout_secs: u64,

    /// Seconds a client may take to send a request body.
    #[arg(long, env = "LINKTRAIL_BODY_TIMEOUT_SECS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub body_timeout_secs: u64,

    /// Largest request body in bytes.
    #[arg(long, env = "LINKTRAIL_MAX_BODY_BYTES", default_value_t = 2_097_152)]
    pub max_body_bytes: usize,

    /// Visits to links that memory does not know that one client may make in 10 seconds, so that nobody can try out slugs;
    /// further ones answer 429. 0 for no limit. Behind a proxy that is not trusted all visitors are one client.
    #[arg(long, env = "LINKTRAIL_MISS_LIMIT", default_value_t = 1_000)]
    pub miss_limit: u32,

    /// Connections served at once; further ones wait to be accepted.
    #[arg(long, env = "LINKTRAIL_MAX_CONNECTIONS", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
}

/// Edge networks whose place headers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GeoHeaders {
    /// Believe none.
    None,
    /// `CF-IPCountry`, `CF-Region-Code`, `CF-IPCity`, `CF-IPContinent`.
    Cloudflare,
    /// `X-Vercel-IP-Country`, `-Country-Region`, `-City`, `-Continent`.
    Vercel,
}
