//! THE link service: every surface makes, reads, changes and deletes links here, so that the rules are one.
//!
//! What always holds of a link that this service wrote:
//! - its slug and every target passed the checks of `domain::slug` and `domain::destination`, and no target leads to a
//!   short domain of this installation;
//! - its campaign fields are those that its destination carries;
//! - its domain, folder and tags are its own workspace's; only links of sites live on the domain of the installation's own
//!   address, whosever that is, and nothing else lives below `l/` there.

mod bulk;
mod change;
mod check;
mod failure;
mod hook_urls;
mod rules;
mod seen;
mod site;
mod trash;
mod upsert;

use std::sync::Arc;

use url::Url;

use crate::calendar::Clock;
use crate::catalog::{self, Added, Catalog, Leading, LinkGroup, LinkGroups, LinkQuery, NewLink, Page, Place};
use crate::domain::contact;
use crate::domain::hook_target::Policy;
use crate::domain::id::{FolderId, LinkId, TagId, UserId, WorkspaceId};
use crate::domain::link::{Link, LinkFields, ROOT_SLUG};
use crate::domain::slug;
use crate::domain::workspace::{Domain, parse_domain_name};

pub use bulk::MAX_LINKS;
pub use change::{LinkChange, PreviewChange, SlugChoice, TagChoice, UtmChange};
use check::TargetHost;
pub use failure::Error;
use failure::Measure;
pub use seen::Forget;
use seen::Memory;

type Result<T> = std::result::Result<T, Error>;

/// Random slugs tried at one length before one more letter is taken; and how many lengths.
const TRIES_PER_LENGTH: usize = 3;
const LENGTHS: usize = 3;

/// How a link is named by a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkName {
    /// By our id.
    Id(LinkId),
    /// By the id in the user's own database.
    External(String),
    /// By its place: the short domain's name and the slug.
    Place(String, String),
}

/// The link service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LinkService {
    catalog: Catalog,
    clock: Clock,
    public_url: Arc<Url>,
    /// The domain whose slugs answer on hosts that are no short domain, where one was named.
    default_domain: Option<Arc<str>>,
    /// Which addresses may be told of clicks.
    hook_policy: Arc<Policy>,
    memory: Memory,
}

impl LinkService {
    /// A service that takes `public_url` for the address at which this installation is reached.
    pub fn new(catalog: Catalog, clock: Clock, public_url: Arc<Url>) -> Self {
        Self {
            catalog,
            clock,
            public_url,
            default_domain: None,
            hook_policy: Arc::default(),
            memory: Memory::default(),
        }
    }

    /// The same with a memory of links that forgets each one that changes here, before its caller is answered.
    #[must_use]
    pub fn with_memory(self, forget: Forget) -> Self {
        Self { memory: Memory(Some(forget)), ..self }
    }

    /// The same with a domain whose slugs answer on hosts that are no short domain; by default that is the oldest.
    #[must_use]
    pub fn with_default_domain(self, name: Option<&str>) -> Self {
        Self { default_domain: name.and_then(parse_domain_name).map(Arc::from), ..self }
    }

    /// The same with another say on which addresses may be told of clicks; by default public ones.
    #[must_use]
    pub fn with_hook_policy(self, hook_policy: Arc<Policy>) -> Self {
        Self { hook_policy, ..self }
    }

    /// Makes a link.
    pub async fn create(&self, workspace: WorkspaceId, by: Option<UserId>, change: LinkChange) -> Result<Link> {
        match self.create_unless(workspace, by, change, None).await? {
            Added::New(link) => Ok(*link),
            // Nothing was said that could be there.
            Added::There(_) => Err(Error::NoLink),
        }
    }

    /// Makes a link, unless one is there that leads where `leading` says.
    async fn create_unless(
        &self,
        workspace: WorkspaceId,
        by: Option<UserId>,
        change: LinkChange,
        leading: Option<&Leading>,
    ) -> Result<Added> {
        let (domain, of_site) = self.ground(workspace, &change).await?;
        self.create_on(workspace, by, &domain, of_site, change, leading).await
    }

