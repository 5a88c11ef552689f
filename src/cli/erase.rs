//! `erase`: forgets a link's events or a person, and proves it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::config::{IngestConfig, PlacesConfig};
use crate::domain::id::LinkId;
use crate::domain::workspace::{Workspace, parse_domain_name};
use crate::enrich::VisitorHasher;
use crate::privacy::erasure::{Eraser, Remains, Who};
use crate::server::{self, Stores};
use crate::spool::Status;

use super::manage::{InWorkspace, find_workspace};
use super::with_stores;

/// How long events that a running server is still storing are waited for.
const SPOOL_LIMIT: Duration = Duration::from_secs(120);

/// `linktrail erase`
#[derive(Args, Debug)]
pub struct EraseArgs {
    #[command(flatten)]
    place: InWorkspace,
    #[command(flatten)]
    whom: Whom,
    /// Delete nothing, only tell what would go.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Folder of the spool. Default: `spool` in the data folder.
    #[arg(long, env = "LINKTRAIL_SPOOL_DIR", value_name = "FOLDER")]
    spool_dir: Option<PathBuf>,
}

/// Who or what is forgotten.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Whom {
    /// A link's events: its id (`link_...`) or its short url. The link itself stays.
    #[arg(long, value_name = "ID|URL")]
    link: Option<String>,
    /// A visitor as exports show them: 16 hexadecimal digits.
    #[arg(long, value_name = "HASH")]
    visitor: Option<String>,
    /// A visitor by the first-party id that a page kept.
    #[arg(long, value_name = "ID")]
    visitor_id: Option<String>,
    /// A person by the site's own name for them.
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// A customer by the id in your own database: the customer, their leads and sales, and the clicks before them.
    #[arg(long, value_name = "EXTERNAL_ID")]
    customer: Option<String>,
}

