//! What happened, enriched: one event is one row of the warehouse.
//!
//! An unknown dimension is an empty string; how it is shown is the business of the table of dimensions.

use std::sync::Arc;

use super::click_id::EventId;
use super::hit::Trigger;
use super::id::{CustomerId, LinkId, WorkspaceId};

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
#[derive(Clone, Debug, PartialEq)]
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
    /// Keyed hash of who it was.
    pub visitor: u64,
    /// The same visitor clicked the same link within the workspace's window before.
    pub repeat: bool,
    /// Where the visitor was.
    pub place: Place,
    /// What the visitor used.
    pub agent: Arc<Agent>,
    /// How the link was reached.
    pub trigger: Trigger,
    /// Where the visitor came from.
    pub referrer: Referrer,
    /// The final destination, query included.
    pub url: String,
    /// The campaign.
    pub utm: Utm,
    /// Leads and sales only.
    pub conversion: Option<Box<Conversion>>,
}

/// Where a visitor was.
#[derive(Clone, Debug, Default, PartialEq)]
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

/// What a visitor used: one parsed `User-Agent`, shared by all events that sent it.
#[derive(Clone, Debug, Default, PartialEq)]
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
}

/// Where a visitor came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Referrer {
    /// Lower-case host without `www.`; empty for direct visits.
    pub host: String,
    /// The address without query and fragment; empty for direct visits.
    pub url: String,
}

/// Campaign fields of the final destination, decoded.
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
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
