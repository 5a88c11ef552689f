//! System calls for the moment between fork and exec: nothing here allocates or takes a lock.

use std::ffi::CStr;
use std::io;

/// What a process writes to map one user and one group of a new user namespace, prepared before the fork.
#[derive(Clone, Debug)]
pub(in crate::engines) struct Maps {
    /// `INNER OUTER 1` for the user.
    pub(super) user: String,
    /// The same for the group.
    pub(super) group: String,
}

/// Whether the process, as it is now, may read and enter the folder.
pub(super) fn reach(folder: &CStr) -> io::Result<()> {
    // SAFETY: the pointer is a live, terminated string.
    check(unsafe { libc::access(folder.as_ptr(), libc::R_OK | libc::X_OK) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
mod calls {
    use super::{Maps, io};

    pub(in crate::engines) fn die_with_parent(_parent: u32, _signal: libc::c_int) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::engines) fn enter_namespace(_maps: &Maps) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::engines) fn switch_user(_user: u32, _group: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(target_os = "linux")]
mod calls {
    use super::{CStr, Maps, check, io};

    /// Asks for `signal` at the end of the parent thread; fails when the parent is gone already.
    pub(in crate::engines) fn die_with_parent(parent: u32, signal: libc::c_int) -> io::Result<()> {
        // SAFETY: no memory is involved.
        unsafe {
            check(libc::prctl(libc::PR_SET_PDEATHSIG, signal))?;
            // The parent may have ended before the wish was known.
            if u32::try_from(libc::getppid()) != Ok(parent) {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        Ok(())
    }

    /// Enters a new user namespace in which our own user and group go by other numbers. Outside of it nothing changes:
    /// files are read and written as our user, without root's privileges.
    pub(in crate::engines) fn enter_namespace(maps: &Maps) -> io::Result<()> {
        // SAFETY: no memory is involved.
        check(unsafe { libc::unshare(libc::CLONE_NEWUSER) })?;
        // The kernel takes a group map from an ordinary process only when group changes are given up.
        write(c"/proc/self/setgroups", b"deny")?;
        write(c"/proc/self/uid_map", maps.user.as_bytes())?;
        write(c"/proc/self/gid_map", maps.group.as_bytes())
    }

    /// Becomes another user, keeping one privilege of root: to pass through folders that are closed to that user, since
    /// Postgres' data and programs may lie below one.
    pub(in crate::engines) fn switch_user(user: u32, group: u32) -> io::Result<()> {
        const VERSION_3: u32 = 0x2008_0522;
        const DAC_OVERRIDE: u32 = 1;
        const DAC_READ_SEARCH: u32 = 2;
        // The two following bits of <linux/securebits.h>: keep privileges over a change of user, and let access(2),
        // which Postgres asks about its own program, count them.
        const NO_SETUID_FIXUP: libc::c_ulong = 1 << 2;

        #[repr(C)]
        struct Header {
            version: u32,
            pid: libc::c_int,
        }
        #[repr(C)]
        #[derive(Clone, Copy, Default)]
        struct Sets {
            effective: u32,
            permitted: u32,
            inheritable: u32,
        }

        let mut header = Header { version: VERSION_3, pid: 0 };
        let mut sets = [Sets::default(); 2];
        // SAFETY: header and sets have the kernel's layout for this version and live through the calls.
        unsafe {
            check_long(libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()))?;
            // The weaker privilege where we have it; containers often grant the stronger one only.
            let capability =
                if sets[0].permitted & (1 << DAC_READ_SEARCH) != 0 { DAC_READ_SEARCH } else { DAC_OVERRIDE };
            check(libc::prctl(libc::PR_SET_SECUREBITS, NO_SETUID_FIXUP))?;
            check(libc::setgroups(0, std::ptr::null()))?;
            check(libc::setresgid(group, group, group))?;
            check(libc::setresuid(user, user, user))?;
            let one = 1 << capability;
            sets = [Sets { effective: one, permitted: one, inheritable: one }, Sets::default()];
            check_long(libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()))?;
            let capability = libc::c_ulong::from(capability);
            check(libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong, capability, 0, 0))
        }
    }

    fn write(path: &CStr, content: &[u8]) -> io::Result<()> {
        // SAFETY: path and content are live for the calls; the descriptor is ours and closed once.
        unsafe {
            let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if file < 0 {
                return Err(io::Error::last_os_error());
            }
            let written = libc::write(file, content.as_ptr().cast(), content.len());
            let failure = io::Error::last_os_error();
            libc::close(file);
            if written < 0 { Err(failure) } else { Ok(()) }
        }
    }

    fn check_long(result: libc::c_long) -> io::Result<()> {
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

pub(in crate::engines) use calls::{die_with_parent, enter_namespace, switch_user};
