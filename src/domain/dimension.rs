//! THE table of dimensions: everything that must know a dimension's names, column, blank label or way of matching reads it
//! here. Adding a dimension is adding a line (and a numbered file in `clickhouse/` for its column).

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

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct DimensionInfo {
    /// The dimension.
    pub dimension: Dimension,
    /// Its column in the warehouse's event table.
    pub column: &'static str,
    /// Its name in Dub's `groupBy`.
    pub dub_group: &'static str,
    /// Its name as a Dub query parameter; none for a dimension that is filtered by another's parameter.
    pub dub_filter: Option<&'static str>,
    /// The field that holds it in Dub's rows.
    pub dub_field: &'static str,
    /// What becomes of the unknown.
    pub blank: Blank,
    /// How filter values are compared.
    pub matching: Matching,
    /// What its values lie in: a breakdown shows these before it, so that two places of one name stay apart.
    pub within: &'static [Dimension],
}

macro_rules! dimensions {
    ($($(#[$doc:meta])* $name:ident $column:literal $group:literal $filter:expr, $field:literal $blank:expr, $matching:ident $($within:ident)*;)*) => {
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
            blank: $blank,
            matching: Matching::$matching,
            within: &[$(Dimension::$within),*],
        },)*];
    };
}

use Blank::{Hidden, Shown};

dimensions! {
    // name      column           Dub groupBy        Dub filter              Dub field       blank                 matching, within
    /// `AF AN AS EU NA OC SA`
    Continent   "continent"       "continents"       Some("continent"),      "continent"     Hidden("Unknown"),    Upper;
    /// ISO 3166-1 alpha-2
    Country     "country"         "countries"        Some("country"),        "country"       Hidden("Unknown"),    Upper;
    /// ISO 3166-2
    Region      "region"          "regions"          Some("region"),         "region"        Hidden("Unknown"),    Region Country;
    /// English name
    City        "city"            "cities"           Some("city"),           "city"          Hidden("Unknown"),    Exact Country Region;
    /// Device class
    Device      "device"          "devices"          Some("device"),         "device"        Hidden("Unknown"),    AnyCase;
    /// Browser name
    Browser     "browser"         "browsers"         Some("browser"),        "browser"       Hidden("Unknown"),    AnyCase;
    /// Operating system name
    Os          "os"              "os"               Some("os"),             "os"            Hidden("Unknown"),    AnyCase;
    /// How the link was reached
    Trigger     "trigger"         "triggers"         Some("trigger"),        "trigger"       Hidden("Unknown"),    AnyCase;
    /// Referrer host without `www.`
    Referrer    "referrer_host"   "referers"         Some("referer"),        "referer"       Shown("(direct)"),    AnyCase;
    /// Referrer without its query
    ReferrerUrl "referrer_url"    "referer_urls"     Some("refererUrl"),     "refererUrl"    Shown("(direct)"),    AddressBase;
    /// The link
    Link        "link_id"         "top_links"        Some("linkId"),         "id"            Hidden(""),           LinkId;
    /// Final destination, query included
    Url         "url"             "top_urls"         Some("url"),            "url"           Hidden(""),           Address;
    /// Final destination without its query
    BaseUrl     "base_url"        "top_base_urls"    None,                   "url"           Hidden(""),           Exact;
    /// `utm_source`
    UtmSource   "utm_source"      "utm_sources"      Some("utm_source"),     "utm_source"    Hidden("(not set)"),  Exact;
    /// `utm_medium`
    UtmMedium   "utm_medium"      "utm_mediums"      Some("utm_medium"),     "utm_medium"    Hidden("(not set)"),  Exact;
    /// `utm_campaign`
    UtmCampaign "utm_campaign"    "utm_campaigns"    Some("utm_campaign"),   "utm_campaign"  Hidden("(not set)"),  Exact;
    /// `utm_term`
    UtmTerm     "utm_term"        "utm_terms"        Some("utm_term"),       "utm_term"      Hidden("(not set)"),  Exact;
    /// `utm_content`
    UtmContent  "utm_content"     "utm_contents"     Some("utm_content"),    "utm_content"   Hidden("(not set)"),  Exact;
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
    /// Partner id, as given.
    Partner,
    /// Group of partners, as given.
    Group,
}

impl LinkAttribute {
    /// Every attribute with its Dub query parameter.
    pub const DUB_FILTERS: [(Self, &'static str); 6] = [
        (Self::Domain, "domain"),
        (Self::Tag, "tagId"),
        (Self::Folder, "folderId"),
        (Self::Tenant, "tenantId"),
        (Self::Partner, "partnerId"),
        (Self::Group, "groupId"),
    ];
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
                assert_ne!(line.dub_group, other.dub_group);
                assert_ne!(line.column, other.column);
                assert!(line.dub_filter.is_none() || line.dub_filter != other.dub_filter);
            }
        }
    }
}
