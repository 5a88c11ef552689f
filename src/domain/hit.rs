//! What the edge saw, before enrichment: small to write, complete enough to need no store later.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use super::event::{Agent, Channel, Conversion, Network, PageEvent, Place, Referrer, Utm};
use super::id::{LinkId, SiteId, WorkspaceId};
use super::workspace::AddressStorage;

/// The first byte of a spooled hit: which of the encodings below follows.
const VERSION: u8 = 2;

/// What the edge saw, as it is kept in the spool. It carries the workspace's settings of that moment, so that the drain
/// needs no catalog, and its raw address leaves the disk with the spool's segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Milliseconds since the epoch at which it happened.
    pub at_ms: i64,
    /// Owner of the link or site.
    pub workspace: WorkspaceId,
    /// The link that was involved; 0 for none.
    pub link: LinkId,
    /// The site that was involved; 0 for none.
    pub site: SiteId,
    /// The client, as far as trusted proxies tell it.
    pub address: IpAddr,
    /// `User-Agent`, at most 1,024 bytes.
    pub user_agent: String,
    /// `Referer`, at most 2,048 bytes.
    pub referrer: String,
    /// Of a click the final destination, of a pageview the page; query included, at most 4,096 bytes.
    pub url: String,
    /// The query that the visit itself carried, without its `?`, at most 2,048 bytes.
    pub params: String,
    /// `Accept-Language`, at most 256 bytes.
    pub accept_language: String,
    /// The `Sec-Fetch-Site`, `-Mode`, `-Dest` and `-User` headers, separated by spaces, `-` for a missing one; empty when
    /// all are missing.
    pub sec_fetch: String,
    /// How the link was reached.
    pub trigger: Trigger,
    /// What a trusted edge says of the client's place; it wins over the geo files.
    pub place: Option<PlaceHint>,
    /// A second click of the same visitor on the same link within this many seconds is a repeat; 0 for never.
    pub repeat_window_secs: u32,
    /// The period of the visitor key; constant unless the workspace rotates its keys.
    pub visitor_epoch: u32,
    /// What is stored of the address.
    pub address_storage: AddressStorage,
    /// Hash of the name that the sender gave to the event, so that a retry is recognised; 0 for none.
    pub idempotency: u64,
    /// What happened.
    pub what: What,
}

/// What a hit reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// A visit to a short link.
    #[default]
    Click,
    /// Something on a page of a site.
    Page(Box<PageHit>),
    /// A lead or a sale.
    Conversion(Box<ConversionHit>),
}

/// Something on a page of a site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PageHit {
    /// A pageview, as opposed to everything else that happens on pages.
    pub is_pageview: bool,
    /// What becomes part of the event.
    pub event: PageEvent,
    /// The visitor's first-party id; empty when the page keeps none.
    pub visitor_id: String,
}

/// A lead or a sale, with the dimensions of its click.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConversionHit {
    /// Which of them it is.
    pub kind: ConversionKind,
    /// What becomes part of the event.
    pub event: Conversion,
    /// What the click knew.
    pub carried: Carried,
}

/// What came of a click. The order is part of the encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConversionKind {
    /// A customer made known.
    #[default]
    Lead,
    /// Money taken, or given back.
    Sale,
    /// Something else, which its sender names.
    Custom,
}

/// The dimensions of a click, as its leads and sales carry them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Keyed hash of who it was.
    pub visitor: u64,
    /// Where the visitor was.
    pub place: Place,
    /// Through whose network the visitor came.
    pub network: Network,
    /// What the visitor used.
    pub agent: Agent,
    /// Where the visitor came from.
    pub referrer: Referrer,
    /// By what kind of way.
    pub channel: Channel,
    /// The campaign.
    pub utm: Utm,
    /// The visitor's language.
    pub language: String,
}

/// A hit of nobody at the beginning of time: what a literal fills itself up with.
impl Default for Hit {
    fn default() -> Self {
        Self {
            at_ms: 0,
            workspace: WorkspaceId::default(),
            link: LinkId::default(),
            site: SiteId::default(),
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            user_agent: String::new(),
            referrer: String::new(),
            url: String::new(),
            params: String::new(),
            accept_language: String::new(),
            sec_fetch: String::new(),
            trigger: Trigger::default(),
            place: None,
            repeat_window_secs: 0,
            visitor_epoch: 0,
            address_storage: AddressStorage::default(),
            idempotency: 0,
            what: What::default(),
        }
    }
}

/// The first encoding: clicks only.
#[derive(Deserialize)]
struct HitV1 {
    at_ms: i64,
    workspace: WorkspaceId,
    link: LinkId,
    address: IpAddr,
    user_agent: String,
    referrer: String,
    url: String,
    trigger: Trigger,
    place: Option<PlaceHint>,
    repeat_window_secs: u32,
    visitor_epoch: u32,
}

