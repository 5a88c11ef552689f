//! `User-Agent` -> what was used, and by whom or what.
//!
//! Our own ordered tables (`names`) come first; what they do not know is asked of woothee, whose knowledge of older phones
//! and devices is broad but ends in 2021. One automaton finds all tokens of the tables in a single pass, and nothing beyond
//! the first [`MAX_BYTES`] is read: the cost is linear and bounded, whatever is sent.
//!
//! - A browser or system that is recognised but has no other sign of its device is a `Desktop`.
//! - A robot keeps what it claims to be (`Googlebot` on `Android`); one that claims nothing has no device either.
//! - An iPad that says it is a Mac is a Mac: it gives no other sign.
//! - No user agent at all is a robot, see [`bot`].

mod cache;
#[cfg(test)]
mod corpus;
mod names;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::bot::{self, Bot};
use crate::domain::event::Agent;

pub use cache::AgentCache;
pub use names::{ANDROID, IOS};
use names::{BROWSERS, DESKTOP, DEVICES, MOBILE, SAFARI, SMART_TV, SYSTEMS, TABLET};

/// The part of a user agent that is kept and read, in bytes.
pub const MAX_BYTES: usize = 1_024;
/// The longest version that is kept, in bytes.
const MAX_VERSION_BYTES: usize = 32;

/// The tokens of all tables, one after the other: browsers, systems, devices.
static TOKENS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let browsers = BROWSERS.iter().map(|browser| browser.token);
    let systems = SYSTEMS.iter().map(|system| system.token);
    let devices = DEVICES.iter().map(|(token, _)| *token);
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(browsers.chain(systems).chain(devices))
        .expect("the tables of agents fit an automaton by far")
});

/// What is recognised of a user agent.
#[derive(Default)]
struct Known<'a> {
    browser: &'a str,
    browser_version: &'a str,
    os: &'a str,
    os_version: &'a str,
    device: &'a str,
}

/// Reads a `User-Agent` header; empty for an absent one.
pub fn parse(user_agent: &str) -> Agent {
    let user_agent = cut(user_agent);
    let mut known = by_tokens(user_agent);
    let bot = match bot::find(user_agent) {
        None if known.browser.is_empty() || known.os.is_empty() => ask_woothee(user_agent, &mut known),
        bot => bot,
    };
    if known.device.is_empty() && (bot.is_none() || !known.browser.is_empty() || !known.os.is_empty()) {
        known.device = DESKTOP;
    }
    Agent {
        user_agent: user_agent.to_owned(),
        device: known.device.to_owned(),
        browser: known.browser.to_owned(),
        browser_version: known.browser_version.to_owned(),
        os: known.os.to_owned(),
        // Apple's systems write 17_5_1.
        os_version: known.os_version.replace('_', "."),
        bot: bot.map_or("", |bot| bot.name).to_owned(),
        bot_category: bot.map_or("", |bot| bot.category.name()).to_owned(),
    }
}

/// The first [`MAX_BYTES`] of a user agent, or a few less so that no letter is cut.
fn cut(user_agent: &str) -> &str {
    &user_agent[..user_agent.floor_char_boundary(MAX_BYTES)]
}

fn by_tokens(user_agent: &str) -> Known<'_> {
    let (mut browser, mut system, mut device) = (BROWSERS.len(), SYSTEMS.len(), DEVICES.len());
    for found in TOKENS.find_overlapping_iter(user_agent) {
        let row = found.pattern().as_usize();
        if row < BROWSERS.len() {
            browser = browser.min(row);
        } else if row < BROWSERS.len() + SYSTEMS.len() {
            system = system.min(row - BROWSERS.len());
        } else {
            device = device.min(row - BROWSERS.len() - SYSTEMS.len());
        }
    }
    let mut known = Known::default();
    if let Some(row) = BROWSERS.get(browser) {
        known.browser = row.name;
        known.browser_version = version(user_agent, row.version);
    }
    if let Some(row) = SYSTEMS.get(system) {
        known.os = row.name;
        known.os_version = version(user_agent, row.version);
    }
    known.device = match DEVICES.get(device) {
        Some((_, name)) => name,
        // Phones say `Mobile`, so what does not is larger.
        None if known.os == ANDROID => TABLET,
        None => "",
    };
    if known.os == "Tizen" && known.device.is_empty() {
        known.device = SMART_TV;
    }
    if known.browser == SAFARI {
        match known.os {
            IOS => known.browser = "Mobile Safari",
            ANDROID => known.browser = "Android Browser",
            _ => {}
        }
    }
    known
}

/// Digits, letters, dots and underscores right after `token`.
fn version<'a>(user_agent: &'a str, token: &str) -> &'a str {
    if token.is_empty() {
        return "";
    }
    let Some(start) = user_agent.find(token).map(|start| start + token.len()) else { return "" };
    let rest = &user_agent[start..];
    let end = rest.bytes().position(|letter| !(letter.is_ascii_digit() || matches!(letter, b'.' | b'_')));
    let version = &rest[..end.unwrap_or(rest.len()).min(MAX_VERSION_BYTES)];
    version.trim_end_matches(['.', '_'])
}

