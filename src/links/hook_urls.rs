//! The check of the addresses that are told of a link's clicks.

use super::failure::Measure;
use super::{Error, Result};
use crate::domain::hook_target::Policy;

/// Most addresses of one link.
const MAX_URLS: usize = 10;

/// Checks addresses and puts them into the form in which they are kept: each once, in the order given, blank ones left out.
pub(super) fn check_hook_urls(urls: &mut Vec<String>, policy: &Policy) -> Result<()> {
    let mut checked: Vec<String> = Vec::new();
    for (place, text) in urls.iter().map(|text| text.trim()).enumerate().filter(|(_, text)| !text.is_empty()) {
        let url = policy.check(text).map_err(|reason| {
            let given: String = text.chars().take(100).collect();
            Error::invalid("webhookUrls", format!("webhookUrls[{place}]: '{given}' is not allowed: {reason}"))
        })?;
        let url = String::from(url);
        if !checked.contains(&url) {
            checked.push(url);
        }
    }
    if checked.len() > MAX_URLS {
        return Err(Error::too_big("webhookUrls", Measure::List, MAX_URLS, checked.len()));
    }
    *urls = checked;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(urls: &[&str]) -> Result<Vec<String>> {
        let mut urls = urls.iter().map(ToString::to_string).collect();
        check_hook_urls(&mut urls, &Policy::default()).map(|()| urls)
    }

    #[test]
    fn addresses_are_public_and_few() {
        let good = checked(&[" https://a.example/hook ", "", "http://b.example", "https://a.example/hook"]).unwrap();
        assert_eq!(good, ["https://a.example/hook", "http://b.example/"]);
        for (urls, says) in [
            (&["https://a.example", "http://127.0.0.1/x"][..], "webhookUrls[1]: 'http://127.0.0.1/x' is not allowed"),
            (&["http://[::ffff:169.254.169.254]/"], "not public"),
            (&["ftp://a.example"], "scheme is ftp"),
            (&["a.example"], "not a URL"),
            (&["https://me:pw@a.example"], "user name or a password"),
        ] {
            let message = checked(urls).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
        let many: Vec<String> = (0..11).map(|number| format!("https://a.example/{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(checked(&many[..10]).is_ok() && checked(&many).is_err());
    }
}
