//! Who sends: what a request says of its client, before any event is looked at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::request::Parts;
use url::Url;

use crate::domain::hit::PlaceHint;
use crate::domain::id::WorkspaceId;
use crate::domain::principal::{Principal, Role};
use crate::domain::site::parse_host;
use crate::web::caller::bearer;
use crate::web::client::{self, Peer};
use crate::web::error::ApiError;
use crate::web::state::App;

/// What a key needs to report events for others.
const SCOPE: &str = "events.write";

/// The client of a request.
pub struct Sender {
    /// Its address behind trusted proxies.
    pub address: IpAddr,
    /// What a trusted edge says of its place.
    pub place: Option<PlaceHint>,
    /// `User-Agent`
    pub user_agent: String,
    /// `Accept-Language`
    pub accept_language: String,
    /// The `Sec-Fetch-*` headers.
    pub sec_fetch: String,
    /// It asks not to be tracked.
    pub opted_out: bool,
    /// It may be a robot, although no key was shown.
    pub robots_welcome: bool,
    /// The page's origin, as far as the browser tells it.
    pub origin: Option<Origin>,
    principal: Option<Arc<Principal>>,
}

/// The origin of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// Lower case, without a port.
    pub host: String,
}

impl Origin {
    /// The origin of a request; `None` when there is none, or none that a page of a site can have.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let url = Url::parse(headers.get(ORIGIN)?.to_str().ok()?).ok()?;
        let host = parse_host(url.host_str()?)?;
        matches!(url.scheme(), "http" | "https").then(|| Self { scheme: url.scheme().to_owned(), host })
    }
}

impl Sender {
    /// The sender of a request.
    ///
    /// # Errors
    /// When a key is shown that is none.
    pub async fn of(app: &App, parts: &Parts) -> Result<Self, ApiError> {
        let headers = &parts.headers;
        let unknown = Peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(unknown).0.ip();
        let address = app.clients.address(peer, headers);
        let principal = match headers.get(AUTHORIZATION) {
            Some(_) => Some(app.auth.authenticate(bearer(headers)?, address).await?),
            None => None,
        };
        Ok(Self {
            address,
            place: app.clients.place(peer, headers),
            user_agent: client::user_agent(headers),
            accept_language: client::accept_language(headers),
            sec_fetch: client::sec_fetch(headers),
            opted_out: client::asks_not_to_be_tracked(headers),
            robots_welcome: false,
            origin: Origin::of(headers),
            principal,
        })
    }

    /// Whether a key was shown that may report events of this workspace for others; `None` when no key was shown.
    pub fn rights_in(&self, workspace: WorkspaceId) -> Option<bool> {
        let principal = self.principal.as_ref()?;
        let is_member = principal.workspaces.iter().any(|(id, role)| *id == workspace && *role >= Role::Member);
        let is_bound_here = principal.bound_to.is_none_or(|bound| bound == workspace);
        Some(is_member && is_bound_here && principal.scopes.allow(SCOPE))
    }
}
