//! Who has to see a change of a link before its caller is answered: this node's memory of links. Other nodes hear of it from
//! Postgres within a moment.

use std::fmt;
use std::sync::Arc;

use crate::domain::id::DomainId;
use crate::domain::link::Link;

/// Takes a link out of memory, by its domain and the form by which its slug is looked up.
pub type Forget = Arc<dyn Fn(DomainId, &str) + Send + Sync>;

/// The memory to be told, if there is one.
#[derive(Clone, Default)]
pub(super) struct Memory(pub(super) Option<Forget>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.0.is_some()).finish()
    }
}

impl Memory {
    /// Forgets a link where it is, or was.
    pub(super) fn forget(&self, link: &Link) {
        let Some(forget) = &self.0 else { return };
        // Which of the two forms is looked up is known to the domain.
        forget(link.domain_id, &link.slug);
        let folded = link.slug.to_lowercase();
        if folded != link.slug {
            forget(link.domain_id, &folded);
        }
    }
}
