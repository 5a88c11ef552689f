//! Postgres' data: made once, checked before each start, and its lock file after a crash.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::super::child;
use super::super::data_dir::{make_private_folder, write_private};
use super::super::error::EngineError;
use super::super::identity::Identity;
use super::ADMIN;

/// Major version of the embedded Postgres.
const VERSION: &str = "18";
/// Postgres' lock file, in its data folder.
pub(super) const LOCK_FILE: &str = "postmaster.pid";
/// How long a postmaster whose program is gone may take to end by itself, and then after an order.
const PATIENCE: Duration = Duration::from_secs(4);

/// Makes the data in a folder beside, then gives it its name, so that an interrupted start leaves nothing half made.
pub(super) fn create(
    programs: &Path,
    identity: &Identity,
    folder: &Path,
    data: &Path,
    admin: &SecretString,
) -> Result<(), EngineError> {
    let making = |error| EngineError::io("make postgres' data", error);
    let new = folder.join("new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(making(error)),
        _ => {}
    }
    make_private_folder(&new)?;
    identity.own(&new).map_err(making)?;
    // initdb takes the password from a file only.
    let password = folder.join("password");
    write_private(&password, admin.expose_secret().as_bytes())?;
    let made = identity.own(&password).map_err(making).and_then(|()| initialize(programs, identity, &new, &password));
    fs::remove_file(&password).map_err(making)?;
    made?;
    fs::rename(&new, data).map_err(making)
}

fn initialize(programs: &Path, identity: &Identity, new: &Path, password: &Path) -> Result<(), EngineError> {
    let mut command: Command = child::command(&programs.join("initdb"), Path::new("/"));
    command
        .arg("-D")
        .arg(new)
        .arg("--pwfile")
        .arg(password)
        .args(["-U", ADMIN, "-A", "scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    identity.apply(&mut command, new)?;
    child::die_with_parent(&mut command, libc::SIGKILL);
    let output = command.output().map_err(|error| EngineError::io("start initdb", error))?;
    if output.status.success() {
        return Ok(());
    }
    let detail = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).trim().to_owned()).join("\n");
    Err(EngineError::Failed { engine: "postgres", status: format!("initdb: {}", output.status), detail })
}

/// Another major version must not touch the data.
pub(super) fn check_version(data: &Path) -> Result<(), EngineError> {
    let found = fs::read_to_string(data.join("PG_VERSION"))
        .map_err(|error| EngineError::io(format!("read the version of {}", data.display()), error))?;
    if found.trim() == VERSION {
        return Ok(());
    }
    Err(EngineError::Version { folder: data.to_owned(), found: found.trim().to_owned(), expected: VERSION })
}

/// Deals with a lock file that an earlier postmaster left. One that is still dying is given time and then told to. A lock
/// whose process id belongs to something else by now (after a reboot or in a new container) is removed, where Postgres
/// itself would refuse to start for ever; the lock on the data folder says that no other program of ours is at work.
pub(super) fn settle_lock(data: &Path) -> Result<(), EngineError> {
    let lock = data.join(LOCK_FILE);
    let Some(process) = read_process(&lock) else { return Ok(()) };
    let begun = Instant::now();
    let mut told = false;
    while is_postgres(process) {
        let ours = fs::read_link(proc_file(process, "cwd")).ok().is_none_or(|folder| folder == data);
        if !ours {
            break;
        }
        if begun.elapsed() > PATIENCE * 2 {
            let detail = format!("process {process} does not end");
            return Err(EngineError::Busy { engine: "postgres", detail });
        }
        if !told && begun.elapsed() > PATIENCE {
            // Immediate shutdown: all it acknowledged is in its log on disk.
            told = true;
            child::send(process, libc::SIGQUIT);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    if !Path::new("/proc").join(process.to_string()).exists() {
        // Postgres handles the lock of a process that is gone, and looks for its children too.
        return Ok(());
    }
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::io("remove a stale lock", error)),
        _ => Ok(()),
    }
}

fn read_process(lock: &Path) -> Option<u32> {
    let text = fs::read_to_string(lock).ok()?;
    text.lines().next()?.trim().parse().ok().filter(|process| *process > 1)
}

fn is_postgres(process: u32) -> bool {
    let name = fs::read_to_string(proc_file(process, "comm")).unwrap_or_default();
    // A process that only waits to be reaped holds nothing any more.
    let dead = fs::read_to_string(proc_file(process, "stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| rest.starts_with('Z')))
        .unwrap_or(true);
    name.trim() == "postgres" && !dead
}

fn proc_file(process: u32, name: &str) -> PathBuf {
    Path::new("/proc").join(process.to_string()).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_major_version_is_touched() {
        let data = tempfile::tempdir().unwrap();
        assert!(check_version(data.path()).is_err());
        fs::write(data.path().join("PG_VERSION"), "17\n").unwrap();
        let message = check_version(data.path()).unwrap_err().to_string();
        assert!(message.contains("postgres 17") && message.contains("postgres 18"), "{message}");
        fs::write(data.path().join("PG_VERSION"), "18\n").unwrap();
        check_version(data.path()).unwrap();
    }

    #[test]
    fn a_lock_with_a_strangers_number_goes_and_others_stay() {
        let data = tempfile::tempdir().unwrap();
        let lock = data.path().join(LOCK_FILE);
        settle_lock(data.path()).unwrap();
        // This test is alive and no postgres.
        fs::write(&lock, format!("{}\n/somewhere\n", std::process::id())).unwrap();
        settle_lock(data.path()).unwrap();
        assert!(!lock.exists());
        // Nobody has this number: Postgres looks after it.
        for text in ["4194305\n", "", "nonsense\n", "-5\n"] {
            fs::write(&lock, text).unwrap();
            settle_lock(data.path()).unwrap();
            assert!(lock.exists(), "{text}");
        }
    }
}
