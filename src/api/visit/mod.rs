//! `GET /{slug}`: what a visitor of a short link gets; and `POST` of the form that asks for a password.
//!
//! A redirect that counts is answered when its click is on disk. When the click cannot be recorded at all, the visitor is
//! sent on all the same and the loss is counted. Every reason why a link is not followed, except that its time is over,
//! looks like a link that never was.

mod allowance;
mod asker;
mod cookies;
mod front;
mod locked;
mod manners;
mod outcome;
mod stats;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::auth::gate::Gate;
use crate::calendar::clock::Clock;
use crate::domain::click_id::{ClickKey, EventId};
use crate::domain::hit::Hit;
use crate::domain::id::DomainId;
use crate::enrich::Enricher;
use crate::redirect::{
    Allowances, Click, Decision, Extras, Inspection, Place, Redirect, Resolver, Shown, Target, Unresolved, Visit,
    Visitor, decide, inspected, with_click_id,
};
use crate::web::client::{self, ClientRules, Peer};
use crate::web::page::interstitial::{self, Carried, Grounds};
use crate::web::page::password::Asking;
use crate::web::page::{Page, X_ROBOTS_TAG, cloak, inspect, preview};
use crate::web::recent_visits::{Followed, RecentVisits};

use asker::Asker;
pub use front::Front;
use front::host;
use locked::Lock;
use outcome::{Drops, Outcome, Outcomes};
pub use stats::{KeptTotals, Totals, Uncountable};

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

/// A visit after its click was recorded, if it is one.
struct Counted {
    /// Where it leads, the click's id included.
    location: HeaderValue,
    /// For the browser to keep.
    cookies: [Option<HeaderValue>; 2],
}

/// Who makes a request, and when.
#[derive(Clone, Copy, Debug)]
struct Caller {
    /// The client, as far as trusted proxies tell it.
    address: IpAddr,
    /// The other end of the connection.
    peer: Peer,
    /// The short domain that was asked.
    domain: DomainId,
    now_ms: i64,
    /// Whose the host is that was asked.
    grounds: Grounds,
}

/// The kind of host at which a visit came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    /// A short domain, which answers visits and nothing else.
    ShortDomain,
    /// One where the API answers, too, and people have their sessions.
    Shared,
}

/// What visits are answered with.
pub struct Services<R> {
    /// Finds links.
    pub resolver: Arc<Resolver>,
    /// Counts the clicks of links that have a limit.
    pub allowances: Allowances,
    /// Who asks.
    pub clients: ClientRules,
    /// Keeps clicks.
    pub recorder: R,
    /// Makes the ids that destinations are told.
    pub clicks: ClickKey,
    /// The present.
    pub clock: Clock,
    /// Knows robots, systems and countries; it is asked for links that depend on them.
    pub enricher: Arc<Enricher>,
    /// Checks the passwords of links.
    pub gate: Gate,
    /// Counts the clicks of links with public statistics.
    pub totals: Arc<dyn Totals>,
    /// Remembers for apps which link led to them.
    pub recent: RecentVisits,
    /// The public address is one of https, and so are the short ones: cookies are shown over https only, even where no
    /// trusted proxy says that it was spoken.
    pub is_https: bool,
}

/// Answers visits.
pub struct Visits<R> {
    services: Services<R>,
    outcomes: Outcomes,
    drops: Drops,
}

impl<R: Recorder> Visits<R> {
    /// Visits answered with these services. Metrics go to the recorder that is installed by now.
    pub fn new(services: Services<R>) -> Self {
        Self { services, outcomes: Outcomes::new(), drops: Drops::new() }
    }

    /// A visit of a host where nothing else answers, or nothing else did: its own slugs, or else the default domain's. For
    /// a router's fallback.
    pub async fn fallback(self: Arc<Self>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let unknown = Peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(unknown);
        match self.services.resolver.fallback_domain(host(&parts)) {
            Ok(Some(place)) => self.answer(place, Host::Shared, peer, &parts, body).await,
            Ok(None) => self.page(Outcome::NotFound, Page::NotFound),
            Err(_) => self.page(Outcome::Unavailable, Page::Unavailable),
        }
    }

