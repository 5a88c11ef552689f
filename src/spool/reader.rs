//! Reading in order, from the checkpoint on, whatever state the files are in.
//!
//! Sequences that the reader hands out only grow. Within a segment they have no gaps, so a gap, or a segment that ends
//! before its last good sequence, is a loss with a number.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::SpoolError;
use super::recovery;
use super::segment::{Scanner, Segment, Step};
use super::shared::Shared;

/// Some records, in order.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: Vec<(u64, Range<usize>)>,
    /// Everything up to this sequence was read or is lost: what the next batch begins after.
    pub through: u64,
    /// What was found damaged on the way; it is logged already.
    pub damage: Vec<Damage>,
}

/// A damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// File in the spool's folder.
    pub file: String,
    /// Where in it.
    pub offset: u64,
    /// Bytes that are no record; 0 for a whole missing file.
    pub bytes: u64,
    /// Records lost; before a segment at most so many, as a crash leaves gaps in the sequences too.
    pub records: u64,
}

impl Damage {
    fn log(&self) {
        let Self { file, offset, bytes, records } = self;
        if *records == 0 {
            // Such as the torn tail that a crash leaves.
            tracing::warn!(
                file,
                offset,
                bytes,
                "spool: {bytes} bytes at {offset} of {file} are no record, none is missed"
            );
        } else {
            tracing::error!(
                file,
                offset,
                bytes,
                records,
                "spool: {records} records are lost: {bytes} bytes at {offset} of {file} are no record"
            );
        }
    }
}

impl Batch {
    /// Sequence and payload of every record.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.records.iter().map(|(sequence, range)| (*sequence, &self.bytes[range.clone()]))
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none; [`through`](Self::through) may still have moved.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The first and the last sequence.
    pub fn range(&self) -> Option<(u64, u64)> {
        Some((self.records.first()?.0, self.records.last()?.0))
    }

    fn push(&mut self, sequence: u64, payload: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.records.push((sequence, start..self.bytes.len()));
    }
}

/// The reading side.
pub struct Reader {
    shared: Arc<Shared>,
    current: Option<Current>,
    /// Read or lost so far.
    position: u64,
}

