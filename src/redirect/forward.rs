//! The query of a visit: what it tells us, what goes on to the destination, what is written down.
//!
//! Forwarding: a name that stands in the destination keeps its place and takes the values of the visit (all of them, in
//! order); names that it does not have are added at the end, in order; its fragment stays last. Names are compared
//! decoded, values are handed on as they were written. Our own parameters never go on. Mails and messages take less, see
//! [`letter`].

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode;

use super::destination::{Destination, Growing, MAX_LOCATION_BYTES, Parts};
use super::letter;

/// Parameters of ours that never reach a destination, whatever their value.
const OURS: [&[u8]; 3] = [b"dub-no-track", b"redir_url", b"skip_deeplink_preview"];
const NO_TRACK: &[u8] = b"dub-no-track";
const BOT: &[u8] = b"bot";
const ELSEWHERE: &[u8] = b"redir_url";
const UTM: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];

/// One parameter of a query, as written, with its name decoded.
pub(super) struct Pair<'a> {
    pub(super) written: &'a str,
    pub(super) key: Cow<'a, [u8]>,
    value: &'a str,
}

impl Pair<'_> {
    pub(super) fn decoded_value(&self) -> Cow<'_, [u8]> {
        decode(self.value)
    }

    fn is_qr(&self) -> bool {
        *self.key == *b"qr" && self.value == "1"
    }

    fn is_ours(&self) -> bool {
        self.is_qr() || OURS.contains(&&*self.key)
    }
}

/// The parameters of a query; empty ones are left out.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = Pair<'_>> {
    query.split('&').filter(|written| !written.is_empty()).map(|written| {
        let (name, value) = written.split_once('=').unwrap_or((written, ""));
        Pair { written, key: decode(name), value }
    })
}

fn decode(name: &str) -> Cow<'_, [u8]> {
    if name.contains('+') {
        let spaced = name.replace('+', " ");
        Cow::Owned(percent_decode(spaced.as_bytes()).collect())
    } else {
        percent_decode(name.as_bytes()).into()
    }
}

/// The query of a visit, without its `?`.
#[derive(Clone, Copy, Debug)]
pub struct VisitQuery<'a>(pub &'a str);

