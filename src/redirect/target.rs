//! What the cache keeps of a link: only what a visit asks, ready to be used.

use std::net::IpAddr;
use std::sync::Arc;

use super::allowance::Limit;
use super::destination::Destination;
use super::extras::{Extras, aimed, names_click};
use super::source::FoundLink;
use crate::domain::destination::host_of;
use crate::domain::exclusion::{DropReason, host_matches};
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::{LinkUtm, ROOT_SLUG, RedirectKind};
use crate::domain::workspace::WorkspaceSettings;

/// A link, prepared for visits.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The link.
    pub link: LinkId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Where it leads; `None` when it has no address that may be sent.
    pub destination: Option<Destination>,
    /// The root of a domain, of which nothing is set up yet.
    pub is_placeholder: bool,
    /// Answered with 301 instead of 302; a domain's root always is (Dub contract, 6.1.5).
    pub permanent: bool,
    /// Not found for everyone.
    pub disabled: bool,
    /// Not found before this instant, in milliseconds.
    pub starts_at_ms: Option<i64>,
    /// Expired from this instant on, in milliseconds.
    pub expires_at_ms: Option<i64>,
    /// Where visitors go once it has expired.
    pub expired: Option<Destination>,
    /// Hand the visit's query on.
    pub forward_parameters: bool,
    /// Robots see "not found".
    pub block_bots: bool,
    /// Send no referrer to the destination.
    pub hide_referrer: bool,
    /// The destination is told the click's id: the link tracks conversions, or is a partner's.
    pub names_click: bool,
    /// Search engines may index the short address.
    pub index: bool,
    /// What only some links have.
    pub extras: Option<Box<Extras>>,
    /// Why no click of it is recorded, whoever makes it: its host or its path is left out.
    pub unwanted: Option<DropReason>,
    /// How its workspace counts clicks; shared by all its links.
    pub settings: Arc<WorkspaceSettings>,
}

impl Target {
    /// Prepares a link; `None` when it was deleted or lies in the trash.
    pub fn prepare(found: &FoundLink) -> Option<Self> {
        let FoundLink { link, settings } = found;
        if link.deleted_at_ms.is_some() || link.trashed_at_ms.is_some() {
            return None;
        }
        let fields = &link.fields;
        let is_root = link.slug == ROOT_SLUG;
        let expired = fields.expired_url.as_deref();
        Some(Self {
            link: link.id,
            workspace: link.workspace,
            destination: aimed(link, &fields.url, &fields.utm),
            is_placeholder: is_root && fields.url.trim().is_empty(),
            permanent: is_root || fields.redirect == RedirectKind::Permanent,
            disabled: fields.disabled_at_ms.is_some(),
            starts_at_ms: fields.starts_at_ms,
            expires_at_ms: fields.expires_at_ms,
            expired: expired.and_then(|url| Destination::prepare(url, &LinkUtm::default())),
            forward_parameters: fields.forward_parameters,
            block_bots: fields.block_bots,
            hide_referrer: fields.hide_referrer,
            names_click: names_click(fields),
            index: fields.index,
            extras: Extras::prepare(link),
            unwanted: settings.exclude.place_reason(&link.domain, &path(&link.slug)),
            settings: Arc::clone(settings),
        })
    }

    /// Whether it is as if it were not there, whoever visits it.
    pub fn is_hidden(&self, now_ms: i64) -> bool {
        let is_early = self.starts_at_ms.is_some_and(|starts_at_ms| now_ms < starts_at_ms);
        self.disabled || is_early || (self.destination.is_none() && !self.is_placeholder)
    }

    /// The limit of its clicks, if it has one.
    pub fn limit(&self) -> Option<&Limit> {
        self.extras.as_ref()?.limit.as_deref()
    }

    /// Where it leads, for whoever asks at `now_ms`; `None` where something is asked of visitors first, where their number is
    /// limited, and before and after the link's time.
    pub fn open_destination(&self, now_ms: i64) -> Option<&Destination> {
        let is_locked = self.extras.as_ref().is_some_and(|extras| extras.password_hash.is_some());
        let is_early = self.starts_at_ms.is_some_and(|starts_at_ms| now_ms < starts_at_ms);
        let is_late = self.expires_at_ms.is_some_and(|expires_at_ms| now_ms >= expires_at_ms);
        self.destination.as_ref().filter(|_| !(self.limit().is_some() || is_locked || is_early || is_late))
    }

    /// Why a click is not recorded; `None` when it is wanted. What is not needed is not asked.
    pub fn drop_reason(
        &self,
        asks_not_to_be_tracked: impl FnOnce() -> bool,
        address: IpAddr,
        country: impl FnOnce() -> String,
    ) -> Option<DropReason> {
        if self.settings.honor_do_not_track && asks_not_to_be_tracked() {
            return Some(DropReason::DoNotTrack);
        }
        self.unwanted.or_else(|| self.settings.exclude.client_reason(address, country))
    }

    /// Whether visitors may be sent to this host because the visit says so: one of the link's own destinations is there, or
    /// its workspace lists it among its hosts.
    pub(super) fn may_lead_to(&self, host: &str) -> bool {
        let own = self.destination.iter().chain(self.extras.iter().flat_map(|extras| extras.destinations()));
        let is_own = own.filter_map(|own| host_of(own.as_str())).any(|(known, _port)| known == host);
        is_own || self.settings.allowed_hostnames.iter().any(|pattern| host_matches(pattern, host))
    }

