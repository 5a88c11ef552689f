//! Links with a password: asked for by a page, given by its form or, as Dub has it, by `pw` in the query, and remembered by
//! a cookie. What a visitor gave never goes on to the destination nor into the click.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, LOCATION, REFERER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use url::form_urlencoded;

use super::outcome::Outcome;
use super::{Caller, Recorder, Visits};
use crate::auth::gate::{Gate, TOKEN_SECS, Verdict};
use crate::domain::destination::with_parameter;
use crate::domain::id::LinkId;
use crate::redirect::Target;
use crate::web::body;
use crate::web::client;
use crate::web::cookie::{self, Cookie};
use crate::web::page::password::{self, Asking, PASSWORD, REFERRER};

/// The parameter of a visit that gives a password (Dub contract, 6.1.2).
const PARAMETER: &str = "pw";
const COOKIE: &str = "lt_unlocked";
/// Cookies of this name that are looked at: shorter paths may have one, too.
const MAX_COOKIES: usize = 4;
/// Longest form, in bytes.
const FORM_BYTES: usize = 16 << 10;
/// How long a form may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);
/// What stands before the path, so that it is an address to take a parameter out of.
const NOWHERE: &str = "http://x";

/// What may open a link to a visitor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lock<'a> {
    gate: &'a Gate,
    link: LinkId,
    now_ms: i64,
    /// The password was given with this request.
    open: bool,
}

impl<'a> Lock<'a> {
    /// Opened by a cookie only.
    pub(super) fn shut(gate: &'a Gate, link: LinkId, now_ms: i64) -> Self {
        Self { gate, link, now_ms, open: false }
    }

    /// Whether the password was given with this request.
    pub(super) fn is_given(&self) -> bool {
        self.open
    }

    pub(super) fn is_open(&self, password_hash: &str, headers: &HeaderMap) -> bool {
        let admits = |token: &str| self.gate.admits(self.link, password_hash, token, self.now_ms);
        self.open || cookie::values(headers, COOKIE).take(MAX_COOKIES).any(admits)
    }
}

/// A request, and what it gives.
struct Knock {
    password: Option<String>,
    /// The request as it would be without the password, with the referrer from before the page that asked for it.
    request: Parts,
}

impl Knock {
    async fn of(request: &Parts, body: Body) -> Self {
        let query = request.uri.query().unwrap_or_default();
        let mut knock = Self { password: last(query.as_bytes(), PARAMETER), request: request.clone() };
        if knock.password.is_some() {
            knock.forget();
        }
        if request.method == Method::POST {
            // What does not arrive gives nothing, and is asked for again.
            let form = tokio::time::timeout(FORM_TIME, body::read(body, FORM_BYTES)).await;
            let form = form.ok().and_then(Result::ok).unwrap_or_default();
            knock.password = last(&form, PASSWORD);
            let referrer = last(&form, REFERRER).and_then(|text| HeaderValue::try_from(text).ok());
            let headers = &mut knock.request.headers;
            headers.remove(REFERER);
            referrer.into_iter().for_each(|referrer| _ = headers.insert(REFERER, referrer));
        }
        knock.password = knock.password.filter(|password| !password.is_empty());
        knock
    }

    fn forget(&mut self) {
        let address = with_parameter(&format!("{NOWHERE}{}", self.request.uri), PARAMETER, None);
        let path = address.strip_prefix(NOWHERE).unwrap_or("/");
        // It was an address before, so it is one without a parameter.
        self.request.uri = path.parse().unwrap_or_default();
    }
}

/// The last value of a name.
fn last(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).filter(|(known, _)| known == name).last().map(|(_, value)| value.into_owned())
}

