//! The page between a short address and its destination: it loads the owner's pixels and tags and takes the visitor on, by
//! script when they have loaded, else by a refresh, else by a link that can be seen. It leaves no step in the history.

mod code;
mod policy;

use std::fmt;

use axum::http::header::REFERRER_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::{after_title, before_title, respond};
use super::html::{ScriptText, Text};
use super::shown::host;
use crate::domain::pixel::Network;
use crate::redirect::Interstitial;

/// After everything has loaded, what was loaded has this long to say what it saw, in milliseconds.
const AFTER_LOAD_MS: u32 = 400;
/// The visitor goes on after this time, whatever has loaded, in milliseconds.
const AT_MOST_MS: u32 = 2_000;

/// Shown only to one who waits, in the middle, whatever tags add below.
const STYLE: &str = "<style>
body{display:block}main{box-sizing:border-box;min-height:100vh;margin:auto;display:flex;flex-direction:column;\
justify-content:center;animation:appear .3s .6s both}@keyframes appear{from{opacity:0}}
</style>
";

/// Whose the host of a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// A short domain of the link's own workspace, on which nothing but visits is answered.
    Own,
    /// The API answers here, too, or the domain is another workspace's.
    Shared,
}

/// What a page carries, with the nonce of its scripts.
pub struct Carried<'a> {
    pixels: &'a [(Network, Box<str>)],
    head: Option<&'a str>,
    body: Option<&'a str>,
    grounds: Grounds,
    nonce: String,
}

impl<'a> Carried<'a> {
    /// What is carried on these grounds; without pixels for one who asks not to be tracked. `None` when nothing is left.
    pub fn new(interstitial: &'a Interstitial, grounds: Grounds, with_pixels: bool) -> Option<Self> {
        let carried = Self {
            pixels: if with_pixels { &interstitial.pixels } else { &[] },
            head: interstitial.head.as_deref(),
            body: interstitial.body.as_deref(),
            grounds,
            nonce: format!("{:032x}", rand::random::<u128>()),
        };
        (carried.has_tags() || !carried.pixels.is_empty()).then_some(carried)
    }

    fn has_tags(&self) -> bool {
        self.head.is_some() || self.body.is_some()
    }

    /// A picture instead of a network's code, where it would run without cookies.
    fn picture(&self, network: Network, id: &str) -> Option<String> {
        (self.grounds == Grounds::Shared).then(|| code::picture(network, id)).flatten()
    }

    /// For the end of the head.
    pub(super) fn head(&self) -> impl fmt::Display {
        Written(|f: &mut fmt::Formatter<'_>| {
            for (network, id) in self.pixels {
                if self.picture(*network, id).is_none() {
                    let script = code::script(*network, id, &self.nonce);
                    writeln!(f, "<script nonce=\"{}\">{script}</script>", self.nonce)?;
                }
            }
            self.head.map_or(Ok(()), |html| writeln!(f, "{html}"))
        })
    }

    /// For the end of the body.
    pub(super) fn body(&self) -> impl fmt::Display {
        Written(|f: &mut fmt::Formatter<'_>| {
            for (network, id) in self.pixels {
                match (self.picture(*network, id), code::without_scripts(*network, id)) {
                    (Some(picture), _) => writeln!(f, "{picture}")?,
                    (None, Some(html)) => writeln!(f, "<noscript>{html}</noscript>")?,
                    (None, None) => {}
                }
            }
            self.body.map_or(Ok(()), |html| writeln!(f, "{html}"))
        })
    }

    /// The policy of a page that shows `framed`, a source list, in a frame of its own.
    pub(super) fn policy(&self, framed: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(policy::policy(self, framed)).ok()
    }
}

struct Written<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Written<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// The page on the way to `location`. `hide_referrer` keeps the short address from the destination, which else is told its
/// origin; `index` lets search engines keep the page. `None` when no header takes the page's policy.
pub fn page(carried: &Carried<'_>, location: &str, hide_referrer: bool, index: bool) -> Option<Response> {
    let mut response = respond(StatusCode::OK, html(carried, location), carried.policy("")?, index);
    let referrer = if hide_referrer { "no-referrer" } else { "strict-origin-when-cross-origin" };
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    Some(response)
}

