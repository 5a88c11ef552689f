//! The page that asks for a link's password. It tells nothing of the link.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{FORM_STYLE, after_title, before_title, respond};
use super::html::Text;

/// As for other pages, but without a word on forms: a browser that minds `form-action` also minds where the answer to the
/// form leads, and to name that here would give it away.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// Name of the form's field for the password.
pub const PASSWORD: &str = "password";
/// Name of the form's field for where the visitor came from, which the browser does not say twice.
pub const REFERRER: &str = "referrer";

/// Why the page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// 200: no password was given yet.
    First,
    /// 403: it was wrong.
    Wrong,
    /// 429: too many were wrong. Seconds until another try makes sense.
    TooMany(u64),
    /// 503: it could not be looked at.
    Busy,
}

impl Asking {
    fn status(self) -> StatusCode {
        match self {
            Self::First => StatusCode::OK,
            Self::Wrong => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn problem(self) -> Option<&'static str> {
        match self {
            Self::First => None,
            Self::Wrong => Some("That is not the password. Please try again."),
            Self::TooMany(_) => Some("That was tried too often. Please wait a minute, then try again."),
            Self::Busy => Some("The password could not be checked just now. Please try again in a few seconds."),
        }
    }

    fn retry_after_secs(self) -> Option<u64> {
        match self {
            Self::First | Self::Wrong => None,
            Self::TooMany(seconds) => Some(seconds),
            Self::Busy => Some(5),
        }
    }
}

/// The page. `referrer` is where the visitor came from, and comes back with the form.
pub fn page(asking: Asking, referrer: &str) -> Response {
    let mut response = respond(asking.status(), html(asking, referrer), HeaderValue::from_static(POLICY), false);
    if let Some(seconds) = asking.retry_after_secs() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn html(asking: Asking, referrer: &str) -> String {
    let problem = asking.problem().map_or_else(String::new, |problem| {
        format!("<p id=\"problem\" class=\"problem\" role=\"alert\">{problem}</p>\n")
    });
    let (said, invalid) = match asking {
        Asking::First => ("hint", ""),
        Asking::Wrong => ("problem", " aria-invalid=\"true\""),
        Asking::TooMany(_) | Asking::Busy => ("problem", ""),
    };
    let referrer = match referrer {
        "" => String::new(),
        referrer => format!("<input type=\"hidden\" name=\"{REFERRER}\" value=\"{}\">\n", Text(referrer)),
    };
    format!(
        "{before}Password needed{after}{FORM_STYLE}<meta name=\"robots\" content=\"noindex\">\n</head>\n<body>\n<main>\n\
         <h1>Password needed</h1>\n\
         <p id=\"hint\">Whoever shared this link has protected it. Enter the password to go on.</p>\n\
         <form method=\"post\">\n<label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"{PASSWORD}\" type=\"password\" required autofocus autocomplete=\"off\" \
         aria-describedby=\"{said}\"{invalid}>\n{problem}{referrer}<button>Continue</button>\n\
         </form>\n</main>\n</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_the_matter() {
        for (asking, status, retries, said) in [
            (Asking::First, 200, None, "aria-describedby=\"hint\">"),
            (Asking::Wrong, 403, None, "aria-describedby=\"problem\" aria-invalid=\"true\">"),
            (Asking::TooMany(60), 429, Some("60"), "aria-describedby=\"problem\">"),
            (Asking::Busy, 503, Some("5"), "aria-describedby=\"problem\">"),
        ] {
            let response = page(asking, "");
            assert_eq!(response.status(), status);
            let retry = response.headers().get(RETRY_AFTER).map(|seconds| seconds.to_str().unwrap());
            assert_eq!(retry, retries, "{asking:?}");
            assert_eq!(response.headers()["x-robots-tag"], "noindex");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let html = html(asking, "");
            assert!(html.contains(said) && html.contains("<label for=\"password\">"), "{html}");
            assert_eq!(html.contains("role=\"alert\""), asking != Asking::First);
            assert!(!html.contains("hidden"), "{html}");
            for outside in ["http:", "https:", "//", "<script", "<img", "<link", "url("] {
                assert!(!html.contains(outside), "{outside}");
            }
        }
    }

    #[test]
    fn a_referrer_stays_where_it_is() {
        let html = html(Asking::First, "https://a.example/\"><script>alert(1)</script>");
        assert!(
            html.contains("value=\"https://a.example/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">"),
            "{html}"
        );
        assert!(!html.contains("<script"));
    }
}
