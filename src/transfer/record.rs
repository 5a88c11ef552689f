//! A stream of bytes -> records, each with the number of the line it begins on.
//!
//! A record of NDJSON is a line. One of CSV ends at a line break outside of quotes, by the rules of the `csv` crate: a
//! quote opens only at the very beginning of a field, and a doubled one stands for itself. Empty lines are no records. A
//! record of more than [`MAX_RECORD`] bytes, as when a quote is opened and never closed, is cut after its first line.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr2, memchr3};

/// The longest record, in bytes.
pub const MAX_RECORD: usize = 4 << 20;
/// A chunk of so many bytes is not made any longer.
const MAX_CHUNK: usize = 64 << 20;
/// Bytes that are read at once.
const READ: usize = 1 << 20;

/// How records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At every line break.
    Line,
    /// At a line break outside of quotes.
    Csv,
}

/// Some records of a file, in order.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line it begins on; the first of the file is 1.
    pub line: u64,
    /// In the chunk, without the line break at the end.
    range: Range<usize>,
    /// It was longer than [`MAX_RECORD`], and this is the beginning of it.
    pub is_cut: bool,
}

impl Chunk {
    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A record's bytes.
    pub fn bytes(&self, record: &Record) -> &[u8] {
        &self.bytes[record.range.clone()]
    }

    /// The record that begins on this line.
    pub fn find(&self, line: u64) -> Option<&Record> {
        let place = self.records.binary_search_by_key(&line, |record| record.line).ok()?;
        self.records.get(place)
    }
}

/// Splits what a reader gives.
pub struct Splitter<R> {
    reader: R,
    ending: Ending,
    /// Read and not handed out yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// The line at `start`.
    line: u64,
    is_at_end: bool,
    /// Bytes of the last chunk: the next one will hardly have more.
    usual: usize,
}

/// Where a scan for the end of a record stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// An end was found: the record's length without its line break, that with it, and the line breaks in both.
struct End {
    length: usize,
    with_break: usize,
    breaks: u64,
}

impl<R: Read> Splitter<R> {
    /// Reads from `reader`. A byte order mark at the beginning is left out.
    pub fn new(reader: R, ending: Ending) -> Self {
        Self { reader, ending, buffer: Vec::new(), start: 0, line: 1, is_at_end: false, usual: 0 }
    }

