//! What the chapters share: the running program, its yardstick, clients that cost little, figures in a table.

pub mod api;
pub mod http;
pub mod program;
pub mod report;
