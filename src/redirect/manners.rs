//! What a short domain answers where no link does.

use bytes::Bytes;

use super::destination::Destination;
use crate::domain::domain_fields::DomainFields;
use crate::domain::link::LinkUtm;

/// Where applications look for the Android ones that open a domain's links.
const ASSET_LINKS: &str = "/.well-known/assetlinks.json";
/// Where iOS looks for them; the second is the older place.
const APP_SITE_ASSOCIATION: [&str; 2] = ["/.well-known/apple-app-site-association", "/apple-app-site-association"];

/// Where browsers look for the picture that they show beside an address.
const FAVICON: &str = "/favicon.ico";

/// A domain's fields, prepared for visits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manners {
    /// Where visitors go who find no link.
    pub not_found: Option<Destination>,
    /// Where visitors of expired links go that say nothing themselves.
    pub expired: Option<Destination>,
    favicon: Option<Destination>,
    asset_links: Option<Bytes>,
    app_site_association: Option<Bytes>,
}

impl Manners {
    /// Prepares them; `None` when the domain says nothing.
    pub(super) fn prepare(fields: &DomainFields) -> Option<Self> {
        let address = |url: &Option<String>| Destination::prepare(url.as_deref()?, &LinkUtm::default());
        let text = |text: &Option<String>| text.as_ref().map(|text| Bytes::from(text.clone().into_bytes()));
        let manners = Self {
            not_found: address(&fields.not_found_url),
            expired: address(&fields.expired_url),
            favicon: address(&fields.favicon_url),
            asset_links: text(&fields.asset_links),
            app_site_association: text(&fields.apple_app_site_association),
        };
        (manners != Self::default()).then_some(manners)
    }

    /// Where the picture is that browsers look for at a path, where the domain has one.
    pub fn picture(&self, path: &str) -> Option<&Destination> {
        self.favicon.as_ref().filter(|_| path == FAVICON)
    }

    /// The JSON text at a path, where the domain has one. No link can have such a path but the older place of iOS, which
    /// comes first.
    pub fn file(&self, path: &str) -> Option<Bytes> {
        if path == ASSET_LINKS {
            return self.asset_links.clone();
        }
        if APP_SITE_ASSOCIATION.contains(&path) { self.app_site_association.clone() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_domain_says() {
        assert_eq!(Manners::prepare(&DomainFields { archived: true, ..DomainFields::default() }), None);
        let fields = DomainFields {
            not_found_url: Some("https://a.b/none".to_owned()),
            asset_links: Some("[]".to_owned()),
            favicon_url: Some("https://a.b/icon.png".to_owned()),
            ..DomainFields::default()
        };
        let manners = Manners::prepare(&fields).unwrap();
        assert_eq!(manners.not_found.as_ref().unwrap().as_str(), "https://a.b/none");
        assert_eq!(manners.expired, None);
        assert_eq!(manners.picture("/favicon.ico").unwrap().as_str(), "https://a.b/icon.png");
        assert_eq!(manners.picture("/x"), None);
        assert_eq!(manners.file("/.well-known/assetlinks.json").unwrap(), "[]");
        for none in ["/.well-known/apple-app-site-association", "/x", "/.well-known/assetlinks.json/"] {
            assert_eq!(manners.file(none), None, "{none}");
        }
    }
}
