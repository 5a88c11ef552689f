//! A short link: one type that holds what every surface knows of it. Each surface reads and writes its own view.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::currency::Takings;
use super::id::{DomainId, FolderId, LinkId, TagId, UserId, WorkspaceId};
use super::patch::patchable;

/// The slug that stands for a domain's own root page.
pub const ROOT_SLUG: &str = "_root";

/// A link as the catalog holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Its row.
    pub id: LinkId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Who made it, where known.
    pub created_by: Option<UserId>,
    /// Its short domain.
    pub domain_id: DomainId,
    /// The short domain's name, lower case.
    pub domain: String,
    /// Its place on the domain, as given; matched without regard to case unless the domain says otherwise.
    pub slug: String,
    /// All that can be written.
    pub fields: LinkFields,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: i64,
    /// Set while the link is in the trash: nobody finds it, its slug stays taken, and it can come back.
    #[serde(default)]
    pub trashed_at_ms: Option<i64>,
    /// Set when the link was deleted; its history stays.
    pub deleted_at_ms: Option<i64>,
}

/// What came of a link so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clicks, as the surface counts them.
    pub clicks: u64,
    /// Leads.
    pub leads: u64,
    /// Customers who bought.
    pub conversions: u64,
    /// Sums of the sales.
    pub takings: Takings,
    /// Milliseconds since the epoch.
    pub last_clicked_ms: Option<i64>,
}

patchable! {
    /// What can be written of a link, apart from where it lives. Times are milliseconds since the epoch.
    pub struct LinkFields, patch LinkPatch {
        /// The destination; empty only for a root link without one.
        url: String,
        /// What the destination is.
        kind: LinkKind,
        /// How visitors are sent on.
        redirect: RedirectKind,
        /// Shown in lists.
        title: Option<String>,
        /// Shown in lists.
        description: Option<String>,
        /// Address of a picture.
        image: Option<String>,
        /// Address of a video.
        video: Option<String>,
        /// Notes of the team, never shown to visitors.
        notes: Option<String>,
        /// Show the destination in a frame under the short address.
        cloak: bool,
        /// An argon2id hash; the password itself is never kept.
        password_hash: Option<String>,
        /// Not found before this instant.
        starts_at_ms: Option<i64>,
        /// Expired from this instant on.
        expires_at_ms: Option<i64>,
        /// Where visitors of an expired link go.
        expired_url: Option<String>,
        /// Expired after this many clicks by humans, of those that are not recorded, too; at least 1. Clicks from before the
        /// limit was set count.
        max_clicks: Option<u64>,
        /// Not found while set: since when, in milliseconds.
        disabled_at_ms: Option<i64>,
        /// Left out of lists unless asked for.
        archived: bool,
        /// Its tags.
        tags: Vec<TagId>,
        /// Its folder.
        folder: Option<FolderId>,
        /// Hand the visit's query on to the destination.
        forward_parameters: bool,
        /// Robots see "not found".
        block_bots: bool,
        /// Send no referrer to the destination.
        hide_referrer: bool,
        /// Previews by social networks are not clicks.
        skip_social_crawlers: bool,
        /// Appended to the destination.
        utm: LinkUtm,
        /// Pixel and tag ids by network.
        pixels: BTreeMap<String, String>,
        /// HTML for the head of the page before the destination, or of a cloaked one.
        head_tags: Option<String>,
        /// HTML for the body of the page before the destination, or of a cloaked one.
        body_tags: Option<String>,
        /// Addresses told of every click, in Linkly's words; public ones, at most 10.
        webhook_urls: Vec<String>,
        /// The id in the user's own database.
        external_id: Option<String>,
        /// The user's own tenant.
        tenant_id: Option<String>,
        /// The partner programme it belongs to.
        program_id: Option<String>,
        /// The partner it belongs to.
        partner_id: Option<String>,
        /// The group of partners it belongs to.
        group_id: Option<String>,
        /// Tags of that partner, each once.
        partner_tags: Vec<String>,
        /// What social networks show.
        preview: Preview,
        /// Show the preview fields instead of the destination's own.
        custom_preview: bool,
        /// Let search engines index the short address.
        index: bool,
        /// Where iOS visitors go.
        ios_url: Option<String>,
        /// Where Android visitors go.
        android_url: Option<String>,
        /// Where visitors of a country (ISO 3166-1 alpha-2) go.
        geo_urls: BTreeMap<String, String>,
        /// Tried in order; the first that matches names the destination, before the targets of devices and countries and
        /// before tests.
        rules: Vec<Rule>,
        /// Where visitors go instead of `url` while a test runs, each a share of them; empty for no test.
        test_variants: Vec<TestVariant>,
        /// The test runs from this instant on; at once when absent.
        test_started_at_ms: Option<i64>,
        /// The test is over from this instant on; never, when absent.
        test_completed_at_ms: Option<i64>,
        /// Append a click id to the destination, so that leads and sales find their click.
        track_conversion: bool,
        /// Anyone may see its statistics.
        public_statistics: bool,
        /// The site it belongs to.
        site: Option<u64>,
        /// The organic content, advertisement or profile it stands in.
        placement: Option<String>,
        /// What a surface's clients keep with a link and nothing here acts on, by its name there.
        kept: BTreeMap<String, Value>,
    }
}

