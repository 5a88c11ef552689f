//! Adding, changing and removing sites. What was done is seen by this node at once, by others within a second.

use crate::catalog::{self, NewSite};
use crate::domain::high_value;
use crate::domain::id::{SiteId, WorkspaceId};
use crate::domain::site::{Site, SiteSettings, parse_host_pattern, slug_for};

use super::Sites;

/// Characters of a name at most.
const LONGEST_NAME: usize = 100;
/// Slugs that are tried: the domain's own, then with a number behind it.
const SLUGS_TRIED: u32 = 50;

/// What a caller wants a site to be; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SiteChange {
    /// Shown to people.
    pub name: Option<String>,
    /// The main host of its pages.
    pub domain: Option<String>,
    /// Patterns of pages of high value; `Some(None)` for the default ones.
    pub high_value_pages: Option<Option<Vec<String>>>,
}

/// Why a site cannot be what the caller wants.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field is wrong: which, and what would do.
    #[error("{field}: {message}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What was given and what is allowed.
        message: String,
    },
    /// The workspace has a site of this domain.
    #[error("the workspace has a site of {domain}: {}", site.0)]
    Taken {
        /// The domain.
        domain: String,
        /// Its site.
        site: SiteId,
    },
    /// The workspace has no such site.
    #[error("no such site")]
    Missing,
    /// Postgres.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
}

fn invalid(field: &'static str, message: impl Into<String>) -> Error {
    Error::Invalid { field, message: message.into() }
}

impl Sites {
    /// Adds a site. Its slug is made of its domain; where another site has it, a number is put behind it.
    ///
    /// # Errors
    /// [`Error::Invalid`], also without a domain; [`Error::Taken`].
    pub async fn add(&self, workspace: WorkspaceId, wanted: &SiteChange, now_ms: i64) -> Result<Site, Error> {
        let domain =
            wanted.domain.as_deref().ok_or_else(|| invalid("domain", "it is required, such as example.com"))?;
        let host = host(domain)?;
        self.require_free(workspace, &host, None).await?;
        let name = match &wanted.name {
            Some(given) => name(given)?,
            None => host.clone(),
        };
        let settings = SiteSettings {
            high_value_pages: wanted.high_value_pages.clone().flatten().as_deref().map(patterns).transpose()?,
            ..SiteSettings::default()
        };
        let slug = match slug_for(&host) {
            slug if slug.is_empty() => "site".to_owned(),
            slug => slug,
        };
        let mut new = NewSite { name, slug: slug.clone(), hosts: vec![host], settings };
        for number in 2..=SLUGS_TRIED {
            match self.inner.catalog.add_site(workspace, &new, now_ms).await {
                Err(error) if error.is_taken("site_slug") && number < SLUGS_TRIED => {
                    let behind = format!("-{number}");
                    let kept = slug.len().min(63 - behind.len());
                    new.slug = [&slug[..kept], &behind].concat();
                }
                added => {
                    let site = added?;
                    self.see().await;
                    return Ok(site);
                }
            }
        }
        Err(catalog::Error::Taken("site_slug".to_owned()).into())
    }

    /// Changes a site.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Taken`], [`Error::Missing`].
    pub async fn change(&self, workspace: WorkspaceId, id: SiteId, wanted: &SiteChange) -> Result<Site, Error> {
        let mut site = self.of(workspace).await?.into_iter().find(|site| site.id == id).ok_or(Error::Missing)?;
        if let Some(given) = &wanted.name {
            site.name = name(given)?;
        }
        if let Some(given) = &wanted.domain {
            let host = host(given)?;
            self.require_free(workspace, &host, Some(id)).await?;
            let main = site.main_host().map(str::to_owned);
            // The others go on reporting.
            site.hosts.retain(|known| Some(known) != main.as_ref() && *known != host);
            site.hosts.insert(0, host);
        }
        if let Some(given) = &wanted.high_value_pages {
            site.settings.high_value_pages = given.as_deref().map(patterns).transpose()?;
        }
        if !self.inner.catalog.update_site(workspace, &site).await? {
            return Err(Error::Missing);
        }
        self.see().await;
        Ok(site)
    }

    /// Removes a site: its pages' events are no longer taken. What was recorded stays.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn remove(&self, workspace: WorkspaceId, id: SiteId, now_ms: i64) -> Result<(), Error> {
        if !self.inner.catalog.remove_site(workspace, id, now_ms).await? {
            return Err(Error::Missing);
        }
        self.see().await;
        Ok(())
    }

    /// The sites of a workspace, oldest first.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn of(&self, workspace: WorkspaceId) -> Result<Vec<Site>, Error> {
        Ok(self.inner.catalog.sites(workspace).await?)
    }

    async fn require_free(&self, workspace: WorkspaceId, host: &str, but: Option<SiteId>) -> Result<(), Error> {
        let sites = self.of(workspace).await?;
        match sites.iter().find(|site| Some(site.id) != but && site.main_host() == Some(host)) {
            Some(site) => Err(Error::Taken { domain: host.to_owned(), site: site.id }),
            None => Ok(()),
        }
    }

    async fn see(&self) {
        if self.load().await.is_err() {
            tracing::debug!("a change of a site is seen when it is heard of");
        }
    }
}

fn host(given: &str) -> Result<String, Error> {
    parse_host_pattern(given.trim()).filter(|host| !host.starts_with("*.")).ok_or_else(|| {
        let given: String = given.chars().take(100).flat_map(char::escape_debug).collect();
        invalid(
            "domain",
            format!("Expected a host such as example.com, without scheme, port and path. Given: \"{given}\""),
        )
    })
}

fn name(given: &str) -> Result<String, Error> {
    let name = given.trim();
    if name.is_empty() {
        return Err(invalid("name", "Expected 1 to 100 characters. Given: \"\""));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(invalid("name", format!("Too long: expected at most {LONGEST_NAME} characters")));
    }
    Ok(name.to_owned())
}

fn patterns(given: &[String]) -> Result<Vec<String>, Error> {
    const FIELD: &str = "highValuePages";
    if given.len() > high_value::MOST {
        return Err(invalid(FIELD, format!("Too many: expected at most {} entries", high_value::MOST)));
    }
    let mut patterns: Vec<String> = Vec::new();
    for text in given {
        let pattern = high_value::parse(text).ok_or_else(|| {
            let given: String = text.chars().take(100).flat_map(char::escape_debug).collect();
            invalid(
                FIELD,
                format!("Expected paths such as /pricing, or words such as pricing, of 200 bytes at most. Given: \"{given}\""),
            )
        })?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_site_can_be() {
        assert_eq!(host(" WWW.Example.com ").unwrap(), "example.com");
        for wrong in ["", "https://example.com", "example.com/x", "example.com:80", "*.example.com", "exa mple"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
        assert_eq!(name("  Ours ").unwrap(), "Ours");
        assert!(name(" ").is_err() && name(&"x".repeat(101)).is_err() && name(&"é".repeat(100)).is_ok());
        let given = ["/Pricing/".to_owned(), "demo".to_owned(), "/pricing".to_owned()];
        assert_eq!(patterns(&given).unwrap(), ["/pricing", "demo"]);
        assert!(patterns(&["a b".to_owned()]).is_err() && patterns(&vec!["a".to_owned(); 101]).is_err());
    }
}
