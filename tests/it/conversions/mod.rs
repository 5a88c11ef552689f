//! Leads, sales and customers, over HTTP and down to ClickHouse.

mod linkly;
mod world;
