//! Where links and domains come from when memory does not know them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::id::DomainId;
use crate::domain::link::Link;
use crate::domain::workspace::{Domain, WorkspaceSettings};

/// A future behind a pointer, so that a source can be handed around without its type.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The source does not answer. It logs the cause itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link store does not answer")]
pub struct Unavailable;

/// A link and how its workspace counts clicks.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundLink {
    /// The link.
    pub link: Link,
    /// The settings of its workspace; links of one workspace had better share them.
    pub settings: Arc<WorkspaceSettings>,
}

/// Where a link may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkPlace {
    /// The short domain.
    pub domain: DomainId,
    /// The slug, in the form by which the domain looks slugs up.
    pub slug_key: Box<str>,
}

/// The store of links, as far as visits need it.
pub trait LinkSource: Send + Sync + 'static {
    /// The links at these places, in their order; `None` where there is none or it was deleted.
    fn links<'a>(&'a self, places: &'a [LinkPlace]) -> BoxFuture<'a, Vec<Result<Option<FoundLink>, Unavailable>>>;

    /// Every short domain.
    fn domains(&self) -> BoxFuture<'_, Result<Vec<Domain>, Unavailable>>;
}
