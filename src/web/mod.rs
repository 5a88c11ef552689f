//! What the surfaces share.

pub mod answer;
pub mod error;
