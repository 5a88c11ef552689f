//! Tests that span the program.

mod visits;
