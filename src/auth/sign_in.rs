//! People who sign in: mail address and password once, then a cookie with 256 random bits, of which the SHA-256 is kept.
//!
//! - Every sign-in has a value of its own; the one that the browser had before ends with it.
//! - It ends after a time without use, and at the latest a fixed time after it began.
//! - It ends at once, on every node, when the person signs out, is removed, gets another password, or another place in a
//!   workspace: deleting the row is told by Postgres as `key`. Who is who is believed for [`BELIEVED_SECS`] seconds at most.
//! - Wrong passwords are counted by client and by mail address, before they are looked at.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use moka::sync::Cache;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::checks::Checks;
use super::key::{self, random_text};
use super::{Auth, Error, Result};
use crate::catalog::SignIn;
use crate::config::SignInConfig;
use crate::domain::principal::{Principal, Scopes, Shown};
use crate::domain::user::{User, parse_email};
use crate::throttle::{Tries, client_group};

/// How long who is signed in is believed, in seconds.
pub const BELIEVED_SECS: u64 = 10;
/// Length of the window in which wrong passwords are counted, in seconds.
pub const TRIES_WINDOW_SECS: u64 = 15 * 60;
/// Letters of a cookie's value, of six random bits each.
const TOKEN_LENGTH: usize = 43;
/// People who are signed in, remembered at once.
const REMEMBERED: u64 = 10_000;
const HOUR_MS: i64 = 3_600_000;
/// The end of a sign-in is moved when it would move by this part of the time without use at least.
const MOVES: i64 = 24;
/// How often rows whose time is over are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// What people who sign in need.
pub(super) struct SignIns {
    config: SignInConfig,
    known: Cache<[u8; 32], Arc<SignIn>>,
    clients: Tries<IpAddr>,
    accounts: Tries<String>,
    checks: Checks,
}

/// Somebody who has just signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// What the cookie holds. It is nowhere else.
    pub token: SecretString,
}

impl SignIns {
    pub(super) fn new(config: SignInConfig) -> Self {
        let window = Duration::from_secs(TRIES_WINDOW_SECS);
        Self {
            known: Cache::builder().max_capacity(REMEMBERED).time_to_live(Duration::from_secs(BELIEVED_SECS)).build(),
            clients: Tries::new(config.tries_per_client, window),
            accounts: Tries::new(config.tries_per_account, window),
            checks: Checks::default(),
            config,
        }
    }

    pub(super) fn forget(&self) {
        self.known.invalidate_all();
    }

    fn idle_ms(&self) -> i64 {
        i64::from(self.config.idle_hours) * HOUR_MS
    }

    /// Until when somebody who signed in at `created_at_ms` and is here now may stay away.
    fn end_ms(&self, created_at_ms: i64, now_ms: i64) -> i64 {
        (now_ms + self.idle_ms()).min(created_at_ms + i64::from(self.config.longest_hours) * HOUR_MS)
    }
}

impl Auth {
    /// Seconds after which a cookie holds nothing any more, however much it is used.
    pub fn sign_in_secs(&self) -> u32 {
        self.sign_ins.config.longest_hours * 3_600
    }

    /// Signs somebody in whose password it is; what `old` signed in is over then.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], after the same time for an address that nobody has; [`Error::TooManyTries`] and
    /// [`Error::Busy`] without a look at it.
    pub async fn log_in(
        &self,
        email: &str,
        password: &SecretString,
        client: IpAddr,
        old: Option<&str>,
    ) -> Result<SignedIn> {
        let user = self.checked_person(email, password, client).await?;
        let token = self.let_in(&user, old).await?;
        Ok(SignedIn { user, token })
    }

    /// The person with this address and password, within the tries that are left.
    pub(super) async fn checked_person(&self, email: &str, password: &SecretString, client: IpAddr) -> Result<User> {
        let tries = &self.sign_ins;
        let account = parse_email(email).map(str::to_lowercase).unwrap_or_default();
        let Some(of_client) = tries.clients.take(client_group(client)) else { return Err(Error::TooManyTries) };
        let Some(of_account) = tries.accounts.take(account) else {
            of_client.give_back();
            return Err(Error::TooManyTries);
        };
        let outcome = self.sign_in(email, password).await;
        // A caller who leaves before the answer has tried all the same.
        if !matches!(outcome, Ok(None)) {
            of_client.give_back();
            of_account.give_back();
        }
        outcome?.ok_or(Error::WrongPassword)
    }

    /// A cookie for somebody who is who they say.
    pub(super) async fn let_in(&self, user: &User, old: Option<&str>) -> Result<SecretString> {
        let token = random_text::<TOKEN_LENGTH>()?;
        let now_ms = self.clock.now_ms();
        let end_ms = self.sign_ins.end_ms(now_ms, now_ms);
        let old = old.filter(|old| is_token(old)).map(key::hash);
        self.catalog.add_sign_in(&key::hash(&token), user.id, now_ms, end_ms, old.as_ref()).await?;
        if old.is_some() {
            self.sign_ins.forget();
        }
        Ok(SecretString::from(token))
    }

