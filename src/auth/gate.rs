//! The gate of links with a password: who knows it, how often one may guess, and how a visitor is known again.
//!
//! A password is checked on a blocking thread, some at a time, so that guessing cannot eat the machine. Wrong ones are
//! counted by subscriber and by link, in windows that begin with the first; every try counts until it turned out right.
//! A visitor who knew it gets a token: its end and a MAC over link, end and the password's hash, so that it opens one link
//! only, and none once the password was changed. All memory is bounded and this process's own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use moka::sync::Cache;
use sha2::Sha256;

use super::checks::Checks;
use crate::domain::id::LinkId;
use crate::throttle::{Tries, client_group};

/// How long a token opens its link, in seconds.
pub const TOKEN_SECS: u32 = 6 * 3_600;
/// Wrong passwords of one subscriber within a window, for all links together.
const CLIENT_TRIES: u32 = 10;
/// Wrong passwords for one link within a window, of all clients together: the bound for a guesser with many addresses.
const LINK_TRIES: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// Passwords that were right, so that a busy link costs one check an hour.
const KNOWN: u64 = 10_000;
const KNOWN_FOR: Duration = Duration::from_secs(3_600);

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It is not.
    Wrong,
    /// Not looked at: too many were wrong. Seconds until another try makes sense.
    TooMany(u64),
    /// Not looked at: too many wait.
    Busy,
}

/// The gate. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<State>);

struct State {
    /// Keyed with the secret, before any text.
    mac: Hmac<Sha256>,
    clients: Tries<IpAddr>,
    links: Tries<LinkId>,
    known: Cache<[u8; 32], ()>,
    checks: Checks,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("known", &self.0.known.entry_count()).finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate that signs with an installation's secret.
    pub fn new(secret: [u8; 32]) -> Self {
        // HMAC fills keys up with zeros itself.
        let mut key = [0; 64];
        key[..32].copy_from_slice(&secret);
        Self(Arc::new(State {
            mac: Hmac::new(&key.into()),
            clients: Tries::new(CLIENT_TRIES, WINDOW),
            links: Tries::new(LINK_TRIES, WINDOW),
            known: Cache::builder().max_capacity(KNOWN).time_to_live(KNOWN_FOR).build(),
            checks: Checks::default(),
        }))
    }

    /// Whether `given` is the password of the link, of which `hash` is kept.
    pub async fn check(&self, link: LinkId, hash: &str, client: IpAddr, given: &str) -> Verdict {
        let state = &*self.0;
        let too_many = Verdict::TooMany(WINDOW.as_secs());
        let Some(of_client) = state.clients.take(client_group(client)) else { return too_many };
        let Some(of_link) = state.links.take(link) else {
            of_client.give_back();
            return too_many;
        };
        // A visitor who leaves before the answer has tried all the same.
        let verdict = self.look(link, hash, given).await;
        if verdict != Verdict::Wrong {
            of_client.give_back();
            of_link.give_back();
        }
        verdict
    }

    async fn look(&self, link: LinkId, hash: &str, given: &str) -> Verdict {
        let state = &*self.0;
        let known = self.mac(&[b"known", &link.0.to_be_bytes(), hash.as_bytes(), b"\0", given.as_bytes()]);
        if state.known.contains_key(&known) {
            return Verdict::Right;
        }
        match state.checks.fits(given, hash).await {
            Some(true) => {
                state.known.insert(known, ());
                Verdict::Right
            }
            Some(false) => Verdict::Wrong,
            None => Verdict::Busy,
        }
    }

    /// What a visitor shows who knew the password at `now_ms`: 54 characters for now, of `A-Z a-z 0-9 - _ .`.
    pub fn token(&self, link: LinkId, hash: &str, now_ms: i64) -> String {
        let end = now_ms.div_euclid(1_000) + i64::from(TOKEN_SECS);
        format!("{end}.{}", URL_SAFE_NO_PAD.encode(self.seal(link, hash, end)))
    }

