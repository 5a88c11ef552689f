//! `POST /track/click`, `/track/visit` and `/track/open`: reported by pages and apps, without a key. What reports of pages
//! have in common, those of leads and sales included, is here, too.
//!
//! Any page may call, unless the workspace lists the hosts that may; apps, which say no `Origin`, may always tell that they
//! were opened. Robots are recorded as robots, like those that visit a
//! short link, so every id that is given out is one of a click that is there.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use metrics::counter;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use url::Url;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::track_body::trimmed;
use crate::domain::hit::{Hit, Trigger};
use crate::domain::link::ROOT_SLUG;
use crate::redirect::{Target, Unresolved, host_name};
use crate::telemetry::name::EVENTS_DROPPED_TOTAL;
use crate::web::body::Body;
use crate::web::caller::require_host;
use crate::web::client::{self, Peer};
use crate::web::error::{ApiError, quoted};
use crate::web::meter;
use crate::web::state::App;

const MAX_DOMAIN: usize = 253;
const MAX_KEY: usize = 190;
/// Longest address of a page or a referrer, in characters; what is kept of it is shorter.
const MAX_ADDRESS: usize = 8_192;
/// Longest address that a hit keeps, in bytes.
const KEPT_ADDRESS_BYTES: usize = 4_096;
const KEPT_REFERRER_BYTES: usize = 2_048;
/// Seconds until somebody who guessed too much may ask again.
const GUESSED_SECS: u64 = 10;
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// What a request tells of its sender.
pub(super) struct Sender {
    address: IpAddr,
    peer: IpAddr,
    headers: HeaderMap,
}

