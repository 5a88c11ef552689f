//! `GET /{slug}`: what a visitor of a short link gets.
//!
//! A redirect that counts is answered when its click is on disk. When the click cannot be recorded at all, the visitor is
//! sent on all the same and the loss is counted. Every reason why a link is not followed, except that its time is over,
//! looks like a link that never was.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, HOST, LOCATION, REFERRER_POLICY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use futures_util::FutureExt;
use hyper::body::Incoming;
use metrics::Counter;
use tower::Service;

use crate::calendar::clock::Clock;
use crate::domain::click_id::{ClickKey, EventId};
use crate::domain::exclusion::DropReason;
use crate::domain::hit::{Hit, PlaceHint};
use crate::redirect::{
    BoxFuture, Click, Decision, Place, Redirect, Resolver, Target, Unresolved, Visit, decide, with_click_id,
};
use crate::telemetry::name::{EVENTS_DROPPED_TOTAL, VISITS_TOTAL};
use crate::web::client::{self, ClientRules, Peer};
use crate::web::page::{Page, X_ROBOTS_TAG};

const NO_TRACK: HeaderName = HeaderName::from_static("dub-no-track");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
/// No cache may answer for us, neither with the redirect nor with where it once led.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, max-age=0, must-revalidate");

/// A click that was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("click not recorded: {reason}")]
pub struct Refused {
    /// Why, as a metric label such as `spool_full`.
    pub reason: &'static str,
}

/// Keeps clicks.
pub trait Recorder: Send + Sync + 'static {
    /// Takes a click; the future ends when it will survive a crash, with its identity, or with the reason why it never will
    /// be stored.
    fn record(&self, hit: &Hit) -> impl Future<Output = Result<EventId, Refused>> + Send;
}

/// The country of an address, with what a trusted edge says of it.
type Country = dyn Fn(IpAddr, Option<&PlaceHint>) -> String + Send + Sync;

/// Answers visits.
pub struct Visits<R> {
    resolver: Arc<Resolver>,
    clients: ClientRules,
    recorder: R,
    clicks: ClickKey,
    clock: Clock,
    is_bot: Box<dyn Fn(&str) -> bool + Send + Sync>,
    country: Box<Country>,
    outcomes: Outcomes,
    drops: Drops,
}

impl<R: Recorder> Visits<R> {
    /// Visits of the links that `resolver` finds. `is_bot` judges a `User-Agent`; it is asked for links that keep robots
    /// out. `clicks` makes the ids that destinations are told. `country` is asked where countries are left out. Metrics go
    /// to the recorder that is installed by now.
    pub fn new(
        resolver: Arc<Resolver>,
        clients: ClientRules,
        recorder: R,
        clicks: ClickKey,
        clock: Clock,
        is_bot: impl Fn(&str) -> bool + Send + Sync + 'static,
        country: impl Fn(IpAddr, Option<&PlaceHint>) -> String + Send + Sync + 'static,
    ) -> Self {
        let (is_bot, country) = (Box::new(is_bot), Box::new(country));
        Self {
            resolver,
            clients,
            recorder,
            clicks,
            clock,
            is_bot,
            country,
            outcomes: Outcomes::new(),
            drops: Drops::new(),
        }
    }

    /// A visit of a host where nothing else answers, or nothing else did: its own slugs, or else the default domain's. For
    /// a router's fallback.
    pub async fn fallback(self: Arc<Self>, request: Request) -> Response {
        let (parts, _body) = request.into_parts();
        let unknown = Peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(unknown);
        match self.resolver.fallback_domain(host(&parts)) {
            Ok(Some(place)) => self.answer(place, peer, &parts).await,
            Ok(None) => self.page(Outcome::NotFound, Page::NotFound),
            Err(_) => self.page(Outcome::Unavailable, Page::Unavailable),
        }
    }

