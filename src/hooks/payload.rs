//! What is sent: Dub's and Linkly's bodies.
//!
//! Dub's link and click are those of its other endpoints, made by whoever implements [`Shape`]. Linkly's are made here.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::domain::click_id::EventId;
use crate::domain::event::Event;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::domain::platform;
use crate::domain::webhook::HookEvent;

use super::linkly_link::LinklyLink;

/// A future that a trait can name.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that a body is made of cannot be had at the moment. The cause was logged where it was found.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a store does not answer")]
pub struct NotNow;

/// How the surfaces show links and clicks.
pub trait Shape: Send + Sync + 'static {
    /// Dub's objects of these links of the workspace, with their tags and counters.
    fn dub_links(
        &self,
        workspace: WorkspaceId,
        links: Vec<Link>,
    ) -> BoxFuture<'_, Result<HashMap<LinkId, Value>, NotNow>>;
    /// Dub's object of a click.
    fn dub_click(&self, event: &Event) -> Value;
    /// The public id of a click.
    fn click_id(&self, id: EventId) -> String;
    /// The short address.
    fn short_link(&self, domain: &str, slug: &str) -> String;
}

/// Dub's envelope.
pub fn dub(event_id: &str, event: HookEvent, at_ms: i64, data: &Value) -> String {
    let created_at = instant(at_ms, SecondsFormat::Millis);
    json!({ "id": event_id, "event": event.name(), "createdAt": created_at, "data": data }).to_string()
}

/// Linkly's body of a click.
pub fn linkly_click<'a>(event: &'a Event, link: LinklyLink<'a>) -> String {
    let agent = &event.agent;
    let sec_fetch = SecFetch::read(&event.sec_fetch);
    let body = json!({
        "event": "click",
        "timestamp": instant(event.at_ms, SecondsFormat::Micros),
        "link": link.with_destination(&event.url),
        "click": {
            "browser_name": known(&agent.browser),
            "platform": known(platform::shown(&agent.os)),
            "destination": event.url,
            "country": known(&event.place.country),
            "region": known(&event.place.region),
            "city": known(&event.place.city),
            "isp": known(&event.network.isp),
            "referer": known(&event.referrer.url),
            "user_agent": agent.user_agent,
            "accept_language": known(&event.accept_language),
            "bot_name": known(&agent.bot),
            "sec_fetch_site": sec_fetch.site,
            "sec_fetch_mode": sec_fetch.mode,
            "sec_fetch_dest": sec_fetch.dest,
            "sec_fetch_user": sec_fetch.user,
            "params": parameters(&event.params),
        },
    });
    body.to_string()
}

/// Linkly's body of a change of a link.
pub fn linkly_change(event: HookEvent, at_ms: i64, link: &LinklyLink<'_>) -> String {
    let timestamp = instant(at_ms, SecondsFormat::Micros);
    json!({ "event": event.name(), "timestamp": timestamp, "link": link }).to_string()
}

fn instant(at_ms: i64, form: SecondsFormat) -> String {
    DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(form, true)
}

/// What is unknown is null.
fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The visit's own parameters; of a repeated one the last.
fn parameters(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The headers as [`Hit::sec_fetch`](crate::domain::hit::Hit::sec_fetch) keeps them.
#[derive(Default)]
struct SecFetch<'a> {
    site: Option<&'a str>,
    mode: Option<&'a str>,
    dest: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> SecFetch<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(' ').map(|part| (!part.is_empty() && part != "-").then_some(part));
        let mut next = || parts.next().flatten();
        Self { site: next(), mode: next(), dest: next(), user: next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_visit_are_told_apart() {
        let read = SecFetch::read("cross-site navigate - ?1");
        assert_eq!(
            (read.site, read.mode, read.dest, read.user),
            (Some("cross-site"), Some("navigate"), None, Some("?1"))
        );
        assert!(SecFetch::read("").site.is_none());
    }

    #[test]
    fn parameters_are_decoded() {
        let expected = BTreeMap::from([("a b".to_owned(), "ü".to_owned()), ("c".to_owned(), String::new())]);
        assert_eq!(parameters("a+b=x&a%20b=%C3%BC&c"), expected);
        assert!(parameters("").is_empty());
    }

    #[test]
    fn times_have_the_places_that_each_product_shows() {
        assert_eq!(instant(1_781_008_496_007, SecondsFormat::Micros), "2026-06-09T12:34:56.007000Z");
        assert_eq!(instant(1_781_008_496_007, SecondsFormat::Millis), "2026-06-09T12:34:56.007Z");
    }
}
