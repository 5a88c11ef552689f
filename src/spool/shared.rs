//! What the handles and the writing thread have in common: the filling buffer, the list of segments, the checkpoint.
//!
//! Locks are taken in the order checkpoint, segments, fill, and none is held over a write of records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::checkpoint::{Checkpoint, CheckpointFile};
use super::progress::Progress;
use super::record::{self, HEAD, MAX_PAYLOAD, MAX_SEQUENCE};
use super::recovery::{self, LOCK, UNREADABLE};
use super::round::{Pending, Round};
use super::segment::Segment;
use super::{Options, SpoolError, SyncPolicy};

/// Bytes that may wait to be written.
pub(super) const BUFFER_LIMIT: usize = 32 << 20;
/// With the policy `Behind`, so much is not kept waiting.
pub(super) const BEHIND_BYTES: usize = 1 << 20;
/// Sequences reserved at a time: twice as many as the smallest records that fit into a buffer.
pub(super) const RESERVE: u64 = 1 << 22;

/// What fills while a round is written.
pub(super) struct Fill {
    pub buffer: Vec<u8>,
    /// The sequence that is given away next.
    pub next: u64,
    /// None above is given away.
    pub reserved: u64,
    /// The round that the buffer will be.
    pub round: Arc<Round>,
    /// The writer waits to be woken.
    pub sleeping: bool,
    /// Somebody does not want to wait for the background.
    pub hurry: bool,
    pub closed: bool,
}

pub(super) struct Shared {
    pub options: Options,
    pub fill: Mutex<Fill>,
    pub work: Condvar,
    /// Told when a buffer was taken or segments were deleted.
    pub room: Notify,
    segments: Mutex<Vec<Segment>>,
    checkpoint: Mutex<CheckpointFile>,
    /// Bytes of undeleted segments.
    pub disk_bytes: AtomicU64,
    pub synced: Progress,
    pub stored: watch::Sender<u64>,
    _lock: Box<dyn Send + Sync>,
}

impl Shared {
    pub fn open(mut options: Options) -> Result<Self, SpoolError> {
        options.segment_bytes = options.segment_bytes.min(options.max_bytes / 8);
        let (disk, folder) = (options.disk.clone(), options.folder.clone());
        let failed = |error: std::io::Error| SpoolError::io("open", &error);
        disk.make_folder(&folder).map_err(failed)?;
        let lock = disk.lock(&folder.join(LOCK)).map_err(failed)?.ok_or(SpoolError::Locked)?;
        let (mut checkpoint, found) = CheckpointFile::open(disk.clone(), folder.clone()).map_err(failed)?;
        let survey = recovery::survey(disk.as_ref(), &folder).map_err(failed)?;
        for (name, reason) in &survey.refused {
            tracing::error!(file = name, "spool: {name} is not read, it is kept as {name}{UNREADABLE}: {reason}");
            disk.rename(&folder.join(name), &folder.join(format!("{name}{UNREADABLE}"))).map_err(failed)?;
        }
        for name in &survey.strange {
            tracing::warn!(file = name, "spool: {name} does not belong into the spool's folder, it is left alone");
        }
        for name in &survey.empty {
            disk.remove(&folder.join(name)).map_err(failed)?;
        }
        // After a kill the last records may be in the system's memory only; what is handed out must be on the disk.
        for segment in &survey.segments {
            disk.open(&folder.join(&*segment.name)).and_then(|file| file.sync()).map_err(failed)?;
        }
        disk.sync_folder(&folder).map_err(failed)?;

        let mut base = survey.ceiling;
        let current = match found {
            Some(found) => {
                base = base.max(found.checkpoint.reserved).max(found.checkpoint.stored_through);
                // The slot that cannot be read may have reserved more.
                base += if found.alone { RESERVE } else { 0 };
                found.checkpoint
            }
            None => match survey.segments.first() {
                None => {
                    base = base.max(survey.refused_ceiling);
                    Checkpoint::default()
                }
                Some(oldest) => {
                    tracing::error!(
                        "spool: the checkpoint cannot be read, every record is looked up before it is stored"
                    );
                    base = base.max(survey.refused_ceiling) + RESERVE;
                    let stored_through = oldest.first - 1;
                    Checkpoint { stored_through, doubt_through: survey.ceiling, ..Checkpoint::default() }
                }
            },
        };
        let current = with_the_stores_word(current, options.known_to_store, &mut base);
        checkpoint.assume(current);
        let last = survey.segments.iter().map(|segment| segment.last).fold(current.stored_through, u64::max);
        let fill = Fill {
            buffer: Vec::new(),
            next: base + 1,
            reserved: base,
            round: Arc::new(Round::default()),
            sleeping: false,
            hurry: false,
            closed: false,
        };
        let shared = Self {
            disk_bytes: AtomicU64::new(survey.segments.iter().map(|segment| segment.bytes).sum()),
            fill: Mutex::new(fill),
            work: Condvar::new(),
            room: Notify::new(),
            segments: Mutex::new(survey.segments),
            checkpoint: Mutex::new(checkpoint),
            synced: Progress::new(last),
            stored: watch::Sender::new(current.stored_through),
            options,
            _lock: lock,
        };
        // Twice, so that both slots are good.
        if let Err(error) = shared.reserve().and_then(|()| shared.reserve()) {
            tracing::error!(%error, "spool: cannot reserve sequences, appends are refused until it works");
        }
        shared.delete_stored();
        Ok(shared)
    }

