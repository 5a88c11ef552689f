//! API keys: `lt_` and 43 characters that hold 256 random bits. A key is shown once, when it is made; what is kept is its
//! SHA-256 and its first characters.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{Auth, Error, Result};
use crate::catalog::{self, KeyRecord, NewKey};
use crate::domain::id::{KeyId, UserId, WorkspaceId};
use crate::domain::principal::KNOWN_SCOPES;

const PREFIX: &str = "lt_";
const RANDOM_LENGTH: usize = 43;
/// Characters that are kept to recognise a key by; 24 of its 256 random bits.
const SHOWN_LENGTH: usize = PREFIX.len() + 4;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What a new key is for.
#[derive(Clone, Debug, Default)]
pub struct KeyGrant {
    /// Shown to people.
    pub name: String,
    /// The one workspace it opens; `None` for every workspace of its user.
    pub workspace: Option<WorkspaceId>,
    /// Of [`KNOWN_SCOPES`]; none for `apis.all`.
    pub scopes: Vec<String>,
    /// From when on it opens nothing, in milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
}

/// A fresh key with what is kept of it.
pub(super) struct FreshKey {
    pub(super) secret: SecretString,
    pub(super) prefix: String,
    pub(super) hash: [u8; 32],
}

impl FreshKey {
    pub(super) fn new() -> Result<Self> {
        let text = format!("{PREFIX}{}", random_text::<RANDOM_LENGTH>()?);
        Ok(Self { prefix: text[..SHOWN_LENGTH].to_owned(), hash: hash(&text), secret: SecretString::from(text) })
    }
}

/// `N` letters with six random bits each.
pub(super) fn random_text<const N: usize>() -> Result<String> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::System(format!("no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect())
}

/// What is kept of a key.
pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Whether it is worth asking for; anything else is not a key of ours.
pub(super) fn is_plausible(key: &str) -> bool {
    key.len() == PREFIX.len() + RANDOM_LENGTH && key.starts_with(PREFIX)
}

/// The scopes to store.
pub(super) fn checked_scopes(scopes: &[String]) -> Result<Vec<String>> {
    if scopes.is_empty() {
        return Ok(vec!["apis.all".to_owned()]);
    }
    match scopes.iter().find(|scope| !KNOWN_SCOPES.contains(&scope.as_str())) {
        Some(unknown) => {
            let known = KNOWN_SCOPES.join(", ");
            Err(Error::Refused(format!("scope '{unknown}' is not known, expected some of {known}")))
        }
        None => Ok(scopes.to_vec()),
    }
}

impl Auth {
    /// Makes a key of a person. The key itself is in the answer and nowhere else.
    pub async fn create_key(&self, user: UserId, grant: &KeyGrant) -> Result<(KeyRecord, SecretString)> {
        let scopes = checked_scopes(&grant.scopes)?;
        let fresh = FreshKey::new()?;
        let new = NewKey {
            user,
            workspace: grant.workspace,
            name: grant.name.clone(),
            prefix: fresh.prefix,
            hash: fresh.hash,
            scopes,
            expires_at_ms: grant.expires_at_ms,
        };
        match self.catalog.add_key(&new, self.clock.now_ms()).await {
            Ok(record) => Ok((record, fresh.secret)),
            Err(catalog::Error::Missing(_)) => {
                Err(Error::Refused("there is no such user, or not in that workspace".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Revokes a key, on every node within a second. False when there is no such key or it was revoked before.
    pub async fn revoke_key(&self, key: KeyId) -> Result<bool> {
        let revoked = self.catalog.revoke_key(key, self.clock.now_ms()).await?;
        self.forget();
        Ok(revoked)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn keys_are_random_and_known_by_their_hash() {
        let first = FreshKey::new().unwrap();
        let second = FreshKey::new().unwrap();
        let text = first.secret.expose_secret();
        assert!(is_plausible(text) && text.len() == 46);
        assert_ne!(text, second.secret.expose_secret());
        assert_eq!(first.hash, hash(text));
        assert_ne!(first.hash, second.hash);
        assert!(text.starts_with(&first.prefix) && first.prefix.len() == 7);
        for other in ["", "lt_", "dub_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", &text[..45]] {
            assert!(!is_plausible(other), "{other}");
        }
    }

    #[test]
    fn scopes_are_known_ones() {
        assert_eq!(checked_scopes(&[]).unwrap(), ["apis.all"]);
        assert!(checked_scopes(&["links.read".to_owned()]).is_ok());
        let error = checked_scopes(&["links.reed".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("links.reed") && error.contains("analytics.read"), "{error}");
    }
}
