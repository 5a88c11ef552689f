//! Is it a robot, which, and what for: the name and the category that `bot` dimensions show.
//!
//! Two looks, the first that finds something wins:
//! 1. tables of names and of words that give a robot away (`table`);
//! 2. shape: no user agent at all, `(compatible; ...)` that is no old browser, a `Mozilla/` without any engine, or a bare
//!    product (`Something/1.0`) that is no browser.
//!
//! Names come from tables only, never from the agent's text: their number is bounded, whatever clients send.

mod names;
mod table;
mod words;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// What a robot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Advertising: checks of pages that carry or receive ads.
    Ads,
    /// Artificial intelligence: training, answers, agents.
    Ai,
    /// Libraries of record and site copiers.
    Archive,
    /// Browsers and services that a program drives.
    Automation,
    /// Feed readers and podcast apps.
    Feed,
    /// Programs' HTTP clients.
    Library,
    /// Uptime, speed and correctness.
    Monitor,
    /// Anything else.
    Other,
    /// Link previews in messengers, mail and social networks.
    Preview,
    /// Security: scanners and mail gateways.
    Scanner,
    /// Search engines.
    Search,
    /// Search engine optimisation and market data.
    Seo,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 12] = [
        Self::Ads,
        Self::Ai,
        Self::Archive,
        Self::Automation,
        Self::Feed,
        Self::Library,
        Self::Monitor,
        Self::Other,
        Self::Preview,
        Self::Scanner,
        Self::Search,
        Self::Seo,
    ];

    /// The stored and published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ads => "ads",
            Self::Ai => "ai",
            Self::Archive => "archive",
            Self::Automation => "automation",
            Self::Feed => "feed",
            Self::Library => "library",
            Self::Monitor => "monitor",
            Self::Other => "other",
            Self::Preview => "preview",
            Self::Scanner => "scanner",
            Self::Search => "search",
            Self::Seo => "seo",
        }
    }

    /// The category of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

/// A robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The name shown.
    pub name: &'static str,
    /// What it is for.
    pub category: Category,
}

/// A client that sends no `User-Agent` is no browser.
const NO_USER_AGENT: Bot = Bot { name: "No user agent", category: Category::Other };
/// A robot that no table names.
pub const OTHER: Bot = Bot { name: "Other bot", category: Category::Other };
const CLIENT: Bot = Bot { name: "HTTP client", category: Category::Library };

/// Parts of agents that only browsers and televisions have.
const ENGINES: &[&str] = &[
    "AppleWebKit",
    "Gecko/",
    "Trident/",
    "MSIE ",
    "Presto/",
    "KHTML/",
    "Goanna/",
    "Opera",
    "NetFront",
    "Servo/",
    "Ladybird/",
    "PlayStation",
    "Nintendo",
    "HbbTV/",
    "SmartHub",
    "RokuBrowser/",
    "UP.Browser",
    "WAP Browser",
    "MAUI",
    "Version/4.0 Mobile Safari/",
];
/// Browsers that called themselves compatible with another.
const OLD_BROWSERS: &[&str] = &["MSIE", "Trident/", "Konqueror", "IEMobile", "Opera"];

/// How the agents of phones of the years before WebKit begin, and of browsers that never said `Mozilla`.
const OLD_PHONES: &[&str] = &[
    "Alcatel",
    "BlackBerry",
    "DDIPOCKET",
    "DoCoMo/",
    "HTC",
    "HUAWEI",
    "J-PHONE/",
    "KDDI-",
    "LG",
    "Lenovo",
    "MOT-",
    "Micromax",
    "Nokia",
    "Opera",
    "PANTECH",
    "SAGEM",
    "SAMSUNG",
    "SEC-",
    "SHARP",
    "SIE-",
    "SoftBank/",
    "SonyEricsson",
    "UCWEB",
    "Vodafone/",
    "WILLCOM",
    "ZTE",
];

static ENGINE: LazyLock<AhoCorasick> = LazyLock::new(|| any_of(ENGINES));
static OLD_BROWSER: LazyLock<AhoCorasick> = LazyLock::new(|| any_of(OLD_BROWSERS));

fn any_of(words: &[&str]) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words)
        .expect("a few words fit an automaton")
}

/// The robot behind a user agent; `None` for people. Linear in the agent's length.
pub fn find(user_agent: &str) -> Option<Bot> {
    let user_agent = user_agent.trim();
    if user_agent.len() < 2 {
        return Some(NO_USER_AGENT);
    }
    table::find(user_agent).or_else(|| by_shape(user_agent))
}

fn by_shape(user_agent: &str) -> Option<Bot> {
    let engine = ENGINE.is_match(user_agent);
    if user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/") {
        let pretends = user_agent.contains("compatible") && !OLD_BROWSER.is_match(user_agent);
        return (pretends || !engine).then_some(OTHER);
    }
    let person = engine || OLD_PHONES.iter().any(|phone| user_agent.starts_with(phone));
    (!person).then_some(CLIENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn robots_are_named() {
        let mut count = 0;
        for line in include_str!("bot/robots.txt").lines().filter(|line| !line.starts_with('#')) {
            let (name, rest) = line.split_once(" | ").expect(line);
            let (category, user_agent) = rest.split_once(" | ").expect(line);
            let bot = find(user_agent).expect(line);
            assert_eq!((bot.name, bot.category.name()), (name, category), "{user_agent}");
            count += 1;
        }
        assert!(count >= 110, "{count}");
    }

    #[test]
    fn no_user_agent_is_a_robot() {
        for absent in ["", " ", "-", "\t"] {
            assert_eq!(find(absent), Some(NO_USER_AGENT), "{absent:?}");
        }
    }

    #[test]
    fn words_that_only_look_like_robots() {
        let phone = |device: &str, app: &str| {
            find(&format!(
                "Mozilla/5.0 (Linux; Android 9; {device}) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/140.0.0.0 Mobile Safari/537.36 {app}"
            ))
        };
        for device in ["CUBOT_X19", "M bot 51", "Spider 8", "Capture+", "PHP110", "Fever Build/O11019", "K"] {
            assert_eq!(phone(device, ""), None, "{device}");
        }
        for app in ["Abbottle/1", "newsfeed", "2.compact", "ViewSonic"] {
            assert_eq!(phone("K", app), None, "{app}");
        }
        for app in ["Robot", "bots", "x@y.com", "feed 1", "http://x.example", "crawl", "(compatible; FooBot/1.0)"] {
            assert!(phone("K", app).is_some(), "{app}");
        }
        for device in ["Googlebot", "bot; +http://x.example", "see x@y.com"] {
            assert!(phone(device, "").is_some(), "{device}");
        }
    }

    #[test]
    fn names_of_categories_are_read_back() {
        for category in Category::ALL {
            assert_eq!(Category::parse(category.name()), Some(category));
        }
        assert_eq!(Category::parse("Seo"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(user_agent in ".*") {
            let _ = find(&user_agent);
        }
    }
}
