//! The page behind `short.example/slug+`: where a link leads, without going there.

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{POLICY, after_title, before_title, respond};
use super::html::Text;

/// The page. `varies` says that other visitors may be sent elsewhere than to `address`.
pub fn page(address: &str, varies: bool) -> Response {
    respond(StatusCode::OK, html(address, varies), HeaderValue::from_static(POLICY), false)
}

fn html(address: &str, varies: bool) -> String {
    let others = if varies {
        "<p>Visitors may be sent elsewhere, by their device or country or because pages are compared.</p>\n"
    } else {
        ""
    };
    format!(
        "{before}{title}{after}<meta name=\"robots\" content=\"noindex\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p><a href=\"{address}\" rel=\"noreferrer nofollow\">{address}</a></p>\n{others}</main>\n</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
        title = "Where this link leads",
        address = Text(address),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_address_and_nothing_of_its_own() {
        let html = html("https://a.example/?x=1&y='2'\"><script>alert(1)</script>", false);
        let written = "https://a.example/?x=1&amp;y=&#39;2&#39;&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;";
        assert!(html.contains(&format!("<a href=\"{written}\" rel=\"noreferrer nofollow\">{written}</a>")), "{html}");
        assert!(!html.contains("<script") && !html.contains("elsewhere"));
        assert!(super::html("https://a.example", true).contains("elsewhere"));
        let response = page("https://a.example", false);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-robots-tag"]),
            (200, &"noindex".parse().unwrap())
        );
    }
}
