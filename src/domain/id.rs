//! Ids. Inside, every row is a number; at the edge it wears its surface's prefix.
//!
//! The public form is reversible: prefix, then 13 characters of Crockford's base 32. The number is spread by an
//! invertible multiplication, so that neighbours do not look alike. This hides nothing: what protects a row is that every
//! look-up names its workspace.

use std::fmt;

/// Odd, so multiplication modulo 2^64 can be undone by [`UNSPREAD`].
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const UNSPREAD: u64 = inverse(SPREAD);
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;

/// Newton's iteration: each round doubles the number of correct low bits.
const fn inverse(odd: u64) -> u64 {
    let mut result = odd;
    let mut round = 0;
    while round < 6 {
        result = result.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(result)));
        round += 1;
    }
    result
}

fn write_public(f: &mut impl fmt::Write, prefix: &str, number: u64) -> fmt::Result {
    let mut rest = number.wrapping_mul(SPREAD);
    let mut text = [0u8; LENGTH];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    f.write_str(prefix)?;
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_public(prefix: &str, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?.as_bytes();
    if digits.len() != LENGTH {
        return None;
    }
    let mut spread: u64 = 0;
    for (place, digit) in digits.iter().enumerate() {
        let value = ALPHABET.iter().position(|letter| letter == digit)? as u64;
        // 13 places hold 65 bits; the first digit may only use four of its five.
        if place == 0 && value > 15 {
            return None;
        }
        spread = spread << 5 | value;
    }
    let number = spread.wrapping_mul(UNSPREAD);
    // Rows are numbered by Postgres from 1 in a signed bigint.
    (number != 0 && i64::try_from(number).is_ok()).then_some(number)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The id behind its public form; `None` for another prefix or anything malformed.
            pub fn parse(text: &str) -> Option<Self> {
                parse_public($prefix, text).map(Self)
            }

            /// The public form with another prefix, for a surface that has its own.
            pub fn with_prefix(self, prefix: &str) -> String {
                let mut text = String::new();
                // Writing to a string cannot fail.
                let _ = write_public(&mut text, prefix, self.0);
                text
            }

            /// The id behind its public form with another prefix.
            pub fn parse_with_prefix(prefix: &str, text: &str) -> Option<Self> {
                parse_public(prefix, text).map(Self)
            }

            /// From a Postgres bigint.
            pub fn from_row(number: i64) -> Self {
                Self(number.cast_unsigned())
            }

            /// As a Postgres bigint.
            pub fn row(self) -> i64 {
                self.0.cast_signed()
            }
        }

        /// The public form, prefix first.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_public(f, $prefix, self.0)
            }
        }
    )*};
}

ids! {
    /// A workspace: owns links, domains, keys and events.
    WorkspaceId "ws_";
    /// A person who signs in and owns keys.
    UserId "user_";
    /// A short domain.
    DomainId "dom_";
    /// A short link.
    LinkId "link_";
    /// A site whose pages are tracked. Its surface shows the number itself.
    SiteId "site_";
    /// A tag on links.
    TagId "tag_";
    /// A folder of links.
    FolderId "fold_";
    /// A customer, named by leads and sales.
    CustomerId "cus_";
    /// An API key.
    KeyId "key_";
    /// A webhook.
    WebhookId "wh_";
    /// One event on its way to one webhook.
    DeliveryId "dlv_";
    /// A change that waits to be told; its public form names the event in every delivery.
    OutboxId "evt_";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_its_own() {
        let id = LinkId(7).to_string();
        assert_eq!(LinkId::parse(&id), Some(LinkId(7)));
        assert_eq!(TagId::parse(&id), None);
        let other = LinkId(7).with_prefix("lnk_");
        assert_eq!((LinkId::parse(&other), LinkId::parse_with_prefix("lnk_", &other)), (None, Some(LinkId(7))));
        for bad in ["", "link_", "link_0000000000000", "link_zzzzzzzzzzzzz", "link_é", "LINK_0000000000001"] {
            assert_eq!(LinkId::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn public_form_is_reversible(number in 1..=i64::MAX as u64) {
            prop_assert_eq!(LinkId::parse(&LinkId(number).to_string()), Some(LinkId(number)));
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = LinkId::parse(&text);
        }
    }
}
