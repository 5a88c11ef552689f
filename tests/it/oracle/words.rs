//! The words of random events, and of the random filters that ask for them.

use linktrail::domain::id::{CustomerId, FolderId, LinkId, TagId};
use linktrail::filter::MAX_VALUES;
use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use super::scene::Scene;

/// Continent, country, region, city.
pub const PLACES: &[[&str; 4]] = &[
    ["EU", "DE", "DE-BE", "Berlin"],
    ["NA", "US", "US-CA", "Los Angeles"],
    ["NA", "US", "US-CA", ""],
    ["NA", "US", "US-NY", "New York"],
    ["NA", "US", "US-IL", "Springfield"],
    ["NA", "US", "US-MA", "Springfield"],
    ["NA", "US", "", ""],
    ["NA", "CA", "CA-ON", "London"],
    ["NA", "CA", "CA-QC", "Québec"],
    ["EU", "GB", "GB-ENG", "London"],
    ["EU", "GB", "", "London"],
    ["EU", "FR", "FR-Provence-Alpes-Côte d'Azur", "Nice"],
    ["AS", "IN", "IN-Goa", "Panaji"],
    ["AF", "SS", "SS-EC", "Juba"],
    ["SA", "BR", "BR-SP", "São Paulo"],
    ["SA", "PE", "PE-CA", "O'Brien\\"],
    ["OC", "NZ", "NZ-AUK", "tab\tnew\nline\r"],
    ["EU", "", "", ""],
    ["", "", "", ""],
];

/// Device, browser, system, robot.
pub const AGENTS: &[[&str; 4]] = &[
    ["Desktop", "Chrome", "Windows", ""],
    ["Desktop", "Chrome", "Mac OS", ""],
    ["Desktop", "Firefox", "Linux", ""],
    ["Mobile", "Mobile Safari", "iOS", ""],
    ["Mobile", "Chrome", "Android", ""],
    ["Tablet", "Édge", "iOS", ""],
    ["", "", "", ""],
    ["Desktop", "", "Linux", ""],
    ["", "", "", "Googlebot"],
    ["Desktop", "Chrome", "Linux", "O'Bot\\\""],
];

/// Host and address, without query.
pub const REFERRERS: &[[&str; 2]] = &[
    ["", ""],
    ["", ""],
    ["google.com", "https://www.google.com/"],
    ["google.com", "https://www.google.com/search"],
    ["news.example", "https://news.example/a,b"],
    ["xn--bcher-kva.example", "https://xn--bcher-kva.example/%22'"],
    ["app.example", "android-app://app.example/"],
];

pub const URLS: &[&str] = &[
    "https://shop.example/",
    "https://shop.example/?utm_source=x",
    "https://shop.example/?utm_source=y&z=%27",
    "https://shop.example/Sale",
    "https://shop.example/sale",
    "https://shop.example/sale#top",
    "https://shop.example/sale?a=1#top",
    "https://shop.example/o'clock\\?q=\"",
    "https://shop.example/a,b?c,d",
    "mailto:someone@example.com",
    "",
];

/// The query of a visit, and the pairs in it as they are shown.
pub const PARAMS: &[(&str, &[&str])] = &[
    ("", &[]),
    ("", &[]),
    ("utm_source=a&x=1", &["utm_source=a", "x=1"]),
    ("x=1&x=1&x=%31&y=%C3%BC+z", &["x=1", "y=ü z"]),
    ("&&q=%22a%2C+b%22&t=1%092%0A3&&", &["q=\"a, b\"", "t=1\t2\n3"]),
    ("=1&x&X=1&x=100%&Y=%zz", &["=1", "x", "X=1", "x=100%", "Y=%zz"]),
    // Bytes that are no text become one sign, however many they are.
    ("bad=%FF%C3&x=1", &["bad=\u{fffd}", "x=1"]),
    ("nul=%00&null=NULL&n=\\N", &["nul=\0", "null=NULL", "n=\\N"]),
];

/// Of campaigns.
pub const UTM: &[&str] = &[
    "",
    "",
    "google",
    "Google",
    "goo",
    "news letter",
    "100%",
    "_",
    "-minus",
    "it's",
    "back\\slash",
    "\\N",
    "ü",
    "nul\0l",
];

/// Of leads, sales and custom events.
pub const EVENT_NAMES: &[&str] =
    &["Sign up", "Sign up", "sign up", "Purchase", "Purchase", "Invoice, paid", "it's", "ünï\\", "-minus", ""];

/// Of sales.
pub const CURRENCIES: &[&str] = &["usd", "usd", "usd", "eur", "eur", "jpy", ""];

/// Customers' numbers are below it; 0 is nobody.
pub const CUSTOMERS: u64 = 12;

pub const LANGUAGES: &[&str] = &["en-US", "en-us", "de", "", "pt-BR"];

pub const PROVIDERS: &[&str] = &["Bredband2 AB", "O'Net, Inc.", "ÜberNet", "", ""];

const CHANNELS: &[&str] = &["Direct", "Organic", "Social", "Referral", "Email", "Paid", "Link"];

/// What nobody should stumble over; none of it is stored.
pub const HOSTILE: &[&str] = &[
    "'); DROP TABLE events; --",
    "' OR 1=1 OR '",
    "\\",
    "\\'",
    "'",
    "\"",
    "`",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "x\0y",
    "%",
    "%%",
    "*",
    "[]",
    "['a']",
    "NULL",
    "\\N",
    "nan",
    "{p0:String}",
    "{p0:Identifier}",
    "?",
    "#",
    "?x",
    "$1",
    "🦀",
    "\u{202e}",
    "ß",
    "ﬁ",
    "İ",
    "\u{212a}",
    " ",
    "0",
    "-",
    "--",
    "-1",
    "18446744073709551616",
    "link_",
    "link_0000000000000",
    "SETTINGS readonly=0",
];

