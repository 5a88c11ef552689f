//! What happened, enriched: one event is one row of the warehouse.
//!
//! An unknown dimension is an empty string; how it is shown is the business of the table of dimensions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::click_id::EventId;
use super::hit::Trigger;
use super::id::{CustomerId, LinkId, SiteId, WorkspaceId};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EventKind {
    /// A visit to a short link.
    #[default]
    Click,
    /// A page seen on a site.
    Pageview,
    /// Anything that a site names itself.
    Custom,
    /// A customer made known.
    Lead,
    /// Money taken.
    Sale,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Click, Self::Pageview, Self::Custom, Self::Lead, Self::Sale];

    /// The kind of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Pageview => "pageview",
            Self::Custom => "custom",
            Self::Lead => "lead",
            Self::Sale => "sale",
        }
    }
}

/// One enriched event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Owner.
    pub workspace: WorkspaceId,
    /// What happened.
    pub kind: EventKind,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Known since the edge answered.
    pub id: EventId,
    /// The link, where one was involved; otherwise 0.
    pub link: LinkId,
    /// The site, where one was involved; otherwise 0.
    pub site: SiteId,
    /// Keyed hash of who it was; 0 for nobody.
    pub visitor: u64,
    /// The session, where the source of the event named one (imports do); 0 where sessions are told by silence.
    pub session: u64,
    /// Not counted: the same visitor clicked the same link within the workspace's window before, or an event of the same
    /// idempotency key is there already.
    pub repeat: bool,
    /// Hash of the name that the sender gave to the event, so that a retry is recognised; 0 for none.
    pub idempotency: u64,
    /// Where the visitor was.
    pub place: Place,
    /// Where the visitor's city is.
    pub coordinates: Coordinates,
    /// Through whose network the visitor came.
    pub network: Network,
    /// The address, as far as the workspace keeps it; empty by default.
    pub address: String,
    /// What the visitor used.
    pub agent: Arc<Agent>,
    /// How the link was reached.
    pub trigger: Trigger,
    /// Where the visitor came from.
    pub referrer: Referrer,
    /// By what kind of way the visitor came.
    pub channel: Channel,
    /// Of a click the final destination, of a pageview the page; query included.
    pub url: String,
    /// The query that the visit itself carried, as sent.
    pub params: String,
    /// The campaign.
    pub utm: Utm,
    /// The visitor's first language, such as `en-US`; empty when unknown.
    pub language: String,
    /// `Accept-Language` as sent. Not stored: live consumers show it.
    pub accept_language: String,
    /// The `Sec-Fetch-*` headers as [`Hit::sec_fetch`](super::hit::Hit::sec_fetch) has them. Not stored.
    pub sec_fetch: String,
    /// Pageviews and custom events only.
    pub page: Option<Box<PageEvent>>,
    /// Leads and sales only.
    pub conversion: Option<Box<Conversion>>,
}

impl Event {
    /// The name of a custom event, a lead or a sale; else empty.
    pub fn name(&self) -> &str {
        match (&self.conversion, &self.page) {
            (Some(conversion), _) => &conversion.name,
            (None, Some(page)) => &page.name,
            (None, None) => "",
        }
    }

    /// Properties or metadata as JSON text; empty for none.
    pub fn metadata(&self) -> &str {
        match (&self.conversion, &self.page) {
            (Some(conversion), _) => &conversion.metadata,
            (None, Some(page)) => &page.props,
            (None, None) => "",
        }
    }

    /// The click that this event follows; 0 when none is known.
    pub fn follows(&self) -> EventId {
        match (&self.conversion, &self.page) {
            (Some(conversion), _) => conversion.click,
            (None, Some(page)) => page.click,
            (None, None) => EventId(0),
        }
    }
}

/// What a pageview or a custom event of a site adds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PageEvent {
    /// The kind of event as its sender names it: `pageview`, `custom_event`, `outbound`, `form_submit`, `identify` ...
    pub event_type: String,
    /// Name of a custom event, such as `cta_clicked`; else empty.
    pub name: String,
    /// Path of the page, such as `/pricing`.
    pub page: String,
    /// Title of the page.
    pub title: String,
    /// The site's own name of the person; empty until identified.
    pub user_id: String,
    /// JSON object as text; empty for none.
    pub props: String,
    /// Screen width in CSS pixels; 0 when unknown.
    pub screen_width: u16,
    /// Screen height in CSS pixels; 0 when unknown.
    pub screen_height: u16,
    /// Time spent on a page that is left, in milliseconds; 0 for other events.
    pub duration_ms: u32,
    /// The click that brought the visitor, as far as the page's address names it.
    pub click: EventId,
}

