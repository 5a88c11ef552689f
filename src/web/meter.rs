//! What a request costs its caller, from the key that it shows to the headers of its answer.
//!
//! A surface puts [`measure`] around its routes and lets every key go through [`Meter::admit`]; what became of the budget then
//! stands on the answer, whichever way it ends:
//! - `X-RateLimit-Limit`: requests in the whole budget;
//! - `X-RateLimit-Remaining`: requests that could follow at once;
//! - `X-RateLimit-Reset`: when the whole budget is there again, in seconds since the epoch;
//! - `Retry-After`, on a 429: seconds until the next request is taken.
//!
//! Without a limit there are no such headers. The standing travels in the response's extensions too, for surfaces whose
//! errors tell it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::client::Peer;
use super::error::ApiError;
use super::limits::Charge;
use super::state::App;
use crate::auth::{self, GUESSES_WINDOW_SECS};
use crate::domain::principal::Principal;
use crate::throttle::Standing;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// The headers that a page of another origin must be allowed to read.
pub const HEADERS: &str = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After";

/// The meter of one request. Cheap to clone; clones share what was paid.
#[derive(Clone, Debug)]
pub struct Meter {
    path: Arc<str>,
    peer: IpAddr,
    standing: Arc<Mutex<Option<Standing>>>,
}

impl Meter {
    fn new(path: &str, extensions: &Extensions) -> Self {
        let unknown = Peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        let peer = extensions.get::<Peer>().copied().unwrap_or(unknown).0.ip();
        Self { path: path.into(), peer, standing: Arc::default() }
    }

    /// The client's address, behind trusted proxies.
    pub fn client(&self, app: &App, headers: &HeaderMap) -> IpAddr {
        app.clients.address(self.peer, headers)
    }

    /// Who shows this key; the request is charged to it.
    ///
    /// # Errors
    /// When the key opens nothing, when its budget is used up, or when the client showed too many wrong keys.
    pub async fn admit(&self, app: &App, headers: &HeaderMap, key: &str) -> Result<Arc<Principal>, ApiError> {
        let found = app.auth.authenticate(key, self.client(app, headers)).await;
        let principal = found.inspect_err(|error| self.note_guesses(app, error))?;
        self.charge(app, Charge::of(&principal, &self.path))?;
        Ok(principal)
    }

    /// Who guessed too much is told how much that was, too.
    fn note_guesses(&self, app: &App, error: &auth::Error) {
        if matches!(error, auth::Error::TooManyGuesses) {
            let full_at_secs = app.clock.now_ms().cast_unsigned() / 1_000 + GUESSES_WINDOW_SECS;
            let limit = app.auth.guess_limit();
            self.stand(Standing { limit, remaining: 0, full_at_secs, retry_after_secs: Some(GUESSES_WINDOW_SECS) });
        }
    }

    /// Who shows this cookie of somebody who signed in; the request is charged to that person.
    ///
    /// # Errors
    /// When nobody is signed in with it, when the person's budget is used up, or when the client showed too many wrong ones.
    pub async fn admit_person(&self, app: &App, headers: &HeaderMap, cookie: &str) -> Result<Arc<Principal>, ApiError> {
        let principal = app.auth.signed_in(cookie, self.client(app, headers)).await?;
        self.charge(app, Charge::of(&principal, &self.path))?;
        Ok(principal)
    }

    /// Whether the client came by https, as far as trusted proxies and our own address tell.
    pub fn is_https(&self, app: &App, headers: &HeaderMap) -> bool {
        app.public_url.scheme() == "https" || app.clients.is_https(self.peer, headers)
    }

    /// Whose page shows this publishable key; the request is charged to the workspace.
    ///
    /// # Errors
    /// As [`admit`](Self::admit); every other key is refused.
    pub async fn admit_page(&self, app: &App, headers: &HeaderMap, key: &str) -> Result<Arc<Principal>, ApiError> {
        let principal = app.auth.authenticate_page(key, self.client(app, headers)).await?;
        if let Some(workspace) = principal.bound_to {
            self.charge(app, Charge::Publishable(workspace))?;
        }
        Ok(principal)
    }

    /// Charges the request.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] when the budget is used up.
    pub fn charge(&self, app: &App, charge: Charge) -> Result<(), ApiError> {
        let paid = app.limits.pay(charge);
        if let Some(standing) = paid.unwrap_or_else(Some) {
            self.stand(standing);
        }
        match paid {
            Ok(_) => Ok(()),
            Err(refused) => Err(ApiError::RateLimited { retry_after_secs: refused.retry_after_secs.unwrap_or(1) }),
        }
    }

    /// What the answer tells. A request that is charged twice shows where less is left.
    fn stand(&self, standing: Standing) {
        let mut shown = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_none_or(|other| standing.remaining < other.remaining) {
            *shown = Some(standing);
        }
    }
}

/// Gives a request its meter, and its answer the headers.
pub async fn measure(mut request: Request, next: Next) -> Response {
    let meter = Meter::new(request.uri().path(), request.extensions());
    request.extensions_mut().insert(meter.clone());
    let mut response = next.run(request).await;
    let standing = *meter.standing.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(standing) = standing {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(standing.limit));
        headers.insert(REMAINING, HeaderValue::from(standing.remaining));
        headers.insert(RESET, HeaderValue::from(standing.full_at_secs));
        // A refusal may tell of another budget than the key's.
        response.extensions_mut().get_or_insert_with(|| standing);
    }
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Meter {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let given = parts.extensions.get::<Self>().cloned();
        Ok(given.unwrap_or_else(|| Self::new(parts.uri.path(), &parts.extensions)))
    }
}
