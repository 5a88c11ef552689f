//! One file of the spool: a header, then records with sequences that follow each other without a gap.
//!
//! | bytes | content (little endian) |
//! |---|---|
//! | 0..8 | `LTSPOOL` and a zero byte |
//! | 8..12 | version, 1 |
//! | 12..16 | zero |
//! | 16..24 | `first`: the sequence of the first record |
//! | 24..32 | `follows`: the last good sequence of the segments before |
//! | 32..36 | CRC-32 of the bytes above |
//! | 36.. | records |
//!
//! Records of earlier segments with a sequence above `follows` are void: their write or sync failed, and whoever waited
//! for them was told so. The header is synced before the first record is written, so a segment whose header is not whole
//! holds no acknowledged record, or was damaged later.
//!
//! Zeros may follow the last record: room for the next ones, which a crash leaves there.

use std::io;
use std::sync::Arc;

use super::disk::DiskFile;
use super::record::{self, MAX_RECORD, MAX_SEQUENCE, Parsed};

/// Bytes before the first record.
pub(super) const HEADER: u64 = 36;
const MAGIC: [u8; 8] = *b"LTSPOOL\0";
const VERSION: u32 = 1;
const SUFFIX: &str = ".seg";
const CHUNK: usize = 512 * 1024;

/// What is known of a segment while the spool is open.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// File name in the spool's folder.
    pub name: Arc<str>,
    /// The smallest sequence in it.
    pub first: u64,
    /// The last good sequence before it, if its header is readable.
    pub follows: Option<u64>,
    /// The last good sequence in it, or `follows` while it has none; what is above is void.
    pub last: u64,
    /// Bytes that may be read: those synced, and for segments of an earlier life the whole file.
    pub readable: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// No more is appended to it.
    pub closed: bool,
}

/// The file name of a segment.
pub(super) fn name(first: u64) -> String {
    format!("{first:015}{SUFFIX}")
}

/// The first sequence that a file name promises; `None` when it is not a segment's name.
pub(super) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 15 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The header's bytes.
pub(super) fn header(first: u64, follows: u64) -> [u8; HEADER as usize] {
    let mut bytes = [0; HEADER as usize];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&first.to_le_bytes());
    bytes[24..32].copy_from_slice(&follows.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..32]);
    bytes[32..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What a file's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// A segment of this version.
    Good { first: u64, follows: u64 },
    /// A segment of a version that this program does not know.
    Foreign { version: u32 },
    /// Nothing that can be believed.
    Bad,
}

/// Reads a file's first bytes.
pub(super) fn parse_header(bytes: &[u8]) -> Header {
    let Some(bytes) = bytes.first_chunk::<{ HEADER as usize }>() else { return Header::Bad };
    let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    let long = |at: usize| bytes[at..].first_chunk().map_or(0, |long| u64::from_le_bytes(*long));
    if bytes[..8] != MAGIC || crc32fast::hash(&bytes[..32]) != word(32) {
        return Header::Bad;
    }
    let (first, follows) = (long(16), long(24));
    match word(8) {
        VERSION if first > 0 && first <= MAX_SEQUENCE && follows < first => Header::Good { first, follows },
        VERSION => Header::Bad,
        version => Header::Foreign { version },
    }
}

/// One step through a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A whole record; [`Scanner::pass`] its `size` to go on.
    Record { sequence: u64, payload: &'a [u8], size: usize },
    /// Bytes that are no record; they are passed already. What follows is a record or the end.
    Bad { offset: u64, bytes: u64 },
    /// The end of what may be read; nothing but zeros was left of it.
    End,
}

/// Walks through the records of a file; after damage it goes on at the next record that is whole.
pub(super) struct Scanner {
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    /// Where the unread part of `buffer` begins.
    at: usize,
    /// The same place in the file.
    offset: u64,
}

impl Scanner {
    /// Begins at `offset`.
    pub fn new(file: Box<dyn DiskFile>, offset: u64) -> Self {
        Self { file, buffer: Vec::new(), at: 0, offset }
    }

