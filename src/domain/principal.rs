//! Who asks, and what they may do.

use super::id::{KeyId, UserId, WorkspaceId};

/// A caller whose credentials were right.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// What was shown.
    pub shown: Shown,
    /// The person who signed in, or to whom the key belongs.
    pub user: UserId,
    /// The workspace the key is bound to, if any.
    pub bound_to: Option<WorkspaceId>,
    /// What may be done with it.
    pub scopes: Scopes,
    /// The workspaces of the person, with the role in each.
    pub workspaces: Vec<(WorkspaceId, Role)>,
}

impl Principal {
    /// What the caller is in a workspace; `None` where the credentials do not open it.
    pub fn role_in(&self, workspace: WorkspaceId) -> Option<Role> {
        let opens = self.bound_to.is_none_or(|bound| bound == workspace);
        self.workspaces.iter().find(|(known, _)| opens && *known == workspace).map(|(_, role)| *role)
    }

    /// The workspaces that the credentials open, oldest first.
    pub fn opened(&self) -> impl Iterator<Item = WorkspaceId> {
        self.workspaces
            .iter()
            .map(|(workspace, _)| *workspace)
            .filter(|id| self.bound_to.is_none_or(|bound| bound == *id))
    }
}

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// By an API key.
    Key(KeyId),
    /// By the cookie of somebody who signed in.
    Cookie,
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
    /// Those of a person who signed in: their role is the bound.
    pub fn of_person() -> Self {
        Self(vec!["apis.all".to_owned()])
    }

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
