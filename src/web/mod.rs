//! What the surfaces share.

pub mod error;
