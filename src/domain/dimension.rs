//! THE table of dimensions: everything that must know a dimension's names, column, blank label or way of matching reads it
//! here. Adding a dimension is adding a line (and a numbered file in `clickhouse/` for its column).

use super::event::EventKind;

/// How filter values are compared with the stored ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// As given.
    Exact,
    /// Stored in upper case; values may be in any.
    Upper,
    /// Without regard to the case of ASCII letters.
    AnyCase,
    /// `US-CA`, `CA` in any country, or `US-Unknown` for visitors of a country whose region is not known; without regard to
    /// the case of ASCII letters.
    Region,
    /// An address: a value without a query matches whatever query was stored, one with a query matches exactly.
    Address,
    /// An address that is stored without its query.
    AddressBase,
    /// A public link id.
    LinkId,
}

/// What becomes of events whose dimension is unknown (stored as an empty string) in a breakdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    /// Left out unless asked for; then shown with this label.
    Hidden(&'static str),
    /// Shown with this label.
    Shown(&'static str),
}

impl Blank {
    /// The label of the unknown.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hidden(label) | Self::Shown(label) => label,
        }
    }
}

/// The kinds of events that a dimension says something of. A filter by it leaves the others alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// All.
    Every,
    /// Those that go by a name: leads, sales, custom events.
    Named,
    /// Sales.
    Sales,
}