/// The segment that is read.
struct Current {
    segment: Segment,
    scanner: Scanner,
    /// The sequence that comes next if nothing is lost.
    expected: u64,
    /// What was passed since the last record: offset and bytes.
    bad: Option<(u64, u64)>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let position = *shared.stored.borrow();
        Self { shared, current: None, position }
    }

    /// Everything up to this sequence was read or is lost.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next records, at most `max_records` of them, and no more once they hold `max_bytes`; none when all that is
    /// synced was read. Blocks. After an error the same records come again.
    pub fn read(&mut self, max_records: usize, max_bytes: usize) -> Result<Batch, SpoolError> {
        self.read_limited(max_records, max_bytes, u64::MAX)
    }

    /// As [`read`](Self::read), and none after the sequence `last`.
    pub fn read_up_to(&mut self, last: u64, max_records: usize, max_bytes: usize) -> Result<Batch, SpoolError> {
        self.read_limited(max_records, max_bytes, last)
    }

    /// The next records up to the sequence `last`, however many they are: the batch that was in flight before a crash.
    pub fn read_through(&mut self, last: u64) -> Result<Batch, SpoolError> {
        self.read_limited(usize::MAX, usize::MAX, last)
    }

    fn read_limited(&mut self, max_records: usize, max_bytes: usize, last: u64) -> Result<Batch, SpoolError> {
        let before = self.position;
        let limit = last.min(self.shared.synced.last());
        let mut batch = Batch { through: before, ..Batch::default() };
        match self.gather(&mut batch, max_records, max_bytes, limit) {
            Ok(()) => {
                for damage in &batch.damage {
                    damage.log();
                }
                Ok(batch)
            }
            Err(error) => {
                self.position = before;
                self.current = None;
                Err(SpoolError::io("read", &error))
            }
        }
    }

    fn gather(&mut self, batch: &mut Batch, max_records: usize, max_bytes: usize, limit: u64) -> io::Result<()> {
        while batch.len() < max_records && batch.bytes.len() < max_bytes && self.position < limit {
            if self.current.is_none() && !self.enter(batch)? {
                break;
            }
            let Some(current) = &mut self.current else { break };
            match current.scanner.step(current.segment.readable)? {
                Step::Record { sequence, payload, size } => {
                    if sequence > limit && sequence <= current.segment.last {
                        // It was synced after this call began, or belongs to the batch after the one in flight.
                        break;
                    }
                    // What was read already, and what is void, is passed in silence.
                    if sequence > self.position && sequence <= current.segment.last {
                        batch.push(sequence, payload);
                        current.settle(sequence, &mut batch.damage);
                        current.expected = sequence + 1;
                        self.position = sequence;
                    } else {
                        current.bad = None;
                    }
                    current.scanner.pass(size);
                }
                Step::Bad { offset, bytes } => current.bad = Some((offset, bytes)),
                Step::End => {
                    if !self.leave(batch) {
                        break;
                    }
                }
            }
        }
        // At a record beyond the limit, or at the end: nothing up to the limit is left.
        if batch.len() < max_records && batch.bytes.len() < max_bytes {
            self.position = self.position.max(limit);
        }
        batch.through = self.position;
        Ok(())
    }

    /// Opens the segment after the position; `false` when there is none.
    fn enter(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let next =
            self.shared.segments().iter().find(|segment| !segment.closed || segment.last > self.position).cloned();
        let Some(segment) = next else { return Ok(false) };
        if segment.closed && segment.last <= self.position {
            return Ok(false);
        }
        let options = &self.shared.options;
        // Without a header nobody knows whether the gap before it was ever filled.
        let follows = segment.follows.unwrap_or(segment.first - 1);
        if follows > self.position {
            batch.damage.push(Damage {
                file: format!("before {}", segment.name),
                offset: 0,
                bytes: 0,
                records: follows - self.position,
            });
            self.position = follows;
        }
        let scanner = match recovery::open(options.disk.as_ref(), &options.folder, &segment) {
            Ok(scanner) => scanner,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Removed under our feet: its records are gone, those of the others are not.
                batch.damage.push(Damage {
                    file: segment.name.to_string(),
                    offset: 0,
                    bytes: 0,
                    records: segment.last.saturating_sub(self.position),
                });
                self.position = self.position.max(segment.last);
                return Ok(segment.closed);
            }
            Err(error) => return Err(error),
        };
        let expected = segment.first.max(self.position + 1);
        self.current = Some(Current { segment, scanner, expected, bad: None });
        Ok(true)
    }

    /// At the end of what could be read of a segment: `true` when there may be more, in it or after it.
    fn leave(&mut self, batch: &mut Batch) -> bool {
        let Some(current) = &mut self.current else { return true };
        let newer = self.shared.segments().iter().find(|segment| segment.name == current.segment.name).cloned();
        // One that is no longer listed was stored and deleted.
        let (grown, closed) = newer.map_or((false, true), |newer| {
            let grown = newer.readable > current.segment.readable;
            let closed = newer.closed;
            current.segment = newer;
            (grown, closed)
        });
        if grown {
            return true;
        }
        if !closed {
            return false;
        }
        current.settle(current.segment.last + 1, &mut batch.damage);
        self.position = self.position.max(current.segment.last);
        self.current = None;
        true
    }
}

impl Current {
    /// Reports what lies between the last record and the one with this sequence.
    fn settle(&mut self, sequence: u64, damage: &mut Vec<Damage>) {
        let records = sequence.saturating_sub(self.expected);
        let bad = self.bad.take();
        if bad.is_none() && records == 0 {
            return;
        }
        let (offset, bytes) = bad.unwrap_or((self.scanner.offset(), 0));
        damage.push(Damage { file: self.segment.name.to_string(), offset, bytes, records });
    }
}