    /// A visit of a short domain.
    pub async fn answer(&self, place: Place, peer: Peer, request: &Parts) -> Response {
        let is_get = request.method == Method::GET;
        if !is_get && request.method != Method::HEAD {
            return self.other_method(&request.method);
        }
        let headers = &request.headers;
        let address = self.clients.address(peer.0.ip(), headers);
        let target = match self.resolver.resolve(place, request.uri.path(), address).await {
            Ok(Some(target)) => target,
            Ok(None) => return self.page(Outcome::NotFound, Page::NotFound),
            Err(Unresolved::TooManyMisses) => return self.page(Outcome::Limited, Page::TooMany),
            Err(Unresolved::Unavailable) => return self.page(Outcome::Unavailable, Page::Unavailable),
        };
        let visit = Visit {
            query: request.uri.query(),
            counts: is_get && !client::is_prefetch(headers) && !headers.contains_key(NO_TRACK),
        };
        let now_ms = self.clock.now_ms();
        match decide(&target, &visit, now_ms, || (self.is_bot)(&client::user_agent(headers))) {
            Decision::Nowhere => self.page(Outcome::Nowhere, Page::NotFound),
            Decision::Withheld => self.page(Outcome::Withheld, Page::NotFound),
            Decision::Disabled => self.page(Outcome::Disabled, Page::NotFound),
            Decision::NotStarted => self.page(Outcome::NotStarted, Page::NotFound),
            Decision::Blocked => self.page(Outcome::Blocked, Page::NotFound),
            Decision::Expired(None) => self.page(Outcome::Expired, Page::Expired),
            Decision::Expired(Some(location)) => {
                self.outcomes.count(Outcome::Expired);
                sent_on(location, false, target.hide_referrer, false)
            }
            Decision::Redirect(Redirect { mut location, permanent, hide_referrer, index, name_click, click }) => {
                match click.filter(|_| self.wants(&target, address, peer, headers)) {
                    Some(click) => {
                        let recorded = self.record(&self.hit(&target, click, address, peer, request, now_ms)).await;
                        if let Some(id) = recorded.filter(|_| name_click) {
                            location = with_click_id(&location, &self.clicks.public(id)).unwrap_or(location);
                        }
                        self.outcomes.count(Outcome::Redirected);
                    }
                    None => self.outcomes.count(Outcome::Uncounted),
                }
                sent_on(location, permanent, hide_referrer, index)
            }
        }
    }

    /// Whether the workspace records clicks of this visitor.
    fn wants(&self, target: &Target, address: IpAddr, peer: Peer, headers: &HeaderMap) -> bool {
        let country = || (self.country)(address, self.clients.place(peer.0.ip(), headers).as_ref());
        let reason = target.drop_reason(|| client::asks_not_to_be_tracked(headers), address, country);
        reason.inspect(|reason| self.drops.count(*reason)).is_none()
    }

    fn hit(&self, target: &Target, click: Click, address: IpAddr, peer: Peer, request: &Parts, now_ms: i64) -> Hit {
        let settings = &target.settings;
        Hit {
            at_ms: now_ms,
            workspace: target.workspace,
            link: target.link,
            address,
            user_agent: client::user_agent(&request.headers),
            referrer: client::referrer(&request.headers),
            url: click.url,
            trigger: click.trigger,
            place: self.clients.place(peer.0.ip(), &request.headers),
            repeat_window_secs: settings.repeat_window_secs,
            visitor_epoch: settings.visitor_rotation.epoch(now_ms),
            address_storage: settings.address_storage,
            params: client::visit_query(&request.uri),
            accept_language: client::accept_language(&request.headers),
            sec_fetch: client::sec_fetch(&request.headers),
            ..Hit::default()
        }
    }

    /// The recorder counts what it loses; the visitor is sent on all the same.
    async fn record(&self, hit: &Hit) -> Option<EventId> {
        let recorded = self.recorder.record(hit).await;
        recorded.inspect_err(|Refused { reason }| tracing::debug!(reason, "click not recorded")).ok()
    }

    fn page(&self, outcome: Outcome, page: Page) -> Response {
        self.outcomes.count(outcome);
        page.response()
    }

    fn other_method(&self, method: &Method) -> Response {
        self.outcomes.count(Outcome::OtherMethod);
        let mut response = Response::new(Body::empty());
        let asks = *method == Method::OPTIONS;
        *response.status_mut() = if asks { StatusCode::NO_CONTENT } else { StatusCode::METHOD_NOT_ALLOWED };
        response.headers_mut().insert(ALLOW, METHODS);
        response
    }
}

fn sent_on(location: HeaderValue, permanent: bool, hide_referrer: bool, index: bool) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = if permanent { StatusCode::MOVED_PERMANENTLY } else { StatusCode::FOUND };
    let headers = response.headers_mut();
    headers.reserve(4);
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, ASK_AGAIN);
    if hide_referrer {
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if !index {
        headers.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    }
    response
}