impl Of {
    /// Whether events of this kind are among them.
    pub fn includes(self, kind: EventKind) -> bool {
        match self {
            Self::Every => true,
            Self::Named => matches!(kind, EventKind::Custom | EventKind::Lead | EventKind::Sale),
            Self::Sales => kind == EventKind::Sale,
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct DimensionInfo {
    /// The dimension.
    pub dimension: Dimension,
    /// Its column in the warehouse's event table.
    pub column: &'static str,
    /// Its name in Dub's `groupBy`, where it has one.
    pub dub_group: Option<&'static str>,
    /// Its name as a Dub query parameter; none for a dimension that is filtered by another's parameter.
    pub dub_filter: Option<&'static str>,
    /// The field that holds it in Dub's rows.
    pub dub_field: &'static str,
    /// Its names as Linkly's counter, the first being the common one; none where it has none.
    pub linkly: &'static [&'static str],
    /// Which events have it.
    pub of: Of,
    /// What becomes of the unknown.
    pub blank: Blank,
    /// How filter values are compared.
    pub matching: Matching,
    /// What its values lie in: a breakdown shows these before it, so that two places of one name stay apart.
    pub within: &'static [Dimension],
}

macro_rules! dimensions {
    ($($(#[$doc:meta])* $name:ident $column:literal $group:expr, $filter:expr, $field:literal [$($linkly:literal)*] $of:ident $blank:expr, $matching:ident $($within:ident)*;)*) => {
        /// Something that events can be broken down and filtered by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Dimension { $($(#[$doc])* $name,)* }

        /// The table, in the order in which names are listed to callers.
        pub const DIMENSIONS: &[DimensionInfo] = &[$(DimensionInfo {
            dimension: Dimension::$name,
            column: $column,
            dub_group: $group,
            dub_filter: $filter,
            dub_field: $field,
            linkly: &[$($linkly),*],
            of: Of::$of,
            blank: $blank,
            matching: Matching::$matching,
            within: &[$(Dimension::$within),*],
        },)*];
    };
}

use Blank::{Hidden, Shown};

dimensions! {
    // name      column           Dub groupBy              Dub filter            Dub field       Linkly counters            of    blank                matching, within
    /// `AF AN AS EU NA OC SA`
    Continent   "continent"      Some("continents"),      Some("continent"),    "continent"     []                         Every Hidden("Unknown"),   Upper;
    /// ISO 3166-1 alpha-2
    Country     "country"        Some("countries"),       Some("country"),      "country"       ["country"]                Every Hidden("Unknown"),   Upper;
    /// ISO 3166-2
    Region      "region"         Some("regions"),         Some("region"),       "region"        ["region"]                 Every Hidden("Unknown"),   Region Country;
    /// English name
    City        "city"           Some("cities"),          Some("city"),         "city"          ["city"]                   Every Hidden("Unknown"),   Exact Country Region;
    /// Device class
    Device      "device"         Some("devices"),         Some("device"),       "device"        []                         Every Hidden("Unknown"),   AnyCase;
    /// Browser name
    Browser     "browser"        Some("browsers"),        Some("browser"),      "browser"       ["browser" "browser_name"] Every Hidden("Unknown"),   AnyCase;
    /// Operating system name
    Os          "os"             Some("os"),              Some("os"),           "os"            ["platform"]               Every Hidden("Unknown"),   AnyCase;
    /// How the link was reached
    Trigger     "trigger"        Some("triggers"),        Some("trigger"),      "trigger"       []                         Every Hidden("Unknown"),   AnyCase;
    /// Referrer host without `www.`
    Referrer    "referrer_host"  Some("referers"),        Some("referer"),      "referer"       ["referer"]                Every Shown("(direct)"),   AnyCase;
    /// Referrer without its query
    ReferrerUrl "referrer_url"   Some("referer_urls"),    Some("refererUrl"),   "refererUrl"    []                         Every Shown("(direct)"),   AddressBase;
    /// The link
    Link        "link_id"        Some("top_links"),       Some("linkId"),       "id"            ["link_id"]                Every Hidden(""),          LinkId;
    /// Final destination, query included
    Url         "url"            Some("top_urls"),        Some("url"),          "url"           ["destination"]            Every Hidden(""),          Address;
    /// Final destination without its query
    BaseUrl     "base_url"       Some("top_base_urls"),   None,                 "url"           []                         Every Hidden(""),          Exact;
    /// `utm_source`
    UtmSource   "utm_source"     Some("utm_sources"),     Some("utm_source"),   "utm_source"    ["utm_source"]             Every Hidden("(not set)"), Exact;
    /// `utm_medium`
    UtmMedium   "utm_medium"     Some("utm_mediums"),     Some("utm_medium"),   "utm_medium"    ["utm_medium"]             Every Hidden("(not set)"), Exact;
    /// `utm_campaign`
    UtmCampaign "utm_campaign"   Some("utm_campaigns"),   Some("utm_campaign"), "utm_campaign"  ["utm_campaign"]           Every Hidden("(not set)"), Exact;
    /// `utm_term`
    UtmTerm     "utm_term"       Some("utm_terms"),       Some("utm_term"),     "utm_term"      ["utm_term"]               Every Hidden("(not set)"), Exact;
    /// `utm_content`
    UtmContent  "utm_content"    Some("utm_contents"),    Some("utm_content"),  "utm_content"   ["utm_content"]            Every Hidden("(not set)"), Exact;
    /// Name of a lead, a sale or a custom event
    EventName   "event_name"     Some("event_names"),     Some("eventName"),    "eventName"     []                         Named Hidden("(not set)"), Exact;
    /// Code of a sale's currency
    Currency    "currency"       Some("currencies"),      Some("currency"),     "currency"      []                         Sales Hidden("(not set)"), AnyCase;
    /// Kind of way by which the visitor came
    Channel     "channel"        Some("channels"),        Some("channel"),      "channel"       []                         Every Hidden("Unknown"),   AnyCase;
    /// The visitor's first language
    Language    "language"       Some("languages"),       Some("language"),     "language"      []                         Every Hidden("Unknown"),   AnyCase;
    /// Internet service provider
    Isp         "isp"            Some("isps"),            Some("isp"),          "isp"           ["isp"]                    Every Hidden("Unknown"),   AnyCase;
    /// Name of a robot
    Bot         "bot"            Some("bot_names"),       Some("botName"),      "botName"       ["bot_name"]               Every Hidden("(human)"),   AnyCase;
    /// Ad network, by the click id that it put into the visit's query
    AdNetwork   "ad_network"     None,                    None,                 "adNetwork"     ["ad_network"]             Every Hidden("Unknown"),   AnyCase;
    /// Address, as far as the workspace keeps it
    Address     "address"        None,                    None,                 "ip"            ["remote_ip"]              Every Hidden("Unknown"),   Exact;
}

impl Dimension {
    /// The dimension's line of the table.
    pub fn info(self) -> &'static DimensionInfo {
        // The table is generated in the order of the variants.
        &DIMENSIONS[self as usize]
    }
}

/// What a link is now, as opposed to what it was when it was clicked: filtered and grouped through the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkAttribute {
    /// Short domain name.
    Domain,
    /// Public tag id; a link may have several.
    Tag,
    /// Public folder id.
    Folder,
    /// The user's own tenant.
    Tenant,
    /// Partner programme, as given.
    Program,
    /// Partner id, as given.
    Partner,
    /// Group of partners, as given.
    Group,
    /// Tag of the partner, as given; a link may have several.
    PartnerTag,
}

/// One line of the table of attributes.
#[derive(Clone, Copy, Debug)]
pub struct AttributeInfo {
    /// The attribute.
    pub attribute: LinkAttribute,
    /// Its name as a Dub query parameter.
    pub dub_filter: &'static str,
    /// Its name in Dub's `groupBy`, where it has one.
    pub dub_group: Option<&'static str>,
}

/// THE table of attributes.
pub const ATTRIBUTES: &[AttributeInfo] = &[
    attribute(LinkAttribute::Domain, "domain", Some("top_domains")),
    attribute(LinkAttribute::Tag, "tagId", Some("top_link_tags")),
    attribute(LinkAttribute::Folder, "folderId", Some("top_folders")),
    attribute(LinkAttribute::Tenant, "tenantId", None),
    attribute(LinkAttribute::Program, "programId", None),
    attribute(LinkAttribute::Partner, "partnerId", Some("top_partners")),
    attribute(LinkAttribute::Group, "groupId", Some("top_groups")),
    attribute(LinkAttribute::PartnerTag, "partnerTagId", Some("top_partner_tags")),
];

const fn attribute(
    attribute: LinkAttribute,
    dub_filter: &'static str,
    dub_group: Option<&'static str>,
) -> AttributeInfo {
    AttributeInfo { attribute, dub_filter, dub_group }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_finds_its_line() {
        for line in DIMENSIONS {
            assert_eq!(line.dimension.info().column, line.column);
        }
    }

    #[test]
    fn names_are_unique() {
        for (index, line) in DIMENSIONS.iter().enumerate() {
            for other in &DIMENSIONS[index + 1..] {
                assert!(line.dub_group.is_none() || line.dub_group != other.dub_group);
                assert!(line.linkly.iter().all(|name| !other.linkly.contains(name)));
                assert_ne!(line.column, other.column);
                assert!(line.dub_filter.is_none() || line.dub_filter != other.dub_filter);
            }
        }
    }
}