    /// Makes a link on this domain; `of_site` below a site's address, where nobody else's may be.
    async fn create_on(
        &self,
        workspace: WorkspaceId,
        by: Option<UserId>,
        domain: &Domain,
        of_site: bool,
        change: LinkChange,
        leading: Option<&Leading>,
    ) -> Result<Added> {
        let mut change = change;
        if change.keeps_password {
            let reason = "it stands for a password that a link has, and a new link has none: give the password itself";
            return Err(Error::invalid("password", reason));
        }
        self.prepare(workspace, &mut change).await?;
        let mut fields = LinkFields::default();
        let slug_choice = std::mem::take(&mut change.slug);
        let fixed = match &slug_choice {
            SlugChoice::Keep | SlugChoice::Random { .. } => None,
            SlugChoice::Fixed(text) if of_site => Some(slug::parse(text)?.to_owned()),
            SlugChoice::Fixed(text) => Some(self.checked_slug(text, domain).await?),
        };
        let is_root = fixed.as_deref() == Some(ROOT_SLUG);
        let (created_at_ms, has_history) = (change.created_at_ms, change.created_at_ms.is_some());
        change.write_over(&mut fields, is_root)?;
        let created_at_ms = created_at_ms.unwrap_or_else(|| self.clock.now_ms());
        let without_slug =
            NewLink { workspace, domain, slug: "", created_by: by, fields: &fields, created_at_ms, has_history };
        if let Some(slug) = fixed {
            return Ok(self.add(&NewLink { slug: &slug, ..without_slug }, leading).await?);
        }
        let (length, prefix) = random_form(&slug_choice)?;
        for round in 0..TRIES_PER_LENGTH * LENGTHS {
            let letters = slug::random(length + round / TRIES_PER_LENGTH).map_err(|_| Error::NoRandomness)?;
            let text = prefix.map_or_else(|| letters.clone(), |prefix| format!("{prefix}/{letters}"));
            let slug = if of_site { text.to_lowercase() } else { self.checked_slug(&text, domain).await? };
            match self.add(&NewLink { slug: &slug, ..without_slug }, leading).await {
                Err(error) if error.is_taken("link_slug") => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(Error::SlugTaken)
    }

    async fn add(&self, new: &NewLink<'_>, leading: Option<&Leading>) -> std::result::Result<Added, catalog::Error> {
        let added = match leading {
            Some(leading) => self.catalog.add_link_leading(new, leading).await?,
            None => Added::New(Box::new(self.catalog.add_link(new).await?)),
        };
        if let Added::New(link) = &added {
            self.memory.forget(link);
        }
        Ok(added)
    }

    /// Whether a link could be made so, as far as can be told without making it: that its place is free is not looked at.
    pub async fn check(&self, workspace: WorkspaceId, change: LinkChange) -> Result<()> {
        let mut change = change;
        let (domain, of_site) = self.ground(workspace, &change).await?;
        self.prepare(workspace, &mut change).await?;
        let is_root = match &change.slug {
            SlugChoice::Fixed(_) if of_site => false,
            SlugChoice::Fixed(text) => self.checked_slug(text, &domain).await? == ROOT_SLUG,
            SlugChoice::Keep | SlugChoice::Random { .. } => false,
        };
        change.write_over(&mut LinkFields::default(), is_root)
    }

    /// One link of the workspace.
    pub async fn get(&self, workspace: WorkspaceId, name: &LinkName) -> Result<Link> {
        let found = match name {
            LinkName::Id(id) => self.catalog.link(workspace, *id).await?,
            LinkName::External(id) if id.contains('\0') => None,
            LinkName::External(id) => self.catalog.link_by_external_id(workspace, id).await?,
            LinkName::Place(domain, slug) if domain.contains('\0') || slug.contains('\0') => None,
            LinkName::Place(domain, slug) => {
                let domain = parse_domain_name(domain).unwrap_or_default();
                self.catalog.link_at(workspace, &domain, slug).await?
            }
        };
        found.ok_or(Error::NoLink)
    }

    /// A page of the workspace's links.
    pub async fn list(&self, workspace: WorkspaceId, query: &LinkQuery, page: Page) -> Result<Vec<Link>> {
        self.check_folder(workspace, query.folder.flatten()).await?;
        self.catalog.links(workspace, query, page).await?.ok_or(Error::UnknownCursor)
    }

    /// How many links of the workspace are meant.
    pub async fn count(&self, workspace: WorkspaceId, query: &LinkQuery) -> Result<u64> {
        self.check_folder(workspace, query.folder.flatten()).await?;
        Ok(self.catalog.count_links(workspace, query).await?)
    }

    /// How many links of the workspace are meant, by one of their attributes.
    pub async fn count_by(&self, workspace: WorkspaceId, query: &LinkQuery, group: LinkGroup) -> Result<LinkGroups> {
        self.check_folder(workspace, query.folder.flatten()).await?;
        Ok(self.catalog.count_links_by(workspace, query, group).await?)
    }

    /// Changes a link; what the change does not name stays.
    pub async fn update(&self, workspace: WorkspaceId, name: &LinkName, change: LinkChange) -> Result<Link> {
        let link = self.get(workspace, name).await?;
        self.write_change(workspace, link, change, false).await
    }

    /// Changes a link and takes it out of the trash, if it is there: both or neither.
    pub async fn update_and_restore(&self, workspace: WorkspaceId, id: LinkId, change: LinkChange) -> Result<Link> {
        let link = self.get_or_trashed(workspace, id).await?;
        self.write_change(workspace, link, change, true).await
    }

    async fn write_change(
        &self,
        workspace: WorkspaceId,
        link: Link,
        change: LinkChange,
        restores: bool,
    ) -> Result<Link> {
        let mut change = change;
        if site::is_below(&link) {
            change = site::staying(&link, change)?;
        }
        let domain = match &change.domain {
            Some(domain) => Some(self.own_domain(workspace, domain).await?),
            None => None,
        };
        let slug = match std::mem::take(&mut change.slug) {
            SlugChoice::Keep => None,
            SlugChoice::Fixed(text) => Some(slug::parse(&text)?.to_owned()),
            SlugChoice::Random { .. } => {
                return Err(Error::invalid("key", "a link that has one keeps it or gets a given one"));
            }
        };
        // Another mailbox or number needs its scheme as little as the first one did.
        if let (Some(url), None) = (&mut change.patch.url, change.patch.kind)
            && let Some(whole) = contact::with_scheme(url, link.fields.kind)
        {
            *url = whole;
        }
        let moves = domain.is_some() || slug.is_some();
        let home = if moves { self.home_domain().await? } else { None };
        self.prepare(workspace, &mut change).await?;
        let place = Place { domain: domain.as_ref(), slug: slug.as_deref(), restores };
        let edit = |link: &mut Link| {
            if moves && self.is_reserved(&link.slug, &link.domain, home.as_ref()) {
                return Err(Error::ReservedSlug);
            }
            let is_root = link.slug == ROOT_SLUG;
            change.write_over(&mut link.fields, is_root)
        };
        let changing = self.catalog.change_link(workspace, link.id, place, self.clock.now_ms(), edit);
        let changed = changing.await?.ok_or(Error::NoLink)??;
        // Where it was, too.
        self.memory.forget(&link);
        self.memory.forget(&changed);
        Ok(changed)
    }

    /// Deletes a link and answers what it was. The root link of a domain stays.
    pub async fn delete(&self, workspace: WorkspaceId, name: &LinkName) -> Result<Link> {
        let link = self.get(workspace, name).await?;
        if link.slug == ROOT_SLUG {
            return Err(Error::RootLink);
        }
        if !self.catalog.delete_link(workspace, link.id, self.clock.now_ms()).await? {
            return Err(Error::NoLink);
        }
        self.memory.forget(&link);
        Ok(link)
    }

    /// Everything that can be checked, looked up or worked out before a row is touched.
    async fn prepare(&self, workspace: WorkspaceId, change: &mut LinkChange) -> Result<()> {
        let hosts = check::check(change, &self.hook_policy)?;
        self.refuse_loops(hosts).await?;
        self.look_up_tags(workspace, change).await?;
        self.check_folder(workspace, change.patch.folder.flatten()).await?;
        change.hash_password().await
    }

    /// A target on one of our own short domains could lead round and round.
    async fn refuse_loops(&self, hosts: Vec<TargetHost>) -> Result<()> {
        // The same host with another port is another program.
        let ours = |host: &TargetHost| match host.port {
            None => true,
            port => port == self.public_url.port() && self.public_url.host_str() == Some(host.name.as_str()),
        };
        let names: Vec<String> = hosts.iter().filter(|host| ours(host)).map(|host| host.name.clone()).collect();
        let registered = self.catalog.registered_among(&names).await?;
        match hosts.into_iter().find(|host| ours(host) && registered.contains(&host.name)) {
            Some(TargetHost { field, place: Some(place), name, .. }) => {
                Err(Error::invalid(field, format!("{field}[{place}]: its target leads to the short domain {name}")))
            }
            Some(host) => Err(Error::Loop { field: host.field, host: host.name }),
            None => Ok(()),
        }
    }

    async fn look_up_tags(&self, workspace: WorkspaceId, change: &mut LinkChange) -> Result<()> {
        let Some(choice) = change.tags.take() else { return Ok(()) };
        let tags = match &choice {
            TagChoice::Ids(ids) => {
                let found = self.catalog.tags_by_ids(workspace, ids).await?;
                let known = |id: &TagId| found.iter().any(|tag| tag.id == *id);
                let unknown: Vec<String> = ids.iter().filter(|id| !known(id)).map(ToString::to_string).collect();
                if !unknown.is_empty() {
                    return Err(Error::UnknownTags { field: "tagIds", unknown });
                }
                // In the order given, each once.
                let mut tags = Vec::with_capacity(ids.len());
                for &id in ids {
                    if !tags.contains(&id) {
                        tags.push(id);
                    }
                }
                tags
            }
            TagChoice::Names(names) => {
                let found = self.catalog.tags_by_names(workspace, names).await?;
                let known = |name: &String| found.iter().any(|tag| tag.name.to_lowercase() == name.to_lowercase());
                let unknown: Vec<String> = names.iter().filter(|name| !known(name)).cloned().collect();
                if !unknown.is_empty() {
                    return Err(Error::UnknownTags { field: "tagNames", unknown });
                }
                found.into_iter().map(|tag| tag.id).collect()
            }
        };
        change.patch.tags = Some(tags);
        Ok(())
    }

    async fn checked_slug(&self, text: &str, domain: &Domain) -> Result<String> {
        let slug = slug::parse(text)?;
        let home = if slug::is_of_sites(slug) { self.home_domain().await? } else { None };
        if self.is_reserved(slug, &domain.name, home.as_ref()) { Err(Error::ReservedSlug) } else { Ok(slug.to_owned()) }
    }

    /// `home` is where links of sites live.
    fn is_reserved(&self, slug: &str, domain: &str, home: Option<&Domain>) -> bool {
        let beside_api = self.public_url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(domain));
        slug::is_reserved(slug, beside_api) || (slug::is_of_sites(slug) && home.is_some_and(|home| home.name == domain))
    }

    /// The short domain of this name, where the workspace can have links.
    ///
    /// # Errors
    /// [`Error::ForeignDomain`] for someone else's and nobody's alike, [`Error::PendingDomain`] while it is not verified.
    pub async fn domain(&self, workspace: WorkspaceId, name: &str) -> Result<Domain> {
        self.own_domain(workspace, name).await
    }

    /// The domain of this name, which must be the workspace's; someone else's and nobody's are answered alike.
    async fn own_domain(&self, workspace: WorkspaceId, name: &str) -> Result<Domain> {
        let Some(name) = parse_domain_name(name) else { return Err(Error::ForeignDomain) };
        let domain = self.catalog.domain_of(workspace, &name).await?.ok_or(Error::ForeignDomain)?;
        if domain.is_verified() { Ok(domain) } else { Err(Error::PendingDomain(domain.name)) }
    }

    async fn primary_domain(&self, workspace: WorkspaceId) -> Result<Domain> {
        let domains = self.catalog.link_domains(workspace).await?;
        domains.into_iter().find(|domain| !domain.fields.archived && domain.is_verified()).ok_or(Error::NoDomain)
    }

    async fn check_folder(&self, workspace: WorkspaceId, folder: Option<FolderId>) -> Result<()> {
        match folder {
            Some(id) if self.catalog.folder(workspace, id).await?.is_none() => Err(Error::NoFolder),
            _ => Ok(()),
        }
    }
}

fn random_form(choice: &SlugChoice) -> Result<(usize, Option<&str>)> {
    let SlugChoice::Random { length, prefix } = choice else { return Ok((slug::RANDOM_LENGTH, None)) };
    let length = length.unwrap_or(slug::RANDOM_LENGTH);
    if length < slug::MIN_RANDOM_LENGTH {
        return Err(Error::too_small("keyLength", Measure::Number, slug::MIN_RANDOM_LENGTH, length));
    }
    if length > slug::MAX_LENGTH {
        return Err(Error::too_big("keyLength", Measure::Number, slug::MAX_LENGTH, length));
    }
    let prefix = prefix.as_deref().map(|prefix| prefix.trim_matches('/')).filter(|prefix| !prefix.is_empty());
    Ok((length, prefix))
}
