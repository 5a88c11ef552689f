//! What a workspace owns beside its links: short domains for them to live on, tags and folders to keep them apart. Every
//! surface and the command line make, list, change and remove them here, so that the rules are one.

mod dns;
mod dns_message;
mod domains;
mod failure;
mod folders;
mod pixels;
mod proof;
mod tags;

use std::sync::Arc;

use tokio::sync::OnceCell;
use url::Url;

use crate::calendar::Clock;
use crate::catalog::Catalog;
use crate::config::{DomainProof, DomainsConfig};
use crate::domain::workspace::parse_domain_name;

use dns::Dns;
pub use domains::Removed;
pub use failure::Error;
pub use folders::NewFolder;
pub use proof::{Record, Verification};
pub use tags::TagChange;

type Result<T> = std::result::Result<T, Error>;

/// The service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Holdings {
    catalog: Catalog,
    clock: Clock,
    /// The host of the public address, where tenants choose the names of domains.
    home: Option<Arc<str>>,
    proof: DomainProof,
    dns: Dns,
    /// Of the records that prove domains; read when it is first needed.
    secret: Arc<OnceCell<[u8; 32]>>,
}

impl Holdings {
    /// A service over this catalog, for whoever runs the installation: any name can become a short domain, on trust.
    pub fn new(catalog: Catalog, clock: Clock) -> Self {
        let (proof, dns, secret) = (DomainProof::None, Dns::default(), Arc::default());
        Self { catalog, clock, home: None, proof, dns, secret }
    }

    /// The service for tenants of the installation at `public_url`: only names of the public internet can become short
    /// domains, and not the installation's own; whose they are is proven as the settings say.
    pub fn for_tenants(self, public_url: &Url, config: &DomainsConfig) -> Self {
        let host = public_url.host_str().unwrap_or_default();
        let home = parse_domain_name(host).unwrap_or_else(|| host.to_owned());
        Self { home: Some(home.into()), proof: config.domain_proof, dns: Dns::new(config.dns_server), ..self }
    }
}

/// A name without spaces at its ends.
fn checked_name(text: &str, limit: usize) -> Result<String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::invalid("too_small", "name", "Too small: expected string to have >=1 characters"));
    }
    Ok(checked("name", name, limit)?.to_owned())
}

/// A text that can be stored.
fn checked<'a>(field: &'static str, text: &'a str, limit: usize) -> Result<&'a str> {
    if text.contains('\0') {
        return Err(Error::invalid("invalid_format", field, "Invalid character: NUL is not allowed"));
    }
    let length = text.chars().count();
    if length > limit {
        let message = format!("Too big: expected string to have <={limit} characters. Given: {length} characters");
        return Err(Error::invalid("too_big", field, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_fit() {
        assert_eq!(checked_name("  a b ", 3).unwrap(), "a b");
        assert_eq!(checked_name("日本", 2).unwrap(), "日本");
        for (bad, code) in [("", "too_small"), (" \t", "too_small"), ("abcd", "too_big"), ("a\0", "invalid_format")] {
            match checked_name(bad, 3).unwrap_err() {
                Error::Invalid { code: found, field, .. } => assert_eq!((found, field), (code, "name"), "{bad:?}"),
                other => panic!("{bad:?}: {other}"),
            }
        }
    }
}
