//! What a browser keeps for the next visit of the same link. Links that neither tell their destination the click's id nor
//! test several destinations set no cookie.

use axum::http::HeaderValue;

use super::asker::Asker;
use super::{Recorder, Visits};
use crate::domain::click_id::EventId;
use crate::redirect::Target;
use crate::web::cookie::{self, Cookie};

/// Which destination of a test a visitor got.
pub(super) const VARIANT: &str = "dub_test_url";
/// As long as a visitor keeps the destination drawn.
const VARIANT_SECS: u32 = 7 * 24 * 60 * 60;
/// As long as a visit belongs to the click before it: from the click on, not from the visit.
const CLICK_SECS: u32 = 60 * 60;

impl<R: Recorder> Visits<R> {
    /// The click of this link that the visitor made within the hour, as its cookie says.
    pub(super) fn known_click(&self, target: &Target, asker: &Asker<'_>) -> Option<EventId> {
        let name = target.extras.as_ref()?.click_cookie.as_deref()?;
        cookie::values(asker.headers, name).find_map(|value| self.services.clicks.parse_bound(value, target.link))
    }

    /// Lets the browser keep the click.
    pub(super) fn click_cookie(
        &self,
        target: &Target,
        click: EventId,
        asker: &Asker<'_>,
        path: &str,
    ) -> Option<HeaderValue> {
        let name = target.extras.as_ref()?.click_cookie.as_deref()?;
        let value = self.services.clicks.bound(click, target.link);
        self.cookie(name, &value, CLICK_SECS, asker, path)
    }

    /// Lets the browser keep the destination that was drawn.
    pub(super) fn variant_cookie(&self, mark: u64, asker: &Asker<'_>, path: &str) -> Option<HeaderValue> {
        self.cookie(VARIANT, &format!("{mark:016x}"), VARIANT_SECS, asker, path)
    }

    fn cookie(&self, name: &str, value: &str, max_age_secs: u32, asker: &Asker<'_>, path: &str) -> Option<HeaderValue> {
        let secure = self.services.is_https || self.services.clients.is_https(asker.peer.0.ip(), asker.headers);
        Cookie { name, value, path, max_age_secs, secure }.header()
    }
}
