//! Addresses of mail and telephones that come without their scheme, as people write them.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::link::LinkKind;

/// What may not stand in the part before the `?`: it would end it or be read as an escape.
const RESERVED: &AsciiSet = &CONTROLS.add(b'#').add(b'%');
/// What people put between digits to read them, and what programs dial.
const DIALLED: &str = "+*#-.()/ ,;=";

/// The whole address of a text that names only the mailbox or the number, such as `a@b.co` or `+1 555 0100`; what follows a
/// `?` stays. `None` for web addresses, for texts that have a scheme, and for those that are no such name.
pub fn with_scheme(text: &str, kind: LinkKind) -> Option<String> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let (name, query) = text.split_once('?').map_or((text, None), |(name, query)| (name, Some(query)));
    if name.contains([':', '\\']) || name.contains(char::is_control) {
        return None;
    }
    let (scheme, name) = match kind {
        LinkKind::Url => return None,
        LinkKind::Mailto => ("mailto", mailbox(name)?),
        LinkKind::Tel => ("tel", number(name)?),
        LinkKind::Sms => ("sms", number(name)?),
    };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Some(format!("{scheme}:{name}{query}"))
}

/// One or more mailboxes, separated by commas.
fn mailbox(text: &str) -> Option<String> {
    let is_one = |text: &str| {
        let (person, host) = text.trim().rsplit_once('@')?;
        let is_host =
            !host.is_empty() && !host.contains(|letter: char| letter.is_whitespace() || "/@#".contains(letter));
        (is_host && !person.is_empty() && !person.contains(['/', '@', ' '])).then_some(())
    };
    text.split(',').map(is_one).collect::<Option<()>>()?;
    let mailboxes: Vec<&str> = text.split(',').map(str::trim).collect();
    Some(utf8_percent_encode(&mailboxes.join(","), RESERVED).to_string())
}

/// A number as it is dialled, without blanks.
fn number(text: &str) -> Option<String> {
    let is_dialled = |letter: char| letter.is_ascii_alphanumeric() || DIALLED.contains(letter);
    // Letters belong to parameters, as in `;ext=12`.
    let main = text.split(';').next().unwrap_or_default();
    let is_number = main.contains(|letter: char| letter.is_ascii_digit())
        && !main.contains(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(is_dialled);
    let bare: String = text.chars().filter(|letter| *letter != ' ').collect();
    is_number.then(|| utf8_percent_encode(&bare, RESERVED).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::destination::parse;

    #[test]
    fn names_gain_their_scheme() {
        for (kind, text, expected) in [
            (LinkKind::Mailto, "a@b.co", Some("mailto:a@b.co")),
            (LinkKind::Mailto, " a@b.co?subject=Re: hi ", Some("mailto:a@b.co?subject=Re: hi")),
            (LinkKind::Mailto, "a@b.co, c@d.co", Some("mailto:a@b.co,c@d.co")),
            (LinkKind::Mailto, "50%@b.co", Some("mailto:50%25@b.co")),
            (LinkKind::Mailto, "mailto:a@b.co", None),
            (LinkKind::Mailto, "https://a@b.co", None),
            (LinkKind::Mailto, "nobody", None),
            (LinkKind::Mailto, "a@", None),
            (LinkKind::Mailto, "a@b.co,", None),
            (LinkKind::Mailto, "example.com/a@b", None),
            (LinkKind::Tel, "+1 (555) 010-0123", Some("tel:+1(555)010-0123")),
            (LinkKind::Tel, "*100#", Some("tel:*100%23")),
            (LinkKind::Tel, "+15550100;ext=12", Some("tel:+15550100;ext=12")),
            (LinkKind::Tel, "tel:+15550100", None),
            (LinkKind::Tel, "call me", None),
            (LinkKind::Tel, "1 example.com", None),
            (LinkKind::Tel, "+", None),
            (LinkKind::Tel, "", None),
            (LinkKind::Sms, "+15550100?body=Hi", Some("sms:+15550100?body=Hi")),
            (LinkKind::Url, "example.com", None),
        ] {
            assert_eq!(with_scheme(text, kind).as_deref(), expected, "{kind:?} {text}");
        }
    }

    proptest! {
        #[test]
        fn what_gains_a_scheme_is_of_its_kind(text in "[a-z0-9@.,;=+*#%?&/ -]{1,20}") {
            for kind in [LinkKind::Mailto, LinkKind::Tel, LinkKind::Sms] {
                if let Some(whole) = with_scheme(&text, kind) {
                    prop_assert_eq!(parse(&whole).map(|found| found.kind), Ok(kind), "{}", whole);
                }
            }
        }
    }
}
