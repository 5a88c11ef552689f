//! The campaign of a visit: the `utm_*` parameters of its final destination.
//!
//! Names match exactly, values are decoded (`+` and `%XX`, broken UTF-8 replaced) and cut at 255 characters. When a
//! parameter is repeated the last one wins, as when a query is read into a map.

use percent_encoding::percent_decode;

use crate::domain::event::Utm;

/// The longest value that is kept, in characters.
const MAX_CHARS: usize = 255;

/// The campaign fields of `url`; empty ones when it has none.
pub fn campaign(url: &str) -> Utm {
    let mut utm = Utm::default();
    if !url.contains("utm_") {
        return utm;
    }
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    let Some((_, query)) = url.split_once('?') else { return utm };
    for pair in query.split('&') {
        let Some(name) = pair.strip_prefix("utm_") else { continue };
        let (name, value) = name.split_once('=').unwrap_or((name, ""));
        let field = match name {
            "source" => &mut utm.source,
            "medium" => &mut utm.medium,
            "campaign" => &mut utm.campaign,
            "term" => &mut utm.term,
            "content" => &mut utm.content,
            _ => continue,
        };
        *field = decode(value);
    }
    utm
}

fn decode(value: &str) -> String {
    let mut text = if value.bytes().any(|letter| matches!(letter, b'+' | b'%')) {
        let spaced = value.replace('+', " ");
        percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
    } else {
        value.to_owned()
    };
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(url: &str) -> [String; 5] {
        let Utm { source, medium, campaign, term, content } = campaign(url);
        [source, medium, campaign, term, content]
    }

    #[test]
    fn five_fields_decoded() {
        assert_eq!(
            fields(
                "https://example.com/?a=1&utm_source=news+letter&utm_medium=e%2Dmail&utm_campaign=%E2%82%AC50&utm_term=x&utm_content=b#f"
            ),
            ["news letter", "e-mail", "€50", "x", "b"]
        );
        assert_eq!(fields("https://example.com/?utm_source=%ff%C3%A9%2"), ["\u{fffd}é%2", "", "", "", ""]);
        assert_eq!(fields("https://example.com/?utm_source=a%2Bb%26c%3Dd"), ["a+b&c=d", "", "", "", ""]);
    }

    #[test]
    fn only_the_query_counts_and_the_last_wins() {
        for none in [
            "",
            "https://example.com/",
            "https://example.com/utm_source=x",
            "https://example.com/#?utm_source=x",
            "https://example.com/?xutm_source=x&UTM_SOURCE=y&utm_sourcex=z&utm_id=1",
        ] {
            assert_eq!(campaign(none), Utm::default(), "{none}");
        }
        assert_eq!(fields("/?utm_source=a&utm_source=b=c")[0], "b=c");
        assert_eq!(fields("/?utm_source=a&utm_source")[0], "");
        assert_eq!(fields("/?x=1?utm_source=no&utm_medium=yes"), ["", "yes", "", "", ""]);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(fields(&format!("/?utm_term={}", "%C3%A9".repeat(300)))[3], "é".repeat(255));
        assert_eq!(fields(&format!("/?utm_term={}", "x".repeat(255)))[3].len(), 255);
    }

    proptest! {
        #[test]
        fn any_url_is_answered(url in ".{0,40}(\\?(utm_source=.{0,20}&){0,3}utm_.{0,30})?") {
            let utm = campaign(&url);
            prop_assert!(utm.source.chars().count() <= MAX_CHARS);
        }
    }
}
