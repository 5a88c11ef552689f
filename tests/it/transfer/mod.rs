//! Import and export of events and links.

mod columns;
mod killed;
mod links;
mod rejects;
mod round_trip;
mod scene;
mod twice;
