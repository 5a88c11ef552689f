//! Short domains.

use std::net::IpAddr;

use super::{Error, Holdings, Result};
use crate::catalog::{self, NewDomain, NewName, Window};
use crate::config::DomainProof;
use crate::domain::destination;
use crate::domain::domain_fields::{DomainFields, DomainPatch};
use crate::domain::id::{DomainId, WorkspaceId};
use crate::domain::link::LinkKind;
use crate::domain::workspace::{Domain, parse_domain_name};

/// Longest texts that are answered to applications, in bytes.
const MAX_ASSOCIATION: usize = 32_768;
/// Links that are deleted in one transaction.
const SLICE: i64 = 500;

/// What went with a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// The domain, as it was.
    pub domain: Domain,
    /// Its links, which are deleted.
    pub links: usize,
}

impl Holdings {
    /// Adds a short domain; a workspace's first one becomes its primary one. It is the workspace's at once, unless the
    /// settings want a proof of all.
    pub async fn add_domain(
        &self,
        workspace: WorkspaceId,
        name: &str,
        case_sensitive: bool,
        patch: DomainPatch,
    ) -> Result<Domain> {
        let mut fields = DomainFields::default();
        let checked = self.checked_domain(name)?;
        self.checked_fields(patch, &checked).await?.apply(&mut fields);
        self.add(workspace, &checked, case_sensitive, &fields, self.trusts_owners()).await
    }

    /// Adds a short domain that waits for its proof, unless the settings want none.
    pub async fn claim_domain(&self, workspace: WorkspaceId, name: &str, patch: DomainPatch) -> Result<Domain> {
        let mut fields = DomainFields::default();
        let checked = self.checked_domain(name)?;
        self.checked_fields(patch, &checked).await?.apply(&mut fields);
        self.add(workspace, &checked, false, &fields, self.proof == DomainProof::None).await
    }

    async fn add(
        &self,
        workspace: WorkspaceId,
        name: &str,
        case_sensitive: bool,
        fields: &DomainFields,
        verified: bool,
    ) -> Result<Domain> {
        let new = NewDomain { name, case_sensitive, fields, verified };
        let adding = self.catalog.add_domain_with(workspace, &new, self.clock.now_ms());
        adding.await.map_err(|error| taken(error, name))
    }

    /// Whether a domain is the workspace's because its owner says so.
    fn trusts_owners(&self) -> bool {
        self.proof != DomainProof::All
    }

    /// One short domain of the workspace, by its name.
    pub async fn domain(&self, workspace: WorkspaceId, name: &str) -> Result<Domain> {
        let name = parse_domain_name(name).ok_or(Error::NoDomain)?;
        self.catalog.domain_of(workspace, &name).await?.ok_or(Error::NoDomain)
    }

    /// One short domain of the workspace.
    pub async fn domain_by_id(&self, workspace: WorkspaceId, id: DomainId) -> Result<Domain> {
        self.catalog.domain(workspace, id).await?.ok_or(Error::NoDomain)
    }

    /// A part of the workspace's short domains, the primary one first; archived ones only if they are asked for. With
    /// `search` those whose name holds it.
    pub async fn domains(
        &self,
        workspace: WorkspaceId,
        archived: bool,
        search: Option<&str>,
        window: Window,
    ) -> Result<Vec<Domain>> {
        Ok(self.catalog.domain_list(workspace, archived, search, window).await?)
    }

