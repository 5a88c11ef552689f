//! `domain`, `key`: add, list, remove.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use crate::auth::{Auth, KeyGrant};
use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::config::PlacesConfig;
use crate::domain::domain_fields::DomainPatch;
use crate::domain::id::{KeyId, UserId, WorkspaceId};
use crate::domain::user::User;
use crate::domain::workspace::{Domain, Workspace, parse_domain_name};
use crate::holdings::Holdings;

use super::with_stores;

/// `linktrail domain ...`
#[derive(Subcommand, Debug)]
pub enum DomainCommand {
    /// Add a short domain. Point its DNS at this server.
    Add {
        /// Such as `go.example.com`.
        name: String,
        #[command(flatten)]
        place: InWorkspace,
        /// Slugs that differ in case are different links.
        #[arg(long)]
        case_sensitive: bool,
    },
    /// Print the short domains: id, name, workspace, and whether it is verified or waits for its proof.
    List,
    /// Take a short domain that waits for its proof for the workspace's, without asking the DNS.
    Verify {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Remove a short domain and delete its links. Their clicks stay.
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        place: InWorkspace,
    },
}

/// `linktrail key ...`
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make an API key and print it, once.
    Add {
        #[command(flatten)]
        place: InWorkspace,
        /// Whose key it is. Default: the workspace's first owner.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "made on the command line")]
        name: String,
        /// What it may do, separated by commas. Default: apis.all.
        #[arg(long, value_delimiter = ',', conflicts_with = "publishable")]
        scopes: Vec<String>,
        /// Make a key that pages may show: it reports leads and sales to /track/lead/client and /track/sale/client, from
        /// the workspace's allowed hostnames, and opens nothing else.
        #[arg(long)]
        publishable: bool,
    },
    /// Print the keys: id, first letters, name, scopes. The keys themselves are not kept.
    List,
    /// Withdraw a key, at once and for good.
    Remove {
        /// Id (`key_...`).
        key: String,
    },
}

/// The workspace that a command is about.
#[derive(Args, Debug)]
pub struct InWorkspace {
    /// Id (`ws_...`) or name of the workspace. Default: the only one.
    #[arg(long)]
    pub(super) workspace: Option<String>,
}

/// Runs `linktrail domain`.
pub async fn domain(places: &PlacesConfig, command: DomainCommand) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        let holdings = Holdings::new(catalog.clone(), Clock::system());
        match command {
            DomainCommand::Add { name, place, case_sensitive } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                let domain = holdings.add_domain(workspace.id, &name, case_sensitive, DomainPatch::default()).await?;
                println!("{}\t{}\t{}", domain.id, domain.name, workspace.name);
            }
            DomainCommand::List => {
                for domain in catalog.domains_and_claims(None).await? {
                    let state = if domain.is_verified() { "verified" } else { "pending" };
                    println!("{}\t{}\t{}\t{state}", domain.id, domain.name, domain.workspace);
                }
            }
            DomainCommand::Verify { name, place } => {
                let domain = find_domain(catalog, &name, place.workspace.as_deref()).await?;
                let domain = holdings.trust_domain(&domain).await?;
                println!("{}\t{}\tverified", domain.id, domain.name);
            }
            DomainCommand::Remove { name, place } => {
                let domain = find_domain(catalog, &name, place.workspace.as_deref()).await?;
                let removed = holdings.remove_domain(domain.workspace, &domain.name).await?;
                println!("removed {} and its links: {}", removed.domain.name, removed.links);
            }
        }
        Ok(())
    })
    .await?
}

/// Runs `linktrail key`.
pub async fn key(places: &PlacesConfig, command: KeyCommand) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        let auth = Auth::new(catalog.clone(), Clock::system());
        match command {
            KeyCommand::Add { place, user, name, scopes, publishable } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                let owner = match user {
                    Some(email) => find_user(catalog, &email).await?.id,
                    None => first_owner(catalog, &workspace).await?,
                };
                let grant = KeyGrant { name, workspace: Some(workspace.id), scopes, expires_at_ms: None, publishable };
                let (record, secret) = auth.create_key(owner, &grant).await?;
                println!("{}\tfor {}", record.id, workspace.name);
                println!("key (shown once): {}", secret.expose_secret());
            }
            KeyCommand::List => {
                for key in catalog.keys(None).await? {
                    println!("{}\t{}...\t{}\t{}", key.id, key.prefix, key.name, key.scopes.0.join(" "));
                }
            }
            KeyCommand::Remove { key } => {
                let id = KeyId::parse(&key)
                    .with_context(|| format!("{key} is no key id; `linktrail key list` shows them"))?;
                if !auth.revoke_key(id).await? {
                    bail!("there is no key {key}, or it was withdrawn before");
                }
                println!("withdrew {key}");
            }
        }
        Ok(())
    })
    .await?
}

pub(super) async fn find_workspace(catalog: &Catalog, wanted: Option<&str>) -> anyhow::Result<Workspace> {
    let mut all = catalog.workspaces().await?;
    let Some(wanted) = wanted else {
        return match all.len() {
            0 => bail!("there is no workspace yet; `linktrail workspace add NAME` makes one"),
            1 => Ok(all.remove(0)),
            _ => bail!("there are several workspaces; name one with --workspace (`linktrail workspace list`)"),
        };
    };
    let id = WorkspaceId::parse(wanted);
    all.retain(|workspace| Some(workspace.id) == id || workspace.name == wanted);
    match all.len() {
        0 => bail!("there is no workspace {wanted}; `linktrail workspace list` shows them"),
        1 => Ok(all.remove(0)),
        _ => bail!("several workspaces are called {wanted}; use the id (`linktrail workspace list`)"),
    }
}

/// The short domain of this name: the one that is verified, else the only workspace's that waits for its proof.
async fn find_domain(catalog: &Catalog, name: &str, workspace: Option<&str>) -> anyhow::Result<Domain> {
    let mut all = catalog.domains_and_claims(Some(&parse_domain_name(name).unwrap_or_default())).await?;
    if let Some(wanted) = workspace {
        let workspace = find_workspace(catalog, Some(wanted)).await?.id;
        all.retain(|domain| domain.workspace == workspace);
    }
    if let Some(verified) = all.iter().position(Domain::is_verified) {
        return Ok(all.swap_remove(verified));
    }
    match all.len() {
        0 => bail!("there is no short domain {name}"),
        1 => Ok(all.remove(0)),
        _ => bail!("several workspaces claim {name}; name one with --workspace (`linktrail domain list`)"),
    }
}

pub(super) async fn find_user(catalog: &Catalog, email: &str) -> anyhow::Result<User> {
    let found = catalog.user_by_email(email).await?;
    Ok(found.with_context(|| format!("there is no user {email}; `linktrail user list` shows them"))?.0)
}

async fn first_owner(catalog: &Catalog, workspace: &Workspace) -> anyhow::Result<UserId> {
    catalog
        .first_owner(workspace.id)
        .await?
        .with_context(|| format!("{} has no owner; name a user with --user", workspace.name))
}
