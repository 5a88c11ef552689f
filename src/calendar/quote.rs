//! A caller's text as an error message repeats it: quoted, cut and printable, whatever was sent.

/// Characters of the caller's text that are repeated.
const SHOWN_CHARS: usize = 64;

/// `given` in double quotes, cut to 64 characters (`...` marks the cut), with control characters, quotes and
/// backslashes escaped.
pub(super) fn quoted(given: &str) -> String {
    let mut shown = String::with_capacity(given.len().min(SHOWN_CHARS) + 2);
    shown.push('"');
    let mut chars = given.chars();
    for c in chars.by_ref().take(SHOWN_CHARS) {
        match c {
            '\'' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if chars.next().is_some() {
        shown.push_str("...");
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn text_is_cut_and_printable() {
        assert_eq!(quoted(""), r#""""#);
        assert_eq!(quoted("Côte d'Ivoire"), r#""Côte d'Ivoire""#);
        assert_eq!(quoted("a\0b\n\u{1b}[31m\"\\"), r#""a\0b\n\u{1b}[31m\"\\""#);
        assert_eq!(quoted("\u{202e}x"), r#""\u{202e}x""#);
        assert_eq!(quoted(&"é".repeat(64)), format!("\"{}\"", "é".repeat(64)));
        assert_eq!(quoted(&"é".repeat(10_000)), format!("\"{}...\"", "é".repeat(64)));
    }
}
