//! How much may be asked.

use clap::Args;

const PER_MINUTE: u32 = 6_000;
const ANALYTICS_PER_SECOND: u32 = 100;
const PUBLISHABLE_PER_MINUTE: u32 = 600;
const PUBLIC_PER_MINUTE: u32 = 120;
const BULK_PER_MINUTE: u32 = 3;
const WRONG_KEYS_PER_MINUTE: u32 = 300;
const MOST: i64 = 1_000_000;

/// Rate limits. Each node counts for itself; what was not used comes back evenly.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Rate limits")]
pub struct LimitsConfig {
    /// Requests that one API key may make in a minute, and one workspace by all of its keys through Brevr's API; further ones
    /// answer 429. 0 for no limit.
    #[arg(long = "rate-limit", env = "LINKTRAIL_RATE_LIMIT", default_value_t = PER_MINUTE, value_parser = clap::value_parser!(u32).range(..=MOST), value_name = "REQUESTS")]
    pub per_minute: u32,

    /// Requests for analytics and events that one API key may make in a second; further ones answer 429. These do not
    /// count in the limit per minute. 0 for no limit.
    #[arg(long = "analytics-rate-limit", env = "LINKTRAIL_ANALYTICS_RATE_LIMIT", default_value_t = ANALYTICS_PER_SECOND, value_parser = clap::value_parser!(u32).range(..=MOST), value_name = "REQUESTS")]
    pub analytics_per_second: u32,

    /// Requests for many links at once that one workspace may make through Brevr's API in a minute; further ones answer 429.
    /// 0 for no limit.
    #[arg(long = "bulk-rate-limit", env = "LINKTRAIL_BULK_RATE_LIMIT", default_value_t = BULK_PER_MINUTE, value_parser = clap::value_parser!(u32).range(..=MOST), value_name = "REQUESTS")]
    pub bulk_per_minute: u32,

    /// Leads and sales that pages may report with one publishable key in a minute; further ones answer 429. 0 for no limit.
    #[arg(long = "publishable-rate-limit", env = "LINKTRAIL_PUBLISHABLE_RATE_LIMIT", default_value_t = PUBLISHABLE_PER_MINUTE, value_parser = clap::value_parser!(u32).range(..=MOST), value_name = "REQUESTS")]
    pub publishable_per_minute: u32,

    /// Requests for public statistics, which need no key, that one client may make in a minute; further ones answer 429. 0
    /// for no limit. Behind a proxy that is not trusted all are one client.
    #[arg(long = "public-rate-limit", env = "LINKTRAIL_PUBLIC_RATE_LIMIT", default_value_t = PUBLIC_PER_MINUTE, value_parser = clap::value_parser!(u32).range(..=MOST), value_name = "REQUESTS")]
    pub public_per_minute: u32,

    /// Wrong API keys that one client may show in a minute before keys that are not in use already answer 429. 0 for no limit.
    #[arg(long = "wrong-key-limit", env = "LINKTRAIL_WRONG_KEY_LIMIT", default_value_t = WRONG_KEYS_PER_MINUTE, value_parser = clap::value_parser!(u32).range(..=MOST), value_name = "KEYS")]
    pub wrong_keys_per_minute: u32,
}

/// What the options default to.
impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            per_minute: PER_MINUTE,
            analytics_per_second: ANALYTICS_PER_SECOND,
            bulk_per_minute: BULK_PER_MINUTE,
            publishable_per_minute: PUBLISHABLE_PER_MINUTE,
            public_per_minute: PUBLIC_PER_MINUTE,
            wrong_keys_per_minute: WRONG_KEYS_PER_MINUTE,
        }
    }
}

impl LimitsConfig {
    /// No limits at all.
    pub fn off() -> Self {
        Self {
            per_minute: 0,
            analytics_per_second: 0,
            bulk_per_minute: 0,
            publishable_per_minute: 0,
            public_per_minute: 0,
            wrong_keys_per_minute: 0,
        }
    }
}
