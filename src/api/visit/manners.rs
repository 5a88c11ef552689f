//! What a short domain answers where no link does: addresses that visitors are sent to instead, and what it tells
//! applications. Only on the domain's own host, not where its slugs merely answer as well.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::Response;

use super::front::host;
use super::outcome::Outcome;
use super::{ASK_AGAIN, Recorder, Visits, sent_on};
use crate::redirect::{Destination, Manners};
use crate::web::page::Page;

impl<R: Recorder> Visits<R> {
    /// What the domain tells applications and browsers at this path.
    pub(super) fn file(&self, request: &Parts) -> Option<Response> {
        if request.method == Method::POST {
            return None;
        }
        let manners = self.services.resolver.manners(host(request))?;
        if let Some(picture) = manners.picture(request.uri.path()) {
            self.outcomes.count(Outcome::File);
            return Some(sent_on(picture.location().clone(), false, false, false));
        }
        let text = manners.file(request.uri.path())?;
        self.outcomes.count(Outcome::File);
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, ASK_AGAIN);
        Some(response)
    }

    /// One who finds nothing goes where the domain says, whatever the reason is.
    pub(super) fn nothing(&self, outcome: Outcome, request: &Parts) -> Response {
        // As where nothing ever was: there is no form.
        if request.method == Method::POST {
            return self.other_method(&request.method);
        }
        self.instead(outcome, request, |manners| manners.not_found.as_ref(), Page::NotFound)
    }

    /// One who comes too late goes where the domain says, if the link says nothing.
    pub(super) fn too_late(&self, request: &Parts) -> Response {
        self.instead(Outcome::Expired, request, |manners| manners.expired.as_ref(), Page::Expired)
    }

    fn instead(
        &self,
        outcome: Outcome,
        request: &Parts,
        address: impl Fn(&Manners) -> Option<&Destination>,
        page: Page,
    ) -> Response {
        let manners = self.services.resolver.manners(host(request));
        match manners.as_deref().and_then(address) {
            Some(address) => {
                self.outcomes.count(outcome);
                sent_on(address.location().clone(), false, false, false)
            }
            None => self.page(outcome, page),
        }
    }
}
