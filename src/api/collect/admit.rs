//! From what an event says and who sends it to a hit, or to the reason why there is none.

use std::net::IpAddr;

use url::Url;

use super::error::{Faults, Refusal};
use super::event::{At, PIXEL, Report};
use super::sender::Sender;
use crate::domain::click_id::{self, EventId};
use crate::domain::event::PageEvent;
use crate::domain::exclusion::DropReason;
use crate::domain::hit::{Hit, PageHit, PlaceHint, Trigger, What, idempotency_of};
use crate::domain::id::{LinkId, SiteId, WorkspaceId};
use crate::domain::site::{Site, without_www};
use crate::domain::workspace::WorkspaceSettings;
use crate::sites::KnownSite;
use crate::web::state::App;

/// How late an event may come: what a tracker could not send is kept for so long.
const LATEST_MS: i64 = 7 * 86_400_000;
/// The longest page address that is kept, in bytes.
const MAX_URL: usize = 4_096;
/// The longest query that is kept, in bytes.
const MAX_PARAMS: usize = 2_048;
/// The longest referrer that is kept, in bytes.
const MAX_REFERRER: usize = 2_048;

/// What becomes of an event.
pub enum Verdict {
    /// To be recorded.
    Taken(Box<Hit>),
    /// Not wanted.
    Dropped(DropReason),
    /// Not understood, or not allowed.
    Refused(Refusal),
}

/// What events are about, and how those are collected.
pub struct Ground<'a> {
    /// The owner.
    pub workspace: WorkspaceId,
    /// The owner's settings.
    pub settings: &'a WorkspaceSettings,
    /// The site; `None` for a link's picture, which may be anywhere.
    pub site: Option<&'a Site>,
    /// The link; 0 for none.
    pub link: LinkId,
}

impl<'a> Ground<'a> {
    /// A site's.
    pub fn of_site(known: &'a KnownSite) -> Self {
        let KnownSite { site, settings } = known;
        Self { workspace: site.workspace, settings, site: Some(site), link: LinkId::default() }
    }
}

/// Judges one event.
pub fn admit(app: &App, ground: &Ground<'_>, sender: &Sender, report: Report, now_ms: i64) -> Verdict {
    let keyed = match sender.rights_in(ground.workspace) {
        Some(false) => return Verdict::Refused(Refusal::NotYours),
        keyed => keyed.is_some(),
    };
    if !keyed && let Some(faults) = only_with_a_key(&report) {
        return Verdict::Refused(Refusal::Invalid(faults));
    }
    let Some(at_ms) = instant(report.at, now_ms) else { return Verdict::Dropped(DropReason::Time) };
    let origin = sender.origin.as_ref();
    let hosts = [report.host.as_deref(), origin.map(|origin| origin.host.as_str())];
    if ground.site.is_some_and(|site| hosts.into_iter().flatten().any(|host| !site.allows(host))) {
        return Verdict::Dropped(DropReason::ForeignHost);
    }
    let [named, of_origin] = hosts;
    // A server, or a mail, may name a page without its host.
    let of_site = ground.site.filter(|_| !report.path.is_empty() || !report.query.is_empty()).and_then(Site::main_host);
    let host = named.or(of_origin).or(of_site).unwrap_or_default();
    let path = page_path(&report.path, host);
    let who = Who::of(sender, &report);
    let robots = keyed || sender.robots_welcome;
    if let Some(reason) = unwanted(app, ground.settings, &who, robots, host, &path) {
        return Verdict::Dropped(reason);
    }
    let scheme = origin.map_or("https", |origin| origin.scheme.as_str());
    Verdict::Taken(Box::new(Hit {
        at_ms,
        workspace: ground.workspace,
        site: ground.site.map_or(SiteId::default(), |site| site.id),
        link: ground.link,
        address: who.address,
        user_agent: who.user_agent.to_owned(),
        url: page_url(scheme, host, &path, &report.query),
        referrer: foreign(&report.referrer, host),
        accept_language: who.accept_language.to_owned(),
        sec_fetch: who.sec_fetch.to_owned(),
        trigger: Trigger::Pageview,
        place: who.place.cloned(),
        repeat_window_secs: ground.settings.repeat_window_secs,
        visitor_epoch: ground.settings.visitor_rotation.epoch(at_ms),
        address_storage: ground.settings.address_storage,
        idempotency: if report.event_id.is_empty() { 0 } else { idempotency_of(&report.event_id) },
        params: cut(report.query.clone(), MAX_PARAMS),
        what: What::Page(Box::new(page_hit(app, report, path, keyed))),
    }))
}

/// What a server reports, and what a mail program fetches, comes from an address that says nothing of the person: there the
/// site's own name of the person names the visitor.
fn page_hit(app: &App, report: Report, path: String, keyed: bool) -> PageHit {
    let impersonal = keyed || report.kind == PIXEL;
    let visitor_id = if report.visitor_id.is_empty() && impersonal { &report.user_id } else { &report.visitor_id };
    let visitor_id = visitor_id.clone();
    PageHit {
        is_pageview: report.is_pageview(),
        event: PageEvent {
            event_type: report.kind.to_owned(),
            click: click_of(app, &report.query),
            page: path,
            name: report.name,
            title: report.title,
            user_id: report.user_id,
            props: report.props,
            screen_width: report.screen.0,
            screen_height: report.screen.1,
            duration_ms: report.duration_ms,
        },
        visitor_id,
    }
}

