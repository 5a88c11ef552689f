//! Joining it all.

pub mod listen;
pub mod slow_body;
