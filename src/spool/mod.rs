//! A durable, append-only queue of bytes on disk. It knows nothing of what the bytes mean.
//!
//! # What always holds
//! - A record whose [`Pending::synced`] answered is on the disk, and is read, in order, until it is passed by
//!   [`Spool::advance`] (with [`SyncPolicy::Behind`] the answer comes first, and a crash may lose the last 100 ms).
//! - A record whose append failed is read at most once, and never twice under two sequences.
//! - A sequence is given away once, whatever is lost afterwards: before any is given away, a reservation that covers it
//!   is on the disk, and a start after a crash begins above it; a start on a folder that was put back from a copy begins
//!   above what the store holds ([`Options::known_to_store`]). Sequences grow, with gaps after crashes and failures.
//! - The reader hands out synced records only, so the same range of sequences holds the same records after a crash.
//! - Every record is checksummed. Damage costs the records that it touches; it is reported once, with file, offset and
//!   number, and never stops the reader or a start.
//! - A file whose sync failed is never written to again: the operating system may have dropped what was not written. The
//!   next append begins a new segment, so the spool recovers by itself when there is space again.
//! - A segment is deleted only after a checkpoint beyond its last record is on the disk.
//!
//! # On disk
//! One folder (mode 0700) with files of mode 0600:
//! - `<first sequence, 15 digits>.seg`: a segment, `segment.rs`: a header, then records (`record.rs`). Each life of the
//!   process, each failure, each 64 MiB and each minute with appends begins a new one, so that a stored record's bytes
//!   leave the disk soon. Appends never touch the file of an earlier life, whose tail may be torn. While a segment is
//!   written, zeros stand after its records: room for the next ones.
//! - `checkpoint`: how far records are stored, the batch in flight, the reserved sequences (`checkpoint.rs`). If it is
//!   lost, reading starts at the oldest segment, and everything found counts as possibly stored
//!   ([`Checkpoint::doubt_through`]).
//! - `lock`: held while the spool is open.
//! - `owner`: the spool's user may note there whose folder it is.
//! - `set-aside/`: files in the format of a segment, with records that the store refuses ([`Spool::set_aside`]).
//! - `*.unreadable`: what was named like a segment and could not be read as one, or was written by a newer version.
//!
//! # Operation
//! [`Spool::append`] copies the record into a buffer in memory and gives its sequence back at once. One thread takes the
//! whole buffer, writes and syncs it, and wakes all who waited, while the next buffer fills. [`Reader`] walks through the
//! segments; whoever stores the records calls [`Spool::begin`] before and [`Spool::advance`] after.

pub(crate) mod aside;
mod checkpoint;
mod disk;
#[cfg(test)]
mod file_test;
#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod model_test;
mod progress;
mod reader;
mod record;
mod recovery;
mod round;
mod segment;
mod shared;
mod status;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

pub use aside::{read_set_aside, rewrite_set_aside, set_aside_path};
pub use checkpoint::Checkpoint;
pub use disk::{Disk, DiskFile, RealDisk};
pub use reader::{Batch, Damage, Reader};
pub use record::{MAX_PAYLOAD, MAX_SEQUENCE};
pub use recovery::OWNER;
pub use round::Pending;
pub use status::{Stats, Status};

use shared::Shared;
use writer::Writer;

/// When an append counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// After a sync, shared by all appends that wait.
    #[default]
    Always,
    /// At once; written and synced in the background within 100 ms.
    Behind,
}

/// Told of every sync, for metrics. Called on the writing thread.
pub trait Observer: Send + Sync {
    /// A round of `records` is on the disk; write and sync took so long.
    fn synced(&self, took: Duration, records: u64);
    /// A round of `records` could not be written.
    fn failed(&self, records: u64);
}

/// How a spool is opened.
#[derive(Clone)]
pub struct Options {
    /// The folder; made if it is missing.
    pub folder: PathBuf,
    /// Default: always.
    pub sync: SyncPolicy,
    /// Bytes that undeleted segments may hold together; beyond it appends are refused. Default 8 GiB.
    pub max_bytes: u64,
    /// Bytes after which a segment is closed. Default 64 MiB, and never more than an eighth of `max_bytes`.
    pub segment_bytes: u64,
    /// Age at which a segment is closed, so that stored bytes leave the disk. Default one minute.
    pub segment_age: Duration,
    /// The store holds records with sequences up to this one, whatever the checkpoint says of them: if it says less, the
    /// folder was put back from a copy. Default: 0.
    pub known_to_store: u64,
    /// Default: none.
    pub observer: Option<Arc<dyn Observer>>,
    /// Default: the machine's.
    pub disk: Arc<dyn Disk>,
}

impl Options {
    /// The defaults, in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            sync: SyncPolicy::Always,
            max_bytes: 8 << 30,
            segment_bytes: 64 << 20,
            segment_age: Duration::from_secs(60),
            known_to_store: 0,
            observer: None,
            disk: Arc::new(RealDisk),
        }
    }
}

