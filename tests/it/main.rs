//! Tests against real servers.

mod catalog;
mod links;
mod world;
