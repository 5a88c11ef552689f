//! How much waits, for metrics and for `linktrail spool status`.

use std::io;
use std::path::Path;

use super::checkpoint;
use super::disk::RealDisk;
use super::recovery::{self, Survey};
use super::segment::Segment;
use super::shared::Shared;

/// What an open spool holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records that are synced and not stored; exact, but for damaged files.
    pub pending_records: u64,
    /// Bytes of segments that hold a pending record. A segment counts whole until all of it is stored.
    pub pending_bytes: u64,
}

/// What a folder holds, read without its lock: while a spool is open there, a moment in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Records that are not stored.
    pub pending_records: u64,
    /// Bytes of segments that hold a pending record. A segment counts whole until all of it is stored.
    pub pending_bytes: u64,
    /// The smallest pending sequence; `None` when nothing is pending.
    pub oldest_sequence: Option<u64>,
    /// The next sequence is not smaller than this one.
    pub next_sequence: u64,
    /// Segments with records.
    pub segments: usize,
    /// Everything up to here is stored or set aside; `None` when the checkpoint cannot be read.
    pub stored_through: Option<u64>,
    /// The batch that is being stored, or was when the process ended.
    pub in_flight: Option<(u64, u64)>,
    /// Files that could not be read as segments.
    pub unreadable: Vec<String>,
    /// Files with records that the store refused, in the folder `set-aside`.
    pub set_aside: Vec<String>,
}

impl Status {
    /// Looks at a folder; an error when there is none. Reads the newest segment; blocks.
    pub fn read(folder: &Path) -> io::Result<Self> {
        // The checkpoint first: what is stored meanwhile only makes the answer older, never wrong.
        let found = checkpoint::read(&RealDisk, folder)?.map(|found| found.checkpoint);
        let Survey { segments, refused, set_aside: refused_before, ceiling, refused_ceiling, .. } =
            recovery::survey(&RealDisk, folder)?;
        let stored_through = found.map(|checkpoint| checkpoint.stored_through);
        let pending = pending(&segments, stored_through.unwrap_or(0));
        let last = segments.last().map_or(0, |segment| segment.last).max(stored_through.unwrap_or(0));
        Ok(Self {
            pending_records: pending.pending_records,
            pending_bytes: pending.pending_bytes,
            oldest_sequence: oldest(&segments, stored_through.unwrap_or(0)),
            next_sequence: last.max(if found.is_some() { 0 } else { ceiling.max(refused_ceiling) }) + 1,
            segments: segments.len(),
            stored_through,
            in_flight: found.and_then(|checkpoint| checkpoint.in_flight),
            unreadable: refused.into_iter().map(|(name, _)| name).chain(refused_before).collect(),
            set_aside: super::aside::list(&RealDisk, folder)?,
        })
    }
}

impl Shared {
    pub fn stats(&self) -> Stats {
        let through = *self.stored.borrow();
        pending(&self.segments(), through)
    }
}

/// The part of a segment that is pending: first and last sequence.
fn pending_range(segment: &Segment, through: u64) -> Option<(u64, u64)> {
    let first = segment.first.max(through + 1);
    (first <= segment.last).then_some((first, segment.last))
}

fn pending(segments: &[Segment], through: u64) -> Stats {
    segments.iter().fold(Stats::default(), |mut sum, segment| {
        if let Some((first, last)) = pending_range(segment, through) {
            sum.pending_records += last + 1 - first;
            sum.pending_bytes += segment.bytes;
        }
        sum
    })
}

fn oldest(segments: &[Segment], through: u64) -> Option<u64> {
    segments.iter().find_map(|segment| pending_range(segment, through)).map(|(first, _)| first)
}
