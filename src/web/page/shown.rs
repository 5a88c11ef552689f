//! What pages tell others of a link: title, description, picture and video, for people and for the robots of social networks.

use std::fmt;

use url::Url;

use super::html::Text;
use crate::redirect::Shown;

/// The title of a page: the link's own, or else the host of where it leads.
pub(super) fn title<'a>(shown: &'a Shown, host: &'a str) -> &'a str {
    shown.title.as_deref().unwrap_or(host)
}

/// The host that an address names; empty where it names none.
pub(super) fn host(address: &str) -> String {
    Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// The tags of Open Graph, of X and for search engines, a line each. An address that is not of the web is left out.
pub(super) struct Tags<'a> {
    pub(super) shown: &'a Shown,
    pub(super) title: &'a str,
}

impl fmt::Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut named =
            |kind: &str, name: &str, value: &str| writeln!(f, "<meta {kind}=\"{name}\" content=\"{}\">", Text(value));
        let Shown { description, image, video, .. } = self.shown;
        let (image, video) = (image.as_deref().filter(is_web), video.as_deref().filter(is_web));
        named("property", "og:type", "website")?;
        named("property", "og:title", self.title)?;
        named("name", "twitter:title", self.title)?;
        if let Some(description) = description {
            named("name", "description", description)?;
            named("property", "og:description", description)?;
            named("name", "twitter:description", description)?;
        }
        if let Some(image) = image {
            named("property", "og:image", image)?;
            named("name", "twitter:image", image)?;
        }
        if let Some(video) = video {
            named("property", "og:video", video)?;
        }
        named("name", "twitter:card", if image.is_some() { "summary_large_image" } else { "summary" })
    }
}

fn is_web(address: &&str) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_what_there_is() {
        let shown = Shown {
            title: Some("A & B".into()),
            description: Some("\"><script>alert(1)</script>".into()),
            image: Some("https://a.example/i.png?a=1&b=\"2\"".into()),
            video: Some("javascript:alert(1)".into()),
        };
        assert_eq!(
            Tags { shown: &shown, title: title(&shown, "") }.to_string(),
            "<meta property=\"og:type\" content=\"website\">\n\
             <meta property=\"og:title\" content=\"A &amp; B\">\n\
             <meta name=\"twitter:title\" content=\"A &amp; B\">\n\
             <meta name=\"description\" content=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">\n\
             <meta property=\"og:description\" content=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">\n\
             <meta name=\"twitter:description\" content=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">\n\
             <meta property=\"og:image\" content=\"https://a.example/i.png?a=1&amp;b=&quot;2&quot;\">\n\
             <meta name=\"twitter:image\" content=\"https://a.example/i.png?a=1&amp;b=&quot;2&quot;\">\n\
             <meta name=\"twitter:card\" content=\"summary_large_image\">\n"
        );
        let host = host("https://Example.com:8443/x");
        let bare = Shown {
            image: Some("data:image/png;base64,AAAA".into()),
            video: Some("https://a.example/v.mp4".into()),
            ..Shown::default()
        };
        assert_eq!(
            Tags { shown: &bare, title: title(&bare, &host) }.to_string(),
            "<meta property=\"og:type\" content=\"website\">\n\
             <meta property=\"og:title\" content=\"example.com\">\n\
             <meta name=\"twitter:title\" content=\"example.com\">\n\
             <meta property=\"og:video\" content=\"https://a.example/v.mp4\">\n\
             <meta name=\"twitter:card\" content=\"summary\">\n"
        );
    }
}
