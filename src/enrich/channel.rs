//! By what kind of way a visitor came. The first sign that is there decides:
//!
//! 1. a pageview or an event of a site that followed a click on one of our links is `Link`: what brought that click is told
//!    by the click itself
//! 2. the id that an advertisement's network adds, or a medium that says it was paid: `Paid`
//! 3. `utm_medium`: `Email`, `Social`, `Organic`, `Referral`
//! 4. the id that a mailing or a social network adds to its links: `Email`, `Social`, `Organic`
//! 5. `utm_source`, when it is a source that is known
//! 6. the referrer: `Organic`, `Social`, `Email`, else `Referral`
//! 7. the browser inside a social network's app, which often sends no referrer: `Social`
//! 8. a campaign that says nothing of the above: `Referral`
//!
//! and without any of them `Direct`, as a link typed in, scanned, or opened from a document. Signs are looked for in the
//! query of the visit and of its destination or page.

use crate::domain::click_id;
use crate::domain::event::{Channel, Event, EventKind, Referrer, Utm};

use super::source::{self, Kind};

/// The channel of an event whose agent, referrer and campaign are known.
pub fn channel(event: &Event) -> Channel {
    let ids = Ids::read(event);
    if event.kind != EventKind::Click && (event.follows().0 != 0 || ids.ours) {
        return Channel::Link;
    }
    if ids.paid {
        return Channel::Paid;
    }
    by_medium(&event.utm.medium)
        .or(ids.other)
        .or_else(|| source::of_campaign(&event.utm.source).map(|source| by_kind(source.kind)))
        .or_else(|| by_source_word(&event.utm.source))
        .or_else(|| by_referrer(&event.referrer))
        .or_else(|| SOCIAL_APPS.contains(&event.agent.browser.as_str()).then_some(Channel::Social))
        .or_else(|| (event.utm != Utm::default()).then_some(Channel::Referral))
        .unwrap_or_default()
}

/// Browsers inside apps in which somebody posted the link, as [`super::agent`] names them.
const SOCIAL_APPS: &[&str] = &[
    "Discord",
    "Facebook",
    "Instagram",
    "KAKAOTALK",
    "Line",
    "LinkedIn",
    "Messenger",
    "Pinterest",
    "QQ",
    "Reddit",
    "Snapchat",
    "Telegram",
    "Threads",
    "TikTok",
    "Tumblr",
    "Twitter",
    "Viber",
    "WeChat",
    "Weibo",
    "WhatsApp",
    "Zalo",
];

/// Parameters that others add to the links they send people to.
#[derive(Default)]
struct Ids {
    ours: bool,
    paid: bool,
    other: Option<Channel>,
}

impl Ids {
    fn read(event: &Event) -> Self {
        let mut ids = Self::default();
        let url = event.url.split_once('#').map_or(event.url.as_str(), |(url, _)| url);
        let query = url.split_once('?').map_or("", |(_, query)| query);
        for pair in query.split('&').chain(event.params.split('&')) {
            match pair.split_once('=') {
                Some((name, value)) if !value.is_empty() => ids.add(name),
                _ => {}
            }
        }
        ids
    }

    fn add(&mut self, name: &str) {
        let mut lower = [0; 16];
        let Some(lower) = lower.get_mut(..name.len()) else { return };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            // Google, Microsoft, TikTok, X, LinkedIn, Yandex, Snapchat, Reddit, Quora, Taboola, Outbrain.
            b"gclid" | b"gbraid" | b"wbraid" | b"dclid" | b"gad_source" | b"gad_campaignid" | b"msclkid"
            | b"ttclid" | b"twclid" | b"li_fat_id" | b"yclid" | b"sccid" | b"rdt_cid" | b"qclid" | b"tblci"
            | b"dicbo" => {
                self.paid = true;
            }
            // Mailchimp, HubSpot, Marketo, Klaviyo, Kit, Vero, Omeda.
            b"mc_cid" | b"mc_eid" | b"_hsenc" | b"_hsmi" | b"mkt_tok" | b"_kx" | b"ck_subscriber_id" | b"vero_id"
            | b"oly_enc_id" => self.other = Some(Channel::Email),
            // Facebook, Instagram and Pinterest add them to whatever is posted there, paid or not.
            b"fbclid" | b"igsh" | b"igshid" | b"epik" => {
                self.other.get_or_insert(Channel::Social);
            }
            // Google's free listings of products.
            b"srsltid" => {
                self.other.get_or_insert(Channel::Organic);
            }
            other => self.ours |= click_id::PARAMETERS.iter().any(|name| name.as_bytes() == other),
        }
    }
}

