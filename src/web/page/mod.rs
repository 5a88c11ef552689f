//! The pages that visitors see: small, self-contained, readable without styles and scripts.
//!
//! Those of [`Page`] are the same bytes every time. The others hold text of links or requests, which is escaped by `html`
//! wherever it stands; a policy of its own lets each page do nothing but what it is for.

pub mod cloak;
mod frame;
mod html;
pub mod inspect;
pub mod interstitial;
pub mod join;
pub mod password;
pub mod preview;
mod shown;
pub mod statistics;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use frame::{POLICY, after_title, before_title, respond};

/// Tells search engines what they may do with an address.
pub const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

macro_rules! page {
    ($title:literal, $text:literal) => {
        concat!(
            before_title!(),
            $title,
            after_title!(),
            "<meta name=\"robots\" content=\"noindex\">\n</head>\n<body>\n<main>\n<h1>",
            $title,
            "</h1>\n<p>",
            $text,
            "</p>\n</main>\n</body>\n</html>\n"
        )
    };
}

/// A page for visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// 200: the root of a short domain that leads nowhere.
    Root,
    /// 404: no such link, or none that may be seen.
    NotFound,
    /// 410: the link was there and its time is over.
    Expired,
    /// 429: too many visits to links that do not exist.
    TooMany,
    /// 503: try again.
    Unavailable,
}

impl Page {
    /// The status it comes with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Root => StatusCode::OK,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Expired => StatusCode::GONE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn html(self) -> &'static str {
        match self {
            Self::Root => {
                page!(
                    "Nothing at this address",
                    "This domain is for short links. The links on it lead to other places."
                )
            }
            Self::NotFound => page!(
                "Link not found",
                "There is no link at this address. Check it for typing mistakes, or ask whoever shared it."
            ),
            Self::Expired => {
                page!("Link expired", "This link is no longer active. Ask whoever shared it for a new one.")
            }
            Self::TooMany => page!("Too many requests", "Please wait a few seconds, then try again."),
            Self::Unavailable => page!("Temporarily unavailable", "Please try again in a few seconds."),
        }
    }

    fn retry_after(self) -> Option<HeaderValue> {
        match self {
            Self::Root | Self::NotFound | Self::Expired => None,
            Self::TooMany => Some(HeaderValue::from_static("10")),
            Self::Unavailable => Some(HeaderValue::from_static("5")),
        }
    }

    /// The whole answer.
    pub fn response(self) -> Response {
        let mut response = respond(self.status(), self.html(), HeaderValue::from_static(POLICY), false);
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_stand_on_their_own() {
        for (page, status, retries) in [
            (Page::Root, 200, false),
            (Page::NotFound, 404, false),
            (Page::Expired, 410, false),
            (Page::TooMany, 429, true),
            (Page::Unavailable, 503, true),
        ] {
            let response = page.response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), retries);
            assert_eq!(response.headers()[X_ROBOTS_TAG], "noindex");
            let html = page.html();
            for outside in ["http:", "https:", "//", "<script", "<img", "<link", "url("] {
                assert!(!html.contains(outside), "{outside}");
            }
            assert!(html.len() < 2_000);
        }
    }
}