    /// Whether this is the password of which `hash` is kept.
    pub(super) async fn fits(&self, password: &SecretString, hash: &str) -> Result<bool> {
        self.sign_ins.checks.fits(password.expose_secret(), hash).await.ok_or(Error::Busy)
    }

    /// Who shows this value of a cookie, from this address.
    pub async fn signed_in(&self, token: &str, client: IpAddr) -> Result<Arc<Principal>> {
        if !is_token(token) {
            return Err(Error::NotSignedIn);
        }
        let hash = key::hash(token);
        let found = match self.sign_ins.known.get(&hash) {
            Some(known) => known,
            None if self.guesses.exhausted(client) => return Err(Error::TooManyGuesses),
            None => self.look_up_sign_in(hash).await.inspect_err(|error| {
                if matches!(error, Error::NotSignedIn) {
                    self.guesses.count(client);
                }
            })?,
        };
        if found.expires_at_ms <= self.clock.now_ms() {
            return Err(Error::NotSignedIn);
        }
        Ok(Arc::new(Principal {
            shown: Shown::Cookie,
            user: found.user,
            bound_to: None,
            scopes: Scopes::of_person(),
            workspaces: found.workspaces.clone(),
        }))
    }

    async fn look_up_sign_in(&self, hash: [u8; 32]) -> Result<Arc<SignIn>> {
        let asked_at = self.forgotten.load(Ordering::Acquire);
        let found = self.catalog.signed_in(&hash).await?.ok_or(Error::NotSignedIn)?;
        if !bool::from(found.hash.as_slice().ct_eq(&hash)) {
            return Err(Error::NotSignedIn);
        }
        self.prolong(&found, hash);
        let found = Arc::new(found);
        self.sign_ins.known.insert(hash, Arc::clone(&found));
        if self.forgotten.load(Ordering::Acquire) != asked_at {
            self.sign_ins.known.invalidate(&hash);
        }
        Ok(found)
    }

    /// Moves the end, beside the request, which does not depend on it.
    fn prolong(&self, found: &SignIn, hash: [u8; 32]) {
        let now_ms = self.clock.now_ms();
        let end_ms = self.sign_ins.end_ms(found.created_at_ms, now_ms);
        let moves = end_ms - found.expires_at_ms >= self.sign_ins.idle_ms() / MOVES;
        if !moves || found.expires_at_ms <= now_ms {
            return;
        }
        let catalog = self.catalog.clone();
        tokio::spawn(async move {
            if let Err(error) = catalog.prolong_sign_in(&hash, end_ms).await {
                tracing::debug!(%error, "the end of a sign-in was not moved");
            }
        });
    }

    /// Signs out what this cookie's value signed in. False when that was nobody.
    pub async fn log_out(&self, token: &str) -> Result<bool> {
        if !is_token(token) {
            return Ok(false);
        }
        let ended = self.catalog.end_sign_in(&key::hash(token)).await?;
        self.forget();
        Ok(ended)
    }

    /// Signs a person out everywhere, and answers in how many places.
    pub async fn log_out_everywhere(&self, principal: &Principal) -> Result<u64> {
        let ended = self.catalog.end_sign_ins(principal.user).await?;
        self.forget();
        Ok(ended)
    }

    /// Deletes rows whose time is over, every hour until `stop`.
    pub async fn keep_sweeping(self, stop: CancellationToken) {
        let mut pause = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = pause.tick() => {}
            }
            match self.catalog.sweep_sign_ins(self.clock.now_ms()).await {
                Ok(0) => {}
                Ok(swept) => tracing::debug!(swept, "sign-ins and invitations that were over are deleted"),
                Err(error) => tracing::warn!(%error, "sign-ins that are over could not be deleted, it is tried again"),
            }
        }
    }
}

/// Whether a text can be a cookie's value; anything else is not worth asking for.
fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LENGTH
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_slides_up_to_a_fixed_one() {
        let sign_ins = SignIns::new(SignInConfig { idle_hours: 2, longest_hours: 5, ..SignInConfig::default() });
        for (now_hours, end_hours) in [(0, 2), (1, 3), (3, 5), (4, 5), (9, 5)] {
            assert_eq!(sign_ins.end_ms(7, 7 + now_hours * HOUR_MS), 7 + end_hours * HOUR_MS, "{now_hours}");
        }
    }

    #[test]
    fn tokens_are_known_by_their_form() {
        let token = random_text::<TOKEN_LENGTH>().unwrap();
        assert!(is_token(&token) && !is_token(&token[1..]) && !is_token(&format!("{};", &token[1..])));
    }
}