fn by_medium(medium: &str) -> Option<Channel> {
    if medium.is_empty() {
        return None;
    }
    let medium = medium.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let paid = medium.starts_with("paid") || medium.ends_with("-paid") || medium.ends_with("-ads");
    Some(match medium.as_str() {
        _ if paid => Channel::Paid,
        "cpc" | "ppc" | "cpm" | "cpv" | "cpa" | "cpp" | "cpi" | "cpl" | "cpt" | "ppv" | "sem" | "ad" | "ads"
        | "display" | "banner" | "retargeting" | "remarketing" | "sponsored" | "programmatic" | "interstitial"
        | "psocial" => Channel::Paid,
        "email" | "e-mail" | "mail" | "newsletter" | "email-marketing" => Channel::Email,
        "social" | "social-network" | "social-networks" | "social-media" | "sm" | "organic-social"
        | "social-organic" => Channel::Social,
        "organic" | "seo" => Channel::Organic,
        "referral" | "affiliate" | "affiliates" | "partner" | "link" => Channel::Referral,
        _ => return None,
    })
}

fn by_source_word(source: &str) -> Option<Channel> {
    ["email", "e-mail", "mail", "newsletter"]
        .iter()
        .any(|word| source.eq_ignore_ascii_case(word))
        .then_some(Channel::Email)
}

fn by_referrer(referrer: &Referrer) -> Option<Channel> {
    if referrer.host.is_empty() {
        return None;
    }
    Some(source::of_host(&referrer.host).map_or(Channel::Referral, |source| by_kind(source.kind)))
}

fn by_kind(kind: Kind) -> Channel {
    match kind {
        Kind::Search => Channel::Organic,
        Kind::Social => Channel::Social,
        Kind::Mail => Channel::Email,
        Kind::Site => Channel::Referral,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::click_id::EventId;
    use crate::domain::event::{Agent, PageEvent};
    use crate::enrich::{campaign, referrer};

    fn event(url: &str, header: &str) -> Event {
        let (referrer, utm) = (referrer::referrer(header), campaign::campaign(url));
        Event { url: url.into(), referrer, utm, ..Event::default() }
    }

    #[test]
    fn the_first_sign_decides() {
        use Channel::{Direct, Email, Organic, Paid, Referral, Social};
        for (query, header, expected) in [
            ("", "", Direct),
            ("", "https://www.google.co.uk/", Organic),
            ("", "android-app://com.google.android.googlequicksearchbox/", Organic),
            ("", "https://l.instagram.com/", Social),
            ("", "https://mail.google.com/", Email),
            ("", "android-app://com.google.android.gm/", Email),
            ("", "https://news.example/story", Referral),
            ("", "https://chatgpt.com/", Referral),
            ("gclid=x", "https://www.google.com/", Paid),
            ("GCLID=x", "", Paid),
            ("gclid=", "https://www.google.com/", Organic),
            ("wbraid=x&utm_medium=email", "", Paid),
            ("msclkid=x", "", Paid),
            ("fbclid=x", "", Social),
            ("fbclid=x", "https://news.example/", Social),
            ("fbclid=x&utm_medium=paid_social", "", Paid),
            ("fbclid=x&utm_medium=cpc", "", Paid),
            ("fbclid=x&mc_eid=y", "", Email),
            ("utm_medium=CPC", "", Paid),
            ("utm_medium=paidsearch", "", Paid),
            ("utm_medium=Newsletter", "https://www.google.com/", Email),
            ("utm_medium=e-mail", "", Email),
            ("utm_medium=Social%20Media", "", Social),
            ("utm_medium=organic", "", Organic),
            ("utm_medium=affiliate", "", Referral),
            ("utm_medium=qr&utm_source=poster", "", Referral),
            ("utm_source=facebook", "", Social),
            ("utm_source=newsletter", "", Email),
            ("utm_source=chatgpt.com", "", Referral),
            ("utm_source=spring", "https://www.bing.com/", Organic),
            ("srsltid=x", "", Organic),
            ("dub_id=x", "", Direct),
        ] {
            let event = event(&format!("https://shop.example/?{query}#gclid=no"), header);
            assert_eq!(channel(&event), expected, "{query} from {header}");
        }
    }

    #[test]
    fn the_visits_own_query_counts() {
        let event = Event { params: "a=1&gclid=x".into(), ..event("https://shop.example/", "") };
        assert_eq!(channel(&event), Channel::Paid);
    }

    #[test]
    fn apps_without_a_referrer() {
        let instagram = Agent { browser: "Instagram".into(), ..Agent::default() };
        let event = Event { agent: Arc::new(instagram), ..event("https://shop.example/?utm_campaign=x", "") };
        assert_eq!(channel(&event), Channel::Social);
    }

    #[test]
    fn pages_that_follow_a_click() {
        let page = |click, query: &str| Event {
            kind: EventKind::Pageview,
            page: Some(Box::new(PageEvent { click: EventId(click), ..PageEvent::default() })),
            ..event(&format!("https://shop.example/?{query}"), "https://www.google.com/")
        };
        assert_eq!(channel(&page(7, "utm_medium=cpc")), Channel::Link);
        assert_eq!(channel(&page(0, "lt_cid=abc")), Channel::Link);
        assert_eq!(channel(&page(0, "")), Channel::Organic);
    }
}
