//! Webhooks: whoever asked is told of clicks and of changes of links.
//!
//! What always holds:
//! - nothing waits for an endpoint: the drain publishes and goes on, a change of a link writes a row and goes on;
//! - an endpoint that is down or slow takes its own few places and no others';
//! - a target is connected to only after the very address that is connected to was checked (`guard.rs`).

pub mod guard;
pub mod send;
pub mod sign;
