//! What can be written of a short domain, apart from its name.

use super::patch::patchable;

patchable! {
    /// How a short domain is shown and what it answers where no link does.
    pub struct DomainFields, patch DomainPatch {
        /// Left out of lists unless asked for, and of the domains that new links get by themselves. Its links go on.
        archived: bool,
        /// An example of an address to shorten, shown to people who make links.
        placeholder: Option<String>,
        /// Where visitors of expired links go that say nothing themselves.
        expired_url: Option<String>,
        /// Where visitors go who find no link.
        not_found_url: Option<String>,
        /// Address of a picture.
        logo: Option<String>,
        /// Address of a picture, to which `/favicon.ico` leads.
        favicon_url: Option<String>,
        /// JSON text, answered at `/.well-known/assetlinks.json`: which Android applications open its links.
        asset_links: Option<String>,
        /// JSON text, answered at `/.well-known/apple-app-site-association`: which iOS applications open its links.
        apple_app_site_association: Option<String>,
    }
}