impl VisitQuery<'_> {
    /// A scanned QR code says `qr=1`.
    pub fn is_qr(self) -> bool {
        self.0.contains("qr") && pairs(self.0).any(|pair| pair.is_qr())
    }

    /// Whether the visit asks not to be recorded: `dub-no-track`, with any value.
    pub fn opts_out(self) -> bool {
        self.0.contains("no-track") && pairs(self.0).any(|pair| *pair.key == *NO_TRACK)
    }

    /// Whether the visit says that it is a robot: `bot` with any value but none (Dub contract, 6.1.8).
    pub fn says_bot(self) -> bool {
        self.0.contains("bot") && pairs(self.0).any(|pair| *pair.key == *BOT && !pair.value.is_empty())
    }

    /// Where the visit asks to be sent instead, decoded: the last `redir_url`.
    pub(super) fn elsewhere(self) -> Option<String> {
        if !self.0.contains("redir") && !self.0.contains('%') {
            return None;
        }
        let pair = pairs(self.0).filter(|pair| *pair.key == *ELSEWHERE).last()?;
        String::from_utf8(decode(pair.value).into_owned()).ok()
    }

    /// The destination with this query's parameters; `None` when there are none to hand on or the address would become
    /// longer than a `Location` may be, so that the visitor gets the destination without them.
    pub(super) fn forwarded(self, destination: &Destination) -> Option<String> {
        if self.0.len() > MAX_LOCATION_BYTES {
            return None;
        }
        let incoming: Vec<Pair<'_>> = pairs(self.0).filter(|pair| !pair.is_ours()).collect();
        if incoming.is_empty() {
            return None;
        }
        if !destination.is_web() {
            return letter::filled_in(destination, &incoming);
        }
        let parts = Parts::of(destination.as_str());
        let mut values: HashMap<&[u8], Vec<&str>> = HashMap::with_capacity(incoming.len());
        for pair in &incoming {
            values.entry(&*pair.key).or_default().push(pair.written);
        }
        let mut placed: HashSet<Vec<u8>> = HashSet::new();
        let mut growing = Growing::base(parts, parts.query.map_or(0, str::len) + self.0.len());
        for pair in pairs(parts.query.unwrap_or_default()) {
            match values.get(&*pair.key) {
                None => growing.add_written(pair.written),
                Some(written) => {
                    if placed.insert(pair.key.to_vec()) {
                        written.iter().for_each(|pair| growing.add_written(pair));
                    }
                }
            }
        }
        for pair in incoming.iter().filter(|pair| !placed.contains(&*pair.key)) {
            growing.add_written(pair.written);
        }
        Some(growing.finish()).filter(|address| address.len() <= MAX_LOCATION_BYTES)
    }

    /// The address to write down for a visit that was sent to `address`: the address itself, with the campaign fields of
    /// the visit that it does not have. A campaign counts even where the link does not hand it on.
    pub(super) fn recorded(self, address: &str) -> String {
        let parts = Parts::of(address);
        let mut known: Vec<Cow<'_, [u8]>> = pairs(parts.query.unwrap_or_default())
            .map(|pair| pair.key)
            .filter(|key| UTM.iter().any(|utm| utm.as_bytes() == &**key))
            .collect();
        let mut growing = Growing::whole(parts, 64);
        for pair in pairs(self.0) {
            let is_new = UTM.iter().any(|utm| utm.as_bytes() == &*pair.key) && !known.contains(&pair.key);
            if is_new && !pair.value.is_empty() {
                growing.add_written(pair.written);
                known.push(pair.key);
            }
        }
        growing.finish()
    }

    /// Whether it may hold campaign fields at all.
    pub(super) fn may_have_campaign(self) -> bool {
        // `utm` can be written with percent signs.
        self.0.contains("utm") || self.0.contains('%')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::form_urlencoded;

    use super::*;
    use crate::domain::link::LinkUtm;

    fn destination(url: &str) -> Destination {
        Destination::prepare(url, &LinkUtm::default()).unwrap()
    }

    #[test]
    fn what_is_handed_on() {
        for (to, query, expected) in [
            ("https://e.com", "a=1", Some("https://e.com?a=1")),
            ("https://e.com/#f", "a=1&b=2", Some("https://e.com/?a=1&b=2#f")),
            ("https://e.com/?x=1&a=0&y=2#f", "b=3&a=9", Some("https://e.com/?x=1&a=9&y=2&b=3#f")),
            ("https://e.com/?a=0&a=1&b=2", "a=8&a=9", Some("https://e.com/?a=8&a=9&b=2")),
            ("https://e.com/?%61=0", "a=1", Some("https://e.com/?a=1")),
            ("https://e.com/?a+b=0", "a%20b=1", Some("https://e.com/?a%20b=1")),
            ("https://e.com/?flag", "flag=1&other", Some("https://e.com/?flag=1&other")),
            ("https://e.com/?", "a=1", Some("https://e.com/?a=1")),
            ("https://e.com", "qr=1&a=1&dub-no-track=1&redir_url=https%3A%2F%2Fevil.com", Some("https://e.com?a=1")),
            ("https://e.com", "qr=2", Some("https://e.com?qr=2")),
            ("https://e.com", "qr=1&&", None),
            ("https://e.com", "", None),
            ("https://e.com", "q=\"<é>\\", Some("https://e.com?q=%22%3C%C3%A9%3E%5C")),
            ("mailto:a@e.com", "bcc=b@e.com", None),
        ] {
            assert_eq!(VisitQuery(query).forwarded(&destination(to)).as_deref(), expected, "{to} {query}");
        }
        let long = format!("a={}", "x".repeat(8_190));
        assert_eq!(VisitQuery(&long).forwarded(&destination("https://e.com")), None);
    }

    #[test]
    fn what_is_written_down() {
        for (address, query, expected) in [
            ("https://e.com/#f", "utm_source=x&a=1&utm_term=y", "https://e.com/?utm_source=x&utm_term=y#f"),
            (
                "https://e.com/?utm_source=own",
                "utm_source=x&utm_medium=m",
                "https://e.com/?utm_source=own&utm_medium=m",
            ),
            ("https://e.com/?a=1", "utm_source=x&utm_source=y", "https://e.com/?a=1&utm_source=x"),
            ("https://e.com/?a=1", "utm_source=&utm_source=y", "https://e.com/?a=1&utm_source=y"),
            ("https://e.com/?a=1", "utm%5fsource=x", "https://e.com/?a=1&utm%5fsource=x"),
            ("https://e.com/?a=1#", "b=2", "https://e.com/?a=1#"),
        ] {
            assert_eq!(VisitQuery(query).recorded(address), expected);
        }
    }

    #[test]
    fn signals() {
        assert!(VisitQuery("a=b&qr=1").is_qr());
        assert!(!VisitQuery("qr=12&aqr=1").is_qr());
        assert!(VisitQuery("dub-no-track").opts_out());
        assert!(VisitQuery("x&dub-no-track=1").opts_out());
        assert!(!VisitQuery("not-dub-no-tracking=1").opts_out());
        for (query, says) in [("bot=1", true), ("a&bot=x", true), ("bot", false), ("bot=", false), ("robot=1", false)] {
            assert_eq!(VisitQuery(query).says_bot(), says, "{query}");
        }
        for (query, expected) in [
            ("redir_url=https%3A%2F%2Fe.com%2Fa+b", Some("https://e.com/a b")),
            ("redir_url=x&redir%5furl=y", Some("y")),
            ("redir_url", Some("")),
            ("redir_url=%FF", None),
            ("aredir_url=x", None),
            ("a=b%20", None),
        ] {
            assert_eq!(VisitQuery(query).elsewhere().as_deref(), expected, "{query}");
        }
    }

    fn read(address: &str) -> Vec<(String, String)> {
        let query = Parts::of(address).query.unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    proptest! {
        /// The rule once more, in terms of decoded lists.
        #[test]
        fn forwarding_follows_the_rule(
            to in proptest::collection::vec(("[abc]", "[a-z]{0,2}"), 0..6),
            visit in proptest::collection::vec(("[abcde]", "[a-z%é]{0,2}"), 0..6),
            fragment in "(#[a-z?&=]{0,3})?",
        ) {
            let write = |pairs: &[(String, String)]| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            let target = destination(&format!("https://e.com/?{}{fragment}", write(&to)));
            let mut expected: Vec<(String, String)> = Vec::new();
            for (place, (key, value)) in to.iter().enumerate() {
                let incoming: Vec<_> = visit.iter().filter(|(name, _)| name == key).cloned().collect();
                if incoming.is_empty() {
                    expected.push((key.clone(), value.clone()));
                } else if !to[..place].iter().any(|(name, _)| name == key) {
                    expected.extend(incoming);
                }
            }
            expected.extend(visit.iter().filter(|(name, _)| !to.iter().any(|(key, _)| key == name)).cloned());
            let written = write(&visit);
            let address = VisitQuery(&written).forwarded(&target).unwrap_or(target.as_str().to_owned());
            prop_assert_eq!(read(&address), expected);
            prop_assert!(address.ends_with(&fragment));
        }

        #[test]
        fn any_query_is_answered(query in "([&=+%#?]|%[0-9a-f]{2}|.){0,60}") {
            let target = destination("https://e.com/a?b=1&c#d");
            let query = VisitQuery(&query);
            if let Some(address) = query.forwarded(&target) {
                prop_assert!(address.bytes().all(|byte| byte.is_ascii_graphic()), "{}", address);
            }
            prop_assert!(query.recorded(target.as_str()).starts_with("https://e.com/a?b=1&c"));
        }
    }
}
