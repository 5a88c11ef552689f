//! Leads, sales and customers, over HTTP and down to ClickHouse.

mod clicks;
mod leads;
mod linkly;
mod world;