    /// Where the next step begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What comes next before `end`; the same again until it is passed.
    pub fn step(&mut self, end: u64) -> io::Result<Step<'_>> {
        if self.offset >= end {
            return Ok(Step::End);
        }
        self.fill(end)?;
        if let Parsed::Record { sequence, payload, size } = record::parse(&self.buffer[self.at..]) {
            let payload = self.at + payload.start..self.at + payload.end;
            return Ok(Step::Record { sequence, payload: &self.buffer[payload], size });
        }
        let offset = self.offset;
        let mut blank = true;
        loop {
            blank &= self.buffer.get(self.at) == Some(&0);
            self.pass(1);
            if self.at + MAX_RECORD > self.buffer.len() {
                self.fill(end)?;
            }
            let rest = &self.buffer[self.at..];
            if rest.is_empty() && blank {
                return Ok(Step::End);
            }
            if rest.is_empty() || matches!(record::parse(rest), Parsed::Record { .. }) {
                return Ok(Step::Bad { offset, bytes: self.offset - offset });
            }
        }
    }

    /// Steps over `bytes`.
    pub fn pass(&mut self, bytes: usize) {
        self.at += bytes;
        self.offset += bytes as u64;
    }

    /// Makes sure that the buffer holds a whole record of any size, unless `end` comes first.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        let held = self.buffer.len() - self.at;
        let left = usize::try_from(end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        if held >= MAX_RECORD.min(left) {
            return Ok(());
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let wanted = left.min(CHUNK);
        self.buffer.resize(wanted, 0);
        let mut got = held;
        while got < wanted {
            match self.file.read_at(&mut self.buffer[got..], self.offset + got as u64) {
                // The file is shorter than it was when `end` was learnt.
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) => {
                    self.buffer.truncate(held);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(got);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::spool::disk::Disk;
    use crate::spool::model::ModelDisk;

    #[test]
    fn names_and_headers_are_read_back() {
        assert_eq!(name(42), "000000000000042.seg");
        assert_eq!(parse_name(&name(MAX_SEQUENCE)), Some(MAX_SEQUENCE));
        for bad in ["42.seg", "00000000000042x.seg", "000000000000042.seg.unreadable", "checkpoint", ".seg"] {
            assert_eq!(parse_name(bad), None, "{bad}");
        }
        assert_eq!(parse_header(&header(9, 7)), Header::Good { first: 9, follows: 7 });
        assert_eq!(parse_header(&header(9, 9)), Header::Bad);
        assert_eq!(parse_header(&header(9, 7)[..35]), Header::Bad);
        let mut newer = header(9, 7);
        newer[8] = 2;
        assert_eq!(parse_header(&newer), Header::Bad);
        let checksum = crc32fast::hash(&newer[..32]).to_le_bytes();
        newer[32..].copy_from_slice(&checksum);
        assert_eq!(parse_header(&newer), Header::Foreign { version: 2 });
    }

    proptest! {
        /// One damaged stretch costs the records that it touches and no other, wherever a chunk ends.
        #[test]
        fn damage_costs_only_what_it_touches(
            sizes in prop::collection::vec(prop_oneof![1usize..200, 60_000usize..65_536], 1..40),
            place: prop::sample::Index,
            length in 1usize..100,
            with: u8,
        ) {
            let mut bytes = vec![];
            let mut bounds = vec![];
            for (number, &size) in sizes.iter().enumerate() {
                let payload = vec![number as u8; size];
                let start = bytes.len();
                record::push(&mut bytes, record::digest(&payload), number as u64 + 1, &payload);
                bounds.push(start..bytes.len());
            }
            let from = place.index(bytes.len());
            let to = (from + length).min(bytes.len());
            let before = bytes.clone();
            bytes[from..to].fill(with);
            let whole: Vec<u64> = bounds.iter().zip(1..)
                .filter(|(bound, _)| bytes[(*bound).clone()] == before[(*bound).clone()])
                .map(|(_, sequence)| sequence).collect();

            let disk = ModelDisk::default();
            let file = disk.create(Path::new("x")).unwrap();
            file.write_at(&bytes, 0).unwrap();
            let mut scanner = Scanner::new(file, 0);
            let mut found = vec![];
            loop {
                let size = match scanner.step(bytes.len() as u64).unwrap() {
                    Step::Record { sequence, size, .. } => { found.push(sequence); size }
                    Step::Bad { bytes, .. } => { prop_assert!(bytes > 0); 0 }
                    Step::End => break,
                };
                scanner.pass(size);
            }
            prop_assert_eq!(found, whole);
        }
    }
}
