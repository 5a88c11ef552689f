//! Why something could not be made, changed or removed.

use crate::catalog;

/// A failed call to the service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The workspace has no such tag.
    #[error("tag not found")]
    NoTag,
    /// The workspace has no such folder.
    #[error("folder not found")]
    NoFolder,
    /// The workspace has no such pixel.
    #[error("pixel not found")]
    NoPixel,
    /// Another pixel of the workspace has this name.
    #[error("pixel name is taken")]
    PixelTaken,
    /// The workspace has no such short domain.
    #[error("domain not found")]
    NoDomain,
    /// The name is a short domain already, of whatever workspace.
    #[error("the domain {0} is in use")]
    DomainTaken(String),
    /// The workspace has this domain already.
    #[error("the workspace has the domain {0} already")]
    DomainClaimed(String),
    /// It is not known yet that the domain is the workspace's.
    #[error("the domain {0} is not verified")]
    DomainPending(String),
    /// The DNS does not answer.
    #[error("the DNS does not answer")]
    Unanswered,
    /// Links of other workspaces' sites live on the domain.
    #[error("the domain {0} has links of other workspaces' sites")]
    DomainOfSites(String),
    /// There is no such workspace.
    #[error("workspace not found")]
    NoWorkspace,
    /// Another tag of the workspace has this name.
    #[error("tag name is taken")]
    TagTaken,
    /// Another folder of the workspace has this name.
    #[error("folder name is taken")]
    FolderTaken,
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// What kind of fault, such as `too_big`.
        code: &'static str,
        /// Which.
        field: &'static str,
        /// What was given and what is allowed.
        message: String,
    },
    /// The system gives no random bytes.
    #[error("no random bytes")]
    NoRandomness,
    /// The catalog failed.
    #[error(transparent)]
    Catalog(catalog::Error),
}

impl Error {
    pub(super) fn invalid(code: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { code, field, message: message.into() }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        match &error {
            catalog::Error::Taken(name) if name == "tag_name" => Self::TagTaken,
            catalog::Error::Taken(name) if name == "pixel_name" => Self::PixelTaken,
            catalog::Error::Missing(name) if name == "workspace" => Self::NoWorkspace,
            catalog::Error::Taken(name) if name == "folder_name" => Self::FolderTaken,
            _ => Self::Catalog(error),
        }
    }
}
