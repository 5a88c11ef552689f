//! The surfaces: thin adapters that never import one another.

pub mod dub;
