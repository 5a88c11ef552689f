//! Customers: who is behind leads and sales.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::click_id::EventId;
use super::id::{CustomerId, LinkId, WorkspaceId};
use super::made_up_name;

/// Longest id, name and mail address of a customer, in characters.
pub const MAX_CUSTOMER_TEXT: usize = 100;
/// Longest address of a picture, in characters.
pub const MAX_AVATAR: usize = 2_000;

/// A customer of a workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    /// Its row.
    pub id: CustomerId,
    /// Its owner.
    pub workspace: WorkspaceId,
    /// What others say of it.
    pub profile: Profile,
    /// ISO 3166-1 alpha-2 of the first click.
    pub country: Option<String>,
    /// The first click and its link.
    pub first: Option<Attribution>,
    /// The id at Stripe.
    pub stripe_id: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
}

/// What the user's own database says of a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The id there; unique in the workspace.
    pub external_id: String,
    /// A person's or a company's name.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Address of a picture.
    pub avatar: Option<String>,
}

impl Customer {
    /// What is shown as the name: the name, else the mail address, else one that is made up (Dub contract, 5.2).
    pub fn shown_name(&self) -> Cow<'_, str> {
        let known = self.profile.name.as_deref().or(self.profile.email.as_deref());
        known.map_or_else(|| made_up_name::of(self.id.0).into(), Cow::Borrowed)
    }
}

/// Whether a text is a mail address, by the rule that Dub's clients are held to: no doubled or leading dot, a plain local part,
/// a domain of at least two labels.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\'' | b'+' | b'-' | b'.');
    let local_ends =
        local.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-'));
    let label = |label: &str| {
        label.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let Some((labels, top)) = domain.rsplit_once('.') else { return false };
    local.bytes().all(plain)
        && local_ends
        && !local.starts_with('.')
        && !text.contains("..")
        && labels.split('.').all(label)
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// To what a lead, a sale or a customer is put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// The click.
    pub click: EventId,
    /// Its link.
    pub link: LinkId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses() {
        for good in ["a@b.co", "jane.doe+x@mail.example.com", "o'hara@example.org", "_@a-b.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a b@c.de",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.de",
            "a@b..co",
            "a@-b.co",
            "a@b.c",
            "a@b.c0m",
            "é@b.co",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_customer_always_has_a_name() {
        let mut customer = Customer { id: CustomerId(1), ..Customer::default() };
        assert_eq!(customer.shown_name(), "Bold Blue Hawk");
        customer.profile.email = Some("a@b.co".to_owned());
        assert_eq!(customer.shown_name(), "a@b.co");
        customer.profile.name = Some("Jane".to_owned());
        assert_eq!(customer.shown_name(), "Jane");
    }
}