    /// Changes a short domain. With another name its links live there from now on, and no longer where they did; where all
    /// names have to be proven, they wait for that.
    pub async fn change_domain(
        &self,
        workspace: WorkspaceId,
        name: &str,
        new_name: Option<&str>,
        patch: DomainPatch,
    ) -> Result<Domain> {
        let domain = self.domain(workspace, name).await?;
        // The name that it has needs no checking: the installation's owner may have chosen it.
        let new_name = match new_name {
            Some(name) if parse_domain_name(name).as_ref() != Some(&domain.name) => Some(self.checked_domain(name)?),
            _ => None,
        };
        if new_name.is_some() && self.catalog.has_foreign_links(&domain).await? {
            return Err(Error::DomainOfSites(domain.name));
        }
        let called = new_name.as_deref().unwrap_or(&domain.name);
        let patch = self.checked_fields(patch, called).await?;
        let now_ms = self.clock.now_ms();
        let new_name = new_name.as_deref().map(|name| NewName { name, verified: self.trusts_owners() });
        let changing = self.catalog.change_domain(workspace, domain.id, new_name, patch, now_ms);
        changing.await.map_err(|error| taken(error, called))?.ok_or(Error::NoDomain)
    }

    /// Makes a short domain the one that new links get when none is named.
    pub async fn make_primary(&self, workspace: WorkspaceId, name: &str) -> Result<Domain> {
        let domain = self.domain(workspace, name).await?;
        if domain.fields.archived {
            let message = "an archived domain cannot be the primary one";
            return Err(Error::invalid("custom", "archived", message));
        }
        if !domain.is_verified() {
            return Err(Error::DomainPending(domain.name));
        }
        if self.catalog.set_primary_domain(workspace, domain.id).await? {
            self.domain(workspace, name).await
        } else {
            Err(Error::NoDomain)
        }
    }

