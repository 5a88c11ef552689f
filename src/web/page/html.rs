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

/// Text as a string of a script that stands in a page: quoted, and nothing in it ends the string or the script.
pub struct ScriptText<'a>(pub &'a str);

impl fmt::Display for ScriptText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for letter in self.0.chars() {
            let is_plain = letter.is_ascii_alphanumeric() || " !#$%()*+,-./:;=?@[]^_{|}~".contains(letter);
            if is_plain {
                write!(f, "{letter}")?;
            } else {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
        }
        f.write_str("\"")
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
        fn scripts_read_what_was_written(text in any::<String>()) {
            let written = ScriptText(&text).to_string();
            prop_assert!(written.is_ascii() && !written.contains(['<', '>', '&', '\'', '`', '\n']));
            prop_assert_eq!(written.matches('"').count(), 2);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }

        #[test]
        fn nothing_gets_out(text in any::<String>()) {
            let written = Text(&text).to_string();
            prop_assert!(!written.contains(['<', '>', '"', '\'', '`']));
            prop_assert!(!written.contains(char::is_control));
        }
    }
}
