//! The program: run the command line, answer with its exit code.

use std::ffi::{c_int, c_long};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds after which freed memory goes back to the system: batches come and go, and their peak need not stay. The
/// variable `MIMALLOC_PURGE_DELAY` says otherwise.
const PURGE_DELAY_MS: c_long = 10;

// A part of the allocator that its crate does not hand on.
unsafe extern "C" {
    fn mi_option_set_default(option: c_int, value: c_long);
}

/// `mi_option_purge_delay` in `mimalloc.h`.
const PURGE_DELAY: c_int = 15;

fn main() -> ExitCode {
    // SAFETY: it sets a number of the allocator that is linked in.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) };
    linktrail::cli::main()
}
