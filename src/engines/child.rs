//! How every child process of ours is set apart: nothing of our environment, no input, a process group of its own (so that
//! Ctrl-C at the terminal reaches us alone and we end the engines in order), and death with its parent.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::identity::kernel;

/// A command that runs in `folder`. Its output is discarded until the caller says otherwise.
pub(super) fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin")
        .env("TZ", "UTC")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Has the kernel send `signal` to the child when the *thread* that spawns it ends, so spawn from one that lives as long
/// as the program. Call it after all else that changes the child's identity, which would clear the wish.
pub(super) fn die_with_parent(command: &mut Command, signal: libc::c_int) {
    let parent = std::process::id();
    // SAFETY: the closure makes system calls only; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(move || kernel::die_with_parent(parent, signal)) };
}

/// Sends `signal` to a child that was not yet waited for.
pub(super) fn send(process: u32, signal: libc::c_int) {
    if let Ok(process) = libc::pid_t::try_from(process) {
        // SAFETY: no memory is involved. The id is our child's until it is waited for, so it is nobody else's.
        unsafe { libc::kill(process, signal) };
    }
}

/// Waits until the child has ended and leaves it to be waited for by its owner.
pub(super) fn wait_for_end(process: u32) {
    loop {
        // SAFETY: `info` is plain data that the call may fill; zero is a value of it.
        let done = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, process, &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if done == 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return;
        }
    }
}
