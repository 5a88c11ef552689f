//! Columns of a block in ClickHouse's `Native` format: packed as rows are added, written piece by piece when it is sent.
//!
//! Texts are kept and sent as `LowCardinality`, each distinct one once, whatever type the table gives them: most columns of
//! events have few values in a batch. A column of which too many differ is sent as it is. The server makes of both what the
//! table says. A column of one value takes no memory for each row.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use foldhash::fast::RandomState;

/// Texts are kept as they are once one in so many is new; the first ones always look new.
const ROWS_PER_KEY: usize = 4;
const FIRST_KEYS: usize = 256;

/// How `Native` numbers the layouts of a `LowCardinality` column: the keys stand beside the rows, no earlier ones count.
const KEYS_BESIDE: u64 = 1;
const HAS_KEYS: u64 = 1 << 9;
const NEW_KEYS: u64 = 1 << 10;

/// So much of a block is sent at once.
const SEND_BYTES: usize = 256 << 10;

/// The values of one column.
#[derive(Debug)]
pub(super) enum Column {
    /// Of a fixed width each.
    Fixed(Fixed),
    /// Texts.
    Texts(Texts),
}

impl Column {
    /// Those in some rows alone, and nothing of what is in others.
    pub fn part(&self, rows: Range<usize>) -> Self {
        match self {
            Self::Fixed(fixed) => Self::Fixed(fixed.part(rows)),
            Self::Texts(texts) => Self::Texts(texts.part(rows)),
        }
    }

    /// Gives back memory that only further rows would need.
    pub fn shrink(&mut self) {
        match self {
            Self::Fixed(fixed) => fixed.bytes.shrink_to_fit(),
            Self::Texts(texts) => texts.shrink(),
        }
    }
}

/// Values of a fixed width: one for each row, or one for all while all are equal.
#[derive(Debug)]
pub(super) struct Fixed {
    kind: &'static str,
    width: usize,
    rows: usize,
    bytes: Vec<u8>,
}

impl Fixed {
    /// None yet, of the type `kind`.
    pub fn new(kind: &'static str, width: usize) -> Self {
        Self { kind, width, rows: 0, bytes: Vec::new() }
    }

    /// Adds values; `N` is the width.
    pub fn add<const N: usize>(&mut self, mut values: impl Iterator<Item = [u8; N]>) {
        if self.rows == 0 {
            let Some(first) = values.next() else { return };
            self.bytes.extend_from_slice(&first);
            self.rows = 1;
        }
        if self.bytes.len() == N {
            for value in values.by_ref() {
                if self.bytes != value {
                    self.bytes = self.bytes.repeat(self.rows);
                    self.bytes.extend_from_slice(&value);
                    self.rows += 1;
                    break;
                }
                self.rows += 1;
            }
        }
        let before = self.bytes.len();
        values.for_each(|value| self.bytes.extend_from_slice(&value));
        self.rows += (self.bytes.len() - before) / N;
    }

    fn part(&self, rows: Range<usize>) -> Self {
        let bytes = if self.bytes.len() == self.width {
            self.bytes.clone()
        } else {
            self.bytes[rows.start * self.width..rows.end * self.width].to_vec()
        };
        Self { rows: rows.len(), bytes, ..*self }
    }
}

/// Texts: the distinct ones, and of each row which one it has.
#[derive(Debug, Default)]
pub(super) struct Texts {
    rows: usize,
    /// The distinct texts as `Native` has them; of a column that is kept as it is those of all rows.
    texts: Vec<u8>,
    keys: usize,
    is_plain: bool,
    /// The places of the keys.
    known: HashMap<Box<str>, u32, RandomState>,
    blank: Option<u32>,
    places: Places,
}

impl Texts {
    /// Adds texts.
    pub fn add<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        let mut last: Option<(&str, u32)> = None;
        for value in values {
            self.rows += 1;
            if self.is_plain {
                text(&mut self.texts, value);
                continue;
            }
            // Neighbours often share one text, and most are blank.
            let place = match (last, self.blank) {
                (Some((last, place)), _) if std::ptr::eq(value, last) => place,
                (_, Some(place)) if value.is_empty() => place,
                _ => self.place(value),
            };
            self.places.push(place);
            last = Some((value, place));
            if self.keys > FIRST_KEYS && self.keys > self.rows / ROWS_PER_KEY {
                self.write_out();
            }
        }
    }

    fn place(&mut self, value: &str) -> u32 {
        if let Some(place) = self.known.get(value) {
            return *place;
        }
        let place = self.keys as u32;
        self.known.insert(value.into(), place);
        text(&mut self.texts, value);
        self.keys += 1;
        if value.is_empty() {
            self.blank = Some(place);
        }
        place
    }

    /// From now on texts are kept as they are.
    fn write_out(&mut self) {
        let mut plain = Vec::new();
        {
            let keys: Vec<&str> = read_texts(&self.texts).collect();
            (0..self.rows).for_each(|row| text(&mut plain, keys[self.places.get(row)]));
        }
        *self = Self { rows: self.rows, texts: plain, is_plain: true, ..Self::default() };
    }

    fn part(&self, rows: Range<usize>) -> Self {
        let mut part = Self::default();
        if self.is_plain {
            part.add(read_texts(&self.texts).skip(rows.start).take(rows.len()));
        } else {
            let keys: Vec<&str> = read_texts(&self.texts).collect();
            part.add(rows.map(|row| keys[self.places.get(row)]));
        }
        part
    }

    fn shrink(&mut self) {
        // Texts that come again are new ones then, which is as right.
        self.known = HashMap::default();
        self.texts.shrink_to_fit();
        self.places.bytes.shrink_to_fit();
    }
}

