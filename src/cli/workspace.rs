//! `workspace`: add, list, show, set, remove.

use std::fmt::{Display, Write};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use crate::calendar::Clock;
use crate::config::PlacesConfig;
use crate::domain::exclusion_text;
use crate::domain::workspace::{AddressStorage, VisitorRotation, Workspace, WorkspaceSettings};

use super::manage::{InWorkspace, find_workspace};
use super::with_stores;

/// What stands for an empty list.
const NOTHING: &str = "none";
/// Longest list of exclusions.
const MAX_EXCLUSIONS: usize = 1_000;

/// `linktrail workspace ...`
#[derive(Subcommand, Debug)]
pub enum WorkspaceCommand {
    /// Make a workspace and print its id.
    Add {
        /// Shown to people.
        name: String,
    },
    /// Print all workspaces: id, name.
    List,
    /// Print how a workspace's events are collected, counted and kept.
    Show {
        #[command(flatten)]
        place: InWorkspace,
    },
    /// Set how a workspace's events are collected, counted and kept from now on. What is not named stays as it is.
    Set {
        #[command(flatten)]
        place: InWorkspace,
        #[command(flatten)]
        change: Change,
    },
    /// Remove a workspace. Its links stop redirecting; its events stay in ClickHouse.
    Remove {
        /// Id (`ws_...`) or name.
        workspace: String,
    },
}

/// What `set` changes. A list that is named replaces the whole list.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub struct Change {
    /// A second click of the same visitor on the same link within this many seconds is a repeat; 0 for never.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=2_592_000))]
    repeat_window_secs: Option<u32>,
    /// When the key of visitor hashes changes: never, daily, weekly, monthly. Uniques are then per day, week, month.
    #[arg(long, value_name = "WHEN", value_parser = rotation)]
    visitor_rotation: Option<VisitorRotation>,
    /// What is stored of a visitor's address: none, truncated (the first 24 bits of IPv4, 48 of IPv6) or full.
    #[arg(long, value_name = "WHAT", value_parser = storage)]
    address_storage: Option<AddressStorage>,
    /// Leave visitors unrecorded who ask for it with `DNT: 1` or `Sec-GPC: 1`; they are redirected all the same.
    #[arg(long, value_name = "true|false")]
    honor_do_not_track: Option<bool>,
    /// Days that events are kept; older ones are deleted. `never` keeps them for ever.
    #[arg(long, value_name = "N|never", value_parser = retention)]
    retention_days: Option<Retention>,
    /// Record nothing of these addresses or networks (203.0.113.7, 10.0.0.0/8); repeat it or use commas. `none` clears the
    /// list.
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    exclude_address: Option<Vec<String>>,
    /// Record nothing from these countries (DE, US); repeat it or use commas. `none` clears the list.
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    exclude_country: Option<Vec<String>>,
    /// Record nothing on these hosts (staging.example.com, *.example.com): of pages their own, of clicks the short domain;
    /// repeat it or use commas. `none` clears the list.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    exclude_host: Option<Vec<String>>,
    /// Record nothing on these paths (/admin, /admin/*): of pages their own, of clicks the slug's; repeat it for several.
    /// `none` clears the list.
    #[arg(long, value_name = "PATH")]
    exclude_path: Option<Vec<String>>,
    /// Hosts whose pages may report to /track/click, /track/visit, /track/open, /track/lead/client and /track/sale/client
    /// (example.com, *.example.com); repeat it or use commas. `none` lets all.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    allowed_hostname: Option<Vec<String>>,
}

/// How long events are kept.
#[derive(Clone, Copy, Debug)]
struct Retention(Option<u32>);

fn rotation(text: &str) -> Result<VisitorRotation, String> {
    VisitorRotation::parse(text).ok_or_else(|| "allowed are never, daily, weekly and monthly".to_owned())
}

fn storage(text: &str) -> Result<AddressStorage, String> {
    AddressStorage::parse(text).ok_or_else(|| "allowed are none, truncated and full".to_owned())
}

fn retention(text: &str) -> Result<Retention, String> {
    match text.parse() {
        _ if text == "never" => Ok(Retention(None)),
        Ok(days @ 1..=36_500) => Ok(Retention(Some(days))),
        _ => Err("allowed are 1 to 36500 days, and never".to_owned()),
    }
}

