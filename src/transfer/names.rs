//! Links, sites and customers as files name them -> what the catalog knows them by. Each name is asked for once.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use url::Url;

use super::event::{Draft, Found};
use super::row::shown;
use crate::catalog::{self, Catalog};
use crate::domain::id::{CustomerId, DomainId, LinkId, SiteId, WorkspaceId};
use crate::domain::site::Site;
use crate::domain::workspace::{Domain, parse_domain_name};
use crate::redirect::slug_of;

/// Names that are remembered; beyond, all are forgotten and asked for again.
const REMEMBERED: usize = 2_000_000;

/// What is known of names so far.
pub struct Names {
    catalog: Catalog,
    workspace: WorkspaceId,
    domains: HashMap<String, Domain>,
    sites: Vec<Site>,
    /// `None` for names of no link of the workspace.
    links: HashMap<String, Option<LinkId>, RandomState>,
    customers: HashMap<String, CustomerId>,
}

/// A link as it was named, read.
enum LinkName {
    Id(LinkId),
    Place(DomainId, String),
}

impl Names {
    /// Knows the domains and sites of the workspace, as they are now, and no link yet.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn new(catalog: Catalog, workspace: WorkspaceId) -> Result<Self, catalog::Error> {
        let domains = catalog.link_domains(workspace).await?;
        let domains = domains.into_iter().map(|domain| (domain.name.clone(), domain)).collect();
        let sites = catalog.sites(workspace).await?;
        Ok(Self { catalog, workspace, domains, sites, links: HashMap::default(), customers: HashMap::new() })
    }

    /// Whether a link among these drafts has a name that is not known yet.
    pub(super) fn lacks(&self, drafts: &[Draft]) -> bool {
        drafts.iter().filter_map(|draft| draft.link.as_deref()).any(|name| !self.links.contains_key(name))
    }

    /// Asks for the names in these drafts that are not known yet.
    ///
    /// # Errors
    /// When the catalog fails.
    pub(super) async fn learn(&mut self, drafts: impl Iterator<Item = &Draft>) -> Result<(), catalog::Error> {
        self.learn_links(drafts.filter_map(|draft| draft.link.as_deref())).await
    }

    /// Forgets the names of links when there are too many. To be called when no draft waits for what was learnt.
    pub(super) fn forget_in_time(&mut self) {
        if self.links.len() > REMEMBERED {
            self.links.clear();
        }
    }

    /// The link of a name; `None` when it is none of the workspace.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn link(&mut self, name: &str) -> Result<Option<LinkId>, catalog::Error> {
        self.learn_links(std::iter::once(name)).await?;
        Ok(self.links.get(name).copied().flatten())
    }

    async fn learn_links(&mut self, names: impl Iterator<Item = &str>) -> Result<(), catalog::Error> {
        let unknown: HashSet<&str> = names.filter(|name| !self.links.contains_key(*name)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let (mut ids, mut places) = (Vec::new(), Vec::new());
        let mut read = Vec::with_capacity(unknown.len());
        for name in unknown {
            match self.read(name) {
                Some(LinkName::Id(id)) => ids.push(id),
                Some(LinkName::Place(domain, ref slug)) => places.push((domain, slug.clone())),
                None => {}
            }
            read.push((name.to_owned(), self.read(name)));
        }
        // Deleted links among them: their events stay.
        let by_id: HashSet<LinkId> =
            self.catalog.links_by_ids(self.workspace, &ids).await?.into_iter().map(|link| link.id).collect();
        let by_place: HashMap<(DomainId, String), LinkId> = self
            .catalog
            .links_at(self.workspace, &places)
            .await?
            .into_iter()
            .map(|(domain, slug, id)| ((domain, slug), id))
            .collect();
        for (name, read) in read {
            let found = match read {
                Some(LinkName::Id(id)) => by_id.get(&id).copied(),
                Some(LinkName::Place(domain, slug)) => by_place.get(&(domain, slug)).copied(),
                None => None,
            };
            self.links.insert(name, found);
        }
        Ok(())
    }

    /// What a draft's link and site mean; the customer is left to [`customer`](Self::customer).
    ///
    /// # Errors
    /// The first name that means nothing here.
    pub(super) fn find(&self, draft: &Draft) -> Result<Found, String> {
        let mut found = Found::default();
        if let Some(name) = &draft.link {
            let link = self.links.get(name).copied().flatten();
            found.link = link.ok_or_else(|| format!("link: {} is no link of the workspace", shown(name)))?;
        }
        if let Some(name) = &draft.site {
            found.site = self.site(name).ok_or_else(|| format!("site: {} is no site of the workspace", shown(name)))?;
        }
        Ok(found)
    }

    /// Asks for the customers in these drafts that are not known yet, and makes those that are not there, as of the time at
    /// which they are first seen. `dry_run`: makes none.
    ///
    /// # Errors
    /// When the catalog fails.
    pub(super) async fn meet_customers(
        &mut self,
        drafts: impl Iterator<Item = &Draft>,
        dry_run: bool,
    ) -> Result<(), catalog::Error> {
        if self.customers.len() > REMEMBERED {
            self.customers.clear();
        }
        let mut since: HashMap<&str, i64> = HashMap::new();
        for draft in drafts {
            let Some(name) = draft.customer.as_deref().filter(|name| !self.customers.contains_key(*name)) else {
                continue;
            };
            let first_ms = since.entry(name).or_insert(i64::MAX);
            *first_ms = draft.at_ms().min(*first_ms);
        }
        if since.is_empty() || dry_run {
            return Ok(());
        }
        let names: Vec<String> = since.keys().map(|name| (*name).to_owned()).collect();
        self.customers.extend(self.catalog.customers_named(self.workspace, &names).await?);
        since.retain(|name, _| !self.customers.contains_key(*name));
        let new: Vec<(String, i64)> = since.into_iter().map(|(name, since_ms)| (name.to_owned(), since_ms)).collect();
        self.catalog.add_customers_named(self.workspace, &new).await?;
        let names: Vec<String> = new.into_iter().map(|(name, _)| name).collect();
        self.customers.extend(self.catalog.customers_named(self.workspace, &names).await?);
        Ok(())
    }

    /// The customer of a draft; 0 for none.
    pub(super) fn customer(&self, draft: &Draft) -> CustomerId {
        draft.customer.as_deref().and_then(|name| self.customers.get(name)).copied().unwrap_or_default()
    }

    /// The slug of a site.
    pub(super) fn site_slug(&self, id: SiteId) -> Option<&str> {
        self.sites.iter().find(|site| site.id == id).map(|site| site.slug.as_str())
    }

    /// By slug, number, id, or a host whose pages may report to it.
    pub fn site(&self, name: &str) -> Option<SiteId> {
        let by = |is: &dyn Fn(&Site) -> bool| self.sites.iter().find(|site| is(site)).map(|site| site.id);
        let number = name.parse().map(SiteId).ok().or_else(|| SiteId::parse(name));
        by(&|site| site.slug == name)
            .or_else(|| by(&|site| Some(site.id) == number))
            .or_else(|| by(&|site| site.allows(&name.to_ascii_lowercase())))
    }

    /// An id, a short URL, or `domain/slug`. `None` for what can be no link of the workspace.
    fn read(&self, name: &str) -> Option<LinkName> {
        if let Some(id) = LinkId::parse(name) {
            return Some(LinkName::Id(id));
        }
        let rest = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"));
        let (host, path) = match rest {
            Some(_) => {
                let url = Url::parse(name).ok()?;
                (url.host_str()?.to_owned(), url.path().to_owned())
            }
            None => {
                let (host, path) = name.split_once('/').unwrap_or((name, ""));
                (host.split(':').next()?.to_owned(), format!("/{path}"))
            }
        };
        let domain = self.domains.get(&parse_domain_name(&host)?)?;
        let slug = slug_of(&path)?;
        Some(LinkName::Place(domain.id, domain.slug_key(slug.trim_matches('/'))))
    }
}