    /// A visit of a short domain, at this kind of host. `body` is read only where a password is posted.
    async fn answer(&self, place: Place, at: Host, peer: Peer, request: &Parts, body: Body) -> Response {
        let is_post = request.method == Method::POST;
        if !is_post && request.method != Method::GET && request.method != Method::HEAD {
            return self.other_method(&request.method);
        }
        if let Some(file) = self.file(request) {
            return file;
        }
        let path = request.uri.path();
        let address = self.services.clients.address(peer.0.ip(), &request.headers);
        let now_ms = self.services.clock.now_ms();
        let mut caller = Caller { address, peer, domain: place.domain, now_ms, grounds: Grounds::Shared };
        let target = match self.services.resolver.resolve(place, inspected(path).unwrap_or(path), address).await {
            Ok(Some(target)) => target,
            Ok(None) if is_post => return self.other_method(&request.method),
            Ok(None) => return self.statistics(place, caller, request).await,
            Err(Unresolved::TooManyMisses) => return self.page(Outcome::Limited, Page::TooMany),
            Err(Unresolved::Unavailable) => return self.page(Outcome::Unavailable, Page::Unavailable),
        };
        if at == Host::ShortDomain && place.owner == target.workspace {
            caller.grounds = Grounds::Own;
        }
        match target.extras.as_deref().and_then(|extras| extras.password_hash.as_deref()) {
            // Few links have one, and what it takes would make the answer of every other larger.
            Some(hash) => Box::pin(self.locked(&target, hash, caller, request, body)).await,
            None if is_post => self.other_method(&request.method),
            None => {
                self.open(&target, caller, Lock::shut(&self.services.gate, target.link, caller.now_ms), request).await
            }
        }
    }

    /// What a visitor gets who holds this lock.
    async fn open(&self, target: &Target, caller: Caller, lock: Lock<'_>, request: &Parts) -> Response {
        let headers = &request.headers;
        let visit = Visit {
            query: request.uri.query(),
            inspects: inspected(request.uri.path()).is_some(),
            follows: request.method != Method::HEAD && !client::is_prefetch(headers),
            opts_out: headers.contains_key(NO_TRACK),
        };
        let Caller { address, peer, domain, now_ms, grounds } = caller;
        let asker = Asker {
            clients: &self.services.clients,
            enricher: &self.services.enricher,
            headers,
            address,
            peer,
            domain,
            lock,
        };
        let decision = decide(target, &visit, now_ms, &asker);
        // A page that came as the answer to a form would send the form again when it is loaded again, and one whose address
        // gives a password would hand that to pixels and frames.
        let comes_again = decision.shows_page() && (request.method == Method::POST || asker.lock.is_given());
        let Ok(decision) = self.within_limit(target, decision, comes_again).await else {
            return self.page(Outcome::Unavailable, Page::Unavailable);
        };
        match decision {
            Decision::Nowhere => self.nothing(Outcome::Nowhere, request),
            Decision::Password => self.ask(Asking::First, &client::referrer(headers)),
            Decision::Placeholder => self.page(Outcome::Nowhere, Page::Root),
            Decision::Disabled => self.nothing(Outcome::Disabled, request),
            Decision::NotStarted => self.nothing(Outcome::NotStarted, request),
            Decision::Blocked => self.nothing(Outcome::Blocked, request),
            Decision::Expired(None) => self.too_late(request),
            Decision::Expired(Some(location)) => {
                self.outcomes.count(Outcome::Expired);
                sent_on(location, false, target.hide_referrer, false)
            }
            Decision::Inspect(Inspection { address, varies }) => {
                self.outcomes.count(Outcome::Inspected);
                inspect::page(&address, varies)
            }
            Decision::Redirect(redirect) => {
                let (permanent, hide_referrer, index) = (redirect.permanent, redirect.hide_referrer, redirect.index);
                let Counted { location, cookies } = self.count(redirect, target, &asker, request, now_ms).await;
                with_cookies(sent_on(location, permanent, hide_referrer, index), cookies)
            }
            Decision::Cloak(_) | Decision::Interstitial(_) if comes_again => {
                self.outcomes.count(Outcome::Uncounted);
                locked::come_again(request)
            }
            Decision::Cloak(redirect) => {
                let (permanent, hide_referrer, index) = (redirect.permanent, redirect.hide_referrer, redirect.index);
                let Counted { location, cookies } = self.count(redirect, target, &asker, request, now_ms).await;
                // In a sandbox the destination, too, would be in one.
                let carried = carried(target, &asker, grounds).filter(|_| grounds == Grounds::Own && !asker.is_bot());
                let address = location.to_str().unwrap_or_default();
                let page = cloak::page(shown(target), address, hide_referrer, index, carried.as_ref());
                with_cookies(page.unwrap_or_else(|| sent_on(location, permanent, hide_referrer, index)), cookies)
            }
            Decision::Interstitial(redirect) => {
                let (permanent, hide_referrer, index) = (redirect.permanent, redirect.hide_referrer, redirect.index);
                let Counted { location, cookies } = self.count(redirect, target, &asker, request, now_ms).await;
                // A picture or a frame of another page is no place for it.
                let carried = carried(target, &asker, grounds).filter(|_| client::wants_page(headers));
                let page = carried.and_then(|carried| {
                    interstitial::page(&carried, location.to_str().unwrap_or_default(), hide_referrer, index)
                });
                with_cookies(page.unwrap_or_else(|| sent_on(location, permanent, hide_referrer, index)), cookies)
            }
            Decision::Preview(redirect) => {
                self.outcomes.count(Outcome::Previewed);
                preview::page(shown(target), redirect.location.to_str().unwrap_or_default(), redirect.index)
            }
        }
    }

