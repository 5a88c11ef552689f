//! The tests that need the real engines. They start their own, see `world`; missing engines fail them.

mod engines;
mod world;
