//! Hits through all steps.

use super::*;
use crate::domain::event::{Channel, Conversion, PageEvent};
use crate::domain::hit::Trigger;
use crate::domain::id::{LinkId, WorkspaceId};
use proptest::prelude::*;

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";

fn enricher() -> Enricher {
    Enricher::new(EnrichOptions { geo: Geo::default(), visitor_secret: [7; 32] })
}

fn hit(at_ms: i64) -> Hit {
    Hit {
        at_ms,
        workspace: WorkspaceId(3),
        link: LinkId(5),
        address: "81.2.69.142".parse().unwrap(),
        user_agent: FIREFOX.into(),
        referrer: "https://www.example.com/page?secret=1".into(),
        url: "https://shop.example/?utm_source=mail".into(),
        accept_language: "en-gb,en;q=0.8".into(),
        trigger: Trigger::Qr,
        place: Some(PlaceHint { country: "GB".into(), region: "ENG".into(), ..PlaceHint::default() }),
        repeat_window_secs: 3_600,
        ..Hit::default()
    }
}

#[test]
fn a_hit_becomes_a_click() {
    let event = enricher().enrich(EventId(9), hit(1_000));
    assert_eq!((event.workspace, event.link, event.id, event.at_ms), (WorkspaceId(3), LinkId(5), EventId(9), 1_000));
    assert_eq!((event.kind, event.trigger, event.repeat), (EventKind::Click, Trigger::Qr, false));
    assert_eq!((event.place.continent.as_str(), event.place.region.as_str()), ("EU", "GB-ENG"));
    assert_eq!((event.agent.browser.as_str(), event.agent.os.as_str()), ("Firefox", "Windows"));
    assert_eq!((event.agent.device.as_str(), event.agent.bot.as_str()), ("Desktop", ""));
    assert_eq!(event.referrer.url, "https://www.example.com/page");
    assert_eq!((event.channel, event.language.as_str()), (Channel::Email, "en-GB"));
    assert_eq!(event.utm.source, "mail");
    assert_eq!(event.url, "https://shop.example/?utm_source=mail");
    assert_ne!(event.visitor, 0);
    assert!(event.conversion.is_none());
}

#[test]
fn a_first_party_id_names_the_visitor() {
    let enricher = enricher();
    let page = |visitor_id: &str, user_id: &str, user_agent: &str| {
        let event = PageEvent { user_id: user_id.into(), page: "/".into(), ..PageEvent::default() };
        let page = PageHit { is_pageview: true, event, visitor_id: visitor_id.into() };
        let user_agent = user_agent.into();
        enricher.enrich(EventId(1), Hit { what: What::Page(Box::new(page)), user_agent, ..hit(0) })
    };
    assert_eq!(page("gv_1", "", "a").visitor, page("gv_1", "jane", "b").visitor);
    assert_eq!(page("", "jane", "a").visitor, page("", "", "a").visitor);
    assert_ne!(page("gv_1", "", "a").visitor, page("gv_2", "", "a").visitor);
    assert_ne!(page("", "", "a").visitor, page("", "", "b").visitor);
    // Without one a page and a click of the same browser are the same visitor's.
    assert_eq!(page("", "", FIREFOX).visitor, enricher.enrich(EventId(1), hit(0)).visitor);
    assert_eq!(page("", "", "a").kind, EventKind::Pageview);
}

#[test]
fn a_sale_carries_its_click() {
    let enricher = enricher();
    let click = enricher.enrich(EventId(9), hit(1_000));
    let carried = Carried {
        visitor: click.visitor,
        place: click.place.clone(),
        agent: (*click.agent).clone(),
        utm: click.utm.clone(),
        ..Carried::default()
    };
    let event = Conversion { click: click.id, amount: 1_999, currency: "eur".into(), ..Conversion::default() };
    let what = What::Conversion(Box::new(ConversionHit { kind: ConversionKind::Sale, event, carried }));
    let sale = enricher.enrich(EventId(10), Hit { at_ms: 2_000, workspace: click.workspace, what, ..Hit::default() });
    assert_eq!((sale.kind, sale.visitor, &sale.place), (EventKind::Sale, click.visitor, &click.place));
    assert_eq!((&sale.utm, sale.agent.browser.as_str(), sale.follows()), (&click.utm, "Firefox", click.id));
}