    /// Bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let addresses = [&self.destination, &self.expired];
        size_of::<Self>()
            + addresses.into_iter().flatten().map(Destination::weight).sum::<usize>()
            + self.extras.as_ref().map_or(0, |extras| extras.weight())
    }
}

/// The path of a slug, as its owner writes it.
fn path(slug: &str) -> String {
    format!("/{}", if slug == ROOT_SLUG { "" } else { slug })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::exclusion::Exclusions;
    use crate::domain::id::DomainId;
    use crate::domain::link::{Link, LinkFields};

    /// A link of domain 1 and workspace 2 with these fields.
    pub(in crate::redirect) fn found(id: u64, fields: LinkFields) -> FoundLink {
        let link = Link {
            id: LinkId(id),
            workspace: WorkspaceId(2),
            created_by: None,
            domain_id: DomainId(1),
            domain: "go.example".to_owned(),
            slug: "slug".to_owned(),
            fields,
            created_at_ms: 0,
            updated_at_ms: 0,
            trashed_at_ms: None,
            deleted_at_ms: None,
        };
        FoundLink { link, settings: Arc::default() }
    }

    #[test]
    fn deleted_links_are_gone() {
        let mut link = found(1, LinkFields::default());
        assert!(Target::prepare(&link).is_some());
        link.link.deleted_at_ms = Some(0);
        assert_eq!(Target::prepare(&link), None);
    }

    #[test]
    fn guards_and_bad_addresses_are_seen() {
        let fields = LinkFields { url: "javascript:alert(1)".to_owned(), ..LinkFields::default() };
        let target = Target::prepare(&found(1, fields)).unwrap();
        assert_eq!(target.destination, None);
        let limited = LinkFields { max_clicks: Some(3), ..LinkFields::default() };
        assert!(Target::prepare(&found(1, limited)).unwrap().limit().is_some());
        let locked = LinkFields { password_hash: Some("$argon2id$".to_owned()), ..LinkFields::default() };
        let locked = Target::prepare(&found(1, locked)).unwrap();
        assert_eq!(locked.extras.unwrap().password_hash.as_deref(), Some("$argon2id$"));
    }

    #[test]
    fn guarded_destinations_are_not_told() {
        type Change = fn(&mut LinkFields);
        let cases: [(Change, bool); 8] = [
            (|_| {}, true),
            (|fields| fields.starts_at_ms = Some(7), true),
            (|fields| fields.starts_at_ms = Some(8), false),
            (|fields| fields.expires_at_ms = Some(8), true),
            (|fields| fields.expires_at_ms = Some(7), false),
            (|fields| fields.cloak = true, true),
            (|fields| fields.password_hash = Some("$argon2id$".to_owned()), false),
            (|fields| fields.max_clicks = Some(3), false),
        ];
        for (change, is_told) in cases {
            let mut fields = LinkFields { url: "https://example.com".to_owned(), ..LinkFields::default() };
            change(&mut fields);
            let target = Target::prepare(&found(1, fields)).unwrap();
            assert_eq!(target.open_destination(7).is_some(), is_told);
        }
    }

    #[test]
    fn plain_links_stay_small() {
        let fields = LinkFields { url: "https://example.com".to_owned(), ..LinkFields::default() };
        let mut target = Target::prepare(&found(1, fields.clone())).unwrap();
        assert_eq!(target.extras, None);
        assert!(size_of::<Target>() <= 208, "{}", size_of::<Target>());
        let plain = target.weight();
        let geo_urls = [("DE".to_owned(), "https://example.de".to_owned())].into();
        target = Target::prepare(&found(1, LinkFields { geo_urls, ..fields })).unwrap();
        assert!(target.weight() > plain + "https://example.de".len());
    }

    #[test]
    fn unwanted_clicks_are_told_with_their_reason() {
        let exclude = Exclusions {
            addresses: vec!["10.0.0.0/8".parse().unwrap()],
            countries: vec!["DE".to_owned()],
            hosts: Vec::new(),
            paths: vec!["/secret/*".to_owned(), "/".to_owned()],
        };
        let settings =
            Arc::new(WorkspaceSettings { honor_do_not_track: true, exclude, ..WorkspaceSettings::default() });
        let target = |slug: &str, settings: &Arc<WorkspaceSettings>| {
            let mut found = found(1, LinkFields::default());
            (found.link.slug, found.settings) = (slug.to_owned(), Arc::clone(settings));
            Target::prepare(&found).unwrap()
        };
        for (slug, asks, address, country, expected) in [
            ("a", false, "81.2.69.142", "GB", None),
            ("a", true, "81.2.69.142", "GB", Some(DropReason::DoNotTrack)),
            ("a", false, "10.9.8.7", "GB", Some(DropReason::ExcludedAddress)),
            ("a", false, "81.2.69.142", "DE", Some(DropReason::ExcludedCountry)),
            ("secret/a", false, "81.2.69.142", "GB", Some(DropReason::ExcludedPath)),
            (ROOT_SLUG, false, "81.2.69.142", "GB", Some(DropReason::ExcludedPath)),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                target(slug, &settings).drop_reason(|| asks, address, || country.to_owned()),
                expected,
                "{slug} {asks} {address} {country}"
            );
            // Where nothing is set nothing is asked.
            let free = target(slug, &Arc::default());
            assert_eq!(free.drop_reason(|| unreachable!(), address, || unreachable!()), None);
        }
    }
}
