//! What a visit gets: a function of the link, the visit and the present.

use http::HeaderValue;

use super::destination::Destination;
use super::forward::VisitQuery;
use super::target::Target;
use super::visitor::Visitor;
use crate::domain::destination;
use crate::domain::hit::Trigger;
use crate::domain::link::{LinkKind, LinkUtm};

/// Longest address that a hit keeps, in bytes.
const RECORDED_BYTES: usize = 4_096;

/// What a visit says, as far as the decision goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visit<'a> {
    /// The query, without its `?`.
    pub query: Option<&'a str>,
    /// It is of a kind that counts: neither `HEAD` nor a prefetch, and not asked to be left unrecorded by a header.
    pub counts: bool,
    /// It only wants to see where the link leads.
    pub inspects: bool,
}

/// What a visit gets. Only [`Redirect`](Self::Redirect) and [`Cloak`](Self::Cloak) can be clicks.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The link has no address that may be sent: as if it were not there.
    Nowhere,
    /// The link has a guard that is not checked here: as if it were not there.
    Withheld,
    /// A password is needed first; until then nothing of the link is told.
    Password,
    /// Switched off: as if it were not there.
    Disabled,
    /// The root of a domain, of which nothing is set up yet: a page that says so.
    Placeholder,
    /// Before its time: as if it were not there.
    NotStarted,
    /// After its time: on to this address, or a page that says so.
    Expired(Option<HeaderValue>),
    /// A robot, where the owner wants none: as if it were not there.
    Blocked,
    /// A page that shows where the link leads.
    Inspect(Inspection),
    /// On to the destination.
    Redirect(Redirect),
    /// The destination in a frame under the short address.
    Cloak(Redirect),
    /// A page for the robot of a messenger or social network; what it would get otherwise is here too.
    Preview(Redirect),
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Where this visitor would be sent, tests aside.
    pub address: String,
    /// Other visitors may be sent elsewhere: by device, by country, or because destinations are tested.
    pub varies: bool,
}

/// How a visitor is sent on.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// The `Location` header.
    pub location: HeaderValue,
    /// 301 instead of 302.
    pub permanent: bool,
    /// Send no referrer to the destination.
    pub hide_referrer: bool,
    /// Search engines may index the short address.
    pub index: bool,
    /// The destination is told the click's id, see [`with_click_id`](super::with_click_id).
    pub name_click: bool,
    /// The mark of the destination that the visitor drew in a test, to be shown again at the next visit.
    pub variant: Option<u64>,
    /// The click to record, if this is one.
    pub click: Option<Click>,
}

/// What the decision knows of a click.
#[derive(Clone, Debug, PartialEq)]
pub struct Click {
    /// The final address, at most 4,096 bytes. Campaign fields that the visit carried and the address does not have are
    /// written behind the address's own parameters, so that they count even where the link does not hand them on.
    pub url: String,
    /// How the link was reached.
    pub trigger: Trigger,
}

/// Decides a visit at `now_ms`.
pub fn decide(target: &Target, visit: &Visit<'_>, now_ms: i64, visitor: &impl Visitor) -> Decision {
    let Some(destination) = &target.destination else {
        return if target.is_placeholder && !target.disabled { Decision::Placeholder } else { Decision::Nowhere };
    };
    if target.withheld {
        return Decision::Withheld;
    }
    if target.disabled {
        return Decision::Disabled;
    }
    if target.starts_at_ms.is_some_and(|starts_at_ms| now_ms < starts_at_ms) {
        return Decision::NotStarted;
    }
    if target.block_bots && visitor.is_bot() {
        return Decision::Blocked;
    }
    let extras = target.extras.as_deref();
    let password_hash = extras.and_then(|extras| extras.password_hash.as_deref());
    if password_hash.is_some_and(|hash| !visitor.is_unlocked(hash)) {
        return Decision::Password;
    }
    if target.expires_at_ms.is_some_and(|expires_at_ms| now_ms >= expires_at_ms) {
        return Decision::Expired(target.expired.as_ref().map(|expired| expired.location().clone()));
    }
    if visit.inspects {
        let own = extras.and_then(|extras| extras.target_for(visitor)).unwrap_or(destination);
        let varies = extras.is_some_and(|extras| extras.destinations().next().is_some());
        return Decision::Inspect(Inspection { address: own.as_str().to_owned(), varies });
    }
    let Some(extras) = extras else {
        return Decision::Redirect(redirect(target, destination, visit));
    };
    if extras.preview && visitor.is_previewer() {
        return Decision::Preview(redirect(target, destination, visit));
    }
    // A frame shows pages, and an app store's or a mail's would be none.
    let is_framed = extras.cloak && destination.is_web();
    if !is_framed && let Some(destination) = extras.target_for(visitor) {
        return Decision::Redirect(redirect(target, destination, visit));
    }
    let test = extras.test.as_ref().filter(|test| test.is_running(now_ms));
    let redirect = match test.and_then(|test| test.choose(visitor)) {
        Some(chosen) => Redirect { variant: chosen.mark, ..redirect(target, chosen.destination, visit) },
        None => redirect(target, destination, visit),
    };
    if is_framed { Decision::Cloak(redirect) } else { Decision::Redirect(redirect) }
}

