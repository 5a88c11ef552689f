//! `user`: add, list, remove, password, role.

use std::io::Read;

use anyhow::{Context, bail};
use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};

use crate::auth::Auth;
use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::config::PlacesConfig;
use crate::domain::password::MAX_LENGTH;
use crate::domain::principal::Role;
use crate::domain::user::User;
use crate::domain::workspace::Workspace;

use super::manage::{InWorkspace, find_user, find_workspace};
use super::with_stores;

/// `linktrail user ...`
#[derive(Subcommand, Debug)]
pub enum UserCommand {
    /// Add a person with a made password, which is printed once.
    ///
    /// To have people choose their password themselves, invite them: `linktrail invite add`.
    Add {
        /// Mail address, unique.
        email: String,
        #[command(flatten)]
        place: InWorkspace,
        /// What the person may do there: owner, member or viewer.
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
    },
    /// Print all people: id, mail address, roles.
    List,
    /// Remove a person and all their keys, and sign them out.
    Remove {
        /// Mail address.
        email: String,
    },
    /// Give a person another password and sign them out everywhere. A made one is printed once.
    Password {
        /// Mail address.
        email: String,
        /// Take the new password from standard input, up to its end or the first line's: 12 characters at least.
        #[arg(long)]
        stdin: bool,
    },
    /// Change what a person may do in a workspace, or take them out of it. It signs them out everywhere.
    ///
    /// Viewers read; members read and write; owners do everything. Keys of the person may do no more than the person.
    Role {
        /// Mail address.
        email: String,
        /// owner, member or viewer; `none` takes the person out of the workspace.
        #[arg(value_parser = role_or_none)]
        role: NewRole,
        #[command(flatten)]
        place: InWorkspace,
    },
}

/// What a person is to be in a workspace.
#[derive(Clone, Copy, Debug)]
pub struct NewRole(Option<Role>);

pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "allowed are owner, member and viewer".to_owned())
}

fn role_or_none(text: &str) -> Result<NewRole, String> {
    match text {
        "none" => Ok(NewRole(None)),
        text => role(text).map(|role| NewRole(Some(role))).map_err(|allowed| format!("{allowed}, and none")),
    }
}

/// Runs `linktrail user`.
pub async fn run(places: &PlacesConfig, command: UserCommand) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        let auth = Auth::new(catalog.clone(), Clock::system());
        match command {
            UserCommand::Add { email, place, role } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                let (user, password) = auth.create_user(&email, Some((workspace.id, role))).await?;
                println!("{}\t{}\t{} in {}", user.id, user.email, role.name(), workspace.name);
                println!("password (shown once): {}", password.expose_secret());
            }
            UserCommand::List => list(catalog).await?,
            UserCommand::Remove { email } => {
                let user = find_user(catalog, &email).await?;
                catalog.remove_user(user.id).await?;
                println!("removed {}", user.email);
            }
            UserCommand::Password { email, stdin } => {
                let user = find_user(catalog, &email).await?;
                let chosen = if stdin { Some(read_password()?) } else { None };
                match auth.change_password(&user.email, chosen.as_ref()).await? {
                    Some(made) => println!("password (shown once): {}", made.expose_secret()),
                    None => println!("{} has another password", user.email),
                }
            }
            UserCommand::Role { email, role: NewRole(role), place } => {
                let user = find_user(catalog, &email).await?;
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                change_role(catalog, &user, &workspace, role).await?;
            }
        }
        Ok(())
    })
    .await?
}

async fn list(catalog: &Catalog) -> anyhow::Result<()> {
    let workspaces = catalog.workspaces().await?;
    for user in catalog.users().await? {
        let roles: Vec<String> = user
            .workspaces
            .iter()
            .filter_map(|(id, role)| {
                let workspace = workspaces.iter().find(|workspace| workspace.id == *id)?;
                Some(format!("{} in {}", role.name(), workspace.name))
            })
            .collect();
        println!("{}\t{}\t{}", user.id, user.email, roles.join(", "));
    }
    Ok(())
}

async fn change_role(catalog: &Catalog, user: &User, workspace: &Workspace, role: Option<Role>) -> anyhow::Result<()> {
    let known = user.workspaces.iter().find(|(id, _)| *id == workspace.id).map(|(_, role)| *role);
    if known == Some(Role::Owner) && role != Some(Role::Owner) {
        let users = catalog.users().await?;
        let owns = |other: &User| other.id != user.id && other.workspaces.contains(&(workspace.id, Role::Owner));
        if !users.iter().any(owns) {
            bail!("{} is the only owner of {}; make somebody else one first", user.email, workspace.name);
        }
    }
    match role {
        Some(role) => {
            if !catalog.set_member(workspace.id, user.id, role).await? {
                bail!("{} or {} was removed meanwhile", user.email, workspace.name);
            }
            println!("{} is {} in {}", user.email, role.name(), workspace.name);
        }
        None => {
            if !catalog.remove_member(workspace.id, user.id).await? {
                bail!("{} is no member of {}", user.email, workspace.name);
            }
            println!("{} is no member of {} any more", user.email, workspace.name);
        }
    }
    Ok(())
}

/// The first line of standard input.
fn read_password() -> anyhow::Result<SecretString> {
    let mut text = String::new();
    let most = MAX_LENGTH as u64 + 2;
    std::io::stdin().take(most).read_to_string(&mut text).context("the password cannot be read")?;
    Ok(SecretString::from(text.lines().next().unwrap_or_default().to_owned()))
}
