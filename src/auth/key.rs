//! API keys: `lt_` and 43 characters that hold 256 random bits. A key is shown once, when it is made; what is kept is its
//! SHA-256 and its first characters.
//!
//! Publishable keys begin with `dub_pk_`, as Dub's do, and stand in pages for everybody to read. They are of their own kind
//! by their first letters and by their only scope, and open nothing but reports of leads and sales.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{Auth, Error, Result};
use crate::catalog::{self, KeyRecord, NewKey};
use crate::domain::id::{KeyId, UserId, WorkspaceId};
use crate::domain::principal::{KNOWN_SCOPES, Scopes};

const SECRET_PREFIX: &str = "lt_";
const PUBLISHABLE_PREFIX: &str = "dub_pk_";
/// The scope of publishable keys, which no other key has.
const PUBLISHABLE_SCOPE: &str = "conversions.publish";
const RANDOM_LENGTH: usize = 43;
/// Characters behind the prefix that are kept to recognise a key by; 24 of its 256 random bits.
const SHOWN_LENGTH: usize = 4;
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
    /// For pages: to report leads and sales and nothing else. It has no other scopes and one workspace.
    pub publishable: bool,
}

/// What a key is, by its first letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// Kept secret by its owner.
    Secret,
    /// Readable in pages.
    Publishable,
}

impl KeyKind {
    /// The kind of what may be a key; anything else is not worth asking for.
    pub(super) fn of(key: &str) -> Option<Self> {
        let is = |prefix: &str| key.starts_with(prefix) && key.len() == prefix.len() + RANDOM_LENGTH;
        match key {
            _ if is(SECRET_PREFIX) => Some(Self::Secret),
            _ if is(PUBLISHABLE_PREFIX) => Some(Self::Publishable),
            _ => None,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Secret => SECRET_PREFIX,
            Self::Publishable => PUBLISHABLE_PREFIX,
        }
    }

    /// Whether a key of this kind may have these scopes.
    pub(super) fn fits(self, scopes: &Scopes) -> bool {
        scopes.0.iter().any(|scope| scope == PUBLISHABLE_SCOPE) == (self == Self::Publishable)
    }
}

/// A fresh key with what is kept of it.
pub(super) struct FreshKey {
    pub(super) secret: SecretString,
    pub(super) prefix: String,
    pub(super) hash: [u8; 32],
}

impl FreshKey {
    pub(super) fn new(kind: KeyKind) -> Result<Self> {
        let prefix = kind.prefix();
        let text = format!("{prefix}{}", random_text::<RANDOM_LENGTH>()?);
        Ok(Self {
            prefix: text[..prefix.len() + SHOWN_LENGTH].to_owned(),
            hash: hash(&text),
            secret: SecretString::from(text),
        })
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
        let (kind, scopes) = if grant.publishable {
            if !grant.scopes.is_empty() || grant.workspace.is_none() {
                return Err(Error::Refused("a publishable key has one workspace and no scopes".to_owned()));
            }
            (KeyKind::Publishable, vec![PUBLISHABLE_SCOPE.to_owned()])
        } else {
            (KeyKind::Secret, checked_scopes(&grant.scopes)?)
        };
        let fresh = FreshKey::new(kind)?;
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
        for (kind, length) in [(KeyKind::Secret, 46), (KeyKind::Publishable, 50)] {
            let first = FreshKey::new(kind).unwrap();
            let second = FreshKey::new(kind).unwrap();
            let text = first.secret.expose_secret();
            assert_eq!((KeyKind::of(text), text.len()), (Some(kind), length));
            assert_ne!(text, second.secret.expose_secret());
            assert_eq!(first.hash, hash(text));
            assert_ne!(first.hash, second.hash);
            assert!(text.starts_with(&first.prefix) && first.prefix.len() == length - 39);
            assert_eq!(KeyKind::of(&text[..length - 1]), None);
        }
        for other in ["", "lt_", "dub_pk_", "dub_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"] {
            assert_eq!(KeyKind::of(other), None, "{other}");
        }
    }

    #[test]
    fn kinds_do_not_share_scopes() {
        let scopes = |names: &[&str]| Scopes(names.iter().map(ToString::to_string).collect());
        for (names, secret, publishable) in
            [(&["apis.all"][..], true, false), (&[PUBLISHABLE_SCOPE], false, true), (&[], true, false)]
        {
            assert_eq!(KeyKind::Secret.fits(&scopes(names)), secret, "{names:?}");
            assert_eq!(KeyKind::Publishable.fits(&scopes(names)), publishable, "{names:?}");
        }
        assert!(checked_scopes(&[PUBLISHABLE_SCOPE.to_owned()]).is_err(), "no other key is given it");
        assert!(!scopes(&[PUBLISHABLE_SCOPE]).allow_writing() && !scopes(&[PUBLISHABLE_SCOPE]).allow("links.read"));
    }

    #[test]
    fn scopes_are_known_ones() {
        assert_eq!(checked_scopes(&[]).unwrap(), ["apis.all"]);
        assert!(checked_scopes(&["links.read".to_owned()]).is_ok());
        let error = checked_scopes(&["links.reed".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("links.reed") && error.contains("analytics.read"), "{error}");
    }
}
