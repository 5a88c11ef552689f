//! The tests that need the real engines. They start their own, see `world`; missing engines fail them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers included")]

mod engines;
mod world;
