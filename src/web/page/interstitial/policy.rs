//! What a page that carries pixels and tags may do.
//!
//! - Pixels alone: our scripts, known by a nonce, and the hosts of the networks in use. A container of Google Tag Manager is
//!   its owner's own code: scripts that it loads are trusted as it is.
//! - Tags of the owner: whatever a page of the owner's own may do, on the owner's own domain.
//! - On grounds that are shared with others (a host on which the API answers too, where people have their sessions; a domain
//!   of another workspace) the same, but in a sandbox: the page has an origin of its own there, which reads neither cookies
//!   nor answers of that host.

use std::fmt::Write;

use super::{Carried, Grounds};
use crate::domain::pixel::{Hosts, Network};

/// Everything that a page needs which goes on to somewhere else, but not the origin of its host.
const SANDBOX: &str = "; sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals \
                       allow-top-navigation allow-top-navigation-to-custom-protocols";
/// Of a page with HTML of its owner.
const OWNERS: &str = "default-src * data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The policy of a page. `framed` is what it shows in a frame of ours, as a source list.
pub(super) fn policy(carried: &Carried<'_>, framed: &str) -> String {
    let mut policy = if carried.has_tags() { OWNERS.to_owned() } else { of_pixels(carried, framed) };
    if carried.grounds == Grounds::Shared {
        policy.push_str(SANDBOX);
    }
    policy
}

fn of_pixels(carried: &Carried<'_>, framed: &str) -> String {
    let networks = || carried.pixels.iter().map(|(network, _)| *network);
    let is_container = networks().any(|network| network == Network::Gtm);
    let mut policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'".to_owned();
    let mut directive = |name: &str, own: &str, hosts: fn(&Hosts) -> &'static str| {
        let lists = std::iter::once(own).chain(networks().map(|network| hosts(network.hosts())));
        let mut sources: Vec<&str> = lists.flat_map(str::split_ascii_whitespace).collect();
        sources.sort_unstable();
        sources.dedup();
        if !sources.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(policy, "; {name} {}", sources.join(" "));
        }
    };
    let trusted = if is_container { " 'strict-dynamic' 'unsafe-eval'" } else { "" };
    directive("script-src", &format!("'nonce-{}'{trusted}", carried.nonce), |hosts| hosts.script);
    directive("img-src", "", |hosts| hosts.image);
    directive("connect-src", "", |hosts| hosts.connect);
    directive("frame-src", framed, |hosts| hosts.frame);
    policy.push_str(if is_container {
        "; style-src 'unsafe-inline' https:; font-src https: data:"
    } else {
        "; style-src 'unsafe-inline'"
    });
    policy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redirect::Interstitial;

    fn carried(networks: &[Network], head: Option<&str>) -> Interstitial {
        Interstitial {
            pixels: networks.iter().map(|network| (*network, "1234567890".into())).collect(),
            head: head.map(Into::into),
            body: None,
        }
    }

    fn of(interstitial: &Interstitial, grounds: Grounds) -> String {
        let carried = Carried { nonce: "n".to_owned(), ..Carried::new(interstitial, grounds, true).unwrap() };
        policy(&carried, "")
    }

    #[test]
    fn pixels_reach_their_networks_and_nobody_else() {
        assert_eq!(
            of(&carried(&[Network::Meta], None), Grounds::Own),
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             script-src 'nonce-n' https://connect.facebook.net; img-src https://www.facebook.com; \
             connect-src https://connect.facebook.net https://www.facebook.com; frame-src https://www.facebook.com; \
             style-src 'unsafe-inline'"
        );
        let all = of(&carried(&Network::ALL, None), Grounds::Own);
        assert!(all.contains("'strict-dynamic'") && !all.contains("sandbox") && !all.contains("; ;"), "{all}");
        assert!(all.is_ascii() && !all.contains("  "), "{all}");
        for network in Network::ALL {
            let one = of(&carried(&[network], None), Grounds::Own);
            let is_open = one.contains(" https:;") || one.contains("unsafe-eval") || one.contains(" *");
            assert_eq!(is_open, network == Network::Gtm, "{one}");
        }
    }

    #[test]
    fn tags_may_do_everything_but_on_shared_grounds_nothing_of_the_host() {
        let tags = carried(&[Network::Meta], Some("<script>x()</script>"));
        let own = of(&tags, Grounds::Own);
        assert_eq!(own, OWNERS);
        for carried in [tags, carried(&[Network::Gtm], None), carried(&[Network::X], None)] {
            let shared = of(&carried, Grounds::Shared);
            assert!(shared.contains("; sandbox allow-scripts "), "{shared}");
            assert!(!shared.contains("allow-same-origin"), "{shared}");
        }
    }
}
