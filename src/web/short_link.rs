//! Where a link is found.

use super::state::App;
use crate::domain::link::ROOT_SLUG;

/// The short address. A domain that this installation shares with its API is reached as the API is, port included.
pub fn short_link(app: &App, domain: &str, slug: &str) -> String {
    let shared = app.public_url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(domain));
    let origin = if shared { app.origin() } else { format!("https://{domain}") };
    if slug == ROOT_SLUG { origin } else { format!("{origin}/{slug}") }
}
