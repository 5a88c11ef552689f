//! The data folder: one folder for all that Linktrail keeps, one program at a time.
//!
//! Always holds while a [`DataDir`] lives: the folder exists, this process has the lock on its `lock` file, and files made
//! here are readable by our user only.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Random bytes in a generated secret.
const SECRET_BYTES: usize = 32;

/// An open, locked data folder.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    // Held for its lock, which the kernel lifts when the process ends.
    _lock: File,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another program has it.
    #[error("the data folder {} is in use by another linktrail{}; stop that one or choose another folder with --data-dir", .folder.display(), by(.pid))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Process id of the one that has it, when it said so.
        pid: Option<u32>,
    },
    /// A secret file holds something that we did not write.
    #[error("the secret {} is empty or damaged; restore it, or remove it to have another one made", .file.display())]
    Secret {
        /// The file.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {error}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What came of it.
        error: io::Error,
    },
}

impl DataDir {
    /// Opens the folder, making it (mode 0700) when there is none, and locks it until the value and all its owners are
    /// gone. Fails when another process has it.
    pub fn open(folder: &Path) -> Result<Self, DataDirError> {
        make_private_folder(folder)?;
        let root = fs::canonicalize(folder).map_err(|error| io_error("resolve", folder, error))?;
        let path = root.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| io_error("open", &path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(DataDirError::Locked { folder: root, pid });
            }
            Err(TryLockError::Error(error)) => return Err(io_error("lock", &path, error)),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(|error| io_error("write", &path, error))?;
        Ok(Self { root, _lock: lock })
    }

    /// The folder itself, as an absolute path without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside; nothing is made.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder inside, made with mode 0700 when it is missing.
    pub fn folder(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.root.join(name);
        make_private_folder(&path)?;
        Ok(path)
    }

    /// The secret of this name: 64 hexadecimal digits, made at first use and the same ever after.
    pub fn secret(&self, name: &str) -> Result<SecretString, DataDirError> {
        let file = self.folder("secrets")?.join(name);
        match fs::read_to_string(&file) {
            Ok(text) => {
                let secret = text.trim();
                if secret.len() != SECRET_BYTES * 2 || !secret.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(DataDirError::Secret { file });
                }
                Ok(SecretString::from(secret))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut bytes = [0u8; SECRET_BYTES];
                getrandom::fill(&mut bytes)
                    .map_err(|error| io_error("make", &file, io::Error::other(error.to_string())))?;
                let secret = hex(&bytes);
                write_private(&file, secret.as_bytes())?;
                Ok(SecretString::from(secret))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(DataDirError::Secret { file }),
            Err(error) => Err(io_error("read", &file, error)),
        }
    }

    /// Writes a file inside, mode 0600: after a crash it has its old content or the new one, never a part.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, DataDirError> {
        let path = self.root.join(name);
        write_private(&path, content)?;
        Ok(path)
    }
}

/// Replaces `path` as a whole, mode 0600, and syncs file and folder.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), DataDirError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let written = (|| {
        // A file left by a crash may have another mode.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    })();
    written.map_err(|error| io_error("write", path, error))
}

/// Makes the folder with mode 0700 (its parents with the usual mode) unless it is there.
pub(super) fn make_private_folder(path: &Path) -> Result<(), DataDirError> {
    let made = (|| {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    })();
    made.map_err(|error| io_error("make the folder", path, error))
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
        text
    })
}

fn io_error(doing: &'static str, path: &Path, error: io::Error) -> DataDirError {
    DataDirError::Io { doing, path: path.to_owned(), error }
}

fn by(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn makes_what_it_needs_for_our_user_only() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a").join("data");
        let data = DataDir::open(&folder).unwrap();
        let secret = data.secret("one").unwrap();
        data.write("first-run.json", b"{}").unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&data.path("secrets")), 0o700);
        assert_eq!(mode(&data.path("secrets/one")), 0o600);
        assert_eq!(mode(&data.path("first-run.json")), 0o600);
        assert_eq!(secret.expose_secret().len(), 64);
        assert!(!data.path("first-run.json.new").exists());
    }

    #[test]
    fn a_secret_stays_and_names_differ() {
        let parent = tempfile::tempdir().unwrap();
        let (first, other) = {
            let data = DataDir::open(parent.path()).unwrap();
            (data.secret("one").unwrap(), data.secret("two").unwrap())
        };
        let data = DataDir::open(parent.path()).unwrap();
        assert_eq!(data.secret("one").unwrap().expose_secret(), first.expose_secret());
        assert_ne!(first.expose_secret(), other.expose_secret());
    }

    #[test]
    fn a_damaged_secret_is_named_and_kept() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        for damage in [&b""[..], b"short", b"\xff\xfe", &[b'z'; 64]] {
            data.folder("secrets").unwrap();
            fs::write(data.path("secrets/one"), damage).unwrap();
            let error = data.secret("one").unwrap_err();
            assert!(matches!(&error, DataDirError::Secret { file } if file.ends_with("secrets/one")), "{error}");
            assert_eq!(fs::read(data.path("secrets/one")).unwrap(), damage);
        }
    }

    #[test]
    fn the_second_is_refused_and_told_by_whom() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDir::open(parent.path()).unwrap();
        let message = DataDir::open(parent.path()).unwrap_err().to_string();
        assert!(message.contains(&format!("(process {})", std::process::id())), "{message}");
        drop(first);
        DataDir::open(parent.path()).unwrap();
    }

    #[test]
    fn a_file_in_its_place_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("data");
        fs::write(&file, b"x").unwrap();
        assert!(matches!(DataDir::open(&file), Err(DataDirError::Io { .. })));
    }

    #[test]
    fn writes_replace_the_whole_file_even_after_a_crash() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        data.write("note", b"a long first content").unwrap();
        fs::write(data.path("note.new"), b"torn").unwrap();
        data.write("note", b"second").unwrap();
        assert_eq!(fs::read(data.path("note")).unwrap(), b"second");
    }

    #[test]
    fn hex_is_lower_case_and_padded() {
        assert_eq!(hex(&[0, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }
}
