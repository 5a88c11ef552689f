//! Who asks, and what they may do.

use super::id::{KeyId, UserId, WorkspaceId};

/// A caller whose credentials were right.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The key that was shown.
    pub key: KeyId,
    /// The person the key belongs to.
    pub user: UserId,
    /// The workspace the key is bound to, if any.
    pub bound_to: Option<WorkspaceId>,
    /// What the key may do.
    pub scopes: Scopes,
    /// The workspaces of the person, with the role in each.
    pub workspaces: Vec<(WorkspaceId, Role)>,
}

/// A role in a workspace, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and writes.
    Member,
    /// Reads, writes and manages.
    Owner,
}

impl Role {
    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Owner => "owner",
        }
    }

    /// The role of a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Member, Self::Owner].into_iter().find(|role| role.name() == name)
    }
}

/// Permissions of a key: a list of names such as `links.read`, as Dub publishes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(pub Vec<String>);

/// Every scope that a key can be given.
pub const KNOWN_SCOPES: [&str; 18] = [
    "apis.all",
    "apis.read",
    "links.read",
    "links.write",
    "tags.read",
    "tags.write",
    "folders.read",
    "folders.write",
    "analytics.read",
    "conversions.read",
    "conversions.write",
    // To report events of sites for others.
    "events.write",
    "domains.read",
    "domains.write",
    "workspaces.read",
    "workspaces.write",
    "webhooks.read",
    "webhooks.write",
];

impl Scopes {
    /// Whether a key may write anything at all.
    pub fn allow_writing(&self) -> bool {
        self.0.iter().any(|scope| scope == "apis.all" || scope.ends_with(".write"))
    }

    /// Whether `wanted` is covered: named itself, by `apis.all`, by `apis.read` for reading, or by the same area's
    /// `.write` for its `.read`.
    pub fn allow(&self, wanted: &str) -> bool {
        let area_write = wanted.strip_suffix(".read").map(|area| format!("{area}.write"));
        self.0.iter().any(|scope| {
            scope == "apis.all"
                || scope == wanted
                || (scope == "apis.read" && wanted.ends_with(".read"))
                || area_write.as_deref() == Some(scope)
        })
    }
}
