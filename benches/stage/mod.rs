//! What the chapters share: the running program, its yardsticks, clients that cost little, figures in a table.

pub mod api;
pub mod bare;
pub mod http;
pub mod load;
pub mod nginx;
pub mod plain;
pub mod process;
pub mod program;
pub mod report;
pub mod store;
