//! What the surfaces share.

pub mod body;
pub mod caller;
pub mod error;
pub mod instant;
pub mod params;
pub mod state;