    /// The next records: at most `most`, none that begins on a line from `before` on, and no more than make [`MAX_CHUNK`].
    /// Empty at the end of the file, or when the next record begins later.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn next(&mut self, most: usize, before: u64) -> io::Result<Chunk> {
        let mut chunk = Chunk { bytes: Vec::with_capacity(self.usual + self.usual / 16), records: Vec::new() };
        while chunk.records.len() < most
            && chunk.bytes.len() < MAX_CHUNK
            && self.skip_empty_lines()?
            && self.line < before
        {
            let (end, is_cut) = self.find_end()?;
            let from = chunk.bytes.len();
            chunk.bytes.extend_from_slice(&self.buffer[self.start..self.start + end.length]);
            chunk.records.push(Record { line: self.line, range: from..chunk.bytes.len(), is_cut });
            self.pass(end.with_break, end.breaks);
            if is_cut && end.breaks == 0 {
                self.skip_line()?;
            }
        }
        self.usual = chunk.bytes.len();
        Ok(chunk)
    }

    /// Whether all was handed out.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn is_done(&mut self) -> io::Result<bool> {
        Ok(!self.skip_empty_lines()?)
    }

    /// The line of the next record.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn pass(&mut self, bytes: usize, breaks: u64) {
        self.start += bytes;
        self.line += breaks;
    }

    /// Stops at the next byte that is no line break; `false` when there is none.
    fn skip_empty_lines(&mut self) -> io::Result<bool> {
        loop {
            while let Some(&byte) = self.buffer.get(self.start) {
                match byte {
                    b'\n' => self.pass(1, 1),
                    b'\r' => self.pass(1, 0),
                    _ => return Ok(true),
                }
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Passes what is left of a line.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.buffer[self.start..];
            match rest.iter().position(|byte| *byte == b'\n') {
                Some(place) => {
                    self.pass(place + 1, 1);
                    return Ok(());
                }
                None => self.pass(rest.len(), 0),
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// The end of the record at `start`, and whether it is one that was cut.
    fn find_end(&mut self) -> io::Result<(End, bool)> {
        let (mut at, mut state, mut breaks) = (0, State::FieldStart, 0);
        loop {
            let found = match self.ending {
                Ending::Line => end_of_line(&self.buffer[self.start..], &mut at),
                Ending::Csv => end_of_csv(&self.buffer[self.start..], &mut at, &mut state, &mut breaks),
            };
            if let Some(end) = found {
                return Ok((end, false));
            }
            if at > MAX_RECORD {
                return Ok((self.first_line(), true));
            }
            if !self.fill()? {
                return Ok((End { length: at, with_break: at, breaks }, false));
            }
        }
    }

    /// The end of the first line of what is in the buffer.
    fn first_line(&self) -> End {
        let mut at = 0;
        let length = self.buffer.len() - self.start;
        end_of_line(&self.buffer[self.start..], &mut at).unwrap_or(End { length, with_break: length, breaks: 0 })
    }

    /// Reads more; `false` at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let is_first = self.buffer.is_empty() && self.line == 1;
        let before = self.buffer.len();
        self.buffer.resize(before + READ, 0);
        let mut length = before;
        while length < self.buffer.len() {
            match self.reader.read(&mut self.buffer[length..]) {
                Ok(0) => {
                    self.is_at_end = true;
                    break;
                }
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(length);
        if is_first && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        Ok(length > before)
    }
}

fn end_of_line(bytes: &[u8], at: &mut usize) -> Option<End> {
    match bytes[*at..].iter().position(|byte| *byte == b'\n') {
        Some(place) => {
            let end = *at + place;
            let length = if end > 0 && bytes[end - 1] == b'\r' { end - 1 } else { end };
            Some(End { length, with_break: end + 1, breaks: 1 })
        }
        None => {
            *at = bytes.len();
            None
        }
    }
}

fn end_of_csv(bytes: &[u8], at: &mut usize, state: &mut State, breaks: &mut u64) -> Option<End> {
    while let Some(&byte) = bytes.get(*at) {
        match *state {
            State::Quoted => match memchr2(b'"', b'\n', &bytes[*at..]) {
                Some(place) => {
                    *at += place + 1;
                    if bytes[*at - 1] == b'"' {
                        *state = State::QuoteInQuoted;
                    } else {
                        *breaks += 1;
                    }
                }
                None => *at = bytes.len(),
            },
            State::FieldStart | State::QuoteInQuoted if byte == b'"' => {
                *state = State::Quoted;
                *at += 1;
            }
            State::FieldStart | State::QuoteInQuoted => *state = State::Plain,
            State::Plain => match memchr3(b'"', b'\n', b'\r', &bytes[*at..]) {
                Some(place) => {
                    *at += place;
                    match bytes[*at] {
                        // It opens at the beginning of a field only.
                        b'"' if bytes[..*at].ends_with(b",") => *state = State::FieldStart,
                        b'"' => *at += 1,
                        b'\n' => return Some(End { length: *at, with_break: *at + 1, breaks: *breaks + 1 }),
                        // A lone CR ends a record, and a line, too.
                        _ => {
                            let next = bytes.get(*at + 1)?;
                            let size = if *next == b'\n' { 2 } else { 1 };
                            return Some(End { length: *at, with_break: *at + size, breaks: *breaks + 1 });
                        }
                    }
                }
                None => *at = bytes.len(),
            },
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives a few bytes at a time.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let size = self.0.len().min(3).min(out.len());
            out[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    fn split(bytes: &[u8], ending: Ending) -> Vec<(u64, String)> {
        let mut splitter = Splitter::new(Slowly(bytes), ending);
        let mut found = Vec::new();
        while !splitter.is_done().unwrap() {
            let chunk = splitter.next(2, u64::MAX).unwrap();
            for record in chunk.records() {
                found.push((record.line, String::from_utf8_lossy(chunk.bytes(record)).into_owned()));
            }
        }
        found
    }

    fn lines(bytes: &[u8], ending: Ending) -> Vec<u64> {
        split(bytes, ending).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn records_know_their_lines() {
        assert_eq!(split(b"a\nb\r\n\n\nc", Ending::Line), [(1, "a".into()), (2, "b".into()), (5, "c".into())]);
        assert_eq!(lines(b"a,b\r\n\"x\r\ny\",2\r\nc,d\r\n", Ending::Csv), [1, 2, 4]);
        assert_eq!(lines(b"a\n\n\"x\n\n\n\",\"\"\"\n\"\n\nb", Ending::Csv), [1, 3, 9]);
        // A quote inside of a field that has begun is a letter.
        assert_eq!(lines(b"a\"b,c\nd\n", Ending::Csv), [1, 2]);
        assert_eq!(lines(b"a\rb\r\rc\r", Ending::Csv), [1, 2, 3]);
        assert_eq!(split(b"\xef\xbb\xbfa\n", Ending::Csv), [(1, "a".into())]);
        assert_eq!(lines(b"", Ending::Csv), [0; 0]);
    }

    #[test]
    fn batches_end_where_they_should() {
        let mut splitter = Splitter::new(&b"a\nb\n\n\nc\nd"[..], Ending::Csv);
        let sizes: Vec<usize> =
            [3, 4, 6, 9].into_iter().map(|before| splitter.next(9, before).unwrap().records().len()).collect();
        assert_eq!(sizes, [2, 0, 1, 1]);
        assert!(splitter.is_done().unwrap());
    }

    #[test]
    fn a_quote_that_is_never_closed_spoils_one_line() {
        let mut text = b"h\n\"open\n".to_vec();
        for _ in 0..MAX_RECORD / 4 {
            text.extend_from_slice(b"abcdefg\n");
        }
        let mut splitter = Splitter::new(&text[..], Ending::Csv);
        let chunk = splitter.next(3, u64::MAX).unwrap();
        let cut: Vec<_> = chunk.records().iter().map(|record| (record.line, record.is_cut)).collect();
        assert_eq!(cut, [(1, false), (2, true), (3, false)]);
        assert_eq!(chunk.bytes(&chunk.records()[1]), b"\"open");
        let mut line = vec![b'x'; 2 * MAX_RECORD];
        line.extend_from_slice(b"\ny");
        let mut splitter = Splitter::new(&line[..], Ending::Line);
        let chunk = splitter.next(3, u64::MAX).unwrap();
        let cut: Vec<_> = chunk.records().iter().map(|record| (record.line, record.is_cut)).collect();
        assert_eq!(cut, [(1, true), (2, false)]);
    }

    proptest! {
        #[test]
        fn the_csv_crate_finds_the_same_records(text in "[ab,\"\r\n]{0,60}") {
            let found = split(text.as_bytes(), Ending::Csv);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let expected: Vec<csv::ByteRecord> = reader.byte_records().map(Result::unwrap).collect();
            prop_assert_eq!(found.len(), expected.len());
            for ((_, record), expected) in found.iter().zip(&expected) {
                let mut alone =
                    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record.as_bytes());
                prop_assert_eq!(&alone.byte_records().next().unwrap().unwrap(), expected);
            }
        }
    }
}
