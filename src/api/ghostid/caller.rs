//! Who asks, for every endpoint of this surface: the cookie of somebody who signed in, or an API key as `Bearer`.
//!
//! A cookie comes along by itself, so a write that shows one must come from a page of our own: its `Origin` is the public
//! address or the host that it was sent to. Programs send no `Origin`. A body is JSON and says so, which no form of another
//! site can.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use url::Url;

use crate::domain::id::{SiteId, WorkspaceId};
use crate::domain::principal::{Principal, Role};
use crate::domain::site::Site;
use crate::web::cookie;
use crate::web::error::{ApiError, quoted};
use crate::web::explain;
use crate::web::meter::Meter;
use crate::web::state::App;

/// The cookie's name, as existing clients send it.
pub(super) const COOKIE: &str = "session";
/// Its name where it was set over https: no other host and no other path can set one of this name.
pub(super) const HOST_COOKIE: &str = "__Host-session";
/// What the names of headers begin with by which browsers tell what they ask for.
const SEC_FETCH: &str = "sec-fetch-";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A caller whose credentials were right, and who may write what the request writes as far as that is told by where it comes
/// from. What the caller may do in a workspace is asked by [`require`](Self::require) and [`site`](Self::site).
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Who asks.
    pub principal: Arc<Principal>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Ok(meter) = Meter::from_request_parts(parts, app).await;
        let caller = Self::of(app, &meter, &parts.headers).await?;
        if !parts.method.is_safe() {
            if !parts.headers.contains_key(AUTHORIZATION) {
                require_own_origin(app, &parts.headers)?;
            }
            require_json(&parts.method, &parts.headers)?;
        }
        Ok(caller)
    }
}

impl Caller {
    /// Who shows these headers; the request is charged to them. A key wins over a cookie.
    ///
    /// # Errors
    /// [`ApiError::Unauthorized`] without credentials or with wrong ones, [`ApiError::RateLimited`].
    pub(super) async fn of(app: &App, meter: &Meter, headers: &HeaderMap) -> Result<Self, ApiError> {
        let unauthorized = || ApiError::Unauthorized("Unauthorized".to_owned());
        let principal = match headers.get(AUTHORIZATION) {
            Some(header) => {
                let key =
                    header.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(unauthorized)?;
                meter.admit(app, headers, key.trim()).await?
            }
            None => {
                let shown = shown_cookie(headers, meter.is_https(app, headers)).ok_or_else(unauthorized)?;
                meter.admit_person(app, headers, shown).await?
            }
        };
        Ok(Self { principal })
    }

    /// As [`of`](Self::of), by the cookie alone.
    pub(super) async fn by_cookie(app: &App, meter: &Meter, headers: &HeaderMap) -> Result<Self, ApiError> {
        let cookie = shown_cookie(headers, meter.is_https(app, headers));
        let cookie = cookie.ok_or_else(|| ApiError::Unauthorized("Unauthorized".to_owned()))?;
        Ok(Self { principal: meter.admit_person(app, headers, cookie).await? })
    }

    /// Sees that the caller may do what `scope` (such as `links.write`) covers in a workspace: viewers read, members write.
    ///
    /// # Errors
    /// [`ApiError::Forbidden`], also where the credentials do not open the workspace.
    pub(super) fn require(&self, workspace: WorkspaceId, scope: &str) -> Result<(), ApiError> {
        let forbidden = |message: String| Err(ApiError::Forbidden(message));
        let Some(role) = self.principal.role_in(workspace) else {
            return forbidden("Forbidden: you are no member of the workspace.".to_owned());
        };
        if !self.principal.scopes.allow(scope) {
            return forbidden(format!("The API key does not have the required scope: {scope}"));
        }
        if scope.ends_with(".write") && role < Role::Member {
            return forbidden(format!("A viewer of the workspace may not do this: {scope}"));
        }
        explain::admit(role)
    }

    /// The site of this number, for what `scope` covers; without a number the first one that the caller may see.
    ///
    /// # Errors
    /// [`ApiError::BadRequest`] for what is no number, [`ApiError::NotFound`] for a site that is not there,
    /// [`ApiError::Forbidden`] for somebody else's (contract, D13).
    pub(super) async fn site(&self, app: &App, given: Option<&str>, scope: &str) -> Result<Arc<Site>, ApiError> {
        let Some(given) = given else { return self.first_site(app, scope).await };
        let number = given.parse::<u64>().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| {
            ApiError::BadRequest(format!("siteId must be a positive integer. Given: {}", quoted(given)))
        })?;
        let known = app.sites.find(SiteId(number)).await?;
        let known = known.ok_or_else(|| ApiError::NotFound(format!("Site not found. siteId: {}", quoted(given))))?;
        if self.principal.role_in(known.site.workspace).is_none() {
            return Err(ApiError::Forbidden(format!("Forbidden: the site is not yours. siteId: {}", quoted(given))));
        }
        self.require(known.site.workspace, scope)?;
        Ok(Arc::new(known.site.clone()))
    }

    async fn first_site(&self, app: &App, scope: &str) -> Result<Arc<Site>, ApiError> {
        let workspaces: Vec<WorkspaceId> = self.principal.opened().collect();
        let first = app.catalog.first_site(&workspaces).await?;
        let first = first.ok_or_else(|| {
            ApiError::NotFound("There is no site yet: `linktrail site add HOST` makes one.".to_owned())
        })?;
        self.require(first.workspace, scope)?;
        Ok(Arc::new(first))
    }
}

