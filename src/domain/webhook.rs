//! Webhooks: who is told of what, in whose words, and how far a delivery has come.

use secrecy::SecretString;

use super::id::{DeliveryId, LinkId, WebhookId, WorkspaceId};

/// Whose payloads and promises a webhook has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Kept until delivered, tried again, listed; clicks of humans that are no repeats.
    Dub,
    /// Sent once and forgotten; every click.
    Linkly,
}

impl Flavour {
    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dub => "dub",
            Self::Linkly => "linkly",
        }
    }

    /// The flavour of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Dub, Self::Linkly].into_iter().find(|flavour| flavour.name() == name)
    }
}

/// What a webhook can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookEvent {
    /// A link was made.
    LinkCreated,
    /// A link was changed.
    LinkUpdated,
    /// A link was deleted.
    LinkDeleted,
    /// A link was visited.
    LinkClicked,
    /// A customer became known.
    LeadCreated,
    /// A customer paid.
    SaleCreated,
}

impl HookEvent {
    /// Every event, in the order in which they are listed.
    pub const ALL: [Self; 6] = [
        Self::LinkCreated,
        Self::LinkUpdated,
        Self::LinkDeleted,
        Self::LinkClicked,
        Self::LeadCreated,
        Self::SaleCreated,
    ];

    /// What a subscription of Linkly's is told of: all that Linkly knows.
    pub const LINKLY: [Self; 4] = [Self::LinkCreated, Self::LinkUpdated, Self::LinkDeleted, Self::LinkClicked];

    /// The stored name, which is Dub's.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinkCreated => "link.created",
            Self::LinkUpdated => "link.updated",
            Self::LinkDeleted => "link.deleted",
            Self::LinkClicked => "link.clicked",
            Self::LeadCreated => "lead.created",
            Self::SaleCreated => "sale.created",
        }
    }

    /// The event of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its row.
    pub id: WebhookId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// The one link it is told of; `None` for every link of the workspace.
    pub link: Option<LinkId>,
    /// Whose payloads it gets.
    pub flavour: Flavour,
    /// Shown to people.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// What its deliveries are signed with.
    pub secrets: Secrets,
    /// What it is told of.
    pub events: Vec<HookEvent>,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: i64,
    /// Set while it is told nothing: since when, in milliseconds.
    pub disabled_at_ms: Option<i64>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// Failed attempts since the last success.
    pub failures: u32,
}

impl Webhook {
    /// Whether it is told of this event of this link.
    pub fn wants(&self, event: HookEvent, link: LinkId) -> bool {
        self.disabled_at_ms.is_none() && self.link.is_none_or(|own| own == link) && self.events.contains(&event)
    }
}

/// Signing secrets. They are never shown by `Debug`.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The one in force, `whsec_` and base 64.
    pub current: SecretString,
    /// After a rotation the one before, and until when it signs too, in milliseconds since the epoch.
    pub old: Option<(SecretString, i64)>,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Not yet tried, or to be tried again.
    Waiting,
    /// The endpoint answered 2xx.
    Delivered,
    /// Given up.
    Failed,
}

impl DeliveryStatus {
    /// The stored and published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The status of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::Failed].into_iter().find(|status| status.name() == name)
    }
}

/// One event on its way to one webhook, as it is listed. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its row.
    pub id: DeliveryId,
    /// `evt_...`, the same at every try.
    pub event_id: String,
    /// What it tells of, by its stored name; a test has a name of its own.
    pub event: String,
    /// The body to the byte.
    pub payload: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// HTTP status of the last attempt's answer.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When the last attempt began.
    pub last_attempt_at_ms: Option<i64>,
    /// When the next one is due.
    pub next_attempt_at_ms: Option<i64>,
    /// When the event was noted.
    pub created_at_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_read_again() {
        for event in HookEvent::ALL {
            assert_eq!(HookEvent::parse(event.name()), Some(event));
        }
        for flavour in [Flavour::Dub, Flavour::Linkly] {
            assert_eq!(Flavour::parse(flavour.name()), Some(flavour));
        }
        for status in [DeliveryStatus::Waiting, DeliveryStatus::Delivered, DeliveryStatus::Failed] {
            assert_eq!(DeliveryStatus::parse(status.name()), Some(status));
        }
        assert_eq!(HookEvent::parse("click"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let secrets = Secrets { current: "whsec_a".into(), old: Some(("whsec_b".into(), 1)) };
        assert!(!format!("{secrets:?}").contains("whsec_"));
    }
}
