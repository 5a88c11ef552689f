//! How Dub's surface refuses: who may what, in which words, with which status, over every endpoint.

mod access;
mod every_list;
mod long_lists;
mod messages;
mod strays;
pub mod world;
