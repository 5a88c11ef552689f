//! What the surfaces share.

pub mod client;
pub mod error;
pub mod page;
