//! The destination in a frame under the short address.
//!
//! Only the destination's own origin may be framed, and the same name with or without `www.`, between which many sites send
//! their visitors. Whether a site lets itself be framed cannot be asked, so a line below the frame leads there.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use url::Url;

use super::frame::respond;
use super::html::Text;
use super::shown::{Tags, host, title};
use crate::redirect::Shown;

/// The page that frames `location`, a web address. `hide_referrer` keeps the short address from it, `index` lets search
/// engines keep the page. `None` when the address names no host.
pub fn page(shown: &Shown, location: &str, hide_referrer: bool, index: bool) -> Option<Response> {
    let policy = HeaderValue::try_from(policy(location)?).ok()?;
    Some(respond(StatusCode::OK, html(shown, location, hide_referrer), policy, index))
}

fn policy(location: &str) -> Option<String> {
    let url = Url::parse(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    let (scheme, rest) = origin.split_once("://")?;
    let sibling = match rest.strip_prefix("www.") {
        Some(bare) => format!(" {scheme}://{bare}"),
        None if url.domain().is_some() => format!(" {scheme}://www.{rest}"),
        None => String::new(),
    };
    Some(format!(
        "default-src 'none'; style-src 'unsafe-inline'; frame-src {origin}{sibling}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    ))
}

fn html(shown: &Shown, location: &str, hide_referrer: bool) -> String {
    let host = host(location);
    let title = title(shown, &host);
    let referrer = if hide_referrer { "no-referrer" } else { "strict-origin-when-cross-origin" };
    format!(
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n{tags}",
            "<style>\nhtml,body{{height:100%;margin:0}}\n",
            "body{{display:flex;flex-direction:column;background:#fff;color:#4a5568;font:.8125rem/1.5 system-ui,sans-serif}}\n",
            "iframe{{flex:1;border:0;width:100%}}p{{margin:0;padding:.125rem .75rem;text-align:end}}a{{color:inherit}}\n",
            "</style>\n</head>\n<body>\n",
            "<iframe src=\"{location}\" title=\"{title}\" allow=\"autoplay; clipboard-write; fullscreen; web-share\" ",
            "referrerpolicy=\"{referrer}\"></iframe>\n",
            "<p>Nothing to see? <a href=\"{location}\" referrerpolicy=\"{referrer}\">Open {host}</a></p>\n",
            "</body>\n</html>\n"
        ),
        title = Text(title),
        tags = Tags { shown, title },
        location = Text(location),
        referrer = referrer,
        host = Text(&host),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_the_destination_and_nothing_else() {
        for (location, allowed) in [
            ("https://a.example/x?y=1", "https://a.example https://www.a.example"),
            ("https://www.a.example:8443/", "https://www.a.example:8443 https://a.example:8443"),
            ("http://192.0.2.1/", "http://192.0.2.1"),
            ("http://[2001:db8::1]:81/", "http://[2001:db8::1]:81"),
        ] {
            let response = page(&Shown::default(), location, false, false).unwrap();
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains(&format!("; frame-src {allowed}; ")), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'") && policy.starts_with("default-src 'none'"));
        }
        for other in ["mailto:a@example.com", "javascript:alert(1)", "data:text/html,x", "x", ""] {
            assert!(page(&Shown::default(), other, false, false).is_none(), "{other}");
        }
    }

    #[test]
    fn shows_what_the_link_says() {
        let shown =
            Shown { title: Some("Spring".into()), image: Some("https://a.example/i.png".into()), ..Shown::default() };
        let html = html(&shown, "https://a.example/?x=1&y=2", true);
        for part in [
            "<title>Spring</title>",
            "<meta property=\"og:image\" content=\"https://a.example/i.png\">",
            "<iframe src=\"https://a.example/?x=1&amp;y=2\" title=\"Spring\"",
            "referrerpolicy=\"no-referrer\"",
            "<a href=\"https://a.example/?x=1&amp;y=2\" referrerpolicy=\"no-referrer\">Open a.example</a>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn nothing_breaks_out() {
        const EVIL: &str = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
        let evil = || Some(EVIL.into());
        let shown = Shown { title: evil(), description: evil(), image: evil(), video: evil() };
        let html = html(&shown, "https://a.example/';--\"><script>", false);
        for part in ["<script", "</script", "<img"] {
            assert!(!html.contains(part), "{part}: {html}");
        }
        assert_eq!((html.matches("</title>").count(), html.matches("<iframe").count()), (1, 1));
        let policy = policy("https://a.example/;script-src *").unwrap();
        assert!(!policy.contains("script-src"), "{policy}");
    }
}
