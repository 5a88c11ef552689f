//! All tables of robots as one automaton, which finds every token in a single pass.
//!
//! Tokens are matched without regard to the case of ASCII letters. One that begins with `^` matches only at the beginning
//! of the agent, one that ends with `$` only at its end. What is looked at first wins:
//! 1. `names`, by hand, in the order of the list;
//! 2. `crawlers.txt`, from a public corpus, the longest token first. A token must begin where a word begins;
//! 3. HTTP clients, of `words` and of the corpus;
//! 4. `words` that robots have in their agents.
//!
//! The makers of phones name them as they like (`M bot 51`, `Spider 8`, `Fever`), so that only the first list is looked for
//! in the name of an Android device.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{Bot, Category, names, words};

/// Written by `make crawlers`.
const CRAWLERS: &str = include_str!("crawlers.txt");

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

struct Table {
    tokens: AhoCorasick,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Row {
    token: &'static str,
    bot: Bot,
    list: List,
    at_begin: bool,
    at_end: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Names,
    Crawlers,
    Words,
}

impl Row {
    fn new(list: List, token: &'static str, name: &'static str, category: Category) -> Self {
        let (token, at_begin) = token.strip_prefix('^').map_or((token, false), |token| (token, true));
        let (token, at_end) = token.strip_suffix('$').map_or((token, false), |token| (token, true));
        Self { token, bot: Bot { name, category }, list, at_begin, at_end }
    }

    fn matches(&self, text: &[u8], found: &Range<usize>, device: &Range<usize>) -> bool {
        if self.at_begin && found.start > 0 || self.at_end && found.end < text.len() {
            return false;
        }
        let in_device = device.start <= found.start && found.end <= device.end;
        match self.list {
            List::Names => true,
            List::Crawlers => !in_device && (found.start == 0 || !text[found.start - 1].is_ascii_alphanumeric()),
            List::Words => !in_device && !words::is_human(text, found.start, found.end),
        }
    }
}

impl Table {
    fn new() -> Self {
        let mut crawlers: Vec<Row> = crawlers().collect();
        crawlers.sort_by_key(|row| std::cmp::Reverse(row.token.len()));
        let (clients, crawlers): (Vec<Row>, Vec<Row>) =
            crawlers.into_iter().partition(|row| row.bot.category == Category::Library);
        let of = |list, rows: &'static [(&str, &str, Category)]| {
            rows.iter().map(move |&(token, name, category)| Row::new(list, token, name, category))
        };
        let rows: Vec<Row> = of(List::Names, names::NAMED)
            .chain(crawlers)
            .chain(of(List::Names, words::LIBRARIES))
            .chain(clients)
            .chain(of(List::Words, words::WORDS))
            .collect();
        let tokens = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(rows.iter().map(|row| row.token))
            .expect("the tables of robots fit an automaton by far");
        Self { tokens, rows }
    }
}

/// The rows of the corpus; what is no row is passed over.
fn crawlers() -> impl Iterator<Item = Row> {
    CRAWLERS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.rsplitn(3, " | ");
        let (category, name, token) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Row::new(List::Crawlers, token, name, Category::parse(category)?))
    })
}

/// The robot that one of the tables names.
pub fn find(user_agent: &str) -> Option<Bot> {
    let table = &*TABLE;
    let (text, device) = (user_agent.as_bytes(), device(user_agent));
    let mut first = table.rows.len();
    for found in table.tokens.find_overlapping_iter(user_agent) {
        let row = found.pattern().as_usize();
        if row < first && table.rows[row].matches(text, &found.range(), &device) {
            first = row;
        }
    }
    table.rows.get(first).map(|row| row.bot)
}

/// Where an agent names its Android device: `(Linux; Android 9; M bot 51 Build/PPR1)`; empty where it names none.
fn device(user_agent: &str) -> Range<usize> {
    let Some(system) = user_agent.find("Android ") else { return 0..0 };
    let comment = user_agent[system..].find(')').map_or(user_agent.len(), |end| system + end);
    let Some(version) = user_agent[system..comment].find(';') else { return 0..0 };
    let start = system + version + 1;
    let (model, build) = user_agent[start..comment].split_once(" Build/").unwrap_or((&user_agent[start..comment], ""));
    // Robots that hide here give a version or an address.
    if model.contains(['/', '@']) || build.contains("://") { 0..0 } else { start..comment }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_lower_case_and_each_row_can_be_reached() {
        for list in [names::NAMED, words::LIBRARIES, words::WORDS] {
            for (place, (token, name, _)) in list.iter().enumerate() {
                assert!(token.len() > 2 && *token == token.to_lowercase(), "{token}");
                assert!(!name.is_empty() && name.len() <= 40, "{name}");
                let hidden = list[..place].iter().find(|(earlier, ..)| token.contains(earlier));
                assert_eq!(hidden, None, "{token} is never reached");
            }
        }
    }

    #[test]
    fn every_line_of_the_corpus_is_a_row() {
        let lines = CRAWLERS.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(crawlers().count(), lines.count());
        for row in crawlers() {
            assert!(row.token.len() > 2 && row.token == row.token.to_lowercase(), "{}", row.token);
            assert!(!row.bot.name.is_empty() && row.bot.name.len() <= 40, "{}", row.bot.name);
        }
    }

    #[test]
    fn devices_are_found() {
        for (user_agent, expected) in [
            ("Mozilla/5.0 (Linux; Android 9; M bot 51 Build/PPR1; wv) AppleWebKit/537.36", " M bot 51 Build/PPR1; wv"),
            ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36", " K"),
            ("Mozilla/5.0 (Linux; U; Android 8; en-us; X) AppleWebKit/537.36", " en-us; X"),
            ("Mozilla/5.0 (Linux; Android 8; bot +http://x.example) AppleWebKit/537.36", ""),
            ("Mozilla/5.0 (Linux; Android 8) AppleWebKit/537.36 (compatible; bot)", ""),
            ("Android 8; bot", " bot"),
            ("Windows; bot", ""),
        ] {
            assert_eq!(&user_agent[device(user_agent)], expected, "{user_agent}");
        }
    }
}
