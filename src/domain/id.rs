//! Ids. Inside, every row is a number; at the edge it wears its surface's prefix.
//!
//! The public form is reversible: prefix, then 13 characters of Crockford's base 32. The number is spread by an
//! invertible multiplication, so that neighbours do not look alike. This hides nothing: what protects a row is that every
//! look-up names its workspace.
//!
//! Brevr's form is as long as a cuid: `c`, the same 13 characters, and 11 more that are a checksum of the number and of what
//! it is an id of, so that an id of one kind is none of another.

use std::fmt;

/// Odd, so multiplication modulo 2^64 can be undone by [`UNSPREAD`].
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const UNSPREAD: u64 = inverse(SPREAD);
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;
const CUID_START: char = 'c';
const CHECKSUM_LENGTH: usize = 11;

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
    f.write_str(prefix)?;
    f.write_str(&written(number.wrapping_mul(SPREAD), LENGTH))
}

/// The last digits of a number.
fn written(number: u64, digits: usize) -> String {
    (0..digits).rev().map(|place| char::from(ALPHABET[(number >> (5 * place) & 31) as usize])).collect()
}

fn write_cuid(prefix: &str, number: u64) -> String {
    let checksum = written(checksum(prefix, number), CHECKSUM_LENGTH);
    format!("{CUID_START}{}{checksum}", written(number.wrapping_mul(SPREAD), LENGTH))
}

fn parse_cuid(prefix: &str, text: &str) -> Option<u64> {
    let (digits, checked) = text.strip_prefix(CUID_START)?.split_at_checked(LENGTH)?;
    let number = parse_public("", digits)?;
    (checked == written(checksum(prefix, number), CHECKSUM_LENGTH)).then_some(number)
}

/// FNV-1a over the prefix, then the end of SplitMix64 over both. Guards against slips, not against forgers.
fn checksum(prefix: &str, number: u64) -> u64 {
    let kind = prefix
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    let mixed = number ^ kind;
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
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

            /// Brevr's form.
            pub fn cuid(self) -> String {
                write_cuid($prefix, self.0)
            }

            /// The id behind Brevr's form; `None` for an id of another kind or anything malformed.
            pub fn parse_cuid(text: &str) -> Option<Self> {
                parse_cuid($prefix, text).map(Self)
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
    /// A pixel that a workspace keeps.
    PixelId "pix_";
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

    #[test]
    fn a_cuid_is_of_one_kind() {
        let id = LinkId(7).cuid();
        assert!(
            id.len() == 25 && id.starts_with('c') && id.bytes().all(|letter| letter.is_ascii_alphanumeric()),
            "{id}"
        );
        assert_eq!(LinkId::parse_cuid(&id), Some(LinkId(7)));
        assert_eq!((TagId::parse_cuid(&id), LinkId::parse(&id)), (None, None));
        assert_ne!(LinkId(8).cuid()[..6], id[..6]);
        let mut slip = id.clone();
        slip.replace_range(3..4, if &id[3..4] == "a" { "b" } else { "a" });
        for bad in [
            "",
            "c",
            &id[..24],
            &format!("{id}0"),
            &id.to_uppercase(),
            &slip,
            "c\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(LinkId::parse_cuid(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn public_form_is_reversible(number in 1..=i64::MAX as u64) {
            prop_assert_eq!(LinkId::parse(&LinkId(number).to_string()), Some(LinkId(number)));
            prop_assert_eq!(LinkId::parse_cuid(&LinkId(number).cuid()), Some(LinkId(number)));
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            let _ = (LinkId::parse(&text), LinkId::parse_cuid(&text));
        }
    }
}
