//! Text of others in HTML.

use std::fmt;

/// Text as it stands in an element or a quoted attribute: it ends neither, and control characters are blanks.
pub struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(|letter: char| letter.is_control() || "&<>\"'`".contains(letter)) {
            f.write_str(&rest[..at])?;
            let mut letters = rest[at..].chars();
            f.write_str(match letters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\'') => "&#39;",
                Some('`') => "&#96;",
                _ => " ",
            })?;
            rest = letters.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_end_something_is_written_out() {
        for (text, expected) in [
            ("", ""),
            ("plain é 日本", "plain é 日本"),
            ("</title><script>", "&lt;/title&gt;&lt;script&gt;"),
            ("a\" onload='x`", "a&quot; onload=&#39;x&#96;"),
            ("&amp;", "&amp;amp;"),
            ("a\0b\nc\u{85}", "a b c "),
        ] {
            assert_eq!(Text(text).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_gets_out(text in any::<String>()) {
            let written = Text(&text).to_string();
            prop_assert!(!written.contains(['<', '>', '"', '\'', '`']));
            prop_assert!(!written.contains(char::is_control));
        }
    }
}
