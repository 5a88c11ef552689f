//! Processes from outside: whose child is whose, and what can be done to them.

use std::fs;
use std::path::PathBuf;

use tokio::process::Command;

/// Sends a signal. A process that is gone already is fine.
pub fn signal(process: u32, signal: libc::c_int) {
    let process = libc::pid_t::try_from(process).unwrap();
    // SAFETY: no memory is involved.
    unsafe { libc::kill(process, signal) };
}

/// Sends a signal to several.
pub fn signal_all(processes: &[u32], which: libc::c_int) {
    for process in processes {
        signal(*process, which);
    }
}

/// Whether it runs; one that waits to be reaped has ended.
pub fn alive(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != 'Z')
}

/// Its children.
pub fn children(process: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|number| stat(*number).is_some_and(|(state, parent)| parent == process && state != 'Z')).collect()
}

/// Its children, and theirs.
pub fn descendants(process: u32) -> Vec<u32> {
    let mut found = children(process);
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        let more = children(*parent);
        found.extend(more);
        next += 1;
    }
    found
}

/// Its command line, with blanks between the words.
pub fn command_line(process: u32) -> String {
    let bytes = fs::read(file(process, "cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Bytes of its memory that are in use.
pub fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(file(process, "status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

/// Lets a running process write files up to so many bytes, `None` for any length. Beyond it a write fails, as on a full
/// disk, whatever file system there is and whoever we are.
pub fn limit_files(process: u32, bytes: Option<u64>) {
    let process = libc::pid_t::try_from(process).unwrap();
    // SAFETY: the limits are plain data that outlive the calls.
    let outcome = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        let read = libc::prlimit(process, libc::RLIMIT_FSIZE, std::ptr::null(), &raw mut limit);
        limit.rlim_cur = bytes.map_or(limit.rlim_max, |bytes| bytes.min(limit.rlim_max));
        read | libc::prlimit(process, libc::RLIMIT_FSIZE, &raw const limit, std::ptr::null_mut())
    };
    assert_eq!(outcome, 0, "the limit cannot be set: {}", std::io::Error::last_os_error());
}

/// Has a write beyond the limit fail in this command, where by default it would end the process.
pub fn survive_file_limits(command: &mut Command) {
    // SAFETY: between fork and exec only this system call is made.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            Ok(())
        });
    }
}

fn file(process: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{name}"))
}

/// State and parent.
fn stat(process: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(file(process, "stat")).ok()?;
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    Some((rest.next()?.chars().next()?, rest.next()?.parse().ok()?))
}
