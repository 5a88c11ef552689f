//! A block of rows in ClickHouse's `Native` format, written column after column.
//!
//! Texts are sent as `LowCardinality`, each distinct one once, whatever type the table gives them: most columns of events
//! have few values in a batch. A column of which too many differ is sent as it is. The server makes of both what the table
//! says.

use std::collections::HashMap;

use bytes::Bytes;
use foldhash::fast::RandomState;

/// Texts are sent as they are once one in so many is new; the first ones always look new.
const ROWS_PER_KEY: usize = 4;
const FIRST_KEYS: usize = 256;

/// How `Native` numbers the layouts of a `LowCardinality` column: the keys stand beside the rows, no earlier ones count.
const KEYS_BESIDE: u64 = 1;
const HAS_KEYS: u64 = 1 << 9;
const NEW_KEYS: u64 = 1 << 10;

/// Bytes of a block, as many as were not [taken](Self::take) yet.
pub(super) struct BlockWriter {
    bytes: Vec<u8>,
    rows: usize,
}

impl BlockWriter {
    /// Begins a block of so many columns, each of which is to be written with so many values.
    pub fn new(columns: usize, rows: usize) -> Self {
        let mut block = Self { bytes: Vec::new(), rows };
        block.number(columns as u64);
        block.number(rows as u64);
        block
    }

    /// How much is written and not taken.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is written so far; the block goes on behind it.
    pub fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes).into()
    }

    /// A column of values of `N` bytes, which are those of the type `kind`.
    pub fn fixed<const N: usize>(&mut self, name: &str, kind: &str, values: impl Iterator<Item = [u8; N]>) {
        self.text(name);
        self.text(kind);
        self.bytes.reserve(self.rows * N);
        values.for_each(|value| self.bytes.extend_from_slice(&value));
    }

    /// A column of texts.
    pub fn texts<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str> + Clone) {
        self.text(name);
        match Dictionary::of(values.clone(), self.rows) {
            Some(dictionary) => self.dictionary(&dictionary),
            None => {
                self.text("String");
                values.for_each(|value| self.text(value));
            }
        }
    }

    fn dictionary(&mut self, Dictionary { keys, places }: &Dictionary<'_>) {
        // 0, 1, 2: a place takes one byte, two, or four.
        let width: u64 = match keys.len() {
            0..=0x100 => 0,
            0x101..=0x1_0000 => 1,
            _ => 2,
        };
        self.text("LowCardinality(String)");
        for number in [KEYS_BESIDE, width | HAS_KEYS | NEW_KEYS, keys.len() as u64] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        keys.iter().for_each(|key| self.text(key));
        self.bytes.extend_from_slice(&(places.len() as u64).to_le_bytes());
        self.bytes.reserve(places.len() << width);
        match width {
            0 => self.bytes.extend(places.iter().map(|place| *place as u8)),
            1 => places.iter().for_each(|place| self.bytes.extend_from_slice(&(*place as u16).to_le_bytes())),
            _ => places.iter().for_each(|place| self.bytes.extend_from_slice(&place.to_le_bytes())),
        }
    }

    /// Its length and its bytes.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

/// The distinct texts of a column, and of each row which one it has.
struct Dictionary<'a> {
    keys: Vec<&'a str>,
    places: Vec<u32>,
}

impl<'a> Dictionary<'a> {
    /// `None` when too many differ.
    fn of(values: impl Iterator<Item = &'a str>, rows: usize) -> Option<Self> {
        let (mut keys, mut places) = (Vec::new(), Vec::with_capacity(rows));
        let mut known: HashMap<&str, u32, RandomState> = HashMap::default();
        let (mut last, mut last_place) = ("", u32::MAX);
        let mut blank_place = u32::MAX;
        for value in values {
            // Neighbours often share one text, and most are blank.
            if last_place != u32::MAX && std::ptr::eq(value, last) {
                places.push(last_place);
                continue;
            }
            if value.is_empty() && blank_place != u32::MAX {
                places.push(blank_place);
                continue;
            }
            let next = keys.len() as u32;
            let place = *known.entry(value).or_insert(next);
            if place == next {
                keys.push(value);
                if keys.len() > FIRST_KEYS && keys.len() > places.len() / ROWS_PER_KEY {
                    return None;
                }
                if value.is_empty() {
                    blank_place = place;
                }
            }
            places.push(place);
            (last, last_place) = (value, place);
        }
        Some(Self { keys, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[&str]) -> Vec<u8> {
        let mut block = BlockWriter::new(1, values.len());
        block.texts("c", values.iter().copied());
        block.take().to_vec()
    }

    #[test]
    fn few_texts_are_written_once() {
        let head = b"\x01\x04\x01c\x16LowCardinality(String)\x01\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0".as_slice();
        let tail = b"\x03\0\0\0\0\0\0\0\x01a\0\x02bc\x04\0\0\0\0\0\0\0\0\x01\0\x02".as_slice();
        assert_eq!(written(&["a", "", "a", "bc"]), [head, tail].concat());
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
        for (keys, width) in [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
            let texts: Vec<String> = (0..keys).map(|number| number.to_string()).collect();
            // Each some times in a row, so that the first ones are not too many.
            let rows: Vec<&str> = texts.iter().flat_map(|text| std::iter::repeat_n(text.as_str(), 5)).collect();
            let dictionary = Dictionary::of(rows.iter().copied(), rows.len()).unwrap();
            assert_eq!((dictionary.keys.len(), dictionary.places.last()), (keys, Some(&(keys as u32 - 1))));
            let text_bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
            let others = written(&rows).len() - text_bytes - rows.len() * width;
            assert!((59..62).contains(&others), "{keys}: {others}");
        }
    }
}
