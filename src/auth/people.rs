//! People, the short domains they bring, and the very first start. Passwords are made here, shown once, and kept as
//! argon2id.

use secrecy::{ExposeSecret, SecretString};

use super::invitation::check_chosen;
use super::key::{FreshKey, KeyKind, random_text};
use super::{Auth, Error, Result};
use crate::catalog::{self, FirstRows, NewFirstRows};
use crate::domain::id::WorkspaceId;
use crate::domain::password;
use crate::domain::principal::Role;
use crate::domain::user::{User, parse_email};
use crate::domain::workspace::parse_domain_name;

/// Letters of a made password, of six random bits each.
const PASSWORD_LENGTH: usize = 20;

/// What the first start is to make.
#[derive(Clone, Debug)]
pub struct FirstRunRequest {
    /// Name of the workspace.
    pub workspace_name: String,
    /// Mail address of its owner.
    pub email: String,
    /// Name of its short domain.
    pub domain: String,
}

/// What the first start made. The secrets are nowhere else.
#[derive(Debug)]
pub struct FirstRun {
    /// The rows.
    pub rows: FirstRows,
    /// The short domain's name, as it is stored.
    pub domain: String,
    /// The owner's mail address.
    pub email: String,
    /// The owner's password.
    pub password: SecretString,
    /// The owner's key, which may do everything in the workspace.
    pub api_key: SecretString,
}

impl Auth {
    /// Makes the first workspace with its owner, short domain and key, all or nothing. `None` when this installation had a
    /// workspace before. `keep` puts the secrets away before they open anything, so that a crash never leaves a workspace
    /// whose key nobody knows; what it cannot keep is not made.
    pub async fn first_run(
        &self,
        request: &FirstRunRequest,
        keep: impl FnOnce(&FirstRun) -> std::result::Result<(), String> + Send,
    ) -> Result<Option<FirstRun>> {
        // Every start but the first one ends here, before anything is hashed.
        if self.catalog.has_workspaces().await? {
            return Ok(None);
        }
        let email = checked_email(&request.email)?;
        let domain = checked_domain(&request.domain)?;
        let password = made_password()?;
        let key = FreshKey::new(KeyKind::Secret)?;
        let new = NewFirstRows {
            workspace_name: request.workspace_name.clone(),
            email: email.to_owned(),
            password_hash: hashed(&password).await?,
            domain: domain.clone(),
            key_prefix: key.prefix,
            key_hash: key.hash,
            scopes: vec!["apis.all".to_owned()],
            now_ms: self.clock.now_ms(),
        };
        let mut kept = None;
        let rows = self.catalog.add_first_rows(&new, |rows| {
            let first = FirstRun { rows, domain, email: new.email.clone(), password, api_key: key.secret };
            kept.insert(keep(&first).map(|()| first)).is_ok()
        });
        match (rows.await?, kept) {
            (_, Some(Err(error))) => Err(Error::System(error)),
            (Some(_), Some(Ok(first))) => Ok(Some(first)),
            _ => Ok(None),
        }
    }

    /// Adds a person with a made password, which is in the answer and nowhere else.
    pub async fn create_user(
        &self,
        email: &str,
        workspace: Option<(WorkspaceId, Role)>,
    ) -> Result<(User, SecretString)> {
        let email = checked_email(email)?;
        let password = made_password()?;
        let hash = hashed(&password).await?;
        match self.catalog.add_user(email, &hash, workspace, self.clock.now_ms()).await {
            Ok(user) => Ok((user, password)),
            Err(catalog::Error::Taken(_)) => Err(Error::Refused(format!("there is a user {email} already"))),
            Err(catalog::Error::Missing(_)) => Err(Error::Refused("there is no such workspace".to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a person another password, `chosen` or a made one, which is in the answer and nowhere else, and signs them out
    /// everywhere.
    ///
    /// # Errors
    /// [`Error::WeakPassword`] for a chosen one; [`Error::Refused`] when there is no such person.
    pub async fn change_password(&self, email: &str, chosen: Option<&SecretString>) -> Result<Option<SecretString>> {
        let missing = || Error::Refused(format!("there is no user {email}; `linktrail user list` shows them"));
        let (user, _) = self.catalog.user_by_email(email).await?.ok_or_else(missing)?;
        let made = match chosen {
            Some(chosen) => {
                check_chosen(chosen)?;
                None
            }
            None => Some(made_password()?),
        };
        let password = made.as_ref().or(chosen).ok_or_else(missing)?;
        let hash = hashed(password).await?;
        if !self.catalog.set_password_hash(user.id, &hash).await? {
            return Err(missing());
        }
        self.forget();
        Ok(made)
    }

    /// The person with this mail address and password; `None` when they do not fit. Takes as long for an unknown address as
    /// for a wrong password.
    pub async fn sign_in(&self, email: &str, password: &SecretString) -> Result<Option<User>> {
        let found = match parse_email(email) {
            Some(email) => self.catalog.user_by_email(email).await?,
            None => None,
        };
        // A well-formed hash that no password fits.
        const NOBODY: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let (user, hash) = found.map_or((None, NOBODY.to_owned()), |(user, hash)| (Some(user), hash));
        let fits = self.fits(password, &hash).await?;
        Ok(user.filter(|_| fits))
    }
}

pub(super) fn checked_email(text: &str) -> Result<&str> {
    parse_email(text).ok_or_else(|| Error::Refused(format!("'{}' is no mail address", text.escape_debug())))
}

fn checked_domain(text: &str) -> Result<String> {
    parse_domain_name(text)
        .ok_or_else(|| Error::Refused(format!("'{}' is no domain name such as go.example.com", text.escape_debug())))
}

fn made_password() -> Result<SecretString> {
    Ok(SecretString::from(random_text::<PASSWORD_LENGTH>()?))
}

/// Hashing takes its time, so it runs on a blocking thread.
pub(super) async fn hashed(password: &SecretString) -> Result<String> {
    let password = password.clone();
    tokio::task::spawn_blocking(move || password::hash(password.expose_secret()))
        .await
        .map_err(|error| Error::System(error.to_string()))?
        .map_err(|error| Error::System(error.to_string()))
}