/// Runs `linktrail erase`; exit code 1 when anything is left.
pub async fn run(places: &PlacesConfig, args: &EraseArgs) -> anyhow::Result<ExitCode> {
    with_stores(places, async |stores| {
        let workspace = find_workspace(&stores.catalog, args.place.workspace.as_deref()).await?;
        let who = args.whom.read(&stores.catalog, &workspace).await?;
        let spool = server::spool_folder(places, args.spool_dir.as_deref());
        settle(places, stores, &spool).await?;
        let others = stores.catalog.nodes().await?.saturating_sub(1);
        if others > 0 {
            eprintln!(
                "{others} other nodes are known, whose spools cannot be seen from here: events that wait there come later; \
                 see that `linktrail spool status` tells of none, and erase again"
            );
        }
        let hasher = VisitorHasher::new(stores.catalog.secret("visitor").await?);
        let eraser = Eraser {
            catalog: &stores.catalog,
            warehouse: &stores.warehouse,
            hasher: &hasher,
            spool: &spool,
            workspace: workspace.id,
        };
        let resolved = eraser.resolve(&who).await?;
        let before = eraser.look(&resolved.subject).await?;
        let hex = |visitors: &[u64]| visitors.iter().map(|visitor| format!("{visitor:016x}")).collect::<Vec<_>>();
        let mut report = json!({
            "workspace": workspace.id.to_string(),
            "dry_run": args.dry_run,
            "before": before,
            "shared_visitors": hex(&resolved.shared),
            "other_nodes": others,
        });
        if args.dry_run {
            println!("{report:#}");
            return Ok(ExitCode::SUCCESS);
        }
        if !args.yes {
            confirm(&workspace, &before)?;
        }
        let proof = watched(stores, eraser.erase(&resolved.subject)).await?;
        report["proof"] = json!(proof);
        report["erased"] = json!(proof.holds());
        println!("{report:#}");
        Ok(if proof.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
    .await?
}

impl Whom {
    async fn read(&self, catalog: &Catalog, workspace: &Workspace) -> anyhow::Result<Who> {
        if let Some(text) = &self.link {
            return Ok(Who::Link(link(catalog, workspace, text).await?));
        }
        if let Some(text) = &self.visitor {
            let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let visitor = u64::from_str_radix(text, 16).ok().filter(|visitor| digits && *visitor != 0);
            return Ok(Who::Visitor(
                visitor.with_context(|| format!("--visitor {text:?}: 16 hexadecimal digits are allowed"))?,
            ));
        }
        let named = [
            (&self.visitor_id, "--visitor-id", Who::VisitorId as fn(String) -> Who),
            (&self.user_id, "--user-id", Who::UserId),
            (&self.customer, "--customer", Who::Customer),
        ];
        for (text, option, who) in named {
            if let Some(text) = text {
                if text.is_empty() {
                    bail!("{option} is empty: it must name somebody");
                }
                return Ok(who(text.clone()));
            }
        }
        bail!("name who or what is to be forgotten")
    }
}

/// The link that an id or a short url means. By its id one that was deleted is found too: its events are there.
async fn link(catalog: &Catalog, workspace: &Workspace, text: &str) -> anyhow::Result<LinkId> {
    if let Some(id) = LinkId::parse(text) {
        return Ok(id);
    }
    let missing =
        || format!("--link {text:?}: there is no such link in {}; name its id or its short url", workspace.name);
    let place = text.split_once("://").map_or(text, |(_, place)| place);
    let (host, slug) = place.split_once('/').with_context(missing)?;
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = parse_domain_name(host).with_context(missing)?;
    let domain = catalog.domain_by_name(&name).await?.filter(|domain| domain.workspace == workspace.id);
    let domain = domain.with_context(missing)?;
    let slug = crate::redirect::slug_of(&format!("/{slug}")).with_context(missing)?.into_owned();
    let found = catalog.resolve(domain.id, &domain.slug_key(&slug)).await?;
    Ok(found.filter(|link| link.workspace == workspace.id).with_context(missing)?.id)
}

/// Waits until everything that is in the spool by now is stored. Where no server runs, stores it.
async fn settle(places: &PlacesConfig, stores: &Stores, spool: &Path) -> anyhow::Result<()> {
    let read = || match Status::read(spool) {
        Ok(status) => Ok(Some(status)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the spool in {}", spool.display())),
    };
    let Some(status) = read()?.filter(|status| status.pending_records > 0) else { return Ok(()) };
    if stores.data_dir.is_some() {
        let geo = tokio::task::block_in_place(|| server::open_geo(places))?;
        let config = IngestConfig::default();
        let (ingest, _, drain) = server::start_ingest(stores, &config, spool.to_owned(), geo, Clock::system()).await?;
        let stored = tokio::time::timeout(SPOOL_LIMIT, ingest.flushed()).await;
        drain.stop().await;
        return stored.context("the events that wait in the spool could not be stored in time");
    }
    let wanted = status.next_sequence - 1;
    let waiting = async {
        loop {
            match read()? {
                Some(status) if status.pending_records > 0 && status.stored_through < Some(wanted) => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                _ => return anyhow::Ok(()),
            }
        }
    };
    tokio::time::timeout(SPOOL_LIMIT, waiting).await.context(
        "events still wait in the spool, for ClickHouse does not take them; see `linktrail spool status`, and erase again",
    )?
}

fn confirm(workspace: &Workspace, before: &Remains) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is there to confirm: say --yes, or --dry-run to see what would go");
    }
    let found = &before.found;
    eprint!(
        "{} events, {} visitors, {} customers and {} events that were set aside go from {} for good. Type yes: ",
        found.events, found.visitors, before.customers, before.set_aside.records, workspace.name
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() != "yes" {
        bail!("nothing was erased");
    }
    Ok(())
}

/// Shows how far ClickHouse is.
async fn watched<T>(stores: &Stores, work: impl Future<Output = T>) -> T {
    let spinner = ProgressBar::new_spinner();
    spinner.set_message("erasing");
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                spinner.finish_and_clear();
                return done;
            }
            () = tokio::time::sleep(Duration::from_millis(300)) => {
                if let Ok(Some(mutations)) = stores.warehouse.mutations().await {
                    spinner.set_message(format!("erasing, {} parts of tables to rewrite", mutations.parts));
                }
                spinner.tick();
            }
        }
    }
}