impl From<HitV1> for Hit {
    fn from(old: HitV1) -> Self {
        let HitV1 {
            at_ms,
            workspace,
            link,
            address,
            user_agent,
            referrer,
            url,
            trigger,
            place,
            repeat_window_secs,
            visitor_epoch,
        } = old;
        Self {
            at_ms,
            workspace,
            link,
            address,
            user_agent,
            referrer,
            url,
            trigger,
            place,
            repeat_window_secs,
            visitor_epoch,
            ..Self::default()
        }
    }
}

/// A place named by a trusted edge's headers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaceHint {
    /// ISO 3166-1 alpha-2, upper case; empty when unknown.
    pub country: String,
    /// The subdivision part of ISO 3166-2, without the country; empty when unknown.
    pub region: String,
    /// English name; empty when unknown.
    pub city: String,
    /// `AF AN AS EU NA OC SA`; empty when unknown.
    pub continent: String,
}

/// How a link was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// A plain visit.
    #[default]
    Link,
    /// A scanned QR code: the visit carried `qr=1`.
    Qr,
    /// A pageview reported by a tracker.
    Pageview,
    /// An app opened by the link.
    Deeplink,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 4] = [Self::Link, Self::Qr, Self::Pageview, Self::Deeplink];

    /// The trigger of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name() == name)
    }

    /// The stored and published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Qr => "qr",
            Self::Pageview => "pageview",
            Self::Deeplink => "deeplink",
        }
    }
}

/// What [`Hit::idempotency`] is for a name that a sender gave to an event: the same for the same name on every node, and
/// never 0. Two names of one site that share it, within an hour, are one in 2^64.
pub fn idempotency_of(name: &str) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(name.as_bytes());
    hasher.finish().max(1)
}

/// A spooled hit that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HitError {
    /// Written by a newer program.
    #[error("hit encoding {0} is not known to this version")]
    Version(u8),
    /// Damaged, although its checksum was right.
    #[error("hit cannot be decoded: {0}")]
    Damaged(#[from] postcard::Error),
    /// Nothing at all.
    #[error("hit is empty")]
    Empty,
}

impl Hit {
    /// The spool's payload: one version byte, then the fields.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        // Writing plain fields into memory has no way to fail.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    /// Reads what [`encode`](Self::encode) wrote, in this or an earlier version.
    pub fn decode(bytes: &[u8]) -> Result<Self, HitError> {
        match bytes.split_first() {
            None => Err(HitError::Empty),
            Some((&VERSION, fields)) => Ok(postcard::from_bytes(fields)?),
            Some((1, fields)) => Ok(postcard::from_bytes::<HitV1>(fields)?.into()),
            Some((&other, _)) => Err(HitError::Version(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::click_id::EventId;

    #[test]
    fn what_is_written_is_read() {
        let page =
            PageEvent { event_type: "pageview".into(), page: "/".into(), click: EventId(7), ..PageEvent::default() };
        let sale = Conversion { amount: -3, currency: "jpy".into(), ..Conversion::default() };
        for what in [
            What::Click,
            What::Page(Box::new(PageHit { is_pageview: true, event: page, visitor_id: "gv_1".into() })),
            What::Conversion(Box::new(ConversionHit {
                kind: ConversionKind::Sale,
                event: sale,
                carried: Carried::default(),
            })),
        ] {
            let hit =
                Hit { at_ms: -1, site: SiteId(3), params: "a=b".into(), idempotency: u64::MAX, what, ..Hit::default() };
            assert_eq!(Hit::decode(&hit.encode()).unwrap(), hit);
        }
    }

    #[test]
    fn clicks_of_the_first_encoding_are_read() {
        // The fields in their order: at, workspace, link, address, agent, referrer, url, trigger, place, window, epoch.
        let bytes = [1, 2, 3, 5, 0, 81, 2, 69, 142, 1, b'A', 0, 1, b'u', 1, 0, 0x90, 0x1c, 0];
        let expected = Hit {
            at_ms: 1,
            workspace: WorkspaceId(3),
            link: LinkId(5),
            address: [81, 2, 69, 142].into(),
            user_agent: "A".into(),
            url: "u".into(),
            trigger: Trigger::Qr,
            repeat_window_secs: 3_600,
            ..Hit::default()
        };
        assert_eq!(Hit::decode(&bytes).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(matches!(Hit::decode(&[]), Err(HitError::Empty)));
        assert!(matches!(Hit::decode(&[9, 0]), Err(HitError::Version(9))));
        assert!(matches!(Hit::decode(&[VERSION, 0xff]), Err(HitError::Damaged(_))));
    }
}
