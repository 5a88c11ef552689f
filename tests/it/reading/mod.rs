//! Dub's `/analytics` and `/events` over HTTP: what is written in every form, what every parameter does, what is refused.

mod archives;
mod bodies;
mod conversions;
mod exports;
mod filters;
mod goods;
pub mod lines;
mod pages;
mod refusals;
pub mod scene;
