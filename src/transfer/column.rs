//! THE table of the columns of an event file, for import, export and `--help`.

use crate::domain::event::EventKind;

/// Which kinds of event a column speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Every kind.
    All,
    /// Pageviews and custom events.
    Pages,
    /// Leads and sales.
    Conversions,
    /// Sales and custom events.
    Sales,
    /// Every kind but clicks and pageviews.
    Named,
}

impl Of {
    /// Whether it speaks of this kind.
    pub fn includes(self, kind: EventKind) -> bool {
        match self {
            Self::All => true,
            Self::Pages => matches!(kind, EventKind::Pageview | EventKind::Custom),
            Self::Conversions => matches!(kind, EventKind::Lead | EventKind::Sale),
            Self::Sales => matches!(kind, EventKind::Sale | EventKind::Custom),
            Self::Named => !matches!(kind, EventKind::Click | EventKind::Pageview),
        }
    }

    /// Such as `pageviews and custom events`.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all events",
            Self::Pages => "pageviews and custom events",
            Self::Conversions => "leads and sales",
            Self::Sales => "sales and custom events",
            Self::Named => "custom events, leads and sales",
        }
    }
}

macro_rules! columns {
    ($($name:ident $text:literal $of:ident $help:literal;)*) => {
        /// A column of an event file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Column { $(#[doc = $help] $name,)* }

        impl Column {
            /// Every column, in the order in which they are exported.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it holds, in a few words.
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }

            /// Which events it speaks of.
            pub fn of(self) -> Of {
                match self { $(Self::$name => Of::$of,)* }
            }

            /// The column of a name, which is matched exactly.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

columns! {
    Kind "kind" All "click (when absent), pageview, custom, lead or sale";
    Timestamp "timestamp" All "when it happened: RFC 3339, such as 2026-03-08T14:30:00.250-05:00; required; 1970 to 2099";
    Link "link" All "short URL, domain/slug or id of a link of the workspace; required for clicks";
    Site "site" All "slug, host or number of a site of the workspace; pageviews and custom events need one, or a link";
    Trigger "trigger" All "link, qr, pageview or deeplink";
    VisitorId "visitor_id" All "who it was, in your words; v_ and 16 hex digits, as exports have it, is taken as it is";
    SessionId "session_id" All "the session, in your words; s_ and 16 hex digits is taken as it is";
    UserId "user_id" All "your name of the person; names the visitor where there is neither visitor_id nor ip";
    Repeat "repeat" All "true: does not count; when absent, a second click of the same visitor within the workspace's window";
    Url "url" All "of a click the destination, of a page its address; utm_* parameters are read from it";
    Params "params" All "the query that the short link was visited with, without its ?";
    Referrer "referrer" All "the Referer header; its host, name and channel are read from it";
    UserAgent "user_agent" All "the User-Agent header; browser, system, device and bot are read from it";
    Ip "ip" All "the client's address: place and visitor are told by it; kept only as far as the workspace keeps addresses";
    Language "language" All "the visitor's first language, such as en-US";
    Continent "continent" All "AF, AN, AS, EU, NA, OC or SA";
    Country "country" All "ISO 3166-1, two letters";
    Region "region" All "ISO 3166-2, such as US-CA, or CA beside its country";
    City "city" All "English name";
    Latitude "latitude" All "of the city, in degrees, such as 30.2672";
    Longitude "longitude" All "of the city, in degrees, such as -97.7431";
    Device "device" All "Desktop, Mobile, Tablet, Smarttv, Console, Wearable or Embedded";
    Browser "browser" All "such as Chrome";
    BrowserVersion "browser_version" All "such as 131.0";
    Os "os" All "such as Windows";
    OsVersion "os_version" All "such as 10.0";
    Bot "bot" All "name of the robot; true for an unnamed one, false for a human";
    BotCategory "bot_category" All "such as search, preview, ai";
    Isp "isp" All "provider";
    Asn "asn" All "autonomous system number";
    Hosting "hosting" All "true: the address is of a hosting provider";
    ReferrerHost "referrer_host" All "such as news.example";
    ReferrerUrl "referrer_url" All "the referrer without its query";
    ReferrerName "referrer_name" All "such as Google";
    Channel "channel" All "Direct, Organic, Social, Referral, Email, Paid or Link";
    UtmSource "utm_source" All "campaign source";
    UtmMedium "utm_medium" All "campaign medium";
    UtmCampaign "utm_campaign" All "campaign name";
    UtmTerm "utm_term" All "campaign term";
    UtmContent "utm_content" All "campaign content";
    EventType "event_type" Pages "the sender's kind of event, such as outbound or form_submit";
    EventName "event_name" Named "such as cta_clicked or Sign up";
    Page "page" Pages "path, such as /pricing";
    PageTitle "page_title" Pages "title of the page";
    Props "props" Pages "properties: a JSON object";
    ScreenWidth "screen_width" Pages "in CSS pixels";
    ScreenHeight "screen_height" Pages "in CSS pixels";
    DurationMs "duration_ms" Pages "time on a page that is left, in milliseconds";
    Customer "customer_external_id" Named "the customer's id in your database; made when it is new";
    Amount "amount" Sales "in the smallest unit of the currency, a whole number; required for sales";
    Currency "currency" Sales "ISO 4217, such as eur; required for sales";
    PaymentProcessor "payment_processor" Sales "such as stripe";
    InvoiceId "invoice_id" Sales "the invoice";
    Metadata "metadata" Conversions "a JSON object";
    Enriched "enriched" All "true, as in exports: nothing is read from ip, user_agent, referrer and url, and a blank is a blank";
    RejectedLine "rejected_line" All "not looked at: so that a corrected rejects file can be imported";
    RejectedReason "rejected_reason" All "not looked at";
}

impl Column {
    /// Whether exports have it. The others only tell an import what to read from.
    pub fn is_exported(self) -> bool {
        !matches!(self, Self::Referrer | Self::RejectedLine | Self::RejectedReason)
    }

    /// The list for `--help`: a line a column.
    pub fn list() -> String {
        let width = Self::ALL.iter().map(|column| column.name().len()).max().unwrap_or(0);
        let line = |column: &Self| {
            let of = match column.of() {
                Of::All => String::new(),
                of => format!(" ({})", of.name()),
            };
            format!("  {:width$}  {}{of}", column.name(), column.help())
        };
        Self::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// All names, separated by commas, for messages.
    pub fn names() -> String {
        Self::ALL.iter().map(|column| column.name()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_columns() {
        for (place, column) in Column::ALL.iter().enumerate() {
            assert_eq!(Column::parse(column.name()), Some(*column));
            assert_eq!(*column as usize, place);
        }
        assert_eq!(Column::parse("Kind"), None);
        assert_eq!(Column::list().lines().count(), Column::COUNT);
    }
}