impl Sender {
    fn new(app: &App, peer: Option<Extension<Peer>>, headers: HeaderMap) -> Self {
        let unknown = Peer(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        let peer = peer.map_or(unknown, |Extension(peer)| peer).0.ip();
        Self { address: app.clients.address(peer, &headers), peer, headers }
    }

    /// Browsers say where a page that posts is from; apps say nothing.
    fn is_page(&self) -> bool {
        self.headers.contains_key(ORIGIN)
    }
}

/// What a body says of a click.
struct Said {
    trigger: Trigger,
    url: Option<String>,
    referrer: Option<String>,
}

/// `POST /track/click`
pub(super) async fn click(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let domain = required(&body, "domain", MAX_DOMAIN)?;
    let key = required(&body, "key", MAX_KEY)?;
    let said = Said { trigger: Trigger::Link, url: page(&body)?, referrer: referrer(&body)? };
    let sender = Sender::new(&app, peer, headers);
    let target = link_at(&app, &sender, &domain, &key).await?.ok_or_else(|| no_link(&domain, &key))?;
    require_host(&target.settings.allowed_hostnames, &sender.headers)?;
    Ok(Json(json!({ "clickId": record(&app, &sender, &target, said).await? })))
}

/// `POST /track/visit`: of a page behind a domain's root link.
pub(super) async fn visit(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let domain = required(&body, "domain", MAX_DOMAIN)?;
    let said = Said { trigger: Trigger::Pageview, url: page(&body)?, referrer: referrer(&body)? };
    let sender = Sender::new(&app, peer, headers);
    let target = link_at(&app, &sender, &domain, ROOT_SLUG).await?.ok_or_else(|| no_link(&domain, ROOT_SLUG))?;
    require_host(&target.settings.allowed_hostnames, &sender.headers)?;
    Ok(Json(json!({ "clickId": record(&app, &sender, &target, said).await? })))
}

/// `POST /track/open`: an app was opened by a link, or installed because of one.
pub(super) async fn open(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let deep_link = trimmed(&body, "deepLink", MAX_ADDRESS)?;
    let dub_domain = trimmed(&body, "dubDomain", MAX_DOMAIN)?;
    let sender = Sender::new(&app, peer, headers);
    let Some(deep_link) = deep_link else {
        let missing = || ApiError::invalid("custom", "deepLink", "Either deepLink or dubDomain is required.");
        return installed(&app, &sender, &dub_domain.ok_or_else(missing)?).await;
    };
    let none = || ApiError::NotFound(format!("Deep link not found: {}", shown(&deep_link)));
    let url = Url::parse(&deep_link).map_err(|_| none())?;
    let domain = url.host_str().ok_or_else(none)?.to_owned();
    let target = target_at(&app, &sender, &domain, url.path()).await?.ok_or_else(none)?;
    if sender.is_page() {
        require_host(&target.settings.allowed_hostnames, &sender.headers)?;
    }
    let link = opened(&app, &target, &domain, url.path());
    let said = Said { trigger: Trigger::Deeplink, url: None, referrer: None };
    Ok(Json(json!({ "clickId": record(&app, &sender, &target, said).await?, "link": link })))
}

/// An app that was installed after a visit of this domain does not know the link. What the same address followed last within
/// the hour is what led to it; that was a click already, so nothing is recorded.
async fn installed(app: &App, sender: &Sender, domain: &str) -> Result<Json<Value>, ApiError> {
    let unknown = || Json(json!({ "clickId": null, "link": null }));
    let away = || ApiError::Unavailable("Links cannot be looked up at the moment. Please try again.");
    let place = app.resolver.domain(domain).map_err(|_| away())?;
    let followed = place.and_then(|place| app.recent_visits.last(place.domain, sender.address));
    let Some(followed) = followed else { return Ok(unknown()) };
    let target = target_at(app, sender, domain, &followed.path).await?.filter(|target| target.link == followed.link);
    let Some(target) = target else { return Ok(unknown()) };
    // A stranger's page must not learn what its visitor followed elsewhere.
    let hosts = &target.settings.allowed_hostnames;
    if sender.is_page() && (hosts.is_empty() || require_host(hosts, &sender.headers).is_err()) {
        return Ok(unknown());
    }
    Ok(Json(json!({
        "clickId": app.clicks.public(followed.click),
        "link": opened(app, &target, domain, &followed.path),
    })))
}

/// What an app is told of the link that opened it.
fn opened(app: &App, target: &Target, domain: &str, path: &str) -> Value {
    let destination = target.open_destination(app.clock.now_ms());
    let key = match path.trim_matches('/') {
        "" => ROOT_SLUG,
        path => path,
    };
    json!({
        "id": target.link.to_string(),
        "domain": host_name(domain),
        "key": percent_encoding::percent_decode_str(key).decode_utf8_lossy(),
        "url": destination.map(|destination| destination.as_str().to_owned()),
    })
}

/// `OPTIONS` of all of them.
pub(super) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Any page may read the answer; there is nothing in it but what the page just caused.
pub(super) async fn open_to_pages(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type, Authorization"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(meter::HEADERS));
    response
}

/// The click's public id; `None` when the workspace does not record this visitor.
async fn record(app: &App, sender: &Sender, target: &Target, said: Said) -> Result<Option<String>, ApiError> {
    let headers = &sender.headers;
    let settings = &target.settings;
    let place = app.clients.place(sender.peer, headers);
    let country = || app.enricher.place(sender.address, place.as_ref()).country;
    let dropped = target.drop_reason(|| client::asks_not_to_be_tracked(headers), sender.address, country);
    if let Some(reason) = dropped {
        counter!(EVENTS_DROPPED_TOTAL, "reason" => reason.name()).increment(1);
        return Ok(None);
    }
    let now_ms = app.clock.now_ms();
    let destination = target.destination.as_ref().map(|destination| destination.as_str().to_owned());
    let url = said.url.or(destination).unwrap_or_default();
    let params = url.split_once('#').map_or(url.as_str(), |(url, _)| url);
    let params = params.split_once('?').map_or("", |(_, query)| query);
    let hit = Hit {
        at_ms: now_ms,
        workspace: target.workspace,
        link: target.link,
        address: sender.address,
        user_agent: client::user_agent(headers),
        referrer: said.referrer.unwrap_or_else(|| client::referrer(headers)),
        params: cut(params, KEPT_REFERRER_BYTES),
        url: cut(&url, KEPT_ADDRESS_BYTES),
        accept_language: client::accept_language(headers),
        sec_fetch: client::sec_fetch(headers),
        trigger: said.trigger,
        place,
        repeat_window_secs: settings.repeat_window_secs,
        visitor_epoch: settings.visitor_rotation.epoch(now_ms),
        address_storage: settings.address_storage,
        ..Hit::default()
    };
    let id = app.client_clicks.record(&app.ingest, &hit).await.map_err(|refused| ApiError::from(*refused))?;
    Ok(Some(app.clicks.public(id)))
}

async fn link_at(app: &App, sender: &Sender, domain: &str, key: &str) -> Result<Option<Arc<Target>>, ApiError> {
    let path = format!("/{}", utf8_percent_encode(key.trim_matches('/'), IN_PATHS));
    target_at(app, sender, domain, &path).await
}

/// The link at a path of a short domain; a link that leads nobody on is none.
async fn target_at(app: &App, sender: &Sender, domain: &str, path: &str) -> Result<Option<Arc<Target>>, ApiError> {
    let away = || ApiError::Unavailable("Links cannot be looked up at the moment. Please try again.");
    let Some(place) = app.resolver.domain(domain).map_err(|_| away())? else { return Ok(None) };
    match app.resolver.resolve(place, path, sender.address).await {
        Ok(found) => Ok(found.filter(|target| !target.disabled)),
        Err(Unresolved::TooManyMisses) => Err(ApiError::RateLimited { retry_after_secs: GUESSED_SECS }),
        Err(Unresolved::Unavailable) => Err(away()),
    }
}

fn no_link(domain: &str, key: &str) -> ApiError {
    ApiError::NotFound(format!("Link not found for domain: {} and key: {}.", shown(&host_name(domain)), shown(key)))
}

/// What was sent, without quotes.
fn shown(given: &str) -> String {
    let quoted = quoted(given);
    quoted[1..quoted.len() - 1].to_owned()
}

fn required(body: &Body, field: &'static str, limit: usize) -> Result<String, ApiError> {
    trimmed(body, field, limit)?
        .ok_or_else(|| ApiError::invalid("invalid_type", field, format!("{field} is required.")))
}

/// The page's address; one that is none is as good as absent.
fn page(body: &Body) -> Result<Option<String>, ApiError> {
    let url = trimmed(body, "url", MAX_ADDRESS)?;
    Ok(url.filter(|url| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))))
}

fn referrer(body: &Body) -> Result<Option<String>, ApiError> {
    Ok(trimmed(body, "referrer", MAX_ADDRESS)?.map(|referrer| cut(&referrer, KEPT_REFERRER_BYTES)))
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