/// Runs `linktrail workspace`.
pub async fn run(places: &PlacesConfig, command: WorkspaceCommand) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        let now_ms = Clock::system().now_ms();
        match command {
            WorkspaceCommand::Add { name } => {
                if name.trim().is_empty() {
                    bail!("a workspace needs a name");
                }
                println!("{}", catalog.add_workspace(name.trim(), now_ms).await?.id);
            }
            WorkspaceCommand::List => {
                for workspace in catalog.workspaces().await? {
                    println!("{}\t{}", workspace.id, workspace.name);
                }
            }
            WorkspaceCommand::Show { place } => {
                print!("{}", shown(&find_workspace(catalog, place.workspace.as_deref()).await?));
            }
            WorkspaceCommand::Set { place, change } => {
                let mut workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                change.apply(&mut workspace.settings)?;
                if !catalog.set_workspace_settings(workspace.id, &workspace.settings).await? {
                    bail!("{} was removed meanwhile", workspace.name);
                }
                print!("{}", shown(&workspace));
            }
            WorkspaceCommand::Remove { workspace } => {
                let workspace = find_workspace(catalog, Some(&workspace)).await?;
                if let Err(error) = catalog.remove_workspace(workspace.id, now_ms).await {
                    if error.is_taken("domain_of_sites") {
                        bail!(
                            "links of other workspaces' sites live on a domain of {}; remove them first",
                            workspace.name
                        );
                    }
                    return Err(error.into());
                }
                println!("removed {} ({})", workspace.id, workspace.name);
            }
        }
        Ok(())
    })
    .await?
}

impl Change {
    fn apply(self, settings: &mut WorkspaceSettings) -> anyhow::Result<()> {
        settings.repeat_window_secs = self.repeat_window_secs.unwrap_or(settings.repeat_window_secs);
        settings.visitor_rotation = self.visitor_rotation.unwrap_or(settings.visitor_rotation);
        settings.address_storage = self.address_storage.unwrap_or(settings.address_storage);
        settings.honor_do_not_track = self.honor_do_not_track.unwrap_or(settings.honor_do_not_track);
        settings.retention_days = self.retention_days.map_or(settings.retention_days, |Retention(days)| days);
        let exclude = &mut settings.exclude;
        replace(&mut exclude.addresses, self.exclude_address, "--exclude-address", exclusion_text::network)?;
        replace(&mut exclude.countries, self.exclude_country, "--exclude-country", exclusion_text::country)?;
        replace(&mut exclude.hosts, self.exclude_host, "--exclude-host", exclusion_text::host)?;
        replace(&mut exclude.paths, self.exclude_path, "--exclude-path", exclusion_text::path)?;
        replace(&mut settings.allowed_hostnames, self.allowed_hostname, "--allowed-hostname", exclusion_text::host)
    }
}

/// Puts what was given in the place of a list; nothing given changes nothing.
fn replace<T: PartialEq>(
    list: &mut Vec<T>,
    given: Option<Vec<String>>,
    option: &str,
    read: fn(&str) -> Result<T, String>,
) -> anyhow::Result<()> {
    let Some(given) = given else { return Ok(()) };
    if given == [NOTHING] {
        list.clear();
        return Ok(());
    }
    if given.len() > MAX_EXCLUSIONS {
        bail!("{option} was given {} values, allowed are {MAX_EXCLUSIONS}", given.len());
    }
    let mut fresh = Vec::with_capacity(given.len());
    for text in given {
        if text == NOTHING {
            bail!("{option} {NOTHING} clears the list, and stands alone");
        }
        let value = read(&text).map_err(|allowed| anyhow!("{option} {text:?}: {allowed}"))?;
        if !fresh.contains(&value) {
            fresh.push(value);
        }
    }
    *list = fresh;
    Ok(())
}

