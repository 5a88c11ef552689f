//! `retention`: deletes what is older than workspaces keep, now.

use chrono::DateTime;
use clap::Args;

use crate::calendar::Clock;
use crate::config::PlacesConfig;
use crate::privacy::retention::{Pruned, prune};

use super::with_stores;

/// `linktrail retention`
#[derive(Args, Debug)]
pub struct RetentionArgs {
    /// Delete nothing, only tell what is too old.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `linktrail retention`.
pub async fn run(places: &PlacesConfig, args: &RetentionArgs) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let now_ms = Clock::system().now_ms();
        let pruned = prune(&stores.catalog, &stores.warehouse, now_ms, args.dry_run).await?;
        if pruned.is_empty() {
            println!(
                "every workspace keeps its events for ever; `linktrail workspace set --retention-days N` changes that"
            );
        }
        for one in pruned {
            println!("{}", told(one, args.dry_run));
        }
        Ok(())
    })
    .await?
}

fn told(pruned: Pruned, dry: bool) -> String {
    let Pruned { workspace, days, cutoff_ms, outdated } = pruned;
    let done = if dry { "too old are" } else { "deleted" };
    let before =
        DateTime::from_timestamp_millis(cutoff_ms).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string());
    format!(
        "{workspace}\tkeeps {days} days, from {before} on\t{done} {} events, {} rollup rows, {} visitors",
        outdated.events, outdated.slots, outdated.visitors
    )
}