    /// Whether a token opens the link.
    pub fn admits(&self, link: LinkId, hash: &str, token: &str, now_ms: i64) -> bool {
        let Some((end, seal)) = token.split_once('.') else { return false };
        let (Ok(end), Ok(seal)) = (end.parse::<i64>(), URL_SAFE_NO_PAD.decode(seal)) else { return false };
        let left_secs = end.saturating_sub(now_ms.div_euclid(1_000));
        let expected = self.seal(link, hash, end);
        let is_ours = bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], &seal[..]));
        is_ours && (1..=i64::from(TOKEN_SECS)).contains(&left_secs)
    }

    fn seal(&self, link: LinkId, hash: &str, end: i64) -> [u8; 32] {
        self.mac(&[b"token", &link.0.to_be_bytes(), &end.to_be_bytes(), hash.as_bytes()])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.mac.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::checks::WAITING;
    use super::*;
    use crate::domain::password;

    const NOW_MS: i64 = 1_790_000_000_000;
    const LINK: LinkId = LinkId(7);

    fn client(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn a_token_opens_one_link_with_one_password_for_a_while() {
        let gate = Gate::new([1; 32]);
        let token = gate.token(LINK, "hash", NOW_MS);
        assert_eq!(token.len(), 54, "{token}");
        let last_ms = NOW_MS + i64::from(TOKEN_SECS) * 1_000 - 1;
        assert!(gate.admits(LINK, "hash", &token, NOW_MS) && gate.admits(LINK, "hash", &token, last_ms));
        let (end, seal) = token.split_once('.').unwrap();
        let later = format!("{}.{seal}", end.parse::<i64>().unwrap() + 1);
        for (link, hash, token, now_ms) in [
            (LinkId(8), "hash", &*token, NOW_MS),
            (LINK, "another", &token, NOW_MS),
            (LINK, "hash", &token, last_ms + 1),
            // Made by a clock that runs ahead, or so it says.
            (LINK, "hash", &token, NOW_MS - 1_000),
            (LINK, "hash", &later, NOW_MS),
            (LINK, "hash", &token[..token.len() - 1], NOW_MS),
            (LINK, "hash", end, NOW_MS),
            (LINK, "hash", &format!("{end}."), NOW_MS),
            (LINK, "hash", "9223372036854775807.AAAA", NOW_MS),
            (LINK, "hash", "", NOW_MS),
            (LINK, "hash", ".", NOW_MS),
        ] {
            assert!(!gate.admits(link, hash, token, now_ms), "{link:?} {hash} {token} {now_ms}");
        }
        assert!(!Gate::new([2; 32]).admits(LINK, "hash", &token, NOW_MS));
    }

    #[tokio::test]
    async fn wrong_ones_run_out_and_right_ones_do_not() {
        let gate = Gate::new([1; 32]);
        let hash = password::hash("open sesame").unwrap();
        for _ in 0..2 * CLIENT_TRIES {
            assert_eq!(gate.check(LINK, &hash, client(1), "open sesame").await, Verdict::Right);
        }
        for _ in 0..CLIENT_TRIES {
            assert_eq!(gate.check(LINK, &hash, client(1), "guess").await, Verdict::Wrong);
        }
        for given in ["guess", "open sesame"] {
            assert_eq!(gate.check(LINK, &hash, client(1), given).await, Verdict::TooMany(60));
        }
        assert_eq!(gate.check(LinkId(8), &hash, client(1), "guess").await, Verdict::TooMany(60));
        assert_eq!(gate.check(LINK, &hash, client(2), "open sesame").await, Verdict::Right);
        // A password that was right is not right for another one.
        let changed = password::hash("closed").unwrap();
        assert_eq!(gate.check(LINK, &changed, client(2), "open sesame").await, Verdict::Wrong);
        assert_eq!(gate.check(LinkId(9), &changed, client(2), "closed").await, Verdict::Right);
    }

    #[tokio::test]
    async fn a_guesser_with_many_addresses_runs_out_too() {
        let gate = Gate::new([1; 32]);
        // No argon2 hash: what is wrong costs nothing here.
        for number in 0..LINK_TRIES {
            let client = client(u8::try_from(number).unwrap());
            assert_eq!(gate.check(LINK, "", client, "guess").await, Verdict::Wrong);
        }
        assert_eq!(gate.check(LINK, "", client(200), "guess").await, Verdict::TooMany(60));
        assert_eq!(gate.check(LinkId(8), "", client(200), "guess").await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn who_guesses_at_once_has_no_more_tries() {
        let gate = Gate::new([1; 32]);
        let guesses = (0..3 * CLIENT_TRIES).map(|_| gate.check(LINK, "", client(1), "guess"));
        let verdicts = futures_util::future::join_all(guesses).await;
        let looked_at = verdicts.iter().filter(|verdict| **verdict == Verdict::Wrong).count();
        assert_eq!(looked_at, CLIENT_TRIES as usize, "{verdicts:?}");
    }

    #[tokio::test]
    async fn no_more_wait_than_there_are_places() {
        let gate = Gate::new([1; 32]);
        let held = gate
            .0
            .checks
            .hashing
            .clone()
            .acquire_many_owned(u32::try_from(gate.0.checks.hashing.available_permits()).unwrap())
            .await
            .unwrap();
        let mut waiting = Vec::new();
        for number in 0..WAITING {
            let (gate, client) = (gate.clone(), client(u8::try_from(number).unwrap()));
            let link = LinkId(number as u64);
            waiting.push(tokio::spawn(async move { gate.check(link, "", client, "guess").await }));
        }
        while gate.0.checks.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.check(LINK, "", client(200), "guess").await, Verdict::Busy);
        drop(held);
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Verdict::Wrong);
        }
        assert_eq!(gate.check(LINK, "", client(200), "guess").await, Verdict::Wrong);
    }
}
