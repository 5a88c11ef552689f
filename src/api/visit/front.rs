//! The front door: visits of short domains are answered before anything else.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::FutureExt;
use hyper::body::Incoming;
use tower::Service;

use super::outcome::Outcome;
use super::{Host, Recorder, Visits};
use crate::redirect::BoxFuture;
use crate::web::client::Peer;
use crate::web::page::Page;

/// The host that a request is for, as the client wrote it.
pub(super) fn host(request: &Parts) -> &str {
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
        if let Some(place) = self.visits.services.resolver.short_domain(host) {
            let (visits, peer) = (Arc::clone(&self.visits), self.peer);
            return Box::pin(async move {
                let (parts, body) = request.into_parts();
                // A fault of ours must not cost the connection; the panic hook has said what it was.
                let answer = AssertUnwindSafe(visits.answer(place, Host::ShortDomain, peer, &parts, Body::new(body)));
                let answer = answer.catch_unwind().await;
                Ok(answer.unwrap_or_else(|_| visits.page(Outcome::Unavailable, Page::Unavailable)))
            });
        }
        request.extensions_mut().insert(self.peer);
        // A router is always ready.
        Box::pin(self.rest.clone().call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
