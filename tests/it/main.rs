//! Tests that span the program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod visits;