/// Labels that stand for the unknown.
const LABELS: &[&str] =
    &["Unknown", "unknown", "(direct)", "(Direct)", "(not set)", "(human)", "US-Unknown", "gb-unknown", "-Unknown"];

/// Every parameter that filters by a list.
pub const PARAMETERS: &[&str] = &[
    "continent",
    "country",
    "region",
    "city",
    "device",
    "browser",
    "os",
    "trigger",
    "referer",
    "refererUrl",
    "linkId",
    "url",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "domain",
    "tagId",
    "folderId",
    "tenantId",
    "programId",
    "partnerId",
    "groupId",
    "partnerTagId",
    "customerId",
    "eventName",
    "currency",
    "channel",
    "language",
    "isp",
    "botName",
];

/// The text of a filter as a caller might write it.
pub fn list(rng: &mut SmallRng, scene: &Scene, workspace: usize, parameter: &str) -> String {
    let count = match rng.random_range(0..400) {
        // Nearly as many as are allowed, for some hold commas; the store's limits on a request are far lower unless raised.
        0 => MAX_VALUES / 10 * 9,
        1..=8 => 0,
        9..=160 => 1,
        _ => rng.random_range(2..5),
    };
    let mut text = String::new();
    if rng.random_bool(0.35) {
        text.push('-');
    }
    for place in 0..count {
        if place > 0 {
            text.push(',');
        }
        if rng.random_bool(0.03) {
            text.push(',');
        }
        if place > 100 && rng.random_bool(0.9) {
            // Not one like the other, so that all are sent.
            text.push_str(&format!("nobody's value number {place}"));
        } else {
            text.push_str(&value(rng, scene, workspace, parameter));
        }
    }
    text
}

fn value(rng: &mut SmallRng, scene: &Scene, workspace: usize, parameter: &str) -> String {
    match rng.random_range(0..20) {
        0 => HOSTILE.choose(rng).unwrap().to_string(),
        1 => LABELS.choose(rng).unwrap().to_string(),
        // What another parameter, or another workspace, has.
        2 => {
            let other = PARAMETERS.choose(rng).unwrap();
            known(rng, scene, workspace, other)
        }
        3 => known(rng, scene, 1, parameter),
        4..=6 => {
            let known = known(rng, scene, workspace, parameter);
            other_case(rng, &known)
        }
        _ => known(rng, scene, workspace, parameter),
    }
}

/// Something that is stored.
fn known(rng: &mut SmallRng, scene: &Scene, workspace: usize, parameter: &str) -> String {
    let mut of = |values: &[[&str; 4]], place: usize| values.choose(rng).unwrap()[place].to_owned();
    match parameter {
        "continent" => return of(PLACES, 0),
        "country" => return of(PLACES, 1),
        "city" => return of(PLACES, 3),
        "device" => return of(AGENTS, 0),
        "browser" => return of(AGENTS, 1),
        "os" => return of(AGENTS, 2),
        "botName" => return of(AGENTS, 3),
        "region" => {
            let region = of(PLACES, 2);
            return match (rng.random_range(0..6), region.split_once('-')) {
                (0 | 1, Some((_, part))) => part.to_owned(),
                (2, Some((country, _))) => format!("{country}-Unknown"),
                _ => region,
            };
        }
        _ => {}
    }
    let workspace = &scene.workspaces[workspace];
    let link = workspace.links.choose(rng);
    match parameter {
        "trigger" => ["link", "qr", "pageview", "deeplink"].choose(rng).unwrap().to_string(),
        "referer" => REFERRERS.choose(rng).unwrap()[0].to_owned(),
        "refererUrl" => {
            let query = ["", "", "?q=1", "#x"].choose(rng).unwrap();
            format!("{}{query}", REFERRERS.choose(rng).unwrap()[1])
        }
        "url" => {
            let url = URLS.choose(rng).unwrap();
            if rng.random_bool(0.4) { url.split('?').next().unwrap().to_owned() } else { (*url).to_owned() }
        }
        "linkId" => link.map_or(LinkId(3), |link| link.id).to_string(),
        "domain" => link.map_or_else(String::new, |link| link.domain.clone()),
        "tagId" => workspace.tags.choose(rng).copied().unwrap_or(TagId(1)).to_string(),
        "folderId" => workspace.folders.choose(rng).copied().unwrap_or(FolderId(1)).to_string(),
        "tenantId" => link.and_then(|link| link.tenant.clone()).unwrap_or_default(),
        "programId" => link.and_then(|link| link.program.clone()).unwrap_or_default(),
        "partnerId" => link.and_then(|link| link.partner.clone()).unwrap_or_default(),
        "partnerTagId" => link.and_then(|link| link.partner_tags.choose(rng).cloned()).unwrap_or_default(),
        "groupId" => link.and_then(|link| link.group.clone()).unwrap_or_default(),
        "customerId" => CustomerId(rng.random_range(1..CUSTOMERS + 2)).to_string(),
        "eventName" => EVENT_NAMES.choose(rng).unwrap().to_string(),
        "currency" => CURRENCIES.choose(rng).unwrap().to_string(),
        "channel" => CHANNELS.choose(rng).unwrap().to_string(),
        "language" => LANGUAGES.choose(rng).unwrap().to_string(),
        "isp" => PROVIDERS.choose(rng).unwrap().to_string(),
        _ => UTM.choose(rng).unwrap().to_string(),
    }
}

pub fn other_case(rng: &mut SmallRng, text: &str) -> String {
    match rng.random_range(0..3) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text
            .chars()
            .map(|letter| if rng.random() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() })
            .collect(),
    }
}
