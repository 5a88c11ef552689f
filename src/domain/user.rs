//! People, and what they are in a workspace.

use super::id::{UserId, WorkspaceId};
use super::principal::Role;

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its row.
    pub id: UserId,
    /// Unique without regard to case.
    pub email: String,
    /// Milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Where the person belongs.
    pub workspaces: Vec<(WorkspaceId, Role)>,
}

/// An address of mail as far as it is worth looking at one: something, one `@`, a name with a dot or `localhost`.
/// Answers it without blanks around it; `None` when it is none.
pub fn parse_email(text: &str) -> Option<&str> {
    let text = text.trim();
    let (mailbox, host) = text.split_once('@')?;
    let plain = |letter: char| !letter.is_control() && !letter.is_whitespace() && letter != '@';
    let fits =
        text.len() <= 254 && !mailbox.is_empty() && !host.is_empty() && text.replacen('@', "", 1).chars().all(plain);
    (fits && (host == "localhost" || host.split('.').all(|label| !label.is_empty()))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_addresses() {
        for good in ["a@b.co", " owner@localhost ", "x+y@sub.example.com"] {
            assert_eq!(parse_email(good), Some(good.trim()));
        }
        for bad in ["", "a", "@b.co", "a@", "a@b..co", "a@b@c.d", "a b@c.d", "a\0@b.co", "a@b.co\n.x y"] {
            assert_eq!(parse_email(bad), None, "{bad:?}");
        }
    }
}
