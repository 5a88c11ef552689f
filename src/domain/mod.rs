//! What the product talks about: no I/O, no HTTP, no SQL.

pub mod click_id;
pub mod dimension;
pub mod event;
pub mod hit;
pub mod id;
pub mod link;
pub mod patch;
pub mod principal;
pub mod workspace;