impl<R: Recorder> Visits<R> {
    /// A visit of a link with a password, of which `hash` is kept.
    pub(super) async fn locked(
        &self,
        target: &Target,
        hash: &str,
        caller: Caller,
        request: &Parts,
        body: Body,
    ) -> Response {
        let Knock { password, request } = Knock::of(request, body).await;
        let mut lock = Lock::shut(&self.services.gate, target.link, caller.now_ms);
        // A link that is not there asks for nothing, and nothing is checked for it.
        let given = password.filter(|_| !target.is_hidden(caller.now_ms) && !lock.is_open(hash, &request.headers));
        if let Some(given) = given {
            let verdict = self.services.gate.check(target.link, hash, caller.address, &given).await;
            let asking = match verdict {
                Verdict::Right => None,
                Verdict::Wrong => Some(Asking::Wrong),
                Verdict::TooMany(seconds) => Some(Asking::TooMany(seconds)),
                Verdict::Busy => Some(Asking::Busy),
            };
            if let Some(asking) = asking {
                return self.ask(asking, &client::referrer(&request.headers));
            }
            lock.open = true;
        }
        let mut response = self.open(target, caller, lock, &request).await;
        if lock.open {
            let cookie = Cookie {
                name: COOKIE,
                value: &self.services.gate.token(target.link, hash, caller.now_ms),
                path: request.uri.path(),
                max_age_secs: TOKEN_SECS,
                secure: self.services.is_https || self.services.clients.is_https(caller.peer.0.ip(), &request.headers),
            };
            cookie.header().into_iter().for_each(|cookie| _ = response.headers_mut().append(SET_COOKIE, cookie));
        }
        if request.method == Method::POST && response.status().is_redirection() {
            *response.status_mut() = StatusCode::SEE_OTHER;
        }
        response
    }

    /// The page that asks for the password.
    pub(super) fn ask(&self, asking: Asking, referrer: &str) -> Response {
        self.outcomes.count(match asking {
            Asking::First => Outcome::Locked,
            Asking::Wrong => Outcome::WrongPassword,
            Asking::TooMany(_) => Outcome::Limited,
            Asking::Busy => Outcome::Unavailable,
        });
        password::page(asking, referrer)
    }
}

/// Sends the visitor to the same address once more, to see by `GET` what a form has opened.
pub(super) fn come_again(request: &Parts) -> Response {
    let path = request.uri.path_and_query().map_or("", |path| path.as_str());
    // Two slashes would name a host.
    let path = format!("/{}", path.trim_start_matches(['/', '\\']));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LOCATION, HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/")));
    response
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn knock(method: &str, uri: &str, body: &str) -> (Option<String>, String, Option<String>) {
        let request = Request::builder().method(method).uri(uri).header("referer", "https://sent.example/");
        let (parts, body) = request.body(Body::from(body.to_owned())).unwrap().into_parts();
        let Knock { password, request } = Knock::of(&parts, body).await;
        let referrer = request.headers.get(REFERER).map(|value| value.to_str().unwrap().to_owned());
        (password, request.uri.to_string(), referrer)
    }

    #[tokio::test]
    async fn what_is_given_is_taken_out() {
        let sent = "https://sent.example/";
        for (method, uri, body, password, clean, referrer) in [
            ("GET", "/a", "", None, "/a", Some(sent)),
            ("GET", "/a?x=1&pw=s%C3%A9+s&y=%20", "", Some("sé s"), "/a?x=1&y=%20", Some(sent)),
            ("GET", "/a?pw=1&p%77=2", "", Some("2"), "/a", Some(sent)),
            ("GET", "/a?pw=&x", "", None, "/a?x", Some(sent)),
            ("HEAD", "/?pw=1", "", Some("1"), "/", Some(sent)),
            ("GET", "/a", "password=1", None, "/a", Some(sent)),
            (
                "POST",
                "/a?qr=1&pw=x",
                "password=1&referrer=https%3A%2F%2Fr.example",
                Some("1"),
                "/a?qr=1",
                Some("https://r.example"),
            ),
            ("POST", "/a", "password=1&referrer=a%0D%0Ab", Some("1"), "/a", None),
            ("POST", "/a", "", None, "/a", None),
            ("POST", "/a?pw=x", "password=", None, "/a", None),
        ] {
            let expected = (password.map(str::to_owned), clean.to_owned(), referrer.map(str::to_owned));
            assert_eq!(knock(method, uri, body).await, expected, "{method} {uri} {body}");
        }
        let long = format!("password=1&x={}", "x".repeat(FORM_BYTES));
        assert_eq!(knock("POST", "/a", &long).await.0, None);
    }

    #[test]
    fn one_comes_back_to_the_same_host() {
        for (uri, expected) in [
            ("/a?x=1", "/a?x=1"),
            ("//evil.example/a", "/evil.example/a"),
            ("/", "/"),
            ("/\\evil.example", "/evil.example"),
        ] {
            let (parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
            assert_eq!(come_again(&parts).headers()[LOCATION], expected, "{uri}");
        }
    }
}