/// Where the visit itself asks to be sent: anybody can write such an address, so only hosts of the link's owner will do.
fn elsewhere(target: &Target, query: VisitQuery<'_>) -> Option<Destination> {
    let asked = destination::parse(&query.elsewhere()?).ok().filter(|asked| asked.kind == LinkKind::Url)?;
    let (host, _port) = destination::host_of(&asked.url)?;
    if target.may_lead_to(&host) { Destination::prepare(&asked.url, &LinkUtm::default()) } else { None }
}

fn redirect(target: &Target, destination: &Destination, visit: &Visit<'_>) -> Redirect {
    let query = visit.query.filter(|query| !query.is_empty()).map(VisitQuery);
    let elsewhere = query.and_then(|query| elsewhere(target, query));
    let destination = elsewhere.as_ref().unwrap_or(destination);
    let forwarded = query.filter(|_| target.forward_parameters).and_then(|query| query.forwarded(destination));
    let counts = visit.counts && !query.is_some_and(VisitQuery::opts_out);
    let click = counts.then(|| {
        let address = forwarded.as_deref().unwrap_or(destination.as_str());
        let campaign = query.filter(|query| destination.is_web() && query.may_have_campaign());
        let url = campaign.map_or_else(|| address.to_owned(), |query| query.recorded(address));
        let trigger = if query.is_some_and(VisitQuery::is_qr) { Trigger::Qr } else { Trigger::Link };
        Click { url: cut(url), trigger }
    });
    // What was put together is printable ASCII, so that a header always takes it.
    let location = forwarded.and_then(|address| HeaderValue::from_maybe_shared(bytes::Bytes::from(address)).ok());
    Redirect {
        location: location.unwrap_or_else(|| destination.location().clone()),
        permanent: target.permanent,
        hide_referrer: target.hide_referrer,
        index: target.index,
        name_click: target.names_click && destination.is_web(),
        variant: None,
        click,
    }
}