#[test]
fn addresses_are_kept_as_the_workspace_says() {
    for (address_storage, expected) in
        [(AddressStorage::None, ""), (AddressStorage::Truncated, "81.2.69.0"), (AddressStorage::Full, "81.2.69.142")]
    {
        assert_eq!(enricher().enrich(EventId(1), Hit { address_storage, ..hit(0) }).address, expected);
    }
}

#[test]
fn a_batch_is_its_hits_one_by_one() {
    let enricher = enricher();
    let hits: Vec<_> = (0..CHUNK as u64 * 2 + 3).map(|id| (EventId(id), hit(id as i64))).collect();
    let single: Vec<_> = hits.iter().map(|(id, hit)| enricher.enrich(*id, hit.clone())).collect();
    let batch = enricher.enrich_batch(hits);
    assert_eq!(batch, single);
    // One parsed agent is shared by all.
    assert!(batch.iter().all(|event| Arc::ptr_eq(&event.agent, &batch[0].agent)));
    assert!(enricher.enrich_batch(Vec::new()).is_empty());
}

/// Whatever is sent is read in one go: what grows with the square of its length, or worse, would take hours here.
#[test]
fn hostile_headers_are_read() {
    let enricher = enricher();
    let seeds = [
        "a",
        "(",
        ")",
        ";",
        "/",
        "\\",
        "%",
        "Mozilla/",
        "Mozilla/5.0 (Linux; Android ",
        "bot",
        "http://",
        "Version/4.0 ",
        "(compatible; ",
        "Build/",
        "https://a.",
        "@",
        "utm_",
        "gclid=&",
        "\u{202e}",
        "é",
        "%%%41",
        "[",
        "en-",
        ",;q=",
    ];
    for number in 0..1_000 {
        let (one, other) = (seeds[number % seeds.len()], seeds[number / seeds.len() % seeds.len()]);
        let text = [one, other].concat().repeat(8_192 / (one.len() + other.len()));
        let text = if number % 2 == 0 { format!("https://{text}") } else { text };
        let hit = Hit {
            user_agent: text.clone(),
            referrer: text.clone(),
            url: format!("https://example.com/?{text}"),
            params: text.clone(),
            accept_language: text,
            ..hit(0)
        };
        let event = enricher.enrich(EventId(1), hit);
        assert!(event.agent.user_agent.len() <= agent::MAX_BYTES && event.language.len() <= 12);
    }
}

#[test]
fn names_of_steps_are_unique() {
    for (place, step) in STEPS.iter().enumerate() {
        assert!(STEPS[place + 1..].iter().all(|other| other.name != step.name), "{}", step.name);
    }
}

proptest! {
    #[test]
    fn any_hit_becomes_an_event(
        at_ms: i64,
        address: IpAddr,
        user_agent in "(Mozilla/5.0 |Opera/)?.{0,120}",
        referrer in "(https?://)?.{0,60}",
        url in "https://.{0,60}(\\?utm_.{0,30})?",
        country in ".{0,3}",
        region in ".{0,4}",
        visitor_epoch: u32,
    ) {
        let place = Some(PlaceHint { country, region, ..PlaceHint::default() });
        let hit = Hit { at_ms, address, user_agent, referrer, url, place, visitor_epoch, ..hit(0) };
        let event = enricher().enrich(EventId(1), hit.clone());
        prop_assert_eq!(&event.url, &hit.url);
        prop_assert_ne!(event.visitor, 0);
        prop_assert_eq!(event.place.country.len() % 2, 0);
    }
}
