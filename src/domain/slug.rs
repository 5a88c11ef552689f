//! Slugs: which are allowed, which are kept back, and random ones.
//!
//! Allowed are ASCII letters and digits, `_ / . -`, and everything above ASCII that can be seen (so emoji), at most
//! [`MAX_LENGTH`] characters. Not allowed are a `_` or `.well-known` in front, `.php` at the end, and the segments `.` and
//! `..`, which no client would ever ask for.

use super::link::ROOT_SLUG;
use super::site;

/// In characters.
pub const MAX_LENGTH: usize = 190;
/// The shortest random slug that can be asked for.
pub const MIN_RANDOM_LENGTH: usize = 3;
/// How long random slugs are unless asked otherwise: with 57 letters about 2 x 10^12 of them, and 4 x 10^10 where case does
/// not count.
pub const RANDOM_LENGTH: usize = 7;

/// Letters and digits without those that look alike: `0 O I l 1`.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// First segments that are kept back on every host: those that we answer ourselves where the API is, and those that
/// programs ask every host for.
const RESERVED: [&str; 6] = ["api", "health", "ready", "metrics", "robots.txt", "favicon.ico"];

/// First segments that are answered by ourselves on the host that the API shares with a short domain.
const RESERVED_BESIDE_API: [&str; 18] = [
    "analytics",
    "customers",
    "docs",
    "domains",
    "events",
    "folders",
    "join",
    "l",
    "links",
    "openapi.json",
    "p.gif",
    "qr",
    "script.js",
    "tags",
    "track",
    "v1",
    "webhooks",
    "workspaces",
];

/// Why a slug is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Nothing left after slashes at both ends.
    #[error("it is empty")]
    Empty,
    /// More than [`MAX_LENGTH`] characters.
    #[error("it has more than {MAX_LENGTH} characters")]
    TooLong,
    /// A character that is not allowed.
    #[error("it may hold letters, digits, '_', '/', '.', '-' and emoji only")]
    Character,
    /// A form that is kept back.
    #[error("it may not begin with '_' or '.well-known', end with '.php', or have '.' or '..' as a segment")]
    Form,
}

/// The slug that `text` asks for: without slashes at its ends, once it is found to be allowed. The root's own slug is
/// allowed as a whole.
pub fn parse(text: &str) -> Result<&str, SlugError> {
    let slug = text.trim_matches('/');
    if slug == ROOT_SLUG {
        return Ok(slug);
    }
    if slug.is_empty() {
        return Err(SlugError::Empty);
    }
    if slug.chars().count() > MAX_LENGTH {
        return Err(SlugError::TooLong);
    }
    if !slug.chars().all(is_allowed) {
        return Err(SlugError::Character);
    }
    let lower = slug.to_lowercase();
    let unreachable = lower.split('/').any(|segment| segment == "." || segment == "..");
    if unreachable || lower.starts_with('_') || lower.starts_with(".well-known") || lower.ends_with(".php") {
        return Err(SlugError::Form);
    }
    Ok(slug)
}

fn is_allowed(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_alphanumeric() || matches!(letter, '_' | '/' | '.' | '-');
    }
    // Not seen, or turning what follows around: such slugs could pass for others. The joiner of emoji stays.
    let hidden = matches!(
        letter,
        '\u{80}'..='\u{a0}'
            | '\u{ad}'
            | '\u{200b}'..='\u{200c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffd}'
    );
    !hidden && !letter.is_whitespace() && !letter.is_control()
}

/// Whether links may not have this slug because something of ours answers there.
pub fn is_reserved(slug: &str, beside_api: bool) -> bool {
    let first = slug.split('/').next().unwrap_or(slug).to_lowercase();
    RESERVED.contains(&first.as_str()) || (beside_api && RESERVED_BESIDE_API.contains(&first.as_str()))
}

/// Whether a slug is below those of links of sites, which have the domain of the installation's own address to themselves.
pub fn is_of_sites(slug: &str) -> bool {
    slug.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(site::LINKS))
}

/// A slug of `length` letters that nobody can guess. An error when the system gives no random bytes.
pub fn random(length: usize) -> Result<String, getrandom::Error> {
    // The largest multiple of 57 in a byte: higher values are drawn again, so that all letters are equally likely.
    const FAIR: u8 = 57 * 4;
    let mut slug = String::with_capacity(length);
    let mut bytes = [0u8; 32];
    while slug.len() < length {
        getrandom::fill(&mut bytes)?;
        let letters =
            bytes.iter().filter(|&&byte| byte < FAIR).map(|&byte| char::from(ALPHABET[usize::from(byte % 57)]));
        slug.extend(letters.take(length - slug.len()));
    }
    Ok(slug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn allowed_and_not() {
        for good in ["a", "A-b_c.d", "deep/er/path", "_root", "🚀", "日本", "naïve", "👩‍💻", "a.phpx", &"x".repeat(190)]
        {
            assert_eq!(parse(good), Ok(good));
        }
        assert_eq!(parse("/a/b/"), Ok("a/b"));
        let bad = [
            ("", SlugError::Empty),
            ("///", SlugError::Empty),
            (&"x".repeat(191), SlugError::TooLong),
            ("a b", SlugError::Character),
            ("a?b", SlugError::Character),
            ("a%2e", SlugError::Character),
            ("a\0", SlugError::Character),
            ("a\r\nb", SlugError::Character),
            ("a\u{202e}b", SlugError::Character),
            ("a\u{200b}", SlugError::Character),
            ("a\\b", SlugError::Character),
            ("_x", SlugError::Form),
            ("_rooted", SlugError::Form),
            (".Well-Known/x", SlugError::Form),
            ("index.PHP", SlugError::Form),
            ("a/../b", SlugError::Form),
            ("..", SlugError::Form),
        ];
        for (text, error) in bad {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn keeps_its_own_names_back() {
        assert!(is_reserved("API/anything", false));
        assert!(!is_reserved("apiary", false));
        assert!(!is_reserved("events", false));
        assert!(is_reserved("events", true));
        assert!(is_of_sites("L/shop/sale") && is_of_sites("l") && !is_of_sites("la/x"));
    }

    #[test]
    fn random_slugs_are_allowed_and_differ() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let slug = random(RANDOM_LENGTH).unwrap();
            assert_eq!(parse(&slug), Ok(slug.as_str()));
            assert_eq!(slug.len(), RANDOM_LENGTH);
            assert!(!slug.contains(['0', 'O', 'I', 'l', '1']));
            assert!(seen.insert(slug));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".*") {
            if let Ok(slug) = parse(&text) {
                prop_assert_eq!(parse(slug), Ok(slug));
                let clean = !slug.contains(['\r', '\n', '\0', '?', '#', '%', ' ']);
                prop_assert!(clean);
            }
        }
    }
}