/// Through whose network a visitor came; known only with an ASN, ISP or anonymous-IP file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Provider's name; empty when unknown.
    pub isp: String,
    /// Autonomous system number; 0 when unknown.
    pub asn: u32,
    /// The address belongs to a hosting provider, not to a household or an office.
    pub hosting: bool,
}

/// By what kind of way a visitor came (Ghost ID's channels).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// No referrer and no campaign.
    #[default]
    Direct,
    /// A search engine.
    Organic,
    /// A social network.
    Social,
    /// Another site.
    Referral,
    /// A mail.
    Email,
    /// An advertisement.
    Paid,
    /// A tracked short link.
    Link,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 7] =
        [Self::Direct, Self::Organic, Self::Social, Self::Referral, Self::Email, Self::Paid, Self::Link];

    /// The stored and published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "Direct",
            Self::Organic => "Organic",
            Self::Social => "Social",
            Self::Referral => "Referral",
            Self::Email => "Email",
            Self::Paid => "Paid",
            Self::Link => "Link",
        }
    }

    /// The channel of a name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name().eq_ignore_ascii_case(name))
    }
}

/// Where a visitor was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// `AF AN AS EU NA OC SA`.
    pub continent: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// ISO 3166-2 with its country, such as `US-CA`.
    pub region: String,
    /// English name.
    pub city: String,
}

/// Where a city is, in ten-thousandths of a degree (some eleven metres); both 0 where it is not known: no city is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coordinates {
    /// North of the equator; negative to the south.
    pub latitude: i32,
    /// East of Greenwich; negative to the west.
    pub longitude: i32,
}

impl Coordinates {
    const PER_DEGREE: f64 = 10_000.0;

    /// Those of these degrees; unknown for what is no place on earth.
    pub fn of_degrees(latitude: f64, longitude: f64) -> Self {
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Self::default();
        }
        let whole = |degrees: f64| (degrees * Self::PER_DEGREE).round() as i32;
        Self { latitude: whole(latitude), longitude: whole(longitude) }
    }

    /// Latitude and longitude in degrees; `None` where they are not known.
    pub fn degrees(self) -> Option<(f64, f64)> {
        let degrees = |whole: i32| f64::from(whole) / Self::PER_DEGREE;
        (self != Self::default()).then(|| (degrees(self.latitude), degrees(self.longitude)))
    }
}

/// What a visitor used: one parsed `User-Agent`, shared by all events that sent it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// The header as sent, cut at 1,024 bytes.
    pub user_agent: String,
    /// `Desktop`, `Mobile`, `Tablet`, `Smarttv`, `Console`, `Wearable`, `Embedded`.
    pub device: String,
    /// Browser name, such as `Chrome`, `Mobile Safari`, `Edge`.
    pub browser: String,
    /// Browser version as sent.
    pub browser_version: String,
    /// System name, such as `Windows`, `Mac OS`, `iOS`, `Android`.
    pub os: String,
    /// System version as sent.
    pub os_version: String,
    /// The robot's name; empty for humans.
    pub bot: String,
    /// What the robot is for: `ads`, `ai`, `archive`, `automation`, `feed`, `library`, `monitor`, `other`, `preview`, `scanner`,
    /// `search` or `seo`; empty for humans.
    pub bot_category: String,
}

/// Where a visitor came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Referrer {
    /// Lower-case host without `www.`; empty for direct visits.
    pub host: String,
    /// The address without query and fragment; empty for direct visits.
    pub url: String,
    /// What people call the source, such as `Google` or `Facebook`; empty when it has no name of its own.
    pub name: String,
}

/// Campaign fields of the final destination, decoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Utm {
    /// `utm_source`
    pub source: String,
    /// `utm_medium`
    pub medium: String,
    /// `utm_campaign`
    pub campaign: String,
    /// `utm_term`
    pub term: String,
    /// `utm_content`
    pub content: String,
}

/// What a lead or a sale adds to the dimensions of its click.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// The click it follows.
    pub click: EventId,
    /// Who it was.
    pub customer: CustomerId,
    /// Such as `Sign up`.
    pub name: String,
    /// In the smallest unit of the currency; 0 for leads.
    pub amount: i64,
    /// ISO 4217, lower case; empty for leads.
    pub currency: String,
    /// Who took the payment.
    pub payment_processor: String,
    /// The invoice, if any.
    pub invoice_id: String,
    /// JSON text; empty for none.
    pub metadata: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_kept_to_four_places() {
        for (latitude, longitude) in [(30.2672, -97.7431), (-90.0, 180.0), (51.5142, -0.0931), (0.0, 0.0001)] {
            assert_eq!(Coordinates::of_degrees(latitude, longitude).degrees(), Some((latitude, longitude)));
        }
        for (latitude, longitude) in [(0.0, 0.0), (90.1, 0.0), (1.0, -181.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(Coordinates::of_degrees(latitude, longitude).degrees(), None);
        }
    }
}
