//! Many links in one call.

use std::collections::HashSet;

use super::{Error, LinkChange, LinkName, LinkService, Result, SlugChoice};
use crate::catalog;
use crate::domain::id::{LinkId, UserId, WorkspaceId};
use crate::domain::link::{Link, ROOT_SLUG};
use crate::domain::workspace::parse_domain_name;

/// Links of one call at most.
pub const MAX_LINKS: usize = 100;

impl LinkService {
    /// Makes links one after the other; each is made or refused on its own, in the order given. When the store does not
    /// answer before the first is made, that is the outcome of the call; later, of those that are left.
    ///
    /// # Errors
    /// [`Error::Twice`] when two ask for the same place; nothing is made then.
    pub async fn create_many(
        &self,
        workspace: WorkspaceId,
        by: Option<UserId>,
        changes: Vec<LinkChange>,
    ) -> Result<Vec<Result<Link>>> {
        self.refuse_twins(workspace, &changes).await?;
        let mut outcomes = Vec::with_capacity(changes.len());
        let mut silent = false;
        for change in changes {
            let outcome = if silent { Err(no_answer()) } else { self.create(workspace, by, change).await };
            silent = silent || matches!(outcome, Err(Error::Catalog(catalog::Error::Unavailable(_))));
            if silent && !outcomes.iter().any(Result::is_ok) {
                return Err(outcome.err().unwrap_or_else(no_answer));
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    async fn refuse_twins(&self, workspace: WorkspaceId, changes: &[LinkChange]) -> Result<()> {
        let domains = self.catalog.link_domains(workspace).await?;
        // The one that a new link without a domain gets.
        let primary = domains.iter().find(|domain| !domain.fields.archived && domain.is_verified());
        let mut places = HashSet::new();
        for change in changes {
            let SlugChoice::Fixed(slug) = &change.slug else { continue };
            let name = change.domain.as_deref().and_then(parse_domain_name);
            let domain = match &name {
                Some(name) => domains.iter().find(|domain| domain.name == *name),
                None if change.domain.is_none() => primary,
                None => None,
            };
            // What is on no domain of ours is refused by itself.
            let Some(domain) = domain else { continue };
            let slug = slug.trim_matches('/');
            if !places.insert((domain.id, domain.slug_key(slug))) {
                return Err(Error::Twice { domain: domain.name.clone(), slug: slug.to_owned() });
            }
        }
        Ok(())
    }

    /// Changes links, all or none, and answers them in the order in which they were named; names of no link of the workspace
    /// are left out. Where a link lives and its external id cannot be changed for many.
    ///
    /// # Errors
    /// [`Error::NoLink`] when no name is a link's.
    pub async fn update_many(
        &self,
        workspace: WorkspaceId,
        names: &[LinkName],
        mut change: LinkChange,
    ) -> Result<Vec<Link>> {
        change.domain = None;
        change.slug = SlugChoice::Keep;
        change.patch.external_id = None;
        let ids: Vec<LinkId> = self.named(workspace, names).await?.iter().map(|link| link.id).collect();
        if ids.is_empty() {
            return Err(Error::NoLink);
        }
        self.prepare(workspace, &mut change).await?;
        let edit = |link: &mut Link| change.clone().write_over(&mut link.fields, link.slug == ROOT_SLUG);
        let mut changed = self.catalog.change_links(workspace, &ids, self.clock.now_ms(), edit).await??;
        changed.values().for_each(|link| self.memory.forget(link));
        Ok(ids.iter().filter_map(|id| changed.remove(id)).collect())
    }

    /// Deletes links, all or none, and answers how many; names of no link of the workspace are left out.
    ///
    /// # Errors
    /// [`Error::RootLink`] when one is the root link of a domain.
    pub async fn delete_many(&self, workspace: WorkspaceId, names: &[LinkName]) -> Result<u64> {
        let links = self.named(workspace, names).await?;
        if links.iter().any(|link| link.slug == ROOT_SLUG) {
            return Err(Error::RootLink);
        }
        let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
        let deleted = self.catalog.delete_links(workspace, &ids, self.clock.now_ms()).await?;
        links.iter().for_each(|link| self.memory.forget(link));
        Ok(deleted)
    }

    /// The links of these names, each once, in the order named. Places are not looked up.
    async fn named(&self, workspace: WorkspaceId, names: &[LinkName]) -> Result<Vec<Link>> {
        let (mut ids, mut external_ids) = (Vec::new(), Vec::new());
        for name in names {
            match name {
                LinkName::Id(id) => ids.push(*id),
                LinkName::External(id) if !id.contains('\0') => external_ids.push(id.clone()),
                LinkName::External(_) | LinkName::Place(..) => {}
            }
        }
        let mut found = self.catalog.links_named(workspace, &ids, &external_ids).await?;
        let is_called = |link: &Link, name: &LinkName| match name {
            LinkName::Id(id) => link.id == *id,
            LinkName::External(id) => link.fields.external_id.as_deref() == Some(id),
            LinkName::Place(..) => false,
        };
        let mut links = Vec::with_capacity(found.len());
        for name in names {
            if let Some(place) = found.iter().position(|link| is_called(link, name)) {
                links.push(found.swap_remove(place));
            }
        }
        Ok(links)
    }
}

fn no_answer() -> Error {
    Error::Catalog(catalog::Error::Unavailable("it did not answer a moment ago".to_owned()))
}
