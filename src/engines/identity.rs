//! As whom Postgres runs, since it refuses root.
//!
//! An ordinary user runs it as itself. For root, folders are the trouble: the data folder is closed to others (0700), and
//! so may be what lies above it and above the programs. Two ways lead through, in this order:
//! 1. a user namespace, in which our own user goes by an ordinary number: it reaches what root owns, with none of root's
//!    privileges. Containers often forbid it.
//! 2. the user `nobody` with one privilege left, to pass through closed folders. The data then belong to `nobody`.
//!
//! Which way works is tried out with `postgres --version`, not guessed.

pub(super) mod kernel;

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::child;
use super::error::EngineError;

/// The user and group `nobody` on Linux.
const NOBODY: u32 = 65_534;

/// A way to run a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// As the user that we are.
    Own,
    /// As the user that we are, called by another number.
    Namespace {
        /// The number.
        user: u32,
    },
    /// As another user.
    Switched {
        /// Its number, and that of its group.
        user: u32,
    },
}

impl Identity {
    /// Finds one in which `postgres` runs and reaches `folder`.
    pub(super) fn choose(postgres: &Path, folder: &Path) -> Result<Self, EngineError> {
        let mut reasons = Vec::new();
        for identity in candidates(effective_user(), &known_users()) {
            match identity.tried(postgres, folder) {
                Ok(()) => return Ok(identity),
                Err(reason) => reasons.push(format!("{}: {reason}", identity.describe())),
            }
        }
        let reasons = reasons.join("; ");
        if effective_user() == 0 {
            Err(EngineError::Identity { reasons })
        } else {
            Err(EngineError::Failed { engine: "postgres", status: "before its start".to_owned(), detail: reasons })
        }
    }

    /// User and group whose files the child's files are, as seen from outside.
    pub(super) fn owner(&self) -> (u32, u32) {
        match self {
            Self::Own | Self::Namespace { .. } => (effective_user(), effective_group()),
            Self::Switched { user } => (*user, *user),
        }
    }

    /// Has the child take the identity on; it fails to start when `folder` is then out of its reach.
    pub(super) fn apply(&self, command: &mut Command, folder: &Path) -> Result<(), EngineError> {
        let folder = CString::new(folder.as_os_str().as_bytes())
            .map_err(|_| EngineError::io("use the data folder", io::ErrorKind::InvalidFilename.into()))?;
        // SAFETY: the closures make system calls on what was prepared here; they allocate nothing and take no lock.
        unsafe {
            match *self {
                Self::Own => command.pre_exec(move || kernel::reach(&folder)),
                Self::Namespace { user } => {
                    let maps = kernel::Maps {
                        user: format!("{user} {} 1", effective_user()),
                        group: format!("{user} {} 1", effective_group()),
                    };
                    command.pre_exec(move || kernel::enter_namespace(&maps).and_then(|()| kernel::reach(&folder)))
                }
                Self::Switched { user } => {
                    command.pre_exec(move || kernel::switch_user(user, user).and_then(|()| kernel::reach(&folder)))
                }
            }
        };
        Ok(())
    }

    /// Gives `path` and all below it to the [`owner`](Self::owner), unless it is theirs.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        let (user, group) = self.owner();
        if fs::symlink_metadata(path)?.uid() == user {
            return Ok(());
        }
        give(path, user, group)
    }

    fn tried(&self, postgres: &Path, folder: &Path) -> Result<(), String> {
        let mut command = child::command(postgres, Path::new("/"));
        command.arg("--version").stderr(Stdio::piped());
        self.apply(&mut command, folder).map_err(|error| error.to_string())?;
        child::die_with_parent(&mut command, libc::SIGKILL);
        let output = command.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Own => "as this user".to_owned(),
            Self::Namespace { .. } => "in a user namespace".to_owned(),
            Self::Switched { user } => format!("as user {user}"),
        }
    }
}

/// What to try for a process of user `own`, best first. `initdb` insists on a user that the system has a name for.
fn candidates(own: u32, known: &[u32]) -> Vec<Identity> {
    let named =
        if known.contains(&NOBODY) { NOBODY } else { known.iter().copied().find(|user| *user != 0).unwrap_or(NOBODY) };
    match own {
        0 => vec![Identity::Namespace { user: named }, Identity::Switched { user: named }],
        own if known.contains(&own) => vec![Identity::Own],
        _ => vec![Identity::Namespace { user: named }, Identity::Own],
    }
}

/// Numbers in the system's list of users. Users from a directory service are not in it; our own is asked for by name.
fn known_users() -> Vec<u32> {
    let text = fs::read("/etc/passwd").unwrap_or_default();
    let mut known: Vec<u32> = String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| line.split(':').nth(2).and_then(|user| user.parse().ok()))
        .collect();
    if has_name(effective_user()) {
        known.push(effective_user());
    }
    known
}

fn has_name(user: u32) -> bool {
    let mut buffer = [0; 16 * 1024];
    let mut found = std::ptr::null_mut();
    // SAFETY: entry, buffer and result live through the call, and the buffer's true length is given.
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        libc::getpwuid_r(user, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found);
    }
    !found.is_null()
}

fn effective_user() -> u32 {
    // SAFETY: always succeeds, touches no memory.
    unsafe { libc::geteuid() }
}

fn effective_group() -> u32 {
    // SAFETY: always succeeds, touches no memory.
    unsafe { libc::getegid() }
}

/// The folder itself comes last, so that an interrupted change is begun again.
fn give(path: &Path, user: u32, group: u32) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), user, group)?;
        }
    }
    lchown(path, Some(user), Some(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_never_runs_it_as_itself() {
        for known in [&[0, 1, NOBODY][..], &[0, 99], &[0], &[]] {
            let ways = candidates(0, known);
            assert!(!ways.contains(&Identity::Own), "{known:?}");
            assert_eq!(ways.len(), 2);
        }
        assert_eq!(candidates(0, &[0, 99])[0], Identity::Namespace { user: 99 });
        assert_eq!(candidates(0, &[0, 1, NOBODY])[1], Identity::Switched { user: NOBODY });
    }

    #[test]
    fn a_user_without_a_name_borrows_one() {
        assert_eq!(candidates(1000, &[0, 1000]), [Identity::Own]);
        assert_eq!(candidates(1234, &[0, 1000]), [Identity::Namespace { user: 1000 }, Identity::Own]);
    }

    #[test]
    fn every_way_for_root_runs_a_program_in_a_closed_folder() {
        if effective_user() != 0 {
            // An ordinary user has one way only; it must work.
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(Identity::Own.tried(Path::new("/bin/true"), folder.path()), Ok(()));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::copy("/bin/true", folder.path().join("true")).unwrap();
        let mut working = 0;
        for identity in candidates(0, &known_users()) {
            let program = folder.path().join("true");
            // A container may forbid one of the ways, not both.
            working += usize::from(identity.tried(&program, &inner).is_ok());
        }
        assert!(working > 0);
    }

    #[test]
    fn a_folder_out_of_reach_is_noticed() {
        let missing = Path::new("/nowhere/at/all");
        for identity in candidates(effective_user(), &known_users()) {
            assert!(identity.tried(Path::new("/bin/true"), missing).is_err(), "{identity:?}");
        }
    }
}