/// Numbers of keys in as few bytes as the highest needs, in none at all while there is only one key.
#[derive(Debug, Default)]
struct Places {
    rows: usize,
    /// 0, 1, 2 or 4.
    width: usize,
    bytes: Vec<u8>,
}

impl Places {
    fn push(&mut self, place: u32) {
        let needed = match place {
            0 => 0,
            1..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        };
        if needed > self.width {
            self.widen(needed);
        }
        match self.width {
            0 => {}
            1 => self.bytes.push(place as u8),
            2 => self.bytes.extend_from_slice(&(place as u16).to_le_bytes()),
            _ => self.bytes.extend_from_slice(&place.to_le_bytes()),
        }
        self.rows += 1;
    }

    fn widen(&mut self, width: usize) {
        let mut bytes = Vec::with_capacity((self.rows + self.rows / 2) * width);
        for row in 0..self.rows {
            bytes.extend_from_slice(&(self.get(row) as u32).to_le_bytes()[..width]);
        }
        (self.width, self.bytes) = (width, bytes);
    }

    fn get(&self, row: usize) -> usize {
        let mut place = [0; 4];
        place[..self.width].copy_from_slice(&self.bytes[row * self.width..][..self.width]);
        u32::from_le_bytes(place) as usize
    }
}

/// Its length and its bytes.
fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What was written by [`text`].
fn read_texts(mut bytes: &[u8]) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (mut length, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = bytes.split_first()?;
            bytes = rest;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let (text, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        std::str::from_utf8(text).ok()
    })
}

/// A block as it is sent: some hundred kilobytes at a time, so that it is never there twice.
pub(super) struct BlockWriter<'a> {
    /// What is still to be written, the next one last.
    pieces: Vec<Piece<'a>>,
}

