//! What an engine writes to its standard error: into a file that stays small, and its end in memory for error messages.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a log file; a second one of this size is kept beside it.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes kept for messages.
const TAIL_BYTES: usize = 2048;

/// The log of one run of an engine.
#[derive(Debug)]
pub(super) struct RunLog {
    tail: Arc<Mutex<VecDeque<u8>>>,
    done: Receiver<()>,
}

impl RunLog {
    /// Copies `from` to `file` until it ends, on a thread of its own. A disk that is full loses lines, never stops the
    /// engine.
    pub(super) fn follow(mut from: impl Read + Send + 'static, file: &Path) -> io::Result<Self> {
        let tail = Arc::new(Mutex::new(VecDeque::with_capacity(TAIL_BYTES)));
        let (sender, done) = mpsc::channel();
        let mut rotating = Rotating { path: file.to_owned(), open: None, limit: FILE_BYTES };
        let kept = Arc::clone(&tail);
        std::thread::Builder::new().name("engine-log".to_owned()).spawn(move || {
            let mut buffer = [0u8; 4096];
            loop {
                match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => {
                        let part = &buffer[..length];
                        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                        kept.extend(part);
                        let surplus = kept.len().saturating_sub(TAIL_BYTES);
                        kept.drain(..surplus);
                        drop(kept);
                        rotating.write(part);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            let _ = sender.send(());
        })?;
        Ok(Self { tail, done })
    }

    /// The end of what was said. Call it after the engine ended; children of it may still hold the pipe, so the wait for
    /// the very last words is short.
    pub(super) fn last_words(&self) -> String {
        let _ = self.done.recv_timeout(Duration::from_millis(500));
        self.so_far()
    }

    /// The end of what was said until now.
    pub(super) fn so_far(&self) -> String {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(tail.make_contiguous()).trim().to_owned()
    }
}

#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    open: Option<(File, u64)>,
    limit: u64,
}

impl Rotating {
    fn write(&mut self, part: &[u8]) {
        if self.open.as_ref().is_some_and(|(_, length)| *length >= self.limit) {
            self.open = None;
            let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
        }
        if self.open.is_none() {
            let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path);
            self.open = opened.ok().map(|file| {
                let length = file.metadata().map_or(0, |metadata| metadata.len());
                (file, length)
            });
        }
        if let Some((file, length)) = &mut self.open
            && file.write_all(part).is_ok()
        {
            *length += part.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end_and_writes_it_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("engine.log");
        let said = "x".repeat(10_000) + "the end\n";
        let log = RunLog::follow(io::Cursor::new(said.clone().into_bytes()), &file).unwrap();
        let words = log.last_words();
        assert!(words.ends_with("the end"));
        assert!(words.len() <= TAIL_BYTES);
        assert_eq!(fs::read_to_string(&file).unwrap(), said);
    }

    #[test]
    fn rotates_by_size_and_keeps_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.log");
        let mut log = Rotating { path: path.clone(), open: None, limit: 10 };
        for part in ["0123456789", "abcdefghij", "klm"] {
            log.write(part.as_bytes());
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "klm");
        assert_eq!(fs::read_to_string(folder.path().join("engine.log.1")).unwrap(), "abcdefghij");
    }

    #[test]
    fn a_file_that_cannot_be_written_does_not_end_the_reading() {
        let log = RunLog::follow(io::Cursor::new(b"words".to_vec()), Path::new("/nowhere/engine.log")).unwrap();
        assert_eq!(log.last_words(), "words");
    }
}
