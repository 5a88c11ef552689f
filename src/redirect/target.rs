//! What the cache keeps of a link: only what a visit asks, ready to be used.

use super::destination::Destination;
use super::source::FoundLink;
use crate::domain::id::{LinkId, WorkspaceId};
use crate::domain::link::{LinkUtm, RedirectKind};
use crate::domain::workspace::{AddressStorage, VisitorRotation};

/// A link, prepared for visits.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The link.
    pub link: LinkId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// Where it leads; `None` when it has no address that may be sent.
    pub destination: Option<Destination>,
    /// Answered with 301 instead of 302.
    pub permanent: bool,
    /// Not found for everyone.
    pub disabled: bool,
    /// It has a guard that visits do not check (a password, a limit of clicks): its destination is not given away.
    pub withheld: bool,
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
    /// Search engines may index the short address.
    pub index: bool,
    /// Window of repeats, for the hit.
    pub repeat_window_secs: u32,
    /// Rotation of visitor keys, for the hit.
    pub visitor_rotation: VisitorRotation,
    /// What is stored of addresses, for the hit.
    pub address_storage: AddressStorage,
}

impl Target {
    /// Prepares a link; `None` when it was deleted.
    pub fn prepare(found: &FoundLink) -> Option<Self> {
        let FoundLink { link, settings } = found;
        if link.deleted_at_ms.is_some() {
            return None;
        }
        let fields = &link.fields;
        let expired = fields.expired_url.as_deref();
        Some(Self {
            link: link.id,
            workspace: link.workspace,
            destination: Destination::prepare(&fields.url, &fields.utm),
            permanent: fields.redirect == RedirectKind::Permanent,
            disabled: fields.disabled_at_ms.is_some(),
            withheld: fields.password_hash.is_some() || fields.max_clicks.is_some(),
            starts_at_ms: fields.starts_at_ms,
            expires_at_ms: fields.expires_at_ms,
            expired: expired.and_then(|url| Destination::prepare(url, &LinkUtm::default())),
            forward_parameters: fields.forward_parameters,
            block_bots: fields.block_bots,
            hide_referrer: fields.hide_referrer,
            index: fields.index,
            repeat_window_secs: settings.repeat_window_secs,
            visitor_rotation: settings.visitor_rotation,
            address_storage: settings.address_storage,
        })
    }

    /// Bytes of memory it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        let addresses = [&self.destination, &self.expired];
        size_of::<Self>() + addresses.into_iter().flatten().map(Destination::weight).sum::<usize>()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::id::DomainId;
    use crate::domain::link::{Link, LinkFields};
    use crate::domain::workspace::WorkspaceSettings;

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
            deleted_at_ms: None,
        };
        FoundLink { link, settings: WorkspaceSettings::default() }
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
        assert_eq!((target.destination, target.withheld), (None, false));
        let locked = LinkFields { password_hash: Some("$argon2id$".to_owned()), ..LinkFields::default() };
        let limited = LinkFields { max_clicks: Some(3), ..LinkFields::default() };
        for fields in [locked, limited] {
            assert!(Target::prepare(&found(1, fields)).unwrap().withheld);
        }
    }
}
