//! Leads, sales and customers, over HTTP and down to ClickHouse.

mod clicks;
mod customers;
mod leads;
mod linkly;
mod pages;
mod publishable;
mod running;
mod sales;
pub mod world;
