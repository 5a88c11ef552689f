//! `site`: add, list, remove.

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use url::Url;

use super::manage::{InWorkspace, find_workspace};
use super::with_stores;
use crate::calendar::Clock;
use crate::catalog::NewSite;
use crate::config::PlacesConfig;
use crate::domain::id::SiteId;
use crate::domain::site::{MAX_HOSTS, Site, SiteSettings, is_slug, parse_host_pattern, slug_for};

/// Where the server answers when nothing says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// `linktrail site ...`
#[derive(Subcommand, Debug)]
pub enum SiteCommand {
    /// Add a site and print the line for its pages.
    Add {
        /// The host of its pages, such as `example.com` (with `www.example.com`), or `*.example.com` for all below it.
        /// Pages on other hosts cannot report events.
        host: String,
        /// Further hosts, separated by commas.
        #[arg(long, value_delimiter = ',', value_name = "HOSTS")]
        also: Vec<String>,
        /// Shown to people. Default: the host.
        #[arg(long)]
        name: Option<String>,
        /// Part of the address of the site's own links: a-z, 0-9 and dashes. Default: made from the host.
        #[arg(long)]
        slug: Option<String>,
        /// Keep a visitor's id in a first-party cookie. Default: nothing is kept in the browser.
        #[arg(long)]
        cookies: bool,
        #[command(flatten)]
        place: InWorkspace,
        #[command(flatten)]
        server: ServerUrl,
    },
    /// Print the sites: id, slug, name, hosts, and the line for their pages.
    List {
        #[command(flatten)]
        place: InWorkspace,
        #[command(flatten)]
        server: ServerUrl,
    },
    /// Remove a site: its pages' events are no longer taken. Its recorded events stay.
    Remove {
        /// Its id or slug.
        site: String,
        #[command(flatten)]
        place: InWorkspace,
    },
}

/// The address in what is printed.
#[derive(Args, Debug)]
pub struct ServerUrl {
    /// The address that visitors' browsers reach this server at. Default: the one of the first start.
    #[arg(long, env = "LINKTRAIL_PUBLIC_URL")]
    public_url: Option<Url>,
}

impl ServerUrl {
    /// Scheme, host and port.
    pub(super) fn origin(&self, places: &PlacesConfig) -> String {
        let url = self.public_url.clone().or_else(|| {
            let first = std::fs::read(places.data_dir.join("first-run.json")).ok()?;
            let first: serde_json::Value = serde_json::from_slice(&first).ok()?;
            Url::parse(first.get("url")?.as_str()?).ok()
        });
        url.map_or_else(|| DEFAULT_URL.to_owned(), |url| url.origin().ascii_serialization())
    }
}

/// Runs `linktrail site`.
pub async fn run(places: &PlacesConfig, command: SiteCommand) -> anyhow::Result<()> {
    with_stores(places, async |stores| {
        let catalog = &stores.catalog;
        match command {
            SiteCommand::Add { host, also, name, slug, cookies, place, server } => {
                let workspace = find_workspace(catalog, place.workspace.as_deref()).await?;
                let new = new_site(&host, &also, name, slug, cookies)?;
                let site = match catalog.add_site(workspace.id, &new, Clock::system().now_ms()).await {
                    Err(error) if error.is_taken("site_slug") => {
                        bail!("the slug {} is in use; choose another with --slug", new.slug)
                    }
                    site => site?,
                };
                println!("{}\t{}\t{}\t{}", site.id.0, site.slug, site.name, site.hosts.join(","));
                println!("\nPut this into the <head> of its pages:\n\n  {}", tag(&server.origin(places), &site));
            }
            SiteCommand::List { place, server } => {
                let workspaces = match place.workspace {
                    Some(wanted) => vec![find_workspace(catalog, Some(&wanted)).await?],
                    None => catalog.workspaces().await?,
                };
                let origin = server.origin(places);
                for workspace in workspaces {
                    for site in catalog.sites(workspace.id).await? {
                        let (hosts, tag) = (site.hosts.join(","), tag(&origin, &site));
                        println!("{}\t{}\t{}\t{hosts}\t{tag}", site.id.0, site.slug, site.name);
                    }
                }
            }
            SiteCommand::Remove { site, place } => {
                let mut found = Vec::new();
                let workspaces = match place.workspace {
                    Some(wanted) => vec![find_workspace(catalog, Some(&wanted)).await?],
                    None => catalog.workspaces().await?,
                };
                for workspace in workspaces {
                    found.extend(catalog.sites(workspace.id).await?);
                }
                let id = site.parse().ok().map(SiteId);
                let wanted = found.iter().find(|known| Some(known.id) == id || known.slug == site);
                let wanted =
                    wanted.with_context(|| format!("there is no site {site}; `linktrail site list` shows them"))?;
                catalog.remove_site(wanted.workspace, wanted.id, Clock::system().now_ms()).await?;
                println!("removed {} ({})", wanted.id.0, wanted.name);
            }
        }
        Ok(())
    })
    .await?
}

fn new_site(
    host: &str,
    also: &[String],
    name: Option<String>,
    slug: Option<String>,
    cookies: bool,
) -> anyhow::Result<NewSite> {
    let mut hosts: Vec<String> = Vec::new();
    for given in std::iter::once(host).chain(also.iter().map(String::as_str)) {
        let pattern = parse_host_pattern(given).with_context(|| {
            format!(
                "{given} is no host; allowed are names such as example.com and *.example.com, without scheme and port"
            )
        })?;
        if !hosts.contains(&pattern) {
            hosts.push(pattern);
        }
    }
    ensure!(hosts.len() <= MAX_HOSTS, "{} hosts are too many: a site has at most {MAX_HOSTS}", hosts.len());
    let name = name.map(|name| name.trim().to_owned()).unwrap_or_else(|| hosts[0].clone());
    ensure!(!name.is_empty(), "the name is empty");
    let slug = slug.unwrap_or_else(|| slug_for(hosts[0].trim_start_matches("*.")));
    ensure!(is_slug(&slug), "{slug:?} is no slug; allowed are 1 to 63 of a-z, 0-9 and dashes");
    Ok(NewSite { name, slug, hosts, settings: SiteSettings { cookies, ..SiteSettings::default() } })
}

/// The line for the pages of a site.
fn tag(origin: &str, site: &Site) -> String {
    let cookie = if site.settings.cookies { " data-cookie" } else { "" };
    format!("<script defer src=\"{origin}/script.js\" data-site=\"{}\"{cookie}></script>", site.id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_made_of_what_is_given() {
        let site = new_site("www.Example.com", &["*.Example.com".into(), "example.com".into()], None, None, false);
        let site = site.unwrap();
        assert_eq!((site.name.as_str(), site.slug.as_str()), ("example.com", "example-com"));
        assert_eq!(site.hosts, ["example.com", "*.example.com"]);
        for (host, slug) in [("https://example.com", None), ("example.com", Some("Our")), ("", None)] {
            assert!(new_site(host, &[], None, slug.map(str::to_owned), false).is_err(), "{host} {slug:?}");
        }
    }
}
