//! Invitations: a code in an address, which makes whoever has it a member of a workspace, once and for a while.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use super::key::{self, random_text};
use super::people::{checked_email, hashed};
use super::sign_in::SignedIn;
use super::{Auth, Error, Result};
use crate::catalog::{self, Invitation, Joining};
use crate::domain::id::WorkspaceId;
use crate::domain::password;
use crate::domain::principal::Role;

/// The fewest characters of a password that somebody chooses.
pub const MIN_PASSWORD: usize = 12;
const CODE_LENGTH: usize = 43;
const DAY_MS: i64 = 86_400_000;

impl Auth {
    /// Asks somebody to join a workspace within `days`. The code is in the answer and nowhere else; one that the same person
    /// was given before for this workspace is void.
    ///
    /// # Errors
    /// [`Error::Refused`] for what is no mail address, and for somebody who is a member already.
    pub async fn invite(
        &self,
        workspace: WorkspaceId,
        email: &str,
        role: Role,
        days: u32,
    ) -> Result<(Invitation, SecretString)> {
        let email = checked_email(email)?;
        let known = self.catalog.user_by_email(email).await?;
        if known.is_some_and(|(user, _)| user.workspaces.iter().any(|(id, _)| *id == workspace)) {
            let message = format!("{email} is a member already; `linktrail user role` changes what they may do");
            return Err(Error::Refused(message));
        }
        let code = random_text::<CODE_LENGTH>()?;
        let now_ms = self.clock.now_ms();
        let invitation = Invitation {
            workspace,
            workspace_name: String::new(),
            email: email.to_owned(),
            role,
            expires_at_ms: now_ms + i64::from(days) * DAY_MS,
        };
        match self.catalog.add_invitation(&key::hash(&code), &invitation, now_ms).await {
            Ok(()) => Ok((invitation, SecretString::from(code))),
            Err(catalog::Error::Missing(_)) => Err(Error::Refused("there is no such workspace".to_owned())),
            Err(error) => Err(error.into()),
        }
    }

    /// The invitation of a code that is still good, and whether its person has a password already.
    ///
    /// # Errors
    /// [`Error::NoInvitation`].
    pub async fn invitation(&self, code: &str, client: IpAddr) -> Result<(Invitation, bool)> {
        if self.guesses.exhausted(client) {
            return Err(Error::TooManyGuesses);
        }
        let found = match code.len() {
            CODE_LENGTH => self.catalog.invitation(&key::hash(code)).await?,
            _ => None,
        };
        let Some(invitation) = found.filter(|found| found.expires_at_ms > self.clock.now_ms()) else {
            self.guesses.count(client);
            return Err(Error::NoInvitation);
        };
        let is_known = self.catalog.user_by_email(&invitation.email).await?.is_some();
        Ok((invitation, is_known))
    }

    /// Uses an invitation and signs its person in. Somebody new chooses this password; somebody known gives theirs.
    ///
    /// # Errors
    /// [`Error::NoInvitation`], [`Error::WeakPassword`], and those of [`log_in`](Self::log_in).
    pub async fn join(
        &self,
        code: &str,
        password: &SecretString,
        client: IpAddr,
        old: Option<&str>,
    ) -> Result<SignedIn> {
        let (invitation, is_known) = self.invitation(code, client).await?;
        let (known, hash);
        let joining = if is_known {
            known = self.checked_person(&invitation.email, password, client).await?;
            Joining::Known(known.id)
        } else {
            check_chosen(password)?;
            hash = hashed(password).await?;
            Joining::New(&hash)
        };
        let user = match self.catalog.use_invitation(&key::hash(code), joining, self.clock.now_ms()).await {
            Ok(Some(user)) => user,
            Ok(None) => return Err(Error::NoInvitation),
            // Whoever has the address now is asked for their password.
            Err(error) if error.is_taken("app_user_email") => return Err(Error::WrongPassword),
            Err(error) => return Err(error.into()),
        };
        self.forget();
        let user = self.catalog.user(user).await?.ok_or(Error::NoInvitation)?;
        let token = self.let_in(&user, old).await?;
        Ok(SignedIn { user, token })
    }
}

/// Sees that a password which somebody chose is long enough to be one, and short enough to be looked at.
pub(super) fn check_chosen(password: &SecretString) -> Result<()> {
    let clear = password.expose_secret();
    if clear.chars().count() < MIN_PASSWORD || clear.len() > password::MAX_LENGTH {
        return Err(Error::WeakPassword);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_passwords_have_a_length() {
        for (length, good) in [(0, false), (11, false), (12, true), (1_024, true), (1_025, false)] {
            assert_eq!(check_chosen(&SecretString::from("x".repeat(length))).is_ok(), good, "{length}");
        }
    }
}