/// Fills what is missing from woothee's tables, and tells of a robot that only it knows.
fn ask_woothee<'a>(user_agent: &'a str, known: &mut Known<'a>) -> Option<Bot> {
    let found = woothee::parser::Parser::new().parse(user_agent)?;
    if found.category == "crawler" {
        return Some(bot::OTHER);
    }
    if known.browser.is_empty() && found.name != "UNKNOWN" {
        known.browser = match found.name {
            "Internet Explorer" => "IE",
            name => name,
        };
        known.browser_version = if found.version == "UNKNOWN" { "" } else { found.version };
        known.browser_version = &known.browser_version[..known.browser_version.floor_char_boundary(MAX_VERSION_BYTES)];
    }
    if known.os.is_empty() {
        known.os = match found.os {
            "UNKNOWN" => "",
            "iPhone" | "iPad" | "iPod" => IOS,
            "Mac OSX" | "Mac OS Classic" => "Mac OS",
            "ChromeOS" => "Chromium OS",
            name if name.starts_with("Windows Phone") => "Windows Phone",
            name if name.starts_with("Windows") => "Windows",
            name => name,
        };
    }
    if known.device.is_empty() {
        known.device = match found.category {
            "smartphone" | "mobilephone" => MOBILE,
            "appliance" => names::CONSOLE,
            _ => "",
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_can_look_for_every_system() {
        for system in names::SYSTEMS {
            assert!(crate::domain::platform::is_known(system.name), "{}", system.name);
        }
    }

    #[test]
    fn versions_are_as_sent() {
        for (user_agent, browser, os) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "132.0", "10.0"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.5 Mobile/15E148 Safari/604.1",
                "17.5",
                "17.5.1",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.39 Mobile Safari/537.36",
                "131.0.6778.39",
                "10",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "11.0", "10.0"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:1) Gecko/1 Firefox/", "", ""),
        ] {
            let agent = parse(user_agent);
            assert_eq!((agent.browser_version.as_str(), agent.os_version.as_str()), (browser, os), "{user_agent}");
        }
    }

    #[test]
    fn robots_keep_what_they_claim_and_no_more() {
        let phone = parse(
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/131.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        );
        assert_eq!([&*phone.bot, &*phone.browser, &*phone.device], ["Googlebot", "Chrome", "Mobile"]);
        let curl = parse("curl/8.5.0");
        assert_eq!([&*curl.bot, &*curl.browser, &*curl.os, &*curl.device], ["curl", "", "", ""]);
        let absent = parse("");
        let expected = Agent { bot: "No user agent".into(), bot_category: "other".into(), ..Agent::default() };
        assert_eq!(absent, expected);
    }

    #[test]
    fn woothee_knows_the_phones_of_old() {
        let agent = parse("DoCoMo/2.0 N2001(c10)");
        assert_eq!([&*agent.browser, &*agent.device, &*agent.bot], ["docomo", "Mobile", ""]);
        let agent = parse("Mozilla/4.0 (PSP (PlayStation Portable); 2.00)");
        assert_eq!([&*agent.os, &*agent.device, &*agent.bot], ["PlayStation", "Console", ""]);
    }

    #[test]
    fn only_the_beginning_is_read_and_kept() {
        let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0 ";
        let long = format!("{firefox}{} crawler", "é".repeat(50_000));
        let agent = parse(&long);
        assert_eq!([&*agent.browser, &*agent.bot], ["Firefox", ""]);
        assert!(agent.user_agent.len() <= MAX_BYTES && agent.user_agent.len() > MAX_BYTES - 4);
        let digits = format!("Mozilla/5.0 (X11; Linux x86_64) Gecko/1 Firefox/{}", "1".repeat(500));
        assert_eq!(parse(&digits).browser_version.len(), MAX_VERSION_BYTES);
    }

    #[test]
    fn every_row_can_be_reached() {
        let browsers: Vec<_> = BROWSERS.iter().map(|row| row.token).collect();
        let systems: Vec<_> = SYSTEMS.iter().map(|row| row.token).collect();
        let devices: Vec<_> = DEVICES.iter().map(|row| row.0).collect();
        for tokens in [browsers, systems, devices] {
            for (place, token) in tokens.iter().enumerate() {
                let hidden = tokens[..place].iter().find(|earlier| token.contains(**earlier));
                assert_eq!(hidden, None, "{token:?} is never reached");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(user_agent in ".*", known in "(Mozilla/5.0 |Opera/)?[ -~]{0,200}") {
            for text in [user_agent, known] {
                let agent = parse(&text);
                prop_assert!(agent.bot.is_empty() || agent.bot.len() <= 40);
                prop_assert!(!agent.bot.is_empty() || !agent.device.is_empty());
            }
        }
    }
}
