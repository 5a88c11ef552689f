//! The writing thread: group commit. It takes whatever has gathered, writes it with one call, syncs it with one call, and
//! wakes all who waited; meanwhile the next round gathers.
//!
//! A round that fails is void: those who waited get the error, the segment is cut back to its last good byte, closed, and
//! never written again. The next round begins a new segment, whose header says that the failed one does not count.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::disk::DiskFile;
use super::round::Round;
use super::segment::{self, HEADER, Segment};
use super::shared::{Fill, Shared};
use super::{SpoolError, SyncPolicy};

/// With the policy `Behind`, how long a record may wait for others.
const LINGER: Duration = Duration::from_millis(50);
/// With the policy `Always`, how far apart rounds begin at least: under load a sync that serves more records costs each of
/// them less, and leaves the processor to whoever brings the next. A lone record never waits for this.
const PACE: Duration = Duration::from_micros(250);
/// How long to wait after the disk refused a reservation.
const RESERVE_AGAIN: Duration = Duration::from_millis(250);
/// A buffer that grew beyond this in a rush is given back.
const BUFFER_KEPT: usize = 4 << 20;
/// The longest stretch of zeros that is written ahead of the records, see [`Active::room`].
const AHEAD: u64 = 256 << 10;
static ZEROS: [u8; AHEAD as usize] = [0; AHEAD as usize];

/// The segment that is written.
struct Active {
    file: Box<dyn DiskFile>,
    /// Good bytes.
    written: u64,
    /// Bytes of the file, zeros after the good ones. A sync of bytes that were there before has nothing to say of the file
    /// itself, its length and where it lies: half the work, and half the time that a visitor waits.
    room: u64,
    since: Instant,
}