/// Cuts an address, and with it an escape that would be torn.
fn cut(mut address: String) -> String {
    if address.len() > RECORDED_BYTES {
        let torn = address.as_bytes()[RECORDED_BYTES - 2..RECORDED_BYTES].iter().position(|&byte| byte == b'%');
        address.truncate(torn.map_or(RECORDED_BYTES, |place| RECORDED_BYTES - 2 + place));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::super::target::tests::found;
    use super::super::visitor::System;
    use super::super::visitor::tests::Fake;
    use super::*;
    use crate::domain::link::{LinkFields, RedirectKind};

    const NOW_MS: i64 = 1_700_000_000_000;

    fn target(change: impl FnOnce(&mut LinkFields)) -> Target {
        let mut fields = LinkFields { url: "https://example.com/?a=1".to_owned(), ..LinkFields::default() };
        change(&mut fields);
        Target::prepare(&found(1, fields)).unwrap()
    }

    fn visit(query: &str) -> Visit<'_> {
        Visit { query: Some(query), counts: true, inspects: false }
    }

    fn redirected(target: &Target, visit: &Visit<'_>) -> Redirect {
        match decide(target, visit, NOW_MS, &Fake::default()) {
            Decision::Redirect(redirect) => redirect,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_is_turned_away() {
        type Change = fn(&mut LinkFields);
        let elsewhere = HeaderValue::from_static("https://example.org/over");
        let cases: [(Change, Decision); 15] = [
            (|fields| fields.url.clear(), Decision::Nowhere),
            (|fields| fields.url = "data:text/html,x".to_owned(), Decision::Nowhere),
            (|fields| fields.password_hash = Some("x".to_owned()), Decision::Password),
            (|fields| fields.max_clicks = Some(9), Decision::Withheld),
            (|fields| fields.disabled_at_ms = Some(NOW_MS + 1), Decision::Disabled),
            (|fields| fields.starts_at_ms = Some(NOW_MS + 1), Decision::NotStarted),
            (|fields| fields.expires_at_ms = Some(NOW_MS), Decision::Expired(None)),
            (
                |fields| {
                    fields.expires_at_ms = Some(NOW_MS);
                    fields.expired_url = Some("https://example.org/over".to_owned());
                },
                Decision::Expired(Some(elsewhere)),
            ),
            (
                |fields| {
                    fields.expires_at_ms = Some(NOW_MS);
                    fields.expired_url = Some("javascript:alert(1)".to_owned());
                },
                Decision::Expired(None),
            ),
            (
                |fields| {
                    fields.disabled_at_ms = Some(0);
                    fields.expires_at_ms = Some(0);
                },
                Decision::Disabled,
            ),
            (|fields| fields.block_bots = true, Decision::Blocked),
            // Whoever does not know the password learns nothing of the link, not even that it is over.
            (
                |fields| {
                    fields.password_hash = Some("x".to_owned());
                    fields.expires_at_ms = Some(0);
                    fields.expired_url = Some("https://example.org/over".to_owned());
                },
                Decision::Password,
            ),
            (
                |fields| {
                    fields.password_hash = Some("x".to_owned());
                    fields.custom_preview = true;
                    fields.cloak = true;
                },
                Decision::Password,
            ),
            // What is as if it were not there asks for no password.
            (
                |fields| {
                    fields.password_hash = Some("x".to_owned());
                    fields.disabled_at_ms = Some(0);
                },
                Decision::Disabled,
            ),
            (
                |fields| {
                    fields.password_hash = Some("x".to_owned());
                    fields.block_bots = true;
                },
                Decision::Blocked,
            ),
        ];
        let robot = Fake { bot: true, previewer: true, ..Fake::default() };
        for (place, (change, expected)) in cases.into_iter().enumerate() {
            assert_eq!(decide(&target(change), &visit(""), NOW_MS, &robot), expected, "case {place}");
        }
    }

    #[test]
    fn who_is_sent_on() {
        type Change = fn(&mut LinkFields);
        let cases: [Change; 6] = [
            |_| {},
            |fields| fields.starts_at_ms = Some(NOW_MS),
            |fields| fields.expires_at_ms = Some(NOW_MS + 1),
            |fields| fields.archived = true,
            |fields| fields.block_bots = true,
            |fields| fields.expired_url = Some("https://example.org".to_owned()),
        ];
        for change in cases {
            assert_eq!(redirected(&target(change), &visit("")).location, "https://example.com/?a=1");
        }
    }

    #[test]
    fn visitors_are_asked_only_what_matters() {
        type Change = fn(&mut LinkFields);
        let cases: [(Change, u32); 7] = [
            (|_| {}, 0),
            (|fields| fields.track_conversion = true, 0),
            (|fields| fields.block_bots = true, 1),
            (|fields| fields.password_hash = Some("x".to_owned()), 1),
            (|fields| fields.cloak = true, 0),
            (|fields| fields.ios_url = Some("https://i.example".to_owned()), 1),
            (|fields| _ = fields.geo_urls.insert("DE".to_owned(), "https://de.example".to_owned()), 1),
        ];
        for (place, (change, questions)) in cases.into_iter().enumerate() {
            let visitor = Fake { unlocked: true, ..Fake::default() };
            let decision = decide(&target(change), &visit(""), NOW_MS, &visitor);
            assert!(matches!(decision, Decision::Redirect(_) | Decision::Cloak(_)), "case {place}");
            assert_eq!(visitor.questions.get(), questions, "case {place}");
        }
    }

    #[test]
    fn device_comes_before_country_before_all() {
        let target = target(|fields| {
            fields.ios_url = Some("https://i.example".to_owned());
            fields.android_url = Some("https://a.example".to_owned());
            fields.geo_urls = [("DE", "https://de.example"), ("AT", "https://at.example"), ("FR", "javascript:x")]
                .map(|(country, url)| (country.to_owned(), url.to_owned()))
                .into();
        });
        for (system, country, expected) in [
            (System::Ios, "DE", "https://i.example"),
            (System::Android, "", "https://a.example"),
            (System::Other, "DE", "https://de.example"),
            (System::Other, "AT", "https://at.example"),
            (System::Other, "FR", "https://example.com/?a=1"),
            (System::Other, "US", "https://example.com/?a=1"),
            (System::Other, "", "https://example.com/?a=1"),
        ] {
            let visitor = Fake { system, country, ..Fake::default() };
            let Decision::Redirect(redirect) = decide(&target, &visit(""), NOW_MS, &visitor) else { panic!() };
            assert_eq!(redirect.location, expected, "{system:?} {country}");
            assert_eq!(redirect.click.unwrap().url, expected, "{system:?} {country}");
        }
    }

    #[test]
    fn pages_instead_of_redirects() {
        let both = target(|fields| {
            fields.custom_preview = true;
            fields.cloak = true;
            fields.ios_url = Some("https://i.example".to_owned());
        });
        let robot = Fake { previewer: true, ..Fake::default() };
        assert!(matches!(decide(&both, &visit(""), NOW_MS, &robot), Decision::Preview(_)));
        let phone = Fake { system: System::Ios, ..Fake::default() };
        let Decision::Cloak(framed) = decide(&both, &visit(""), NOW_MS, &phone) else { panic!() };
        assert_eq!(framed.location, "https://example.com/?a=1");
        let mail = target(|fields| {
            fields.url = "mailto:a@example.com".to_owned();
            fields.cloak = true;
        });
        assert_eq!(redirected(&mail, &visit("")).location, "mailto:a@example.com");
        let locked = target(|fields| fields.password_hash = Some("x".to_owned()));
        let knows = Fake { unlocked: true, ..Fake::default() };
        assert!(matches!(decide(&locked, &visit(""), NOW_MS, &knows), Decision::Redirect(_)));
    }

    #[test]
    fn how_they_are_sent() {
        let plain = redirected(&target(|_| {}), &visit(""));
        assert_eq!((plain.permanent, plain.hide_referrer, plain.index), (false, false, false));
        let all = redirected(
            &target(|fields| {
                fields.redirect = RedirectKind::Permanent;
                fields.hide_referrer = true;
                fields.index = true;
            }),
            &visit(""),
        );
        assert_eq!((all.permanent, all.hide_referrer, all.index), (true, true, true));
    }

    #[test]
    fn what_goes_on_and_what_is_recorded() {
        let campaign = || LinkUtm { source: Some("own".to_owned()), ..LinkUtm::default() };
        for (forward, query, location, recorded) in [
            (false, "", "?a=1&utm_source=own", "?a=1&utm_source=own"),
            (false, "a=2", "?a=1&utm_source=own", "?a=1&utm_source=own"),
            (true, "a=2&qr=1", "?a=2&utm_source=own", "?a=2&utm_source=own"),
            (false, "utm_source=theirs", "?a=1&utm_source=own", "?a=1&utm_source=own"),
            (true, "utm_source=theirs", "?a=1&utm_source=theirs", "?a=1&utm_source=theirs"),
            (false, "utm_term=t", "?a=1&utm_source=own", "?a=1&utm_source=own&utm_term=t"),
            (true, "utm_term=t", "?a=1&utm_source=own&utm_term=t", "?a=1&utm_source=own&utm_term=t"),
        ] {
            let target = target(|fields| {
                fields.forward_parameters = forward;
                fields.utm = campaign();
            });
            let redirect = redirected(&target, &visit(query));
            assert_eq!(redirect.location, format!("https://example.com/{location}"), "{query}");
            assert_eq!(redirect.click.unwrap().url, format!("https://example.com/{recorded}"), "{query}");
        }
    }

    #[test]
    fn what_is_a_click() {
        let target = target(|_| {});
        assert_eq!(redirected(&target, &visit("qr=1")).click.unwrap().trigger, Trigger::Qr);
        assert_eq!(redirected(&target, &visit("")).click.unwrap().trigger, Trigger::Link);
        assert_eq!(redirected(&target, &visit("dub-no-track=1")).click, None);
        assert_eq!(redirected(&target, &Visit::default()).click, None);
    }

    #[test]
    fn recorded_addresses_are_cut_between_escapes() {
        for (tail, length) in [("%C3%A9", 4_095), ("x%C3%A9", 4_096), ("", 4_096)] {
            let address = format!("{:x<1$}{tail}{2:y<3000}", "", 4_095 - usize::from(tail.starts_with('x')), "");
            let cut = cut(address);
            assert!(cut.len() <= length && !cut.ends_with('%') && cut.len() >= 4_093, "{tail} {}", cut.len());
        }
        assert_eq!(cut("short".to_owned()), "short");
    }
}