fn html(carried: &Carried<'_>, location: &str) -> String {
    let host = host(location);
    // What opens a program leaves the visitor here.
    let (heading, said) = match location.split_once(':').map(|(scheme, _)| scheme) {
        Some("mailto") => ("Opening your mail program".to_owned(), "Write the mail".to_owned()),
        Some("tel") => ("Opening your phone".to_owned(), "Call the number".to_owned()),
        Some("sms") => ("Opening your messages".to_owned(), "Write the message".to_owned()),
        _ => (format!("Taking you to {host}"), format!("Continue to {host}")),
    };
    format!(
        "{before}{heading}{after}{STYLE}\
         <script nonce=\"{nonce}\">(function(){{var to={script},gone;function go(){{if(!gone){{gone=1;location.replace(to)}}}}\
         addEventListener('load',function(){{setTimeout(go,{AFTER_LOAD_MS})}});setTimeout(go,{AT_MOST_MS})}})()</script>\n\
         <noscript><meta http-equiv=\"refresh\" content=\"1;url={target}\"></noscript>\n{head}</head>\n<body>\n<main>\n\
         <h1>{heading}</h1>\n<p>If nothing happens, use this link: <a href=\"{target}\">{said}</a></p>\n</main>\n\
         {body}</body>\n</html>\n",
        before = before_title!(),
        after = after_title!(),
        heading = Text(&heading),
        nonce = carried.nonce,
        script = ScriptText(location),
        target = Text(location),
        head = carried.head(),
        said = Text(&said),
        body = carried.body(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interstitial(pixels: &[(Network, &str)], head: Option<&str>, body: Option<&str>) -> Interstitial {
        Interstitial {
            pixels: pixels.iter().map(|(network, id)| (*network, (*id).into())).collect(),
            head: head.map(Into::into),
            body: body.map(Into::into),
        }
    }

    #[test]
    fn loads_counts_and_goes_on() {
        let way = interstitial(&[(Network::Meta, "12345"), (Network::X, "o1a2b")], Some("<i>h</i>"), Some("<b>b</b>"));
        let carried = Carried::new(&way, Grounds::Own, true).unwrap();
        let html = html(&carried, "https://a.example/?x=1&y='2'");
        for part in [
            "<title>Taking you to a.example</title>",
            "var to=\"https://a.example/?x=1\\u0026y=\\u00272\\u0027\"",
            "content=\"1;url=https://a.example/?x=1&amp;y=&#39;2&#39;\"",
            "<a href=\"https://a.example/?x=1&amp;y=&#39;2&#39;\">Continue to a.example</a>",
            "q('init','12345')",
            "('config','o1a2b')",
            "<i>h</i>\n</head>",
            "<noscript><img src=\"https://www.facebook.com/tr?id=12345&amp;ev=PageView&amp;noscript=1\"",
            "<b>b</b>\n</body>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(html.matches(&format!("<script nonce=\"{}\">", carried.nonce)).count(), 3);
        let mail = super::html(&carried, "mailto:a@b.example?subject=%22x%22");
        assert!(mail.contains("<h1>Opening your mail program</h1>") && mail.contains(">Write the mail</a>"), "{mail}");
    }

    #[test]
    fn nonces_are_never_the_same() {
        let way = interstitial(&[(Network::Meta, "12345")], None, None);
        let nonce = || Carried::new(&way, Grounds::Own, true).unwrap().nonce;
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }

    #[test]
    fn who_is_not_to_be_tracked_gets_no_pixels() {
        let pixels = [(Network::Meta, "12345")];
        assert!(Carried::new(&interstitial(&pixels, None, None), Grounds::Own, false).is_none());
        let way = interstitial(&pixels, Some("<i>h</i>"), None);
        let carried = Carried::new(&way, Grounds::Own, false).unwrap();
        let html = html(&carried, "https://a.example/");
        assert!(html.contains("<i>h</i>") && !html.contains("facebook"), "{html}");
    }

    #[test]
    fn shared_grounds_take_pictures_for_code() {
        let way = interstitial(&[(Network::Meta, "12345"), (Network::X, "o1a2b")], None, None);
        let carried = Carried::new(&way, Grounds::Shared, true).unwrap();
        let html = html(&carried, "https://a.example/");
        assert!(html.contains("\n<img src=\"https://www.facebook.com/tr?id=12345"), "{html}");
        assert!(!html.contains("fbevents") && html.contains("uwt.js"), "{html}");
    }

    #[test]
    fn headers_follow_the_link() {
        let way = interstitial(&[(Network::Meta, "12345")], None, None);
        let carried = Carried::new(&way, Grounds::Own, true).unwrap();
        for (hide, index, referrer) in [(true, false, "no-referrer"), (false, true, "strict-origin-when-cross-origin")]
        {
            let response = page(&carried, "https://a.example/", hide, index).unwrap();
            let headers = response.headers();
            assert_eq!((response.status().as_u16(), headers["referrer-policy"].to_str().unwrap()), (200, referrer));
            assert_eq!(headers.contains_key("x-robots-tag"), !index);
            assert_eq!(headers["cache-control"], "no-store");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains(&format!("'nonce-{}'", carried.nonce)), "{policy}");
        }
    }

    #[test]
    fn an_address_ends_nothing() {
        let way = interstitial(&[(Network::Meta, "12345")], None, None);
        let carried = Carried::new(&way, Grounds::Own, true).unwrap();
        let html = html(&carried, "https://a.example/</script><script>alert(1)</script>\"'\\u2028-->");
        assert_eq!((html.matches("<script").count(), html.matches("alert(1)</").count()), (2, 0), "{html}");
    }
}
