//! Linkly's links: made, changed, listed, exported, thrown away and taken back.

mod counts;
mod world;