    /// Removes a short domain and deletes its links, each of which is told to webhooks; what came of them stays. When this
    /// ends half-way, the domain is still there with the links that are left, and removing it again goes on.
    ///
    /// # Errors
    /// [`Error::DomainOfSites`] when links of other workspaces' sites live there: they are not this workspace's to delete.
    pub async fn remove_domain(&self, workspace: WorkspaceId, name: &str) -> Result<Removed> {
        let domain = self.domain(workspace, name).await?;
        let refused = || Error::DomainOfSites(domain.name.clone());
        if self.catalog.has_foreign_links(&domain).await? {
            return Err(refused());
        }
        let mut links = 0;
        loop {
            let now_ms = self.clock.now_ms();
            match self.catalog.delete_links_on(workspace, domain.id, SLICE, now_ms).await? {
                0 => break,
                deleted => links += deleted,
            }
        }
        match self.catalog.remove_domain(workspace, domain.id, self.clock.now_ms()).await {
            Ok(true) => Ok(Removed { domain, links }),
            Ok(false) => Err(Error::NoDomain),
            Err(error) if error.is_taken("domain_of_sites") => Err(refused()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether each of these names could become a short domain here.
    pub async fn are_free(&self, names: &[String]) -> Result<Vec<bool>> {
        let checked: Vec<Option<String>> = names.iter().map(|name| self.checked_domain(name).ok()).collect();
        let wanted: Vec<String> = checked.iter().flatten().cloned().collect();
        let taken = self.catalog.registered_among(&wanted).await?;
        Ok(checked.iter().map(|name| name.as_ref().is_some_and(|name| !taken.contains(name))).collect())
    }

    fn checked_domain(&self, text: &str) -> Result<String> {
        let refused = |why: &str| {
            let shown: String = text.chars().take(100).flat_map(char::escape_debug).collect();
            Error::invalid("custom", "slug", format!("Invalid domain: {why}. Given: \"{shown}\""))
        };
        let name = parse_domain_name(text).ok_or_else(|| refused("it is no domain name such as go.example.com"))?;
        let Some(home) = &self.home else { return Ok(name) };
        if !is_public(&name) {
            return Err(refused("it is no domain name of the public internet such as go.example.com"));
        }
        if name == **home {
            return Err(refused("this server itself is reached under this name"));
        }
        Ok(name)
    }

    /// Puts the addresses and texts of a domain called `name` into their checked form; blank ones are none.
    async fn checked_fields(&self, mut patch: DomainPatch, name: &str) -> Result<DomainPatch> {
        for (field, text) in [("expiredUrl", &mut patch.expired_url), ("notFoundUrl", &mut patch.not_found_url)] {
            check_address(field, text)?;
            // With another port it is another program.
            let host = text.iter().flatten().find_map(|url| destination::host_of(url));
            let Some((host, None)) = host else { continue };
            // On a short domain a visit could go round and round.
            if host == name || !self.catalog.registered_among(std::slice::from_ref(&host)).await?.is_empty() {
                let message = format!("Invalid URL: {host} is a short domain itself");
                return Err(Error::invalid("custom", field, message));
            }
        }
        for (field, text) in
            [("logo", &mut patch.logo), ("placeholder", &mut patch.placeholder), ("faviconUrl", &mut patch.favicon_url)]
        {
            check_address(field, text)?;
        }
        for (field, text) in
            [("assetLinks", &mut patch.asset_links), ("appleAppSiteAssociation", &mut patch.apple_app_site_association)]
        {
            check_json(field, text)?;
        }
        Ok(patch)
    }
}

/// Whether a checked name can be one of the public internet: it has a dot, and is no address.
fn is_public(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && name.parse::<IpAddr>().is_err() && !last.bytes().all(|letter| letter.is_ascii_digit())
}

/// Puts the web address in a field into its checked form; a blank one is none.
fn check_address(field: &'static str, text: &mut Option<Option<String>>) -> Result<()> {
    let Some(inner) = text else { return Ok(()) };
    *inner = inner.take().filter(|given| !given.trim().is_empty());
    let Some(given) = inner else { return Ok(()) };
    let shown: String = given.chars().take(100).flat_map(char::escape_debug).collect();
    let refused = |why: &str| Error::invalid("custom", field, format!("Invalid URL: {why}. Given: \"{shown}\""));
    let checked = destination::parse(given).map_err(|reason| refused(&reason.to_string()))?;
    if checked.kind != LinkKind::Url {
        return Err(refused("expected http or https"));
    }
    *given = checked.url;
    Ok(())
}

fn check_json(field: &'static str, text: &mut Option<Option<String>>) -> Result<()> {
    let Some(inner) = text else { return Ok(()) };
    *inner = inner.take().filter(|given| !given.trim().is_empty());
    let Some(given) = inner else { return Ok(()) };
    if given.len() > MAX_ASSOCIATION {
        let message = format!("Too big: expected at most {MAX_ASSOCIATION} bytes. Given: {} bytes", given.len());
        return Err(Error::invalid("too_big", field, message));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(given) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::invalid("custom", field, format!("Invalid JSON: {error}"))),
    }
}

/// Says in whose hands a name is.
pub(super) fn taken(error: catalog::Error, name: &str) -> Error {
    if error.is_taken("domain_name") {
        Error::DomainTaken(name.to_owned())
    } else if error.is_taken("domain_claim") {
        Error::DomainClaimed(name.to_owned())
    } else {
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_public_internet() {
        for (name, public) in [
            ("go.example.com", true),
            ("xn--bcher-kva.example", true),
            ("1.example", true),
            ("localhost", false),
            ("127.0.0.1", false),
            ("10.1", false),
        ] {
            assert_eq!(is_public(name), public, "{name}");
        }
    }

    #[test]
    fn texts_take_their_checked_form() {
        let mut field = Some(Some("example.com/x".to_owned()));
        check_address("f", &mut field).unwrap();
        assert_eq!(field, Some(Some("https://example.com/x".to_owned())));
        for (mut given, kept) in [(None, None), (Some(None), Some(None)), (Some(Some(" ".to_owned())), Some(None))] {
            let mut address = given.clone();
            check_address("f", &mut address).unwrap();
            check_json("f", &mut given).unwrap();
            assert_eq!((address, given), (kept.clone(), kept));
        }
        for bad in ["javascript:alert(1)", "mailto:a@b.co", "nodot"] {
            assert!(check_address("f", &mut Some(Some(bad.to_owned()))).is_err(), "{bad}");
        }
        for (text, good) in [("[{\"a\": 1}]", true), ("{", false), ("[] []", false)] {
            assert_eq!(check_json("f", &mut Some(Some(text.to_owned()))).is_ok(), good, "{text}");
        }
    }
}
