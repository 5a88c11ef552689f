//! What a folder holds when it is opened or looked at: which files are segments, in which order, and up to which
//! sequence each can be trusted. Nothing here writes.

use std::io;
use std::path::Path;

use super::checkpoint;
use super::disk::{Disk, DiskFile};
use super::record::HEAD;
use super::segment::{self, HEADER, Header, Scanner, Segment, Step};

/// The name of the lock in the spool's folder.
pub(super) const LOCK: &str = "lock";
/// The name of a file in which the spool's user notes whose folder it is; never touched here.
pub const OWNER: &str = "owner";
/// Appended to the name of a file that looks like a segment but cannot be read as one.
pub(super) const UNREADABLE: &str = ".unreadable";

/// What was found.
pub(super) struct Survey {
    /// Segments with at least one record, in the order in which they are read.
    pub segments: Vec<Segment>,
    /// Segments that were begun and hold no record.
    pub empty: Vec<String>,
    /// Files named like segments that are none, and why.
    pub refused: Vec<(String, String)>,
    /// Files refused by an earlier start.
    pub set_aside: Vec<String>,
    /// Files that have no business here; they are left alone.
    pub strange: Vec<String>,
    /// No sequence in these segments, nor any that their names promise, is above this one.
    pub ceiling: u64,
    /// The same for the files refused. Their names may be anything, so this is only for when nothing better is known.
    pub refused_ceiling: u64,
}

enum Kind {
    Segment(Segment),
    Empty,
    Refused(String),
}

/// Looks through a folder.
pub(super) fn survey(disk: &dyn Disk, folder: &Path) -> io::Result<Survey> {
    let mut found = Survey {
        segments: Vec::new(),
        empty: Vec::new(),
        refused: Vec::new(),
        set_aside: Vec::new(),
        strange: Vec::new(),
        ceiling: 0,
        refused_ceiling: 0,
    };
    for (name, bytes) in disk.list(folder)? {
        let Some(promised) = segment::parse_name(&name) else {
            if name.ends_with(UNREADABLE) {
                found.set_aside.push(name);
            } else if ![LOCK, OWNER, checkpoint::NAME].contains(&name.as_str()) {
                found.strange.push(name);
            }
            continue;
        };
        match classify(disk, folder, &name, bytes) {
            Ok(Kind::Segment(segment)) => {
                found.ceiling = found.ceiling.max(promised);
                found.segments.push(segment);
            }
            Ok(Kind::Empty) => found.empty.push(name),
            Ok(Kind::Refused(reason)) => {
                found.refused_ceiling = found.refused_ceiling.max(promised + bytes / HEAD as u64);
                found.refused.push((name, reason));
            }
            // Deleted since it was listed, which somebody who looks at a live folder must expect.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    found.segments.sort_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
    for place in 0..found.segments.len() {
        let next = found.segments.get(place + 1).map(|next| (next.first, next.follows));
        let this = &mut found.segments[place];
        found.ceiling = found.ceiling.max(this.first);
        match next {
            // The next segment tells how far this one was good; everything in it may be void.
            Some((first, Some(follows))) if first > this.first => this.last = follows,
            _ => {
                let (last, tail) = scan(disk, folder, this)?;
                this.last = last;
                found.ceiling = found.ceiling.max(last + tail / HEAD as u64);
            }
        }
        found.ceiling = found.ceiling.max(this.last);
    }
    Ok(found)
}

fn classify(disk: &dyn Disk, folder: &Path, name: &str, bytes: u64) -> io::Result<Kind> {
    let file = disk.open(&folder.join(name))?;
    let mut start = [0; HEADER as usize];
    let mut got = 0;
    while got < start.len() {
        match file.read_at(&mut start[got..], got as u64)? {
            0 => break,
            more => got += more,
        }
    }
    let header = segment::parse_header(&start[..got]);
    let (first, follows) = match header {
        Header::Foreign { version } => {
            return Ok(Kind::Refused(format!("it has version {version}, which this program does not know")));
        }
        _ if bytes <= HEADER => return Ok(Kind::Empty),
        Header::Good { first, follows } => (first, Some(follows)),
        Header::Bad => match first_record(file, bytes)? {
            Some(first) => (first, None),
            None => return Ok(Kind::Refused("neither its header nor any record can be read".to_owned())),
        },
    };
    let last = follows.unwrap_or(first - 1);
    Ok(Kind::Segment(Segment { name: name.into(), first, follows, last, readable: bytes, bytes, closed: true }))
}

fn first_record(file: Box<dyn DiskFile>, bytes: u64) -> io::Result<Option<u64>> {
    let mut scanner = Scanner::new(file, 0);
    loop {
        match scanner.step(bytes)? {
            Step::Record { sequence, .. } => return Ok(Some(sequence)),
            Step::Bad { .. } => {}
            Step::End => return Ok(None),
        }
    }
}

/// The last sequence of a segment, and how many bytes after it are no record.
fn scan(disk: &dyn Disk, folder: &Path, segment: &Segment) -> io::Result<(u64, u64)> {
    let mut scanner = open(disk, folder, segment)?;
    let (mut last, mut tail) = (segment.last, 0);
    loop {
        let size = match scanner.step(segment.bytes)? {
            Step::Record { sequence, size, .. } => {
                (last, tail) = (last.max(sequence), 0);
                size
            }
            Step::Bad { bytes, .. } => {
                tail = bytes;
                0
            }
            Step::End => return Ok((last, tail)),
        };
        scanner.pass(size);
    }
}

/// A scanner at the first record of a segment.
pub(super) fn open(disk: &dyn Disk, folder: &Path, segment: &Segment) -> io::Result<Scanner> {
    let start = if segment.follows.is_some() { HEADER } else { 0 };
    Ok(Scanner::new(disk.open(&folder.join(&*segment.name))?, start))
}