/// A workspace with all its settings, a line each.
fn shown(workspace: &Workspace) -> String {
    let Workspace { id, name, settings, .. } = workspace;
    let WorkspaceSettings {
        repeat_window_secs,
        visitor_rotation,
        address_storage,
        honor_do_not_track,
        retention_days,
        exclude,
        allowed_hostnames,
    } = settings;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<20} {value}");
    };
    line("workspace", &id);
    line("name", name);
    line("repeat-window-secs", repeat_window_secs);
    line("visitor-rotation", &visitor_rotation.name());
    line("address-storage", &address_storage.name());
    line("honor-do-not-track", honor_do_not_track);
    line("retention-days", &retention_days.map_or_else(|| "never".to_owned(), |days| days.to_string()));
    line("exclude-address", &listed(&exclude.addresses));
    line("exclude-country", &listed(&exclude.countries));
    line("exclude-host", &listed(&exclude.hosts));
    line("exclude-path", &listed(&exclude.paths));
    line("allowed-hostname", &listed(allowed_hostnames));
    text
}

fn listed<T: Display>(values: &[T]) -> String {
    if values.is_empty() {
        return NOTHING.to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::domain::id::WorkspaceId;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        change: Change,
    }

    fn change(arguments: &[&str], settings: &mut WorkspaceSettings) -> Result<(), String> {
        let line = Line::try_parse_from([&["set"], arguments].concat()).map_err(|error| error.to_string())?;
        line.change.apply(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_set_is_shown_and_the_rest_stays() {
        let mut settings = WorkspaceSettings::default();
        let first = ["--address-storage", "truncated", "--visitor-rotation", "weekly", "--honor-do-not-track", "true"];
        change(&first, &mut settings).unwrap();
        let lists =
            ["--exclude-address", "10.1.2.3/8,203.0.113.7", "--exclude-country", "de", "--exclude-country", "DE"];
        change(&lists, &mut settings).unwrap();
        change(&["--exclude-host", "*.Test", "--exclude-path", "/a,b", "--retention-days", "30"], &mut settings)
            .unwrap();
        change(&["--exclude-path", "/a", "--exclude-path", "/b/*"], &mut settings).unwrap();
        let workspace = Workspace { id: WorkspaceId(1), name: "Shop".to_owned(), settings, created_at_ms: 0 };
        let expected = "name                 Shop
repeat-window-secs   3600
visitor-rotation     weekly
address-storage      truncated
honor-do-not-track   true
retention-days       30
exclude-address      10.0.0.0/8 203.0.113.7/32
exclude-country      DE
exclude-host         *.test
exclude-path         /a /b/*
allowed-hostname     none
";
        assert_eq!(shown(&workspace).split_once('\n').unwrap().1, expected);
        let mut settings = workspace.settings;
        for list in ["address", "country", "host", "path"] {
            change(&[&format!("--exclude-{list}"), "none"], &mut settings).unwrap();
        }
        assert!(settings.exclude.is_empty());
        change(&["--retention-days", "never"], &mut settings).unwrap();
        assert_eq!(settings.retention_days, None);
    }

    #[test]
    fn refusals_name_the_option_and_what_is_allowed() {
        for (arguments, expected) in [
            (&["--exclude-address", "10.0.0/8"][..], "--exclude-address \"10.0.0/8\": allowed are addresses"),
            (&["--exclude-country", "UK"], "the code of the United Kingdom is GB"),
            (&["--exclude-host", "https://a.example"], "--exclude-host \"https://a.example\": allowed are hosts"),
            (&["--exclude-path", "admin"], "--exclude-path \"admin\": allowed are paths that begin with a slash"),
            (&["--exclude-path", "none", "--exclude-path", "/"], "stands alone"),
            (&["--retention-days", "0"], "allowed are 1 to 36500 days"),
            (&["--retention-days", "-1"], "-1"),
            (&["--address-storage", "some"], "allowed are none, truncated and full"),
            (&["--visitor-rotation", "hourly"], "allowed are never, daily, weekly and monthly"),
            (&["--honor-do-not-track", "perhaps"], "true, false"),
            (&[], "required"),
        ] {
            let before = WorkspaceSettings::default();
            let mut settings = before.clone();
            let refusal = change(arguments, &mut settings).unwrap_err();
            assert!(refusal.contains(expected), "{arguments:?}: {refusal}");
        }
    }
}
