//! The page that robots of messengers and social networks get of a link with a preview of its own.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{POLICY, after_title, before_title, respond};
use super::html::Text;
use super::shown::{Tags, host, title};
use crate::redirect::Shown;

/// The page. `location` is where the link leads: whoever reads the page after all gets there, too. `index` lets search
/// engines keep it.
pub fn page(shown: &Shown, location: &str, index: bool) -> Response {
    respond(StatusCode::OK, html(shown, location), HeaderValue::from_static(POLICY), index)
}

fn html(shown: &Shown, location: &str) -> String {
    let host = host(location);
    let title = title(shown, if host.is_empty() { location } else { &host });
    let description = shown.description.as_deref().map_or_else(String::new, |text| format!("<p>{}</p>\n", Text(text)));
    format!(
        "{before}{heading}{after}{tags}</head>\n<body>\n<main>\n<h1>{heading}</h1>\n{description}\
         <p><a href=\"{target}\" rel=\"noreferrer\">Continue</a></p>\n</main>\n</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
        heading = Text(title),
        tags = Tags { shown, title },
        target = Text(location),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_the_link_shows() {
        let shown = Shown { title: Some("Spring".into()), description: Some("All of it".into()), ..Shown::default() };
        let html = html(&shown, "https://a.example/?x=1&y='2'");
        for part in [
            "<title>Spring</title>",
            "<meta property=\"og:title\" content=\"Spring\">",
            "<h1>Spring</h1>\n<p>All of it</p>",
            "<a href=\"https://a.example/?x=1&amp;y=&#39;2&#39;\" rel=\"noreferrer\">",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let response = page(&shown, "https://a.example", true);
        assert_eq!((response.status().as_u16(), response.headers().get("x-robots-tag")), (200, None));
        assert!(page(&shown, "https://a.example", false).headers().contains_key("x-robots-tag"));
    }

    #[test]
    fn nothing_breaks_out() {
        const EVIL: &str = "</title></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
        let evil = || Some(EVIL.into());
        let shown = Shown { title: evil(), description: evil(), image: evil(), video: evil() };
        let html = html(&shown, "mailto:a@example.com?subject=%22");
        for part in ["<script", "</script", "<img", "onerror=alert(1)>"] {
            assert!(!html.contains(part), "{part}: {html}");
        }
        assert_eq!(html.matches("</title>").count(), 1);
        assert!(!html.contains("og:image") && !html.contains("og:video"));
    }
}
