//! Why a link could not be made, read, changed or deleted.

use crate::catalog;
use crate::domain::destination::DestinationError;
use crate::domain::slug::SlugError;

/// A failed call to the link service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The workspace has no such link.
    #[error("link not found")]
    NoLink,
    /// The workspace has no such folder.
    #[error("folder not found")]
    NoFolder,
    /// Tags that are not the workspace's.
    #[error("unknown {field}: {unknown:?}")]
    UnknownTags {
        /// How they were named.
        field: &'static str,
        /// As they were given.
        unknown: Vec<String>,
    },
    /// The link to continue a list from is not the workspace's.
    #[error("unknown cursor")]
    UnknownCursor,
    /// The domain is not the workspace's, or nobody's.
    #[error("domain does not belong to the workspace")]
    ForeignDomain,
    /// The domain is not known yet to be the workspace's.
    #[error("the domain {0} is not verified")]
    PendingDomain(String),
    /// No domain was named and the workspace has none.
    #[error("the workspace has no domain")]
    NoDomain,
    /// The slug is in use on its domain.
    #[error("slug is taken")]
    SlugTaken,
    /// Another link of the workspace has this external id.
    #[error("external id is taken")]
    ExternalIdTaken,
    /// Two links of one call are to have the same slug.
    #[error("{domain}/{slug} is asked for twice")]
    Twice {
        /// The short domain's name.
        domain: String,
        /// The slug.
        slug: String,
    },
    /// The slug is not allowed.
    #[error("slug: {0}")]
    Slug(#[from] SlugError),
    /// Something of ours answers at this slug.
    #[error("slug is reserved")]
    ReservedSlug,
    /// Only root links may go without a destination.
    #[error("destination is missing")]
    NoDestination,
    /// A target is not allowed.
    #[error("{field}: {reason}")]
    Destination {
        /// Which one.
        field: &'static str,
        /// The beginning of what was given.
        given: String,
        /// Why.
        reason: DestinationError,
    },
    /// A target leads to a short domain of this installation.
    #[error("{field}: leads to the short domain {host}")]
    Loop {
        /// Which target.
        field: &'static str,
        /// The domain.
        host: String,
    },
    /// There is no short domain on which links of sites could live.
    #[error("there is no domain for links of sites")]
    NoHome,
    /// The site is not the workspace's, or was removed.
    #[error("site not found")]
    NoSite,
    /// A link of a site keeps its place.
    #[error("a link of a site keeps its place")]
    SitePlace,
    /// The root link of a domain cannot be deleted.
    #[error("root link cannot be deleted")]
    RootLink,
    /// A field is wrong in another way.
    #[error("{field}: {message}")]
    Invalid {
        /// What kind of fault: `custom`, `too_small` or `too_big`.
        code: &'static str,
        /// Which.
        field: &'static str,
        /// What was given and what is allowed.
        message: String,
    },
    /// The system gives no random bytes, or a blocking thread died.
    #[error("no random bytes or no thread")]
    NoRandomness,
    /// The catalog failed.
    #[error(transparent)]
    Catalog(catalog::Error),
}

/// What is measured of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    /// The characters of a text.
    Text,
    /// The items of a list.
    List,
    /// A number itself.
    Number,
}

impl Measure {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Text => ("string", "to have", " characters"),
            Self::List => ("array", "to have", " items"),
            Self::Number => ("number", "to be", ""),
        }
    }
}

impl Error {
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { code: "custom", field, message: message.into() }
    }

    /// A text of more than `limit` characters, a list of more than `limit` items, or a larger number.
    pub(super) fn too_big(field: &'static str, what: Measure, limit: usize, given: usize) -> Self {
        let (noun, verb, unit) = what.words();
        let message = format!("Too big: expected {noun} {verb} <={limit}{unit}. Given: {given}");
        Self::Invalid { code: "too_big", field, message }
    }

    /// A text of fewer than `limit` characters, a list of fewer than `limit` items, or a smaller number.
    pub(super) fn too_small(field: &'static str, what: Measure, limit: usize, given: usize) -> Self {
        let (noun, verb, unit) = what.words();
        let message = format!("Too small: expected {noun} {verb} >={limit}{unit}. Given: {given}");
        Self::Invalid { code: "too_small", field, message }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        match &error {
            catalog::Error::Taken(name) if name == "link_slug" => Self::SlugTaken,
            catalog::Error::Taken(name) if name == "link_external_id" => Self::ExternalIdTaken,
            // These were looked up a moment ago, and went in between.
            catalog::Error::Missing(name) if name == "link_domain" => Self::ForeignDomain,
            catalog::Error::Missing(name) if name == "link_folder" => Self::NoFolder,
            catalog::Error::Missing(name) if name == "link_site" => Self::NoSite,
            catalog::Error::Missing(name) if name == "link_tags" => {
                Self::UnknownTags { field: "tagIds", unknown: Vec::new() }
            }
            _ => Self::Catalog(error),
        }
    }
}
