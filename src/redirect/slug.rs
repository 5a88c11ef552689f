//! The path of a visit to the slug it names, and to the form by which slugs are looked up.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::domain::link::ROOT_SLUG;
use crate::domain::workspace;

/// Behind a link's path, it asks for the link's public statistics (Linkly contract, 1.3).
const STATS: &str = ".stats";
/// No slug is longer than this many characters.
pub const MAX_SLUG_CHARS: usize = 190;

/// The slug that a path names: decoded, without the first `/` and without slashes at the end; `/` alone names the
/// domain's root. `None` when no link can have such a slug: too long, broken UTF-8, control characters.
pub fn slug_of(path: &str) -> Option<Cow<'_, str>> {
    let encoded = path.strip_prefix('/').unwrap_or(path);
    if encoded.is_empty() {
        return Some(Cow::Borrowed(ROOT_SLUG));
    }
    // A character takes at most twelve bytes of percent-encoded UTF-8.
    if encoded.len() > MAX_SLUG_CHARS * 12 {
        return None;
    }
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    let slug = match decoded {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches('/')),
        Cow::Owned(text) => Cow::Owned(text.trim_end_matches('/').to_owned()),
    };
    let too_long = slug.len() > MAX_SLUG_CHARS && slug.chars().count() > MAX_SLUG_CHARS;
    (!slug.is_empty() && !too_long && !slug.chars().any(char::is_control)).then_some(slug)
}

/// The path that is to be inspected rather than visited: the one before a `+` at the end, which no slug has.
pub fn inspected(path: &str) -> Option<&str> {
    let ending = |ending| path.strip_suffix(ending);
    ending("+").or_else(|| ending("%2B")).or_else(|| ending("%2b"))
}

/// The path of the link whose public statistics are asked for: the one before `.stats` at the end. A link whose slug really
/// ends so comes first.
pub fn counted(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    let place = path.len().checked_sub(STATS.len())?;
    path.is_char_boundary(place)
        .then(|| path.split_at(place))
        .filter(|(_, end)| end.eq_ignore_ascii_case(STATS))
        .map(|(path, _)| path)
}

/// Programs that look for holes ask for scripts all day; no slug ends like one.
pub(super) fn is_script(slug: &str) -> bool {
    let end = slug.len().saturating_sub(4);
    slug.as_bytes()[end..].eq_ignore_ascii_case(b".php")
}

/// The form by which a slug is looked up on a domain; borrows where it is that already.
pub(super) fn key_of(slug: Cow<'_, str>, case_sensitive: bool) -> Cow<'_, str> {
    let is_key = case_sensitive || slug.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_key { slug } else { Cow::Owned(workspace::slug_key(&slug, case_sensitive)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_name_slugs() {
        let long = "x".repeat(190);
        let wide = "é".repeat(190);
        let encoded_wide = wide.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        for (path, slug) in [
            ("/", Some("_root")),
            ("", Some("_root")),
            ("/abc", Some("abc")),
            ("/AbC", Some("AbC")),
            ("/abc/", Some("abc")),
            ("/a/b", Some("a/b")),
            ("/%61bc", Some("abc")),
            ("/%F0%9F%9A%80", Some("🚀")),
            ("/%FF", None),
            ("/a%00", None),
            ("/a%0d%0ab", None),
            ("//", None),
            ("//abc", Some("/abc")),
            (&format!("/{long}"), Some(&long)),
            (&format!("/{long}x"), None),
            (&format!("/{encoded_wide}"), Some(&wide)),
            (&format!("/{encoded_wide}x"), None),
        ] {
            assert_eq!(slug_of(path).as_deref(), slug, "{path}");
        }
    }

    #[test]
    fn scripts_and_inspections_are_told_by_their_end() {
        for (path, expected) in
            [("/sale+", Some("/sale")), ("/sale%2B", Some("/sale")), ("/+", Some("/")), ("/sale", None), ("/a+b", None)]
        {
            assert_eq!(inspected(path), expected);
        }
        for (slug, expected) in
            [("wp-login.php", true), ("A.PHP", true), (".php", true), ("php", false), ("a.php5", false), ("", false)]
        {
            assert_eq!(is_script(slug), expected, "{slug}");
        }
    }

    #[test]
    fn statistics_are_asked_for_by_the_end() {
        for (path, expected) in [
            ("/sale.stats", Some("/sale")),
            ("/sale.STATS/", Some("/sale")),
            ("/.stats", Some("/")),
            ("/a.stats.stats", Some("/a.stats")),
            ("/stats", None),
            ("/é.stat", None),
            ("/ééé", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(counted(path), expected, "{path}");
        }
    }

    #[test]
    fn keys_fold_case_where_the_domain_does() {
        for (slug, case_sensitive, key) in
            [("Sale", false, "sale"), ("Sale", true, "Sale"), ("ÉTÉ", false, "été"), ("sale-1/x", false, "sale-1/x")]
        {
            assert_eq!(key_of(Cow::Borrowed(slug), case_sensitive), key);
        }
    }

    proptest! {
        #[test]
        fn any_path_is_answered(path in "(/|%[0-9a-fA-F]{0,2}|.){0,300}") {
            if let Some(slug) = slug_of(&path) {
                prop_assert!(!slug.is_empty() && slug.chars().count() <= MAX_SLUG_CHARS);
                prop_assert!(!slug.contains('\0'));
            }
        }

        #[test]
        fn keys_agree_with_the_domain(slug in ".{0,40}", case_sensitive: bool) {
            prop_assert_eq!(key_of(Cow::Borrowed(&slug), case_sensitive), workspace::slug_key(&slug, case_sensitive));
        }
    }
}