enum Piece<'a> {
    Bytes(Cow<'a, [u8]>),
    /// The same so many times.
    Repeated(&'a [u8], usize),
}

impl<'a> BlockWriter<'a> {
    /// The block of these columns, all of which have so many rows.
    pub fn new(rows: usize, columns: impl ExactSizeIterator<Item = (&'a str, &'a Column)>) -> Self {
        let mut head = Vec::new();
        number(&mut head, columns.len() as u64);
        number(&mut head, rows as u64);
        let mut pieces = Vec::with_capacity(3 * columns.len() + 1);
        for (name, column) in columns {
            text(&mut head, name);
            match column {
                Column::Fixed(fixed) => {
                    text(&mut head, fixed.kind);
                    pieces.push(Piece::Bytes(std::mem::take(&mut head).into()));
                    pieces.push(if fixed.bytes.len() == fixed.width {
                        Piece::Repeated(&fixed.bytes, rows)
                    } else {
                        Piece::Bytes(fixed.bytes.as_slice().into())
                    });
                }
                Column::Texts(texts) if texts.is_plain => {
                    text(&mut head, "String");
                    pieces.push(Piece::Bytes(std::mem::take(&mut head).into()));
                    pieces.push(Piece::Bytes(texts.texts.as_slice().into()));
                }
                Column::Texts(texts) => {
                    text(&mut head, "LowCardinality(String)");
                    // 0, 1, 2: a place takes one byte, two, or four.
                    let width = texts.places.width as u64 / 2;
                    for number in [KEYS_BESIDE, width | HAS_KEYS | NEW_KEYS, texts.keys as u64] {
                        head.extend_from_slice(&number.to_le_bytes());
                    }
                    pieces.push(Piece::Bytes(std::mem::take(&mut head).into()));
                    pieces.push(Piece::Bytes(texts.texts.as_slice().into()));
                    head.extend_from_slice(&(rows as u64).to_le_bytes());
                    pieces.push(Piece::Bytes(std::mem::take(&mut head).into()));
                    pieces.push(match texts.places.width {
                        0 => Piece::Repeated(&[0], rows),
                        _ => Piece::Bytes(texts.places.bytes.as_slice().into()),
                    });
                }
            }
        }
        pieces.reverse();
        Self { pieces }
    }
}

impl Iterator for BlockWriter<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::with_capacity(SEND_BYTES);
        while out.len() < SEND_BYTES
            && let Some(piece) = self.pieces.pop()
        {
            let room = SEND_BYTES - out.len();
            match piece {
                Piece::Bytes(bytes) => {
                    let (now, later) = bytes.split_at(room.min(bytes.len()));
                    out.extend_from_slice(now);
                    if !later.is_empty() {
                        let later = match &bytes {
                            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[now.len()..]),
                            Cow::Owned(_) => Cow::Owned(later.to_vec()),
                        };
                        self.pieces.push(Piece::Bytes(later));
                    }
                }
                Piece::Repeated(value, times) => {
                    let now = times.min(room.div_ceil(value.len()));
                    (0..now).for_each(|_| out.extend_from_slice(value));
                    if now < times {
                        self.pieces.push(Piece::Repeated(value, times - now));
                    }
                }
            }
        }
        (!out.is_empty()).then(|| out.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(values: &[&str]) -> Column {
        let mut texts = Texts::default();
        // In two parts, as they come.
        let (some, others) = values.split_at(values.len() / 3);
        texts.add(some.iter().copied());
        texts.add(others.iter().copied());
        Column::Texts(texts)
    }

    fn block(rows: usize, column: &Column) -> Vec<u8> {
        let pieces: Vec<Bytes> = BlockWriter::new(rows, [("c", column)].into_iter()).collect();
        assert!(pieces.iter().all(|piece| piece.len() < SEND_BYTES + 8));
        pieces.concat()
    }

    fn written(values: &[&str]) -> Vec<u8> {
        block(values.len(), &texts(values))
    }

    #[test]
    fn few_texts_are_written_once() {
        let head = b"\x01\x04\x01c\x16LowCardinality(String)\x01\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0".as_slice();
        let tail = b"\x03\0\0\0\0\0\0\0\x01a\0\x02bc\x04\0\0\0\0\0\0\0\0\x01\0\x02".as_slice();
        assert_eq!(written(&["a", "", "a", "bc"]), [head, tail].concat());
        let tail = b"\x01\0\0\0\0\0\0\0\x01a\x04\0\0\0\0\0\0\0\0\0\0\0".as_slice();
        assert_eq!(written(&["a"; 4]), [head, tail].concat());
    }

    #[test]
    fn many_texts_are_written_as_they_are() {
        let texts: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let bytes = written(&texts);
        assert!(bytes.starts_with(b"\x01\x90\x4e\x01c\x06String\x010\x011\x012"));
        assert!(bytes.ends_with(b"\x049998\x049999"));
    }

    #[test]
    fn places_are_as_wide_as_they_must_be() {
        for (keys, width) in [(1, 1), (2, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
            let values: Vec<String> = (0..keys).map(|number| number.to_string()).collect();
            // Each some times in a row, so that the first ones are not too many.
            let rows: Vec<&str> = values.iter().flat_map(|text| std::iter::repeat_n(text.as_str(), 5)).collect();
            let Column::Texts(column) = texts(&rows) else { panic!("texts are texts") };
            assert_eq!((column.keys, column.places.get(rows.len() - 1)), (keys, keys - 1));
            let text_bytes: usize = values.iter().map(|text| text.len() + 1).sum();
            let others = written(&rows).len() - text_bytes - rows.len() * width;
            assert!((59..62).contains(&others), "{keys}: {others}");
        }
    }

    #[test]
    fn equal_values_are_kept_once() {
        let values = |numbers: &[u32]| {
            let mut fixed = Fixed::new("UInt32", 4);
            let (some, others) = numbers.split_at(numbers.len() / 2);
            fixed.add(some.iter().map(|number| number.to_le_bytes()));
            fixed.add(others.iter().map(|number| number.to_le_bytes()));
            fixed
        };
        for (numbers, kept) in [(vec![7; 300_000], 1), (vec![7, 7, 7, 8, 7], 5), (vec![8, 7], 2), (vec![], 0)] {
            let fixed = values(&numbers);
            assert_eq!((fixed.rows, fixed.bytes.len()), (numbers.len(), kept * 4));
            if numbers.is_empty() {
                continue;
            }
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            assert!(block(numbers.len(), &Column::Fixed(fixed)).ends_with(&[b"\x01c\x06UInt32", &bytes[..]].concat()));
        }
    }

    proptest! {
        /// A part of a column is what its rows alone would make.
        #[test]
        fn parts_hold_their_rows_and_no_others(
            keys in 1u32..2_000, seed in any::<u32>(), from in 0usize..1_500, rows in 1usize..1_500,
        ) {
            let place = |row: u32| (row ^ seed).wrapping_mul(2_654_435_761) % keys;
            let values: Vec<String> = (0..3_000).map(|row| "x".repeat(place(row) as usize % 300) + &place(row).to_string()).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let some = from..from + rows;
            let mut whole = Texts::default();
            whole.add(values.iter().copied());
            whole.shrink();
            let mut alone = Texts::default();
            alone.add(values[some.clone()].iter().copied());
            prop_assert_eq!(block(rows, &Column::Texts(whole.part(some.clone()))), block(rows, &Column::Texts(alone)));
            let numbers = |range: Range<usize>| {
                let mut fixed = Fixed::new("UInt32", 4);
                fixed.add(range.map(|row| place(row as u32).to_le_bytes()));
                Column::Fixed(fixed)
            };
            prop_assert_eq!(block(rows, &numbers(0..3_000).part(some.clone())), block(rows, &numbers(some)));
        }
    }
}
