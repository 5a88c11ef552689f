//! `link trash`: list, restore, purge.

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use url::Url;

use super::manage::{InWorkspace, find_workspace};
use super::with_stores;
use crate::calendar::{Clock, rfc3339};
use crate::catalog::{Catalog, Cursor, LinkQuery, Page};
use crate::config::PlacesConfig;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::workspace::{parse_domain_name, slug_key};
use crate::links::LinkService;

/// Links that are read together.
const CHUNK: u32 = 1_000;

/// `linktrail link ...`
#[derive(Subcommand, Debug)]
pub enum LinkCommand {
    /// Links that were deleted and can come back: list, restore, purge.
    ///
    /// A link in the trash is found by no visitor, and its slug stays taken. Its clicks stay whatever becomes of it.
    #[command(subcommand)]
    Trash(TrashCommand),
}

/// `linktrail link trash ...`
#[derive(Subcommand, Debug)]
pub enum TrashCommand {
    /// Print the links in the trash: id, short address, destination, since when.
    List {
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Take links out of the trash: they are found again where they were.
    Restore {
        /// Each by its id (`24` or `link_...`) or its short address (`go.example.com/promo`).
        #[arg(required = true, value_name = "LINK")]
        links: Vec<String>,
    },
    /// Delete links in the trash for good: their slugs are free again. Their clicks stay; `linktrail erase` deletes those.
    Purge {
        /// Each by its id (`24` or `link_...`) or its short address (`go.example.com/promo`).
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "LINK")]
        links: Vec<String>,
        /// Every link in the trash of the workspace.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        place: InWorkspace,
    },
}

/// Runs `linktrail link`.
pub async fn run(places: &PlacesConfig, command: LinkCommand) -> anyhow::Result<()> {
    let LinkCommand::Trash(command) = command;
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        // Nothing that is done here asks for the public address.
        let links = LinkService::new(catalog.clone(), Clock::system(), Url::parse("http://localhost")?.into());
        match command {
            TrashCommand::List { place } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                for link in trashed(catalog, workspace.id, LinkQuery::default()).await? {
                    let since = rfc3339(link.trashed_at_ms.unwrap_or_default());
                    println!("{}\t{}/{}\t{}\t{since}", link.id.0, link.domain, link.slug, link.fields.url);
                }
            }
            TrashCommand::Restore { links: names } => {
                for link in find_all(catalog, &names).await? {
                    let restored = links.restore(link.workspace, link.id).await?;
                    println!("restored {}/{}", restored.domain, restored.slug);
                }
            }
            TrashCommand::Purge { links: names, all, place } => {
                let doomed = match all {
                    true => {
                        let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                        trashed(catalog, workspace.id, LinkQuery::default()).await?
                    }
                    false => find_all(catalog, &names).await?,
                };
                for link in doomed {
                    links.purge(link.workspace, link.id).await?;
                    println!("deleted {}/{} for good", link.domain, link.slug);
                }
            }
        }
        Ok(())
    })
    .await?
}

/// The links in the trash of a workspace that a query means, the oldest first.
async fn trashed(catalog: &Catalog, workspace: WorkspaceId, query: LinkQuery) -> anyhow::Result<Vec<Link>> {
    let query = LinkQuery { trashed: true, archived: true, ascending: true, ..query };
    let (mut found, mut cursor): (Vec<Link>, _) = (Vec::new(), Cursor::Offset(0));
    loop {
        let page = catalog.links(workspace, &query, Page { cursor, size: CHUNK }).await?.unwrap_or_default();
        let is_last = page.len() < CHUNK as usize;
        found.extend(page);
        match found.last() {
            Some(last) if !is_last => cursor = Cursor::After(last.id),
            _ => return Ok(found),
        }
    }
}

/// The links of these names, none of which is changed when one is not in the trash.
async fn find_all(catalog: &Catalog, names: &[String]) -> anyhow::Result<Vec<Link>> {
    let mut links = Vec::with_capacity(names.len());
    for name in names {
        links.push(find(catalog, name).await?);
    }
    Ok(links)
}

async fn find(catalog: &Catalog, name: &str) -> anyhow::Result<Link> {
    let missing = || format!("there is no link {name} in the trash; `linktrail link trash list` shows them");
    let id = LinkId::parse(name).or_else(|| name.parse().ok().map(LinkId)).filter(|id| i64::try_from(id.0).is_ok());
    let Some(id) = id else {
        return at(catalog, name).await?.with_context(missing);
    };
    for workspace in catalog.workspaces().await? {
        if let Some(link) = catalog.link_or_trashed(workspace.id, id).await? {
            ensure!(link.trashed_at_ms.is_some(), "{}", missing());
            return Ok(link);
        }
    }
    bail!(missing())
}

/// The link in the trash that lived at this short address.
async fn at(catalog: &Catalog, address: &str) -> anyhow::Result<Option<Link>> {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, slug) = address.split_once('/').unwrap_or((address, ""));
    let host = host.split(':').next().unwrap_or(host);
    let Some(name) = parse_domain_name(host) else { return Ok(None) };
    let Some(domain) = catalog.domain_by_name(&name).await? else { return Ok(None) };
    let query = LinkQuery { domain: Some(name), search: Some(slug.to_owned()), ..LinkQuery::default() };
    let key = |slug: &str| slug_key(slug, domain.case_sensitive);
    let found = trashed(catalog, domain.workspace, query).await?;
    Ok(found.into_iter().find(|link| key(&link.slug) == key(slug.trim_end_matches('/'))))
}