/// Why the spool could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// Another process, or another handle in this one, has the folder open.
    #[error("the spool is open already: another process holds its lock")]
    Locked,
    /// As many bytes as allowed wait to be stored.
    #[error("the spool is full: {limit_bytes} bytes wait to be stored")]
    Full {
        /// [`Options::max_bytes`]
        limit_bytes: u64,
    },
    /// The disk does not keep up: 32 MiB wait to be written.
    #[error("the disk does not keep up with the spool")]
    Busy,
    /// The disk refused; appends work again as soon as it does.
    #[error("cannot {doing} the spool: {message}")]
    Unavailable {
        /// Such as `write`.
        doing: &'static str,
        /// What the system said.
        message: String,
    },
    /// [`Spool::close`] was called.
    #[error("the spool is closed")]
    Closed,
    /// A payload of no bytes, of more than [`MAX_PAYLOAD`], or more than 32 MiB at once.
    #[error("{bytes} bytes cannot be appended")]
    Size {
        /// How many were given.
        bytes: usize,
    },
}

impl SpoolError {
    fn io(doing: &'static str, error: &std::io::Error) -> Self {
        Self::Unavailable { doing, message: error.to_string() }
    }
}

/// The appending side, and the bookkeeping of what is stored. Clones share it; when the last one is dropped the spool is
/// closed.
#[derive(Clone)]
pub struct Spool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    /// Opens a folder, or makes it, and starts the writing thread. Reading continues after the checkpoint. Takes as long
    /// as reading the newest segment; blocks.
    ///
    /// A full disk is no error here: appends are refused until there is space.
    pub fn open(options: Options) -> Result<(Self, Reader), SpoolError> {
        let (spool, reader, writer) = Self::open_stopped(options)?;
        let thread = std::thread::Builder::new()
            .name("spool-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| SpoolError::io("start the writer of", &error))?;
        *spool.handle.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok((spool, reader))
    }

    /// The same without the thread: the caller turns the writer's crank.
    fn open_stopped(options: Options) -> Result<(Self, Reader, Writer), SpoolError> {
        let shared = Arc::new(Shared::open(options)?);
        let reader = Reader::new(shared.clone());
        let writer = Writer::new(shared.clone());
        let spool = Self { handle: Arc::new(Handle { shared, thread: Mutex::new(None) }) };
        Ok((spool, reader, writer))
    }

    /// A reader that begins after the checkpoint, for when the one before it was lost; two must not be used at once.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.handle.shared))
    }

    /// Appends one record. Its sequence is known at once; it is safe when [`Pending::synced`] says so.
    pub fn append(&self, payload: &[u8]) -> Result<Pending, SpoolError> {
        self.shared().append(std::iter::once(payload))
    }

    /// Appends many records at once, with sequences that follow each other: all of them or none. At most 32 MiB.
    pub fn append_many<P: AsRef<[u8]>>(&self, payloads: &[P]) -> Result<Pending, SpoolError> {
        self.shared().append(payloads.iter().map(AsRef::as_ref))
    }

    /// As [`append_many`](Self::append_many), but waits while the spool is full or the disk does not keep up.
    pub async fn append_many_in_time<P: AsRef<[u8]>>(&self, payloads: &[P]) -> Result<Pending, SpoolError> {
        loop {
            let room = self.shared().room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            match self.append_many(payloads) {
                Err(SpoolError::Full { .. } | SpoolError::Busy) => room.await,
                answer => return answer,
            }
        }
    }

    /// Waits until everything appended so far is written, whatever came of it; the last good sequence.
    pub async fn settled(&self) -> u64 {
        let current = self.shared().hurry();
        // Its outcome is the business of those who appended.
        let _ = current.durable().await;
        self.synced_through()
    }

    /// The last good sequence: the reader reads so far.
    pub fn synced_through(&self) -> u64 {
        self.shared().synced.last()
    }

    /// Returns once [`synced_through`](Self::synced_through) is no less than this.
    pub async fn reach(&self, sequence: u64) {
        self.shared().synced.reach(sequence).await;
    }

    /// Follows [`Checkpoint::stored_through`].
    pub fn watch_stored(&self) -> watch::Receiver<u64> {
        self.shared().stored.subscribe()
    }

    /// What the checkpoint says now.
    pub fn checkpoint(&self) -> Checkpoint {
        self.shared().checkpoint().current()
    }

    /// Returns once it is on the disk that the records `first..=last` are being stored. Blocks.
    pub fn begin(&self, first: u64, last: u64) -> Result<(), SpoolError> {
        let through = self.checkpoint().stored_through;
        self.shared().advance(through, Some((first, last)))
    }

    /// Returns once it is on the disk that all records up to `through` are stored and, if so, that the next batch `next`
    /// is being stored. Deletes the segments that nobody needs any more. Blocks.
    pub fn advance(&self, through: u64, next: Option<(u64, u64)>) -> Result<(), SpoolError> {
        self.shared().advance(through, next)
    }

    /// Keeps records that cannot be stored in the file `set-aside/<name>.seg`, from where [`read_set_aside`] reads them;
    /// its path. Returns once they are on the disk; the same name again replaces the file. Blocks.
    pub fn set_aside(&self, name: &str, records: &[(u64, &[u8])]) -> Result<PathBuf, SpoolError> {
        aside::write(self.shared().options.disk.as_ref(), self.folder(), name, records)
            .map_err(|error| SpoolError::io("set records aside from", &error))
    }

    /// How much waits.
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// The folder.
    pub fn folder(&self) -> &std::path::Path {
        &self.shared().options.folder
    }

    /// The disk it lies on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.shared().options.disk
    }

    /// Writes and syncs what was appended, refuses further appends, ends the writing thread. Blocks for one sync. What is
    /// in the spool can still be read and advanced over.
    pub fn close(&self) {
        self.handle.close();
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

impl Handle {
    fn close(&self) {
        self.shared.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writing thread of the spool ended with a panic");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}
