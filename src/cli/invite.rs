//! `invite`: add, list, remove.

use anyhow::bail;
use clap::Subcommand;
use secrecy::ExposeSecret;

use crate::auth::Auth;
use crate::calendar::Clock;
use crate::config::PlacesConfig;
use crate::domain::principal::Role;

use super::manage::{InWorkspace, find_workspace};
use super::site::ServerUrl;
use super::user::role;
use super::with_stores;

const DAY_MS: i64 = 86_400_000;

/// `linktrail invite ...`
#[derive(Subcommand, Debug)]
pub enum InviteCommand {
    /// Invite a person to a workspace: print an address, once, where they choose a password and join.
    ///
    /// Send it to them alone: whoever opens it first joins in their name. It works once. Somebody who has a password already
    /// joins with that. Another invitation of the same person to the same workspace voids the one before.
    Add {
        /// Mail address.
        email: String,
        #[command(flatten)]
        place: InWorkspace,
        /// What the person may do there: owner, member or viewer.
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
        /// Days after which the address is void.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=365), value_name = "N")]
        days: u32,
        #[command(flatten)]
        server: ServerUrl,
    },
    /// Print the invitations that were not used: mail address, role, workspace, days that are left. Their addresses are not
    /// kept.
    List,
    /// Withdraw an invitation; its address is void at once.
    Remove {
        /// Mail address.
        email: String,
        #[command(flatten)]
        place: InWorkspace,
    },
}

/// Runs `linktrail invite`.
pub async fn run(places: &PlacesConfig, command: InviteCommand) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        let clock = Clock::system();
        match command {
            InviteCommand::Add { email, place, role, days, server } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                let auth = Auth::new(catalog.clone(), clock);
                let (invitation, code) = auth.invite(workspace.id, &email, role, days).await?;
                println!("{}\t{} in {}\tfor {days} days", invitation.email, role.name(), workspace.name);
                println!("address (shown once): {}/join?code={}", server.origin(places), code.expose_secret());
            }
            InviteCommand::List => {
                let now_ms = clock.now_ms();
                for invitation in catalog.invitations().await? {
                    let left_ms = invitation.expires_at_ms - now_ms;
                    let left = if left_ms > 0 {
                        format!("{} days", (left_ms + DAY_MS - 1) / DAY_MS)
                    } else {
                        "over".to_owned()
                    };
                    let (email, role) = (&invitation.email, invitation.role.name());
                    println!("{email}\t{role} in {}\t{left}", invitation.workspace_name);
                }
            }
            InviteCommand::Remove { email, place } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                if !catalog.remove_invitation(workspace.id, &email).await? {
                    bail!("{email} is not invited to {}; `linktrail invite list` shows who is", workspace.name);
                }
                println!("withdrew the invitation of {email} to {}", workspace.name);
            }
        }
        Ok(())
    })
    .await?
}