/// The host that a request is for, as the client wrote it.
fn host(request: &Parts) -> &str {
    host_of(&request.uri, request.headers.get(HOST))
}

fn host_of<'a>(uri: &'a axum::http::Uri, header: Option<&'a HeaderValue>) -> &'a str {
    match uri.authority() {
        Some(authority) => authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host),
        None => header.and_then(|host| host.to_str().ok()).unwrap_or_default(),
    }
}

/// The front door, one per connection: visits of short domains are answered on the spot, past all layers; everything else
/// goes to the router, with the [`Peer`] as an extension.
pub struct Front<R> {
    visits: Arc<Visits<R>>,
    rest: Router,
    peer: Peer,
}

impl<R: Recorder> Front<R> {
    /// The door for a connection from `peer`.
    pub fn new(visits: Arc<Visits<R>>, rest: Router, peer: Peer) -> Self {
        Self { visits, rest, peer }
    }
}

impl<R: Recorder> hyper::service::Service<Request<Incoming>> for Front<R> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let host = host_of(request.uri(), request.headers().get(HOST));
        if let Some(place) = self.visits.resolver.short_domain(host) {
            let (visits, peer) = (Arc::clone(&self.visits), self.peer);
            return Box::pin(async move {
                let (parts, _body) = request.into_parts();
                // A fault of ours must not cost the connection; the panic hook has said what it was.
                let answer = AssertUnwindSafe(visits.answer(place, peer, &parts)).catch_unwind().await;
                Ok(answer.unwrap_or_else(|_| visits.page(Outcome::Unavailable, Page::Unavailable)))
            });
        }
        request.extensions_mut().insert(self.peer);
        // A router is always ready.
        Box::pin(self.rest.clone().call(request))
    }
}

/// What became of a visit.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Redirected,
    Uncounted,
    NotFound,
    Nowhere,
    Withheld,
    Disabled,
    NotStarted,
    Expired,
    Blocked,
    Limited,
    Unavailable,
    OtherMethod,
}

impl Outcome {
    const ALL: [Self; 12] = [
        Self::Redirected,
        Self::Uncounted,
        Self::NotFound,
        Self::Nowhere,
        Self::Withheld,
        Self::Disabled,
        Self::NotStarted,
        Self::Expired,
        Self::Blocked,
        Self::Limited,
        Self::Unavailable,
        Self::OtherMethod,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Redirected => "redirected",
            Self::Uncounted => "uncounted",
            Self::NotFound => "not_found",
            Self::Nowhere => "nowhere",
            Self::Withheld => "withheld",
            Self::Disabled => "disabled",
            Self::NotStarted => "not_started",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::OtherMethod => "other_method",
        }
    }
}

/// The counters, looked up once: a look-up by name costs as much as the rest of the decision.
struct Outcomes([Counter; Outcome::ALL.len()]);

impl Outcomes {
    fn new() -> Self {
        Self(Outcome::ALL.map(|outcome| metrics::counter!(VISITS_TOTAL, "outcome" => outcome.label())))
    }

    fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].increment(1);
    }
}

/// The counters of clicks that are not wanted, by reason.
struct Drops([Counter; DropReason::ALL.len()]);

impl Drops {
    fn new() -> Self {
        Self(DropReason::ALL.map(|reason| metrics::counter!(EVENTS_DROPPED_TOTAL, "reason" => reason.name())))
    }

    fn count(&self, reason: DropReason) {
        self.0[reason as usize].increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_stand_at_their_own_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{}", outcome.label());
        }
    }

    #[test]
    fn reasons_stand_at_their_own_place() {
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{}", reason.name());
        }
    }

    #[test]
    fn hosts_come_from_the_address_or_the_header() {
        let header = HeaderValue::from_static("b.example:80");
        for (uri, expected) in [
            ("/x", "b.example:80"),
            ("http://a.example/x", "a.example"),
            ("http://user:pw@a.example:81/x", "a.example:81"),
        ] {
            let uri = uri.parse().unwrap();
            assert_eq!(host_of(&uri, Some(&header)), expected);
        }
        assert_eq!(host_of(&"/x".parse().unwrap(), None), "");
        let broken = HeaderValue::from_bytes(b"\xff").unwrap();
        assert_eq!(host_of(&"/x".parse().unwrap(), Some(&broken)), "");
    }
}
