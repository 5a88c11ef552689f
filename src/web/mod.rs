//! What the surfaces share.

pub mod answer;
pub mod client;
pub mod error;
pub mod page;
