//! The surfaces: thin adapters between HTTP and the services. They never import one another.

pub mod brevr;
pub mod collect;
pub mod dub;
pub mod ghostid;
pub mod linkly;
pub mod ops;
pub mod visit;
