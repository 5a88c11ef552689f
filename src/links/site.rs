//! Links of sites: they live at `l/<site>/<slug>` on the domain of the installation's own address, whosever domain that is,
//! and nothing else does.

use super::{Error, LinkChange, LinkName, LinkService, Result, SlugChoice};
use crate::catalog::{Added, Place};
use crate::domain::id::{LinkId, SiteId, UserId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::site::{Site, is_link_slug, link_place, slug_at};
use crate::domain::slug;
use crate::domain::workspace::{Domain, parse_domain_name};

/// Letters of a slug that is made: they are of fewer kinds than elsewhere, so there is one more.
const MADE_LENGTH: usize = 8;

impl LinkService {
    /// The domain that answers where this installation itself is reached; `None` while there is no domain at all.
    pub(super) async fn home_domain(&self) -> Result<Option<Domain>> {
        let public = self.public_url.host_str().and_then(parse_domain_name);
        let names: Vec<String> = public.into_iter().chain(self.default_domain.as_deref().map(str::to_owned)).collect();
        Ok(self.catalog.home_domain(&names).await?)
    }

    /// Makes a link of a site, with a slug that `is_link_slug` allows or one that is made.
    ///
    /// # Errors
    /// [`Error::NoHome`] while there is no domain, [`Error::NoSite`] when the site was removed.
    pub async fn create_for_site(
        &self,
        site: &Site,
        by: Option<UserId>,
        slug: Option<&str>,
        mut change: LinkChange,
    ) -> Result<Link> {
        let home = self.home_domain().await?.ok_or(Error::NoHome)?;
        change.patch.site = Some(Some(site.id.0));
        change.slug = match slug {
            Some(slug) => SlugChoice::Fixed(link_place(&site.slug, slug)),
            None => {
                let length = Some(MADE_LENGTH);
                SlugChoice::Random { length, prefix: Some(link_place(&site.slug, "")) }
            }
        };
        match self.create_on(site.workspace, by, &home, true, change, None).await? {
            Added::New(link) => Ok(*link),
            Added::There(_) => Err(Error::NoLink),
        }
    }

    /// Changes a link of a site, and its slug where one is given.
    pub async fn update_for_site(
        &self,
        site: &Site,
        id: LinkId,
        slug: Option<&str>,
        mut change: LinkChange,
    ) -> Result<Link> {
        let link = self.get(site.workspace, &LinkName::Id(id)).await?;
        if link.fields.site != Some(site.id.0) {
            return Err(Error::NoLink);
        }
        if !is_below(&link) && slug.is_some() {
            return Err(Error::SitePlace);
        }
        (change.domain, change.slug, change.patch.site) = (None, SlugChoice::Keep, None);
        self.prepare(site.workspace, &mut change).await?;
        let place = slug.map(|slug| link_place(&site.slug, slug));
        let place = Place { slug: place.as_deref(), ..Place::default() };
        let edit = |link: &mut Link| change.write_over(&mut link.fields, false);
        let changing = self.catalog.change_link(site.workspace, id, place, self.clock.now_ms(), edit);
        let changed = changing.await?.ok_or(Error::NoLink)??;
        // Where it was, too.
        self.memory.forget(&link);
        self.memory.forget(&changed);
        Ok(changed)
    }

    /// Whether a link of the site could have this slug now. Nothing is reserved.
    pub async fn is_free_for_site(&self, site: &Site, slug: &str) -> Result<bool> {
        if !is_link_slug(slug) {
            return Ok(false);
        }
        let home = self.home_domain().await?.ok_or(Error::NoHome)?;
        Ok(!self.catalog.is_slug_taken(home.id, &home.slug_key(&link_place(&site.slug, slug))).await?)
    }

    /// The domain of a link that is to be made, and whether it is a link of a site of the workspace there.
    pub(super) async fn ground(&self, workspace: WorkspaceId, change: &LinkChange) -> Result<(Domain, bool)> {
        if let Some(home) = self.ground_of_site(workspace, change).await? {
            return Ok((home, true));
        }
        match &change.domain {
            Some(name) => Ok((self.own_domain(workspace, name).await?, false)),
            None => Ok((self.primary_domain(workspace).await?, false)),
        }
    }

    /// Where a link lives that says of itself that it is one of a site: what was exported says so.
    async fn ground_of_site(&self, workspace: WorkspaceId, change: &LinkChange) -> Result<Option<Domain>> {
        let (Some(Some(id)), SlugChoice::Fixed(place)) = (change.patch.site, &change.slug) else { return Ok(None) };
        if !slug::is_of_sites(place) {
            return Ok(None);
        }
        let sites = self.catalog.sites(workspace).await?;
        let site = sites.into_iter().find(|site| site.id == SiteId(id));
        if !site.is_some_and(|site| slug_at(&site.slug, place).is_some_and(is_link_slug)) {
            return Ok(None);
        }
        let named = change.domain.as_deref().map(parse_domain_name);
        let is_named = |home: &Domain| named.as_ref().is_none_or(|name| name.as_ref() == Some(&home.name));
        Ok(self.home_domain().await?.filter(is_named))
    }
}

/// Whether a link lives below its site's address.
pub(super) fn is_below(link: &Link) -> bool {
    link.fields.site.is_some() && slug::is_of_sites(&link.slug)
}

/// A change of a link that [`is_below`] its site's address, which leaves it there.
///
/// # Errors
/// [`Error::SitePlace`] for one that does not.
pub(super) fn staying(link: &Link, mut change: LinkChange) -> Result<LinkChange> {
    let same_domain =
        change.domain.as_deref().is_none_or(|name| parse_domain_name(name).as_ref() == Some(&link.domain));
    let same_slug = match &change.slug {
        SlugChoice::Keep => true,
        SlugChoice::Fixed(slug) => slug.trim_matches('/').eq_ignore_ascii_case(&link.slug),
        SlugChoice::Random { .. } => false,
    };
    if !same_domain || !same_slug {
        return Err(Error::SitePlace);
    }
    (change.domain, change.slug, change.patch.site) = (None, SlugChoice::Keep, None);
    Ok(change)
}