/// What the cookie of a request holds. Over https a browser's counts only under the name that no other host can set, such as
/// another short domain below the same name; programs send what they were given.
pub(super) fn shown_cookie(headers: &HeaderMap, is_https: bool) -> Option<&str> {
    let by_browser = || headers.contains_key(ORIGIN) || headers.keys().any(|name| name.as_str().starts_with(SEC_FETCH));
    let own = cookie::values(headers, HOST_COOKIE).next();
    if own.is_none() && is_https && by_browser() {
        return None;
    }
    own.or_else(|| cookie::values(headers, COOKIE).next())
}

/// Sees that a request which a browser may have been made to send comes from a page of ours.
///
/// # Errors
/// [`ApiError::Forbidden`] with the origin that was told.
pub(super) fn require_own_origin(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(&HOST).unwrap_or_default();
    let allowed = match (text(&ORIGIN), text(&SEC_FETCH_SITE)) {
        (Some(origin), _) => is_own_origin(origin, &app.public_url, host),
        // Browsers that leave the origin out of requests to it say this instead.
        (None, Some(site)) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
    };
    if allowed {
        return Ok(());
    }
    let shown = quoted(text(&ORIGIN).unwrap_or("none"));
    Err(ApiError::Forbidden(format!("A page of another site may not do this. Origin: {shown}")))
}

/// Sees that a request with a JSON body, which shows no credentials yet, comes from a page of ours or from a program.
///
/// # Errors
/// As [`require_own_origin`]; [`ApiError::BadRequest`] when the body is not said to be JSON.
pub(super) fn require_own_request(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    require_own_origin(app, headers)?;
    require_json(&Method::POST, headers)
}

/// Where we are reached over https, a page that came without is not ours: anybody on its way could have written it.
fn is_own_origin(origin: &str, public: &Url, host: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    if url.origin() == public.origin() {
        return true;
    }
    let speaks = |scheme: &str| scheme == "https" || (scheme == "http" && public.scheme() != "https");
    let Some(name) = url.host_str().filter(|_| speaks(url.scheme())) else { return false };
    let named = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    !host.is_empty() && named.eq_ignore_ascii_case(host)
}

/// Sees that a body is said to be JSON. A request without one has nothing to say.
fn require_json(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    if !has_body && *method == Method::DELETE {
        return Ok(());
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match given {
        // A body in memory has no length yet where tests hand it over; without a type it is none that a form sent.
        None if !has_body => Ok(()),
        given if given.is_some_and(is_json) => Ok(()),
        given => Err(ApiError::BadRequest(format!(
            "Content-Type must be application/json. Given: {}",
            quoted(given.unwrap_or("none"))
        ))),
    }
}

fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn pages_of_our_own_are_told_by_their_origin() {
        let public = Url::parse("https://go.example").unwrap();
        for (origin, host, own) in [
            ("https://go.example", "anything", true),
            ("https://localhost:8080", "localhost:8080", true),
            ("http://localhost:8080", "localhost:8080", false),
            ("http://go.example", "go.example", false),
            ("https://app.example", "APP.example", true),
            ("http://localhost:8081", "localhost:8080", false),
            ("http://localhost", "localhost:8080", false),
            ("https://go.example.evil", "go.example", false),
            ("https://evil", "go.example", false),
            ("null", "go.example", false),
            ("", "", false),
            ("file://go.example", "go.example", false),
        ] {
            assert_eq!(is_own_origin(origin, &public, host), own, "{origin} {host}");
        }
        let plain = Url::parse("http://localhost:9").unwrap();
        assert!(is_own_origin("http://localhost:8080", &plain, "localhost:8080"));
    }

    #[test]
    fn bodies_say_that_they_are_json() {
        let headers = |pairs: &[(HeaderName, &'static str)]| {
            HeaderMap::from_iter(pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))))
        };
        for (pairs, taken) in [
            (&[(CONTENT_LENGTH, "2"), (CONTENT_TYPE, "application/json; charset=utf-8")][..], true),
            (&[(CONTENT_LENGTH, "2"), (CONTENT_TYPE, "Application/JSON")], true),
            (&[(CONTENT_LENGTH, "2"), (CONTENT_TYPE, "text/plain")], false),
            (&[(CONTENT_TYPE, "text/plain;application/json")], false),
            (&[(CONTENT_LENGTH, "2")], false),
            (&[(TRANSFER_ENCODING, "chunked")], false),
            (&[(CONTENT_LENGTH, "0")], true),
            (&[], true),
        ] {
            assert_eq!(require_json(&Method::POST, &headers(pairs)).is_ok(), taken, "{pairs:?}");
        }
        assert!(require_json(&Method::DELETE, &headers(&[])).is_ok());
    }

    #[test]
    fn the_cookie_that_nobody_else_can_set_wins() {
        let headers = HeaderMap::from_iter([(
            axum::http::header::COOKIE,
            HeaderValue::from_static("session=a; __Host-session=b"),
        )]);
        assert_eq!((shown_cookie(&headers, false), shown_cookie(&headers, true)), (Some("b"), Some("b")));
        assert_eq!(shown_cookie(&HeaderMap::new(), false), None);
        let bare = |sign: Option<HeaderName>| {
            let cookie = (axum::http::header::COOKIE, HeaderValue::from_static("session=a"));
            let sign = sign.map(|name| (name, HeaderValue::from_static("same-origin")));
            HeaderMap::from_iter([cookie].into_iter().chain(sign))
        };
        for (sign, is_https, taken) in [
            (None, true, true),
            (Some(SEC_FETCH_SITE), true, false),
            (Some(ORIGIN), true, false),
            (Some(ORIGIN), false, true),
        ] {
            assert_eq!(shown_cookie(&bare(sign.clone()), is_https).is_some(), taken, "{sign:?}");
        }
    }
}
