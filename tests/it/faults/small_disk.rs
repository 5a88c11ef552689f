//! A disk of a few megabytes for one process and its children: a tmpfs in a mount namespace of their own, which ends with
//! them. Root mounts it as it is, everybody else in a user namespace.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// How such a disk can be had on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Root,
    User,
}

/// A disk that is mounted over a folder for a command.
#[derive(Clone, Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    bytes: u64,
    way: Way,
}

impl SmallDisk {
    /// A disk over a folder, which must be there; `None` where nobody lets us.
    pub async fn over(folder: &Path, bytes: u64) -> Option<Self> {
        // SAFETY: no memory is involved.
        let way = if unsafe { libc::geteuid() } == 0 { Way::Root } else { Way::User };
        let disk = Self { folder: folder.to_owned(), bytes, way };
        let mut probe = Command::new("true");
        disk.mount_for(&mut probe);
        let worked = probe.status().await.is_ok_and(|status| status.success());
        worked.then_some(disk)
    }

    /// Has a command see it.
    pub fn mount_for(&self, command: &mut Command) {
        let target = CString::new(self.folder.as_os_str().as_bytes()).unwrap();
        let size = CString::new(format!("size={},mode=0700", self.bytes)).unwrap();
        // SAFETY: no memory is involved.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        let maps = match self.way {
            Way::Root => Vec::new(),
            // Everybody stays who they are: the engines look at it.
            Way::User => vec![
                (c"/proc/self/setgroups", CString::from(c"deny")),
                (c"/proc/self/uid_map", CString::new(format!("{user} {user} 1")).unwrap()),
                (c"/proc/self/gid_map", CString::new(format!("{group} {group} 1")).unwrap()),
            ],
        };
        let spaces = libc::CLONE_NEWNS | if self.way == Way::User { libc::CLONE_NEWUSER } else { 0 };
        // SAFETY: between fork and exec only system calls are made, on texts that were made before.
        unsafe {
            command.pre_exec(move || {
                check(libc::unshare(spaces))?;
                for (file, text) in &maps {
                    let file = libc::open(file.as_ptr(), libc::O_WRONLY);
                    check(file)?;
                    let length = text.as_bytes().len();
                    check(i32::from(libc::write(file, text.as_ptr().cast(), length) == length as isize) - 1)?;
                    libc::close(file);
                }
                let none = std::ptr::null();
                let private = libc::MS_REC | libc::MS_PRIVATE;
                check(libc::mount(none, c"/".as_ptr(), none, private, none.cast()))?;
                let kind = c"tmpfs".as_ptr();
                check(libc::mount(kind, target.as_ptr(), kind, 0, size.as_ptr().cast()))
            });
        }
    }

    /// The folder as it is for a process that has the disk.
    pub fn seen_by(&self, process: u32) -> PathBuf {
        let absolute = self.folder.strip_prefix("/").unwrap();
        Path::new("/proc").join(process.to_string()).join("root").join(absolute)
    }
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
