//! `Accept-Language` -> the language that the visitor likes best.

/// Longest header part that is looked at, in bytes: longer than any language tag that browsers send.
const MAX_TAG_BYTES: usize = 35;

/// The first language of the header, written as `en`, `en-US`, `zh-Hant` or `zh-Hant-TW`; empty when it names none.
pub fn language(accept_language: &str) -> String {
    let first = accept_language.split(',').next().unwrap_or_default();
    let tag = first.split(';').next().unwrap_or_default().trim();
    if tag.len() > MAX_TAG_BYTES {
        return String::new();
    }
    let mut parts = tag.split(['-', '_']).peekable();
    let is = |part: &str, lengths: [usize; 2]| {
        lengths.contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_alphabetic())
    };
    let Some(language) = parts.next().filter(|part| is(part, [2, 3])) else { return String::new() };
    let mut text = language.to_ascii_lowercase();
    if let Some(script) = parts.next_if(|part| is(part, [4, 4])) {
        text.push('-');
        text.push_str(&script[..1].to_ascii_uppercase());
        text.push_str(&script[1..].to_ascii_lowercase());
    }
    let is_region =
        |part: &str| is(part, [2, 2]) || (part.len() == 3 && part.bytes().all(|digit| digit.is_ascii_digit()));
    if let Some(region) = parts.next_if(|part| is_region(part)) {
        text.push('-');
        text.push_str(&region.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_language_in_its_usual_form() {
        for (header, expected) in [
            ("en-US,en;q=0.9,de;q=0.8", "en-US"),
            ("EN-us", "en-US"),
            ("de", "de"),
            ("fr;q=0.7, en", "fr"),
            ("zh-hant-tw,zh;q=0.9", "zh-Hant-TW"),
            ("zh_CN", "zh-CN"),
            ("es-419", "es-419"),
            ("ca-ES-valencia", "ca-ES"),
            ("de-DE-1996", "de-DE"),
            ("en-u-nu-latn", "en"),
            ("fil-PH", "fil-PH"),
            ("*", ""),
            ("", ""),
            (",en", ""),
            ("english", ""),
            ("e1-US", ""),
            ("日本語", ""),
        ] {
            assert_eq!(language(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_answered(header in ".{0,80}", tag in "[A-Za-z]{1,4}([-_][A-Za-z0-9]{1,5}){0,3}") {
            for header in [header, tag] {
                let language = language(&header);
                prop_assert!(language.len() <= 12 && language.is_ascii());
            }
        }
    }
}
