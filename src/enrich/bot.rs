//! Is it a robot, and which: the name that `bot` dimensions show.
//!
//! Three looks, the first that finds something wins:
//! 1. a table of names (`names::NAMED`);
//! 2. words that give a robot away (`crawl`, `bot`, an address in the agent, ...), where no person's agent has them;
//! 3. shape: no user agent at all, `(compatible; ...)` that is no old browser, a `Mozilla/` without any engine, or a bare
//!    product (`Something/1.0`) that is no browser.
//!
//! Names come from tables only, never from the agent's text: their number is bounded, whatever clients send.

mod names;

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
const OTHER: Bot = Bot { name: "Other bot", category: Category::Other };
const CLIENT: Bot = Bot { name: "HTTP client", category: Category::Library };

/// Parts of agents that only browsers have.
const ENGINES: &[&str] = &[
    "AppleWebKit/",
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
    "PLAYSTATION",
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

struct Table {
    tokens: AhoCorasick,
    bots: Vec<Bot>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows = || names::NAMED.iter().chain(names::GENERIC);
    Table {
        tokens: AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(rows().map(|(token, ..)| token))
            .expect("the table of robots fits an automaton by far"),
        bots: rows().map(|&(_, name, category)| Bot { name, category }).collect(),
    }
});

/// The robot behind a user agent; `None` for people. Linear in the agent's length.
pub fn find(user_agent: &str) -> Option<Bot> {
    let user_agent = user_agent.trim();
    if user_agent.len() < 2 {
        return Some(NO_USER_AGENT);
    }
    by_token(user_agent).or_else(|| by_shape(user_agent))
}

fn by_token(user_agent: &str) -> Option<Bot> {
    let text = user_agent.as_bytes();
    let mut first: Option<usize> = None;
    for found in TABLE.tokens.find_overlapping_iter(user_agent) {
        let row = found.pattern().as_usize();
        if first.is_none_or(|known| row < known) && !is_human(text, found.start(), found.end()) {
            first = Some(row);
        }
    }
    first.map(|row| TABLE.bots[row])
}

/// Whether what stands at `start..end` is part of something that people's agents hold.
fn is_human(text: &[u8], start: usize, end: usize) -> bool {
    let (before, token, after) = (&text[..start], &text[start..end], &text[end..]);
    let is = |known: &str| token.eq_ignore_ascii_case(known.as_bytes());
    if is("bot") && after.first().is_some_and(u8::is_ascii_lowercase) {
        // `Bots` and `botify` are some; `bottle` is none.
        return !after.starts_with(b"s") && !after.starts_with(b"ify");
    }
    if is(".com") {
        // Of an address, not of `2.compact`; packages of Android begin with `com.`.
        return after.first().is_some_and(u8::is_ascii_alphanumeric) || old_browser_component(before);
    }
    if (is("feed") || is("rss") || is("php") || is("lwp")) && before.last().is_some_and(u8::is_ascii_alphabetic) {
        // Only at the beginning of a word.
        return true;
    }
    if is("bot") {
        // Phones by Cubot.
        return before.len() >= 2 && before[before.len() - 2..].eq_ignore_ascii_case(b"cu");
    }
    (is("http://") || is("www.")) && (old_browser_component(after) || old_browser_component(before))
}

/// Old Internet Explorers announce a component of theirs with an address: `Embedded Web Browser from: http://bsalsa.com/`.
fn old_browser_component(text: &[u8]) -> bool {
    let near = |name: &[u8]| text.starts_with(name) || text.ends_with(name);
    near(b"bsalsa") || near(b"bsalsa.com") || near(b"www.bsalsa.com") || near(b"Browser from: http://")
}

fn by_shape(user_agent: &str) -> Option<Bot> {
    let has = |part: &str| user_agent.contains(part);
    let engine = ENGINES.iter().any(|engine| has(engine));
    if user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/") {
        let pretends = has("compatible") && !OLD_BROWSERS.iter().any(|name| has(name));
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
            let (name, user_agent) = line.split_once(" | ").expect(line);
            assert_eq!(find(user_agent).map(|bot| bot.name), Some(name), "{user_agent}");
            count += 1;
        }
        assert!(count >= 80, "{count}");
    }

    #[test]
    fn no_user_agent_is_a_robot() {
        for absent in ["", " ", "-", "\t"] {
            assert_eq!(find(absent), Some(NO_USER_AGENT), "{absent:?}");
        }
    }

    #[test]
    fn words_that_only_look_like_robots() {
        let person = |token: &str| {
            find(&format!(
                "Mozilla/5.0 (Linux; Android 9; {token}) AppleWebKit/537.36 (KHTML, like Gecko) \
            Chrome/140.0.0.0 Mobile Safari/537.36"
            ))
        };
        for token in ["CUBOT_X19", "Cubot Note 20", "Abbottle", "newsfeed", "2.compact", "K"] {
            assert_eq!(person(token), None, "{token}");
        }
        for token in ["Robot", "bots", "x@y.com", "feed 1", "http://x.example", "crawl"] {
            assert!(person(token).is_some(), "{token}");
        }
    }

    #[test]
    fn tokens_are_lower_case_and_each_row_can_be_reached() {
        let rows: Vec<_> = names::NAMED.iter().chain(names::GENERIC).collect();
        for (place, (token, name, _)) in rows.iter().enumerate() {
            assert!(token.len() > 2 && *token == token.to_lowercase(), "{token}");
            assert!(!name.is_empty() && name.len() <= 40, "{name}");
            let hidden = rows[..place].iter().find(|(earlier, ..)| token.contains(earlier));
            assert_eq!(hidden, None, "{token} is never reached");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(user_agent in ".*") {
            let _ = find(&user_agent);
        }
    }
}
