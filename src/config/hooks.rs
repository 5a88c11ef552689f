//! Who may be told.

use clap::Args;
use ipnet::IpNet;

/// Webhooks.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Webhooks")]
pub struct HooksConfig {
    /// Networks that webhooks may lead to although they are not public, as addresses in CIDR form, separated by commas, such
    /// as `10.0.0.0/8,127.0.0.1/32`. Default: none.
    #[arg(
        long = "webhook-allow-private",
        env = "LINKTRAIL_WEBHOOK_ALLOW_PRIVATE",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    pub allow_private: Vec<IpNet>,
}
