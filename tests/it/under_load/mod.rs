//! Many queries at once, and queries that cost too much: who waits, who is refused and what is shared.

mod caps;
mod flights;
mod gate;
mod places;
mod scene;
