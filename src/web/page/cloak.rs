//! The destination in a frame under the short address.
//!
//! Only the destination's own origin may be framed, and the same name with or without `www.`, between which many sites send
//! their visitors.
//!
//! Whether a site lets itself be framed (`X-Frame-Options`, `frame-ancestors`) is known to nobody but the browser: it shows an
//! empty frame, tells the page around it that the frame has loaded, and no script there may look inside or learn the reason.
//! To ask the site when the link is written would mean to fetch addresses for strangers, and would be old by the next
//! visit. So a line below the frame always leads there, whoever needs it.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use url::Url;

use super::frame::respond;
use super::html::Text;
use super::interstitial::Carried;
use super::shown::{Tags, host, title};
use crate::redirect::Shown;

/// The page that frames `location`, a web address. `hide_referrer` keeps the short address from it, `index` lets search
/// engines keep the page; `carried` are the owner's pixels and tags. `None` when the address names no host.
pub fn page(
    shown: &Shown,
    location: &str,
    hide_referrer: bool,
    index: bool,
    carried: Option<&Carried<'_>>,
) -> Option<Response> {
    let framed = framed(location)?;
    let policy = match carried {
        Some(carried) => carried.policy(&framed)?,
        None => HeaderValue::try_from(policy(&framed)).ok()?,
    };
    Some(respond(StatusCode::OK, html(shown, location, hide_referrer, carried), policy, index))
}

fn policy(framed: &str) -> String {
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; frame-src {framed}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// The origins that the frame may show.
fn framed(location: &str) -> Option<String> {
    let url = Url::parse(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    let (scheme, rest) = origin.split_once("://")?;
    let sibling = match rest.strip_prefix("www.") {
        Some(bare) => format!(" {scheme}://{bare}"),
        None if url.domain().is_some() => format!(" {scheme}://www.{rest}"),
        None => String::new(),
    };
    Some(format!("{origin}{sibling}"))
}

fn html(shown: &Shown, location: &str, hide_referrer: bool, carried: Option<&Carried<'_>>) -> String {
    let host = host(location);
    let title = title(shown, &host);
    let head = carried.map_or_else(String::new, |carried| carried.head().to_string());
    let body = carried.map_or_else(String::new, |carried| carried.body().to_string());
    let referrer = if hide_referrer { "no-referrer" } else { "strict-origin-when-cross-origin" };
    format!(
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n{tags}",
            "<style>\nhtml,body{{height:100%;margin:0}}\n",
            "body{{display:flex;flex-direction:column;background:#fff;color:#4a5568;font:.8125rem/1.5 system-ui,sans-serif}}\n",
            "iframe{{flex:1;border:0;width:100%;background:#fff}}p{{margin:0;padding:.25rem .75rem;text-align:end}}\n",
            "a{{color:inherit}}a:focus-visible{{outline:2px solid}}\n",
            "@media(prefers-color-scheme:dark){{body{{background:#14181f;color:#a3adbd}}}}\n",
            "</style>\n{head}</head>\n<body>\n",
            "<iframe src=\"{location}\" title=\"{title}\" allow=\"autoplay; clipboard-write; fullscreen; web-share\" ",
            "referrerpolicy=\"{referrer}\"></iframe>\n",
            "<p>Page not showing? <a href=\"{location}\" referrerpolicy=\"{referrer}\">Open {host}</a></p>\n",
            "{body}</body>\n</html>\n"
        ),
        head = head,
        body = body,
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
            let response = page(&Shown::default(), location, false, false, None).unwrap();
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains(&format!("; frame-src {allowed}; ")), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'") && policy.starts_with("default-src 'none'"));
        }
        for other in ["mailto:a@example.com", "javascript:alert(1)", "data:text/html,x", "x", ""] {
            assert!(page(&Shown::default(), other, false, false, None).is_none(), "{other}");
        }
    }

    #[test]
    fn its_line_can_be_read() {
        use super::super::frame::tests::contrast;
        let html = html(&Shown::default(), "https://a.example/", false, None);
        let (light, dark) = html.split_once("@media(prefers-color-scheme:dark)").unwrap();
        for look in [light, dark] {
            let (_, rule) = look.split_once("background:#").unwrap();
            let (back, rest) = rule.split_once(";color:#").unwrap();
            let front = rest.split([';', '}']).next().unwrap();
            assert!(contrast(&format!("#{front}"), &format!("#{back}")) >= 4.5, "{front} on {back}");
        }
    }

    #[test]
    fn shows_what_the_link_says() {
        let shown =
            Shown { title: Some("Spring".into()), image: Some("https://a.example/i.png".into()), ..Shown::default() };
        let html = html(&shown, "https://a.example/?x=1&y=2", true, None);
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
    fn the_frames_page_carries_pixels_and_tags() {
        use crate::domain::pixel::Network;
        use crate::redirect::Interstitial;
        use crate::web::page::interstitial::Grounds;

        let mut way = Interstitial { pixels: vec![(Network::Meta, "12345".into())], head: None, body: None };
        let answer = |way: &Interstitial| {
            let carried = Carried::new(way, Grounds::Own, true);
            let html = html(&Shown::default(), "https://a.example/", false, carried.as_ref());
            let page = page(&Shown::default(), "https://a.example/", false, false, carried.as_ref()).unwrap();
            (html, page.headers()["content-security-policy"].to_str().unwrap().to_owned())
        };
        let (html, policy) = answer(&way);
        assert!(html.contains("q('init','12345')") && html.contains("<iframe src=\"https://a.example/\""), "{html}");
        assert!(policy.contains("; frame-src https://a.example https://www.a.example https://www.facebook.com; "));
        assert!(policy.contains("'nonce-") && !policy.contains('*'), "{policy}");
        way.body = Some("<b>tag</b>".into());
        let (html, policy) = answer(&way);
        assert!(html.contains("<b>tag</b>\n</body>") && policy.starts_with("default-src *"), "{policy}");
    }

    #[test]
    fn nothing_breaks_out() {
        const EVIL: &str = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
        let evil = || Some(EVIL.into());
        let shown = Shown { title: evil(), description: evil(), image: evil(), video: evil() };
        let html = html(&shown, "https://a.example/';--\"><script>", false, None);
        for part in ["<script", "</script", "<img"] {
            assert!(!html.contains(part), "{part}: {html}");
        }
        assert_eq!((html.matches("</title>").count(), html.matches("<iframe").count()), (1, 1));
        let policy = policy(&framed("https://a.example/;script-src *").unwrap());
        assert!(!policy.contains("script-src"), "{policy}");
    }
}
