//! ClickHouse: everything that happened.
