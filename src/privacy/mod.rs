//! What is not kept: events older than a workspace wants, and what somebody wants forgotten.

pub mod retention;
