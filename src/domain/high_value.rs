//! Pages of high value: whoever looks at one of them is about to buy.
//!
//! A pattern that begins with `/` means that path and all below it (`/pricing`, `/pricing/teams`). One that does not is a
//! word that stands between two slashes anywhere in a path (`pricing`: `/en/pricing`, `/pricing.html`). Letter case and the
//! ending of a file make no difference.

/// What is of high value where a site does not say otherwise.
pub const DEFAULT: [&str; 24] = [
    "pricing",
    "prices",
    "plans",
    "demo",
    "book-demo",
    "book-a-demo",
    "request-demo",
    "request-a-demo",
    "schedule",
    "contact",
    "contact-us",
    "contact-sales",
    "quote",
    "get-a-quote",
    "checkout",
    "cart",
    "buy",
    "order",
    "signup",
    "sign-up",
    "register",
    "trial",
    "free-trial",
    "get-started",
];

/// Most patterns of a site.
pub const MOST: usize = 100;
/// The longest, in bytes.
const LONGEST: usize = 200;

/// The pattern that a text means, in lower case, without a slash at its end; `None` for what can be none: empty, too long,
/// or with a query, a blank, or a slash that is not its first letter's.
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let wrong = |letter: char| letter.is_whitespace() || letter.is_control() || matches!(letter, '?' | '#' | '*');
    if text.is_empty() || text.len() > LONGEST || text.contains(wrong) {
        return None;
    }
    if text.starts_with('/') {
        let path = text.trim_end_matches('/');
        return Some(if path.is_empty() { "/".to_owned() } else { path.to_owned() });
    }
    (!text.contains('/')).then_some(text)
}

/// Patterns, as the store compares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HighValue {
    /// Words between two slashes.
    pub words: Vec<String>,
    /// Paths.
    pub paths: Vec<String>,
}

impl HighValue {
    /// Those of a site; `None` for the default ones.
    pub fn new(patterns: Option<&[String]>) -> Self {
        let (paths, words) = match patterns {
            Some(given) => given.iter().cloned().partition(|pattern| pattern.starts_with('/')),
            None => (Vec::new(), DEFAULT.map(str::to_owned).to_vec()),
        };
        Self { words, paths }
    }

    /// Whether a page is one of them. The store says the same in `warehouse/audience.rs`.
    pub fn includes(&self, page: &str) -> bool {
        let page = page.to_lowercase();
        let lies_at = |path: &String| match page.strip_prefix(path.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        page.split('/').any(|part| {
            let word = part.split_once('.').map_or(part, |(word, _)| word);
            self.words.iter().any(|wanted| wanted == word)
        }) || self.paths.iter().any(lies_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern) in [
            ("/Pricing/", Some("/pricing")),
            (" demo ", Some("demo")),
            ("/", Some("/")),
            ("//", Some("/")),
            ("/a/b", Some("/a/b")),
            ("", None),
            ("a/b", None),
            ("/a?b", None),
            ("/a b", None),
            ("/a/*", None),
        ] {
            assert_eq!(parse(text).as_deref(), pattern, "{text}");
        }
        assert!(parse(&"x".repeat(201)).is_none());
        assert!(DEFAULT.iter().all(|word| parse(word).as_deref() == Some(*word)));
    }

    #[test]
    fn pages() {
        let default = HighValue::new(None);
        for (page, expected) in [
            ("/pricing", true),
            ("/Pricing/", true),
            ("/en/pricing/teams", true),
            ("/pricing.html", true),
            ("/blog/pricing-is-hard", false),
            ("/", false),
            ("", false),
        ] {
            assert_eq!(default.includes(page), expected, "{page}");
        }
        let own = HighValue::new(Some(&["/cars".to_owned(), "finance".to_owned()]));
        for (page, expected) in
            [("/cars", true), ("/cars/7", true), ("/carsten", false), ("/x/finance", true), ("/pricing", false)]
        {
            assert_eq!(own.includes(page), expected, "{page}");
        }
        assert!(!HighValue::new(Some(&[])).includes("/pricing"));
    }
}
