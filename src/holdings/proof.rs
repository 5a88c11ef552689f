//! Whose a short domain is: who can write its DNS shows it by a TXT record that nobody can guess.
//!
//! The text is a MAC of the workspace and the name, so there is nothing to keep, and what one workspace is shown proves
//! nothing for another.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::dns::Unanswered;
use super::{Error, Holdings, Result};
use crate::domain::id::{DomainId, WorkspaceId};
use crate::domain::workspace::Domain;

/// In front of the domain's name stands where the record is.
const LABEL: &str = "_linktrail.";
/// In front of the token, so that people know what the record is for.
const PREFIX: &str = "linktrail-verification=";
/// Bytes of the MAC that are shown.
const TOKEN_BYTES: usize = 20;

/// The record that proves a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it is: `_linktrail.go.example.com`.
    pub name: String,
    /// The text: `linktrail-verification=...`.
    pub value: String,
}

/// What a look-up for a proof found.
#[derive(Clone, Debug, PartialEq)]
pub enum Verification {
    /// The domain is the workspace's.
    Verified(Domain),
    /// The record is not there, or not with this text.
    Pending {
        /// The domain, as it was.
        domain: Domain,
        /// What is there instead.
        found: Vec<String>,
    },
}

impl Record {
    fn of(secret: &[u8], workspace: WorkspaceId, name: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("hmac takes any key"));
        mac.update(&workspace.0.to_be_bytes());
        mac.update(name.as_bytes());
        let token: String =
            mac.finalize().into_bytes().iter().take(TOKEN_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Self { name: format!("{LABEL}{name}"), value: format!("{PREFIX}{token}") }
    }

    /// Whether this text is the proof. Blanks at its ends and quotes around it, which some control panels add, do not matter.
    fn is(&self, text: &str) -> bool {
        text.trim_matches([' ', '\t', '"']) == self.value
    }
}

impl Holdings {
    /// The record that proves that a name is the workspace's.
    pub async fn domain_record(&self, workspace: WorkspaceId, name: &str) -> Result<Record> {
        let secret = self.secret.get_or_try_init(|| self.catalog.secret::<32>("domain_proof")).await?;
        Ok(Record::of(secret, workspace, name))
    }

    /// Looks for the proof of a short domain of the workspace. One that is verified is not looked at again.
    ///
    /// # Errors
    /// [`Error::NoDomain`]; [`Error::DomainTaken`] when another workspace has proven the name; [`Error::Unanswered`] when the
    /// DNS does not answer.
    pub async fn verify_domain(&self, workspace: WorkspaceId, id: DomainId) -> Result<Verification> {
        let domain = self.catalog.domain(workspace, id).await?.ok_or(Error::NoDomain)?;
        if domain.is_verified() {
            return Ok(Verification::Verified(domain));
        }
        let record = self.domain_record(workspace, &domain.name).await?;
        let found = self.dns.texts(&record.name).await.map_err(|unanswered: Unanswered| {
            tracing::info!(%unanswered, "a proof of a domain could not be looked for");
            Error::Unanswered
        })?;
        if !found.iter().any(|text| record.is(text)) {
            return Ok(Verification::Pending { domain, found });
        }
        self.trust_domain(&domain).await.map(Verification::Verified)
    }

    /// Takes a short domain for its workspace's without a proof.
    pub async fn trust_domain(&self, domain: &Domain) -> Result<Domain> {
        let verifying = self.catalog.verify_domain(domain.workspace, domain.id, self.clock.now_ms());
        verifying.await.map_err(|error| super::domains::taken(error, &domain.name))?.ok_or(Error::NoDomain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_one_workspace_and_one_name() {
        let record = |secret: u8, workspace, name| Record::of(&[secret; 32], WorkspaceId(workspace), name);
        let ours = record(1, 1, "go.example.com");
        assert_eq!(ours.name, "_linktrail.go.example.com");
        let token = ours.value.strip_prefix("linktrail-verification=").unwrap();
        assert!(token.len() == 40 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{token}");
        for other in [record(2, 1, "go.example.com"), record(1, 2, "go.example.com"), record(1, 1, "o.example.com")] {
            assert_ne!(other.value, ours.value);
        }
        for (text, proves) in [
            (ours.value.clone(), true),
            (format!(" \"{}\" ", ours.value), true),
            (format!("{}x", ours.value), false),
            (token.to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(ours.is(&text), proves, "{text}");
        }
    }
}
