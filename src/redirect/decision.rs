//! What a visit gets: a function of the link, the visit and the present.

use http::HeaderValue;

use super::allowance::Limit;
use super::destination::Destination;
use super::extras::Extras;
use super::forward::VisitQuery;
use super::rules::Rules;
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
    /// Somebody goes where the link leads: neither `HEAD` nor a prefetch.
    pub follows: bool,
    /// A header asks to leave it unrecorded.
    pub opts_out: bool,
    /// It only wants to see where the link leads.
    pub inspects: bool,
}

/// What a visit gets. Only [`Redirect`](Self::Redirect), [`Interstitial`](Self::Interstitial) and [`Cloak`](Self::Cloak) can be
/// clicks.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The link has no address that may be sent: as if it were not there.
    Nowhere,
    /// A password is needed first; until then nothing of the link is told.
    Password,
    /// Switched off: as if it were not there.
    Disabled,
    /// The root of a domain, of which nothing is set up yet: a page that says so.
    Placeholder,
    /// Before its time: as if it were not there.
    NotStarted,
    /// After its time, or its clicks are used up: on to this address, or a page that says so.
    Expired(Option<HeaderValue>),
    /// A robot, where the owner wants none: as if it were not there.
    Blocked,
    /// A page that shows where the link leads.
    Inspect(Inspection),
    /// On to the destination.
    Redirect(Redirect),
    /// On to the destination by a page that carries the owner's pixels and tags.
    Interstitial(Redirect),
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
    /// It takes one of the clicks that the link allows. One who is not recorded takes one all the same; robots do not, and
    /// of links without a limit nobody does.
    pub takes: bool,
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
    if target.disabled {
        return Decision::Disabled;
    }
    if target.starts_at_ms.is_some_and(|starts_at_ms| now_ms < starts_at_ms) {
        return Decision::NotStarted;
    }
    let poses_as_bot = visit.query().is_some_and(VisitQuery::says_bot);
    if target.block_bots && (poses_as_bot || visitor.is_bot()) {
        return Decision::Blocked;
    }
    let extras = target.extras.as_deref();
    let password_hash = extras.and_then(|extras| extras.password_hash.as_deref());
    if password_hash.is_some_and(|hash| !visitor.is_unlocked(hash)) {
        return Decision::Password;
    }
    let is_late = target.expires_at_ms.is_some_and(|expires_at_ms| now_ms >= expires_at_ms);
    if is_late || target.limit().is_some_and(Limit::is_used_up) {
        return Decision::expired(target);
    }
    let Some(extras) = extras else {
        if visit.inspects {
            return Decision::Inspect(Inspection { address: destination.as_str().to_owned(), varies: false });
        }
        return Decision::Redirect(redirect(target, destination, visit));
    };
    let rule = |rules: &Rules| if visit.inspects { rules.sure(visitor) } else { rules.choose(visitor) }.cloned();
    let by_rule = extras.rules.as_deref().and_then(rule);
    // A frame shows pages, and an app store's or a mail's would be none.
    let is_framed = extras.cloak && by_rule.as_ref().unwrap_or(destination).is_web();
    let own = || if is_framed { None } else { extras.target_for(visitor) };
    if visit.inspects {
        let address = by_rule.as_ref().or_else(own).unwrap_or(destination).as_str().to_owned();
        let varies =
            extras.rules.is_some() || extras.test.is_some() || (!is_framed && extras.targets().next().is_some());
        return Decision::Inspect(Inspection { address, varies });
    }
    let sent = |destination: &Destination| sent(target, extras, destination, visit, visitor);
    if extras.preview && (poses_as_bot || visitor.is_previewer()) {
        return Decision::Preview(sent(by_rule.as_ref().unwrap_or(destination)));
    }
    let redirect = if let Some(destination) = &by_rule {
        sent(destination)
    } else if let Some(destination) = own() {
        return extras.on_the_way(poses_as_bot, visitor, sent(destination));
    } else {
        let test = extras.test.as_ref().filter(|test| test.is_running(now_ms));
        match test.and_then(|test| test.choose(visitor)) {
            Some(chosen) => Redirect { variant: chosen.mark, ..sent(chosen.destination) },
            None => sent(destination),
        }
    };
    if is_framed { Decision::Cloak(redirect) } else { extras.on_the_way(poses_as_bot, visitor, redirect) }
}

impl Decision {
    /// The link's time is over, or its clicks are used up.
    pub fn expired(target: &Target) -> Self {
        Self::Expired(target.expired.as_ref().map(|expired| expired.location().clone()))
    }

    /// It is answered with a page of ours that leads on by itself.
    pub fn shows_page(&self) -> bool {
        matches!(self, Self::Cloak(_) | Self::Interstitial(_))
    }

    /// How the visitor is sent on, where this is so.
    pub fn redirect(&self) -> Option<&Redirect> {
        match self {
            Self::Redirect(redirect)
            | Self::Interstitial(redirect)
            | Self::Cloak(redirect)
            | Self::Preview(redirect) => Some(redirect),
            Self::Nowhere
            | Self::Password
            | Self::Disabled
            | Self::Placeholder
            | Self::NotStarted
            | Self::Expired(_)
            | Self::Blocked
            | Self::Inspect(_) => None,
        }
    }
}

impl<'a> Visit<'a> {
    fn query(&self) -> Option<VisitQuery<'a>> {
        self.query.filter(|query| !query.is_empty()).map(VisitQuery)
    }
}

/// Where the visit itself asks to be sent: anybody can write such an address, so only hosts of the link's owner will do.
fn elsewhere(target: &Target, query: VisitQuery<'_>) -> Option<Destination> {
    let asked = destination::parse(&query.elsewhere()?).ok().filter(|asked| asked.kind == LinkKind::Url)?;
    let (host, _port) = destination::host_of(&asked.url)?;
    if target.may_lead_to(&host) { Destination::prepare(&asked.url, &LinkUtm::default()) } else { None }
}

/// How visitors of a link that is no plain one are sent on.
fn sent(
    target: &Target,
    extras: &Extras,
    destination: &Destination,
    visit: &Visit<'_>,
    visitor: &impl Visitor,
) -> Redirect {
    let mut redirect = redirect(target, destination, visit);
    redirect.takes = extras.limit.is_some() && visit.follows && !visitor.is_bot();
    if extras.skip_previewers && redirect.click.is_some() && visitor.is_previewer() {
        redirect.click = None;
    }
    redirect
}

fn redirect(target: &Target, destination: &Destination, visit: &Visit<'_>) -> Redirect {
    let query = visit.query();
    let elsewhere = query.and_then(|query| elsewhere(target, query));
    let destination = elsewhere.as_ref().unwrap_or(destination);
    let forwarded = query.filter(|_| target.forward_parameters).and_then(|query| query.forwarded(destination));
    // One who says that it is a robot is none of those that are recorded (Dub contract, 6.1.8).
    let is_declined = query.is_some_and(|query| query.opts_out() || query.says_bot());
    let counts = visit.follows && !visit.opts_out && !is_declined;
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
        takes: false,
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
#[path = "decision_tests.rs"]
mod tests;