/// Whose event it is. What a server reports of somebody else says nothing about the server.
struct Who<'a> {
    address: IpAddr,
    place: Option<&'a PlaceHint>,
    user_agent: &'a str,
    accept_language: &'a str,
    sec_fetch: &'a str,
    opted_out: bool,
}

impl<'a> Who<'a> {
    fn of(sender: &'a Sender, report: &'a Report) -> Self {
        let is_other = report.address.is_some();
        let own = |text: &'a str| if is_other { "" } else { text };
        let or = |given: &'a str, otherwise: &'a str| if given.is_empty() { otherwise } else { given };
        Self {
            address: report.address.unwrap_or(sender.address),
            place: sender.place.as_ref().filter(|_| !is_other),
            user_agent: or(&report.user_agent, &sender.user_agent),
            accept_language: or(&report.language, own(&sender.accept_language)),
            sec_fetch: own(&sender.sec_fetch),
            opted_out: sender.opted_out,
        }
    }
}

/// Why a workspace does not want this person's event on this page.
fn unwanted(
    app: &App,
    settings: &WorkspaceSettings,
    who: &Who<'_>,
    robots: bool,
    host: &str,
    path: &str,
) -> Option<DropReason> {
    if settings.honor_do_not_track && who.opted_out {
        return Some(DropReason::DoNotTrack);
    }
    if !robots && !app.enricher.agent(who.user_agent).bot.is_empty() {
        return Some(DropReason::Bot);
    }
    let country = || app.enricher.place(who.address, who.place).country;
    settings.exclude.reason(who.address, country, host, path)
}

/// What a report says of somebody else, which only a key allows.
fn only_with_a_key(report: &Report) -> Option<Faults> {
    let mut faults = Faults::default();
    for (name, is_given) in [("ip_address", report.address.is_some()), ("user_agent", !report.user_agent.is_empty())] {
        if is_given {
            faults.field(name, "Needs an API key of the site's workspace: Authorization: Bearer <API key>");
        }
    }
    (!faults.is_empty()).then_some(faults)
}

/// When it happened, never after now; `None` when that is too long ago.
fn instant(at: At, now_ms: i64) -> Option<i64> {
    let at_ms = match at {
        At::Now => now_ms,
        At::Ago(ms) => now_ms.saturating_sub_unsigned(ms),
        At::Instant(at_ms) => at_ms.min(now_ms),
    };
    (now_ms.saturating_sub(at_ms) <= LATEST_MS).then_some(at_ms)
}

/// The path of a page; empty when nothing is known of it.
fn page_path(path: &str, host: &str) -> String {
    match path {
        "" if host.is_empty() => String::new(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    }
}

/// The whole address of a page; empty when its host is not known.
fn page_url(scheme: &str, host: &str, path: &str, query: &str) -> String {
    if host.is_empty() {
        return String::new();
    }
    let mark = if query.is_empty() { "" } else { "?" };
    cut(format!("{scheme}://{host}{path}{mark}{query}"), MAX_URL)
}

/// A referrer, unless it is a page of the same host.
fn foreign(referrer: &str, host: &str) -> String {
    let own = Url::parse(referrer)
        .is_ok_and(|url| url.host_str().is_some_and(|from| without_www(from).eq_ignore_ascii_case(without_www(host))));
    if own { String::new() } else { cut(referrer.to_owned(), MAX_REFERRER) }
}

/// The click whose id the page's address carries, if one of ours.
fn click_of(app: &App, query: &str) -> EventId {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut ids =
        pairs.filter(|(name, _)| click_id::PARAMETERS.contains(name)).filter_map(|(_, id)| app.clicks.parse(id));
    ids.next_back().unwrap_or_default()
}

/// At most so many bytes, cut between characters.
fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_may_be_late_but_not_ahead() {
        let now_ms = 10 * LATEST_MS;
        for (at, expected) in [
            (At::Now, Some(now_ms)),
            (At::Ago(0), Some(now_ms)),
            (At::Ago(LATEST_MS as u64), Some(now_ms - LATEST_MS)),
            (At::Ago(LATEST_MS as u64 + 1), None),
            (At::Ago(u64::MAX), None),
            (At::Instant(now_ms - 5), Some(now_ms - 5)),
            (At::Instant(now_ms + 5), Some(now_ms)),
            (At::Instant(i64::MAX), Some(now_ms)),
            (At::Instant(i64::MIN), None),
        ] {
            assert_eq!(instant(at, now_ms), expected, "{at:?}");
        }
    }

    #[test]
    fn addresses_of_pages() {
        assert_eq!(page_path("", ""), "");
        assert_eq!((page_path("", "a.example"), page_path("x", "")), ("/".into(), "/x".into()));
        assert_eq!(page_url("https", "a.example", "/x", "b=1"), "https://a.example/x?b=1");
        assert_eq!(
            (page_url("http", "a.example", "/", ""), page_url("http", "", "/x", "")),
            ("http://a.example/".into(), String::new())
        );
        assert_eq!(page_url("http", "ab.example", &"é".repeat(3_000), "").len(), MAX_URL - 1);
    }

    #[test]
    fn own_pages_are_no_referrers() {
        for (referrer, kept) in [
            ("https://shop.example/a?b", false),
            ("https://www.shop.example/", false),
            ("http://SHOP.example:8080/", false),
            ("https://a.shop.example/", true),
            ("https://example.org/", true),
            ("android-app://com.example", true),
            ("", false),
        ] {
            assert_eq!(!foreign(referrer, "www.shop.example").is_empty(), kept, "{referrer}");
        }
    }
}
