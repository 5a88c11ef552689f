//! Webhooks and live streams: what is told, to whom, how often, and what an endpoint that behaves badly does to the rest.

mod api;
mod changes;
mod clicks;
mod endpoints;
mod goings_on;
mod of_links;
pub mod receiver;
mod stream;
pub mod world;
