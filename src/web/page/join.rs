//! The page of an invitation, where somebody chooses a password, or gives theirs, and becomes a member of a workspace.

use axum::http::header::{REFERRER_POLICY, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{FORM_STYLE, after_title, before_title, respond};
use super::html::Text;

/// For the page with the form, which leads here again.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Name of the form's field for the invitation's code.
pub const CODE: &str = "code";
/// Name of the form's field for the password.
pub const PASSWORD: &str = "password";

/// Whom the page is for.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a> {
    /// The workspace's name.
    pub workspace: &'a str,
    /// The person's mail address.
    pub email: &'a str,
    /// The person has a password already.
    pub is_known: bool,
    /// The invitation's code, which comes back with the form.
    pub code: &'a str,
    /// The fewest characters of a password that is chosen.
    pub min_password: usize,
}

/// What is the matter with what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 400: too short, or far too long, to be chosen.
    Weak,
    /// 403: not the person's password.
    Wrong,
    /// 429: too many were wrong. Seconds until another try makes sense.
    TooMany(u64),
    /// 503: it could not be looked at.
    Busy,
}

impl Problem {
    fn status(self) -> StatusCode {
        match self {
            Self::Weak => StatusCode::BAD_REQUEST,
            Self::Wrong => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Weak => "That password is too short. Please choose a longer one.",
            Self::Wrong => "That is not your password. Please try again.",
            Self::TooMany(_) => "That was tried too often. Please wait some minutes, then try again.",
            Self::Busy => "The password could not be checked just now. Please try again in a few seconds.",
        }
    }
}

/// The page with the form.
pub fn page(guest: &Guest<'_>, problem: Option<Problem>) -> Response {
    let status = problem.map_or(StatusCode::OK, Problem::status);
    let mut response = respond(status, form(guest, problem), HeaderValue::from_static(POLICY), false);
    // The form must say where it comes from, and the address with the code is told to nobody else.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Some(Problem::TooMany(seconds)) = problem {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The page of an invitation that is none: 404.
pub fn void() -> Response {
    let html = told(
        "Invitation not found",
        "It was used, withdrawn, or its time is over. Ask whoever invited you for another.",
    );
    respond(StatusCode::NOT_FOUND, html, HeaderValue::from_static(super::POLICY), false)
}

/// The page for who has just joined.
pub fn joined(workspace: &str) -> Response {
    let text = format!("You are a member of {} now, and signed in on this device.", Text(workspace));
    respond(StatusCode::OK, told("Welcome", &text), HeaderValue::from_static(super::POLICY), false)
}

/// `text` is HTML.
fn told(title: &str, text: &str) -> String {
    format!(
        "{before}{title}{after}<meta name=\"robots\" content=\"noindex\">\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n</main>\n</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
    )
}

fn form(guest: &Guest<'_>, problem: Option<Problem>) -> String {
    let Guest { workspace, email, is_known, code, min_password } = guest;
    let (workspace, email, code) = (Text(workspace), Text(email), Text(code));
    let hint = if *is_known {
        "Enter the password that you sign in with.".to_owned()
    } else {
        format!("Choose a password of at least {min_password} characters.")
    };
    let (label, autocomplete, minlength) = if *is_known {
        ("Your password", "current-password", String::new())
    } else {
        ("New password", "new-password", format!(" minlength=\"{min_password}\""))
    };
    let said = problem.map_or_else(String::new, |problem| {
        format!("<p id=\"problem\" class=\"problem\" role=\"alert\">{}</p>\n", problem.text())
    });
    let (described, invalid) = match problem {
        None => ("hint", ""),
        Some(Problem::Weak | Problem::Wrong) => ("hint problem", " aria-invalid=\"true\""),
        Some(Problem::TooMany(_) | Problem::Busy) => ("hint problem", ""),
    };
    format!(
        "{before}Join {workspace}{after}{FORM_STYLE}<meta name=\"robots\" content=\"noindex\">\n</head>\n<body>\n<main>\n\
         <h1>Join {workspace}</h1>\n<p id=\"hint\">{hint}</p>\n<form method=\"post\" action=\"/join\">\n\
         <label for=\"email\">Email address</label>\n\
         <input id=\"email\" type=\"email\" value=\"{email}\" readonly autocomplete=\"username\">\n\
         <label for=\"password\">{label}</label>\n\
         <input id=\"password\" name=\"{PASSWORD}\" type=\"password\" required{minlength} autofocus \
         autocomplete=\"{autocomplete}\" aria-describedby=\"{described}\"{invalid}>\n{said}\
         <input type=\"hidden\" name=\"{CODE}\" value=\"{code}\">\n<button>Join</button>\n\
         </form>\n</main>\n</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: Guest<'_> =
        Guest { workspace: "A & B", email: "\"a\"@b.co", is_known: false, code: "<code>", min_password: 12 };

    #[test]
    fn what_is_the_matter_is_said_and_told_to_screen_readers() {
        for (problem, status, described) in [
            (None, 200, "aria-describedby=\"hint\">"),
            (Some(Problem::Weak), 400, "aria-describedby=\"hint problem\" aria-invalid=\"true\">"),
            (Some(Problem::Wrong), 403, "aria-describedby=\"hint problem\" aria-invalid=\"true\">"),
            (Some(Problem::TooMany(900)), 429, "aria-describedby=\"hint problem\">"),
            (Some(Problem::Busy), 503, "aria-describedby=\"hint problem\">"),
        ] {
            let response = page(&GUEST, problem);
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 429);
            assert_eq!(response.headers()[REFERRER_POLICY], "same-origin");
            let html = form(&GUEST, problem);
            assert!(html.contains(described) && html.contains("role=\"alert\"") == problem.is_some(), "{html}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        let html = form(&GUEST, None);
        for inside in ["Join A &amp; B", "value=\"&quot;a&quot;@b.co\"", "value=\"&lt;code&gt;\""] {
            assert!(html.contains(inside), "{inside}: {html}");
        }
        assert!(html.contains("new-password") && html.contains("minlength=\"12\""));
        let known = form(&Guest { is_known: true, ..GUEST }, None);
        assert!(known.contains("current-password") && !known.contains("minlength"));
        assert_eq!((void().status(), joined("x").status()), (StatusCode::NOT_FOUND, StatusCode::OK));
    }
}
