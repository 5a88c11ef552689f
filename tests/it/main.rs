//! The integration tests: one binary, one module a subject.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a test stops where it goes wrong")]

mod brevr;
mod browser;
mod buckets;
mod catalog;
mod collect;
mod commands;
mod conversions;
mod doubt;
mod dub_analytics;
mod dub_dashboard;
mod dub_errors;
mod dub_links;
mod engines;
mod explain;
mod faults;
mod ghostid;
mod ghostid_links;
mod ghostid_stats;
mod hooks;
mod hostile;
mod limits;
mod linkly_clicks;
mod linkly_links;
mod links;
mod metadata;
mod oracle;
mod people;
mod privacy;
mod qr;
mod readers;
mod reading;
mod recognition;
mod sale_types;
mod schema;
mod sdk;
mod sessions;
mod sql;
mod transfer;
mod under_load;
mod visiting;
mod visits;
mod wire;
mod world;