impl Active {
    /// Writes after the good bytes. A segment that fills up takes as much room again as it has, within limits, so that one
    /// with a few records stays small.
    fn write(&mut self, buffer: &[u8]) -> io::Result<()> {
        self.file.write_at(buffer, self.written)?;
        let end = self.written + buffer.len() as u64;
        if end > self.room {
            let ahead = end.min(AHEAD);
            // Where there is no space for it, each sync costs more, and nothing else is amiss.
            let made = self.file.write_at(&ZEROS[..ahead as usize], end);
            self.room = if made.is_ok() { end + ahead } else { end };
        }
        self.file.sync()?;
        self.written = end;
        Ok(())
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    active: Option<Active>,
    spare: Vec<u8>,
    failing: bool,
    /// When the last round began.
    began: Option<Instant>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, active: None, spare: Vec::new(), failing: false, began: None }
    }

    /// Runs until the spool is closed.
    pub fn run(mut self) {
        loop {
            let closed = self.wait();
            if !closed {
                self.pace();
            }
            self.round();
            self.reserve();
            if closed {
                return self.finish();
            }
        }
    }

    /// Until there is something to write; whether the spool is closed.
    fn wait(&mut self) -> bool {
        let shared = self.shared.clone();
        let mut fill = shared.fill();
        while fill.buffer.is_empty() && !fill.hurry && !fill.closed {
            fill.sleeping = true;
            let patience = self.patience(&fill);
            fill = shared.work.wait_timeout(fill, patience).unwrap_or_else(PoisonError::into_inner).0;
            fill.sleeping = false;
            if fill.buffer.is_empty() {
                drop(fill);
                self.retire_in_time(0);
                self.reserve();
                fill = shared.fill();
            }
        }
        if shared.options.sync == SyncPolicy::Behind {
            let until = Instant::now() + LINGER;
            while shared.lingers(&fill) {
                let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                    break;
                };
                fill.sleeping = true;
                fill = shared.work.wait_timeout(fill, left).unwrap_or_else(PoisonError::into_inner).0;
                fill.sleeping = false;
            }
        }
        fill.closed
    }

    /// Lets a round gather when the one before it has just begun.
    fn pace(&mut self) {
        if self.shared.options.sync == SyncPolicy::Always {
            if let Some(early) = self.began.and_then(|began| PACE.checked_sub(began.elapsed())) {
                std::thread::sleep(early);
            }
            self.began = Some(Instant::now());
        }
    }

    fn patience(&self, fill: &Fill) -> Duration {
        if fill.wants_reserve() {
            return RESERVE_AGAIN;
        }
        let age = self.active.as_ref().map(|active| active.since.elapsed());
        // Not too eager when the age is just short of the limit, and awake once an hour in any case.
        age.map_or(Duration::from_secs(3_600), |age| {
            self.shared.options.segment_age.saturating_sub(age).max(Duration::from_millis(10))
        })
    }

    /// Writes what has gathered, and tells who waits.
    pub fn round(&mut self) {
        let mut buffer = std::mem::take(&mut self.spare);
        let (round, next) = {
            let mut fill = self.shared.fill();
            fill.hurry = false;
            std::mem::swap(&mut buffer, &mut fill.buffer);
            (std::mem::replace(&mut fill.round, Arc::new(Round::default())), fill.next)
        };
        let round = Unfinished(round);
        self.shared.room.notify_waiters();
        let outcome = if buffer.is_empty() { Ok(()) } else { self.write_round(&buffer, next - 1) };
        round.0.finish(outcome);
        buffer.clear();
        if buffer.capacity() <= BUFFER_KEPT {
            self.spare = buffer;
        }
    }

    fn write_round(&mut self, buffer: &[u8], last: u64) -> Result<(), SpoolError> {
        let first = first_sequence(buffer);
        let started = Instant::now();
        let outcome = self.write(buffer, first, last);
        let records = last + 1 - first;
        if let Some(observer) = &self.shared.options.observer {
            match &outcome {
                Ok(()) => observer.synced(started.elapsed(), records),
                Err(_) => observer.failed(records),
            }
        }
        match &outcome {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("spool: the disk takes records again");
                }
                self.shared.synced.advance(last);
            }
            Err(error) => {
                // Once, not for every round of a full disk.
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, records, "spool: {records} records could not be written: {error}");
                }
                self.retire();
            }
        }
        outcome.map_err(|error| SpoolError::io("write to", &error))
    }

    fn write(&mut self, buffer: &[u8], first: u64, last: u64) -> io::Result<()> {
        let bytes = buffer.len() as u64;
        self.retire_in_time(bytes);
        let active = match self.active.take() {
            Some(active) => active,
            None => self.begin(first)?,
        };
        let active = self.active.insert(active);
        active.write(buffer)?;
        self.shared.disk_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(segment) = self.shared.segments().last_mut() {
            segment.last = last;
            segment.readable = active.written;
            segment.bytes = active.written;
        }
        Ok(())
    }

    /// A new file, whose name and header are on the disk before any record is.
    fn begin(&mut self, first: u64) -> io::Result<Active> {
        let shared = &self.shared;
        let follows = shared.synced.last();
        let name = segment::name(first);
        let path = shared.options.folder.join(&name);
        let file = shared.options.disk.create(&path)?;
        let made = file
            .write_at(&segment::header(first, follows), 0)
            .and_then(|()| file.sync())
            .and_then(|()| shared.options.disk.sync_folder(&shared.options.folder));
        if let Err(error) = made {
            // If this fails too, the next start removes it.
            let _ = shared.options.disk.remove(&path);
            return Err(error);
        }
        shared.disk_bytes.fetch_add(HEADER, Ordering::Relaxed);
        shared.segments().push(Segment {
            name: name.into(),
            first,
            follows: Some(follows),
            last: follows,
            readable: HEADER,
            bytes: HEADER,
            closed: false,
        });
        Ok(Active { file, written: HEADER, room: HEADER, since: Instant::now() })
    }

    /// Closes the segment when it is old, or would become too large with `bytes` more.
    fn retire_in_time(&mut self, bytes: u64) {
        let options = &self.shared.options;
        if self.active.as_ref().is_some_and(|active| {
            (active.written > HEADER && active.written + bytes > options.segment_bytes)
                || active.since.elapsed() >= options.segment_age
        }) {
            self.retire();
        }
    }

    /// Closes the segment.
    pub fn retire(&mut self) {
        if let Some(active) = self.active.take() {
            // Only tidiness: zeros at the end say nothing, and of a round that failed the next segment's header says so.
            let _ = active.file.truncate(active.written);
            if let Some(segment) = self.shared.segments().last_mut() {
                segment.closed = true;
            }
            self.shared.delete_stored();
        }
    }

    fn reserve(&mut self) {
        if let Err(error) = self.shared.reserve_in_time()
            && !std::mem::replace(&mut self.failing, true)
        {
            tracing::error!(%error, "spool: cannot reserve sequences");
        }
    }

    /// After the last round.
    pub fn finish(mut self) {
        self.retire();
        if let Err(error) = self.shared.release() {
            // The next start leaves a gap in the sequences, nothing else.
            tracing::warn!(%error, "spool: the reserved sequences could not be given back");
        }
    }
}

/// A round that nobody finishes, because of a panic, has failed.
struct Unfinished(Arc<Round>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.finish(Err(SpoolError::Closed));
    }
}

/// Whoever still waits must not wait for ever, even after a panic.
impl Drop for Writer {
    fn drop(&mut self) {
        let mut fill = self.shared.fill();
        fill.closed = true;
        let unwritten = !fill.buffer.is_empty();
        fill.round.finish(if unwritten { Err(SpoolError::Closed) } else { Ok(()) });
    }
}

/// The sequence of the record at the beginning.
fn first_sequence(buffer: &[u8]) -> u64 {
    match super::record::parse(buffer) {
        super::record::Parsed::Record { sequence, .. } => sequence,
        // The buffer was filled by `record::push`.
        _ => 0,
    }
}
