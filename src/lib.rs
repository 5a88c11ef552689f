//! Linktrail: short links and what came of them.
//!
//! The way of the data:
//! - reading: request -> surface parameters -> [`filter`] -> [`plan`] -> [`warehouse`] SQL -> rows -> [`table`] -> answer
//! - clicking: host and slug -> [`redirect`] decision -> 302; beside it hit -> [`spool`] -> [`enrich`] -> ClickHouse
//! - writing: surface parameters -> [`links`] service -> [`catalog`] (Postgres) -> [`hooks`]
//!
//! Modules stand in rank order. A module imports only modules of a lower rank, and modules of one rank never import each
//! other; `server` joins what must meet. `tests/layers.rs` holds the rule.

// Rank 0: plain values and names.
pub mod config;
pub mod telemetry;
// Rank 1: clocks and calendars.
pub mod calendar;
// Rank 2: what the product talks about.
pub mod domain;
pub mod table;
// Rank 3: pure parts.
pub mod encode;
pub mod enrich;
pub mod filter;
pub mod spool;
pub mod throttle;
// Rank 4: what is asked.
pub mod plan;
// Rank 5: the stores and the engines that may run them.
pub mod catalog;
pub mod engines;
pub mod warehouse;
// Rank 6: services.
pub mod analytics;
pub mod auth;
pub mod holdings;
pub mod hooks;
pub mod ingest;
pub mod links;
pub mod privacy;
pub mod redirect;
pub mod sites;
// Rank 7: services on services.
pub mod conversions;
pub mod transfer;
// Rank 8: what the surfaces share.
pub mod web;
// Rank 9: the surfaces.
pub mod api;
// Rank 10: joining it all.
pub mod server;
// Rank 11: the command line.
pub mod cli;
