//! How people sign in.

use clap::Args;

const IDLE_HOURS: u32 = 7 * 24;
const LONGEST_HOURS: u32 = 30 * 24;
const TRIES_PER_CLIENT: u32 = 20;
const TRIES_PER_ACCOUNT: u32 = 100;

/// Signing in with mail address and password.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Signing in")]
pub struct SignInConfig {
    /// Hours after which somebody who signed in and did nothing since has to sign in again.
    #[arg(long = "sign-in-idle-hours", env = "LINKTRAIL_SIGN_IN_IDLE_HOURS", default_value_t = IDLE_HOURS, value_parser = clap::value_parser!(u32).range(1..=87_600), value_name = "HOURS")]
    pub idle_hours: u32,

    /// Hours after which everybody has to sign in again, whatever they did.
    #[arg(long = "sign-in-hours", env = "LINKTRAIL_SIGN_IN_HOURS", default_value_t = LONGEST_HOURS, value_parser = clap::value_parser!(u32).range(1..=87_600), value_name = "HOURS")]
    pub longest_hours: u32,

    /// Wrong passwords that one client may try in 15 minutes; further ones answer 429. 0 for no limit. Behind a proxy that is
    /// not trusted all are one client.
    #[arg(long = "sign-in-tries", env = "LINKTRAIL_SIGN_IN_TRIES", default_value_t = TRIES_PER_CLIENT, value_parser = clap::value_parser!(u32).range(..=1_000_000), value_name = "PASSWORDS")]
    pub tries_per_client: u32,

    /// Wrong passwords that may be tried for one mail address in 15 minutes, by all clients together. 0 for no limit.
    #[arg(long = "sign-in-account-tries", env = "LINKTRAIL_SIGN_IN_ACCOUNT_TRIES", default_value_t = TRIES_PER_ACCOUNT, value_parser = clap::value_parser!(u32).range(..=1_000_000), value_name = "PASSWORDS")]
    pub tries_per_account: u32,
}

/// What the options default to.
impl Default for SignInConfig {
    fn default() -> Self {
        Self {
            idle_hours: IDLE_HOURS,
            longest_hours: LONGEST_HOURS,
            tries_per_client: TRIES_PER_CLIENT,
            tries_per_account: TRIES_PER_ACCOUNT,
        }
    }
}