/// What a destination is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// `http:` or `https:`
    #[default]
    Url,
    /// `mailto:`
    Mailto,
    /// `tel:`
    Tel,
    /// `sms:`
    Sms,
}

/// How visitors are sent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedirectKind {
    /// 301, told not to be cached, so that every click is seen.
    Permanent,
    /// 302
    #[default]
    Temporary,
}

/// Campaign fields of a link; they are written into its destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkUtm {
    /// `utm_source`
    pub source: Option<String>,
    /// `utm_medium`
    pub medium: Option<String>,
    /// `utm_campaign`
    pub campaign: Option<String>,
    /// `utm_term`
    pub term: Option<String>,
    /// `utm_content`
    pub content: Option<String>,
}

impl LinkUtm {
    /// Parameter name and value, in the order in which they are appended.
    pub fn pairs(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("utm_source", self.source.as_deref()),
            ("utm_medium", self.medium.as_deref()),
            ("utm_campaign", self.campaign.as_deref()),
            ("utm_term", self.term.as_deref()),
            ("utm_content", self.content.as_deref()),
        ]
    }
}

/// What social networks show for the short address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    /// `og:title`
    pub title: Option<String>,
    /// `og:description`
    pub description: Option<String>,
    /// `og:image`
    pub image: Option<String>,
}

/// One of the destinations that a test compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestVariant {
    /// Where they go.
    pub url: String,
    /// Share of visitors in percent, 10 to 90.
    #[serde(serialize_with = "as_short_number")]
    pub percentage: f64,
}

/// Whole numbers without a point.
fn as_short_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX) {
        serializer.serialize_i32(*number as i32)
    } else {
        serializer.serialize_f64(*number)
    }
}

/// One rule: where visitors that match it go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What is looked at.
    pub on: RuleOn,
    /// The values that match, in any case; not used by splits.
    pub values: Vec<String>,
    /// A share in percent, more than 0 and at most 100. Splits have one, and those that follow each other share one draw, so
    /// that their shares add up to 100 at most; of other rules it is the share of those who match, all when absent.
    pub percent: Option<f64>,
    /// Where they go.
    pub url: String,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleOn {
    /// ISO 3166-1 alpha-2.
    Country,
    /// Device class: `desktop`, `mobile` or `tablet`.
    Device,
    /// System name as surfaces show it, such as `Windows`, `Mac` or `iOS`; a device class will do, too.
    Platform,
    /// A share of whoever the rules before left.
    Split,
}