    /// Records the click, if it is one that is wanted, and tells the destination its id where the link does so.
    ///
    /// A visitor who comes again within the hour belongs to the click before: the new one is recorded as well, and is a
    /// repeat, but the destination is told the id of the one that counts. Robots keep nothing.
    async fn count(
        &self,
        redirect: Redirect,
        target: &Target,
        asker: &Asker<'_>,
        request: &Parts,
        now_ms: i64,
    ) -> Counted {
        let Redirect { mut location, name_click, variant, click, .. } = redirect;
        let Some(click) = click.filter(|_| self.wants(target, asker)) else {
            self.outcomes.count(Outcome::Uncounted);
            return Counted { location, cookies: [None, None] };
        };
        let recorded = self.record(&self.hit(target, click, asker, request, now_ms)).await;
        self.outcomes.count(Outcome::Redirected);
        let keeps_cookies = (name_click || variant.is_some()) && !asker.is_bot();
        let known = if name_click && keeps_cookies { self.known_click(target, asker) } else { None };
        if let Some(click) = known.or(recorded)
            && target.extras.as_deref().is_some_and(Extras::leads_to_apps)
            && !asker.is_bot()
        {
            let followed = Followed { link: target.link, click, path: request.uri.path().into() };
            self.services.recent.note(asker.domain, asker.address, followed);
        }
        if let Some(id) = known.or(recorded).filter(|_| name_click) {
            location = with_click_id(&location, &self.services.clicks.public(id)).unwrap_or(location);
        }
        if !keeps_cookies {
            return Counted { location, cookies: [None, None] };
        }
        let path = request.uri.path();
        let fresh = recorded.filter(|_| name_click && known.is_none());
        let cookies = [
            fresh.and_then(|id| self.click_cookie(target, id, asker, path)),
            variant.and_then(|mark| self.variant_cookie(mark, asker, path)),
        ];
        Counted { location, cookies }
    }

    /// Whether the workspace records clicks of this visitor.
    fn wants(&self, target: &Target, asker: &Asker<'_>) -> bool {
        let declines = || client::asks_not_to_be_tracked(asker.headers);
        let reason = target.drop_reason(declines, asker.address, || asker.country());
        reason.inspect(|reason| self.drops.count(*reason)).is_none()
    }

    fn hit(&self, target: &Target, click: Click, asker: &Asker<'_>, request: &Parts, now_ms: i64) -> Hit {
        let settings = &target.settings;
        Hit {
            at_ms: now_ms,
            workspace: target.workspace,
            link: target.link,
            address: asker.address,
            user_agent: client::user_agent(&request.headers),
            referrer: client::referrer(&request.headers),
            url: click.url,
            trigger: click.trigger,
            place: asker.place(),
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
        let recorded = self.services.recorder.record(hit).await;
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

/// What pages say of the link.
fn shown(target: &Target) -> &Shown {
    const NOTHING: &Shown = &Shown { title: None, description: None, image: None, video: None };
    target.extras.as_deref().map_or(NOTHING, |extras| &extras.shown)
}

/// What a page carries to this visitor: pixels only where the workspace does not honour that they ask not to be tracked.
fn carried<'a>(target: &'a Target, asker: &Asker<'_>, grounds: Grounds) -> Option<Carried<'a>> {
    let interstitial = target.extras.as_deref()?.interstitial.as_deref()?;
    let declines = target.settings.honor_do_not_track && client::asks_not_to_be_tracked(asker.headers);
    Carried::new(interstitial, grounds, !declines)
}

fn with_cookies(mut response: Response, cookies: [Option<HeaderValue>; 2]) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
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
