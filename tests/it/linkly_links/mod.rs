//! Linkly's links: made, changed, listed, exported, thrown away and taken back.

mod access;
mod counts;
mod domains;
mod guards;
mod lists;
mod saving;
mod told;
mod trash;
pub mod world;
