//! The integration tests: one binary.

mod sql;