    pub fn fill(&self) -> MutexGuard<'_, Fill> {
        self.fill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn segments(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn checkpoint(&self) -> MutexGuard<'_, CheckpointFile> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn append<'a>(&self, payloads: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Pending, SpoolError> {
        let mut size = 0;
        for payload in payloads.clone() {
            if payload.is_empty() || payload.len() > MAX_PAYLOAD {
                return Err(SpoolError::Size { bytes: payload.len() });
            }
            size += HEAD + payload.len();
        }
        if size == 0 || size > BUFFER_LIMIT {
            return Err(SpoolError::Size { bytes: size });
        }
        let mut payloads = payloads.peekable();
        // The long part of the first checksum is computed before the lock: of the only one, as a rule.
        let mut ready = payloads.peek().map(|payload| record::digest(payload));

        let mut fill = self.fill();
        if fill.closed {
            return Err(SpoolError::Closed);
        }
        let waiting = fill.buffer.len() + size;
        if self.disk_bytes.load(Ordering::Relaxed) + waiting as u64 > self.options.max_bytes {
            return Err(SpoolError::Full { limit_bytes: self.options.max_bytes });
        }
        if waiting > BUFFER_LIMIT {
            return Err(SpoolError::Busy);
        }
        // A record has at least one byte, so this is more than there are.
        if fill.next + (size / HEAD) as u64 > fill.reserved {
            let message = if fill.reserved >= MAX_SEQUENCE { "its sequences are used up" } else { "cannot reserve" };
            return Err(SpoolError::Unavailable { doing: "append to", message: message.to_owned() });
        }
        let first = fill.next;
        let mut next = first;
        for payload in payloads {
            let digest = ready.take().unwrap_or_else(|| record::digest(payload));
            record::push(&mut fill.buffer, digest, next, payload);
            next += 1;
        }
        fill.next = next;
        let wake = fill.sleeping && (!self.lingers(&fill) || fill.buffer.len() == size);
        fill.sleeping &= !wake;
        let round = fill.round.clone();
        drop(fill);
        if wake {
            self.work.notify_one();
        }
        Ok(Pending { round, first, last: next - 1, behind: self.options.sync == SyncPolicy::Behind })
    }

    /// Whether the buffer may wait for more.
    pub fn lingers(&self, fill: &Fill) -> bool {
        self.options.sync == SyncPolicy::Behind && fill.buffer.len() < BEHIND_BYTES && !fill.hurry && !fill.closed
    }

    /// Has the buffer written without lingering; what may be waited for.
    pub fn hurry(&self) -> Pending {
        let mut fill = self.fill();
        // With nothing to write the round is an empty one, which ends after the one that is being written.
        fill.hurry = true;
        let (round, next) = (fill.round.clone(), fill.next);
        drop(fill);
        self.work.notify_one();
        Pending { round, first: next, last: next - 1, behind: false }
    }

    /// Writes the checkpoint, and deletes what it makes superfluous.
    pub fn advance(&self, through: u64, next: Option<(u64, u64)>) -> Result<(), SpoolError> {
        {
            let mut checkpoint = self.checkpoint();
            let current = checkpoint.current();
            let stored_through = current.stored_through.max(through);
            let doubt_through = if current.doubt_through <= stored_through { 0 } else { current.doubt_through };
            checkpoint
                .store(Checkpoint { stored_through, in_flight: next, doubt_through, ..current })
                .map_err(|error| SpoolError::io("write the checkpoint of", &error))?;
        }
        if self.stored.send_if_modified(|stored| {
            let moved = through > *stored;
            *stored = through.max(*stored);
            moved
        }) {
            self.delete_stored();
        }
        Ok(())
    }

    /// Reserves further sequences, if half of them are gone.
    pub fn reserve_in_time(&self) -> Result<(), SpoolError> {
        if !self.fill().wants_reserve() {
            return Ok(());
        }
        self.reserve()
    }

    fn reserve(&self) -> Result<(), SpoolError> {
        let mut file = self.checkpoint();
        let reserved = self.fill().next.saturating_add(RESERVE).min(MAX_SEQUENCE);
        let next = Checkpoint { reserved, ..file.current() };
        file.store(next).map_err(|error| SpoolError::io("write the checkpoint of", &error))?;
        self.fill().reserved = reserved;
        Ok(())
    }

    /// Gives back what was reserved and not used: nothing is given away after this.
    pub fn release(&self) -> Result<(), SpoolError> {
        let mut file = self.checkpoint();
        let reserved = {
            let mut fill = self.fill();
            fill.reserved = fill.next - 1;
            fill.reserved
        };
        let next = Checkpoint { reserved, ..file.current() };
        file.store(next).map_err(|error| SpoolError::io("write the checkpoint of", &error))
    }

    /// Deletes the segments whose last record is stored.
    pub fn delete_stored(&self) {
        let through = *self.stored.borrow();
        let stored: Vec<Segment> = {
            let mut segments = self.segments();
            let count = segments.iter().take_while(|segment| segment.closed && segment.last <= through).count();
            segments.drain(..count).collect()
        };
        for segment in &stored {
            match self.options.disk.remove(&self.options.folder.join(&*segment.name)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    // The next start finds it stored and deletes it.
                    tracing::warn!(%error, file = %segment.name, "spool: a stored segment cannot be deleted");
                    continue;
                }
            }
            self.disk_bytes.fetch_sub(segment.bytes, Ordering::Relaxed);
        }
        if !stored.is_empty() {
            self.room.notify_waiters();
        }
    }

    /// Refuses further appends; the writer writes what is there and ends.
    pub fn stop(&self) {
        self.fill().closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }
}

/// The checkpoint of a folder whose store holds records up to `known`, and the sequence above which new ones begin.
fn with_the_stores_word(current: Checkpoint, known: u64, base: &mut u64) -> Checkpoint {
    let in_flight = current.in_flight.map_or(0, |(_, last)| last);
    if known <= current.stored_through.max(in_flight).max(current.doubt_through) {
        return current;
    }
    if known > current.reserved {
        // The folder is older than what it brought about, and more may have been given away than was stored.
        tracing::warn!(
            known,
            "spool: the store holds events that this spool knows nothing of; was the folder put back from a copy? Nothing is \
             lost or stored twice"
        );
        *base = (*base).max(known.saturating_add(RESERVE));
    }
    Checkpoint { doubt_through: known, ..current }
}

impl Fill {
    /// Half of the reserved sequences are gone.
    pub fn wants_reserve(&self) -> bool {
        !self.closed && self.reserved < MAX_SEQUENCE && self.next + RESERVE / 2 > self.reserved
    }
}
