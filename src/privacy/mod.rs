//! What is not kept: events older than a workspace wants, and what somebody wants forgotten.

pub mod erasure;
pub mod retention;
pub mod set_aside;
