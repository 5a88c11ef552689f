//! A record -> a row: a value, or none, for each column.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use csv_core::{ReadRecordResult, Reader};
use memchr::memchr;
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::Value;

use super::column::Column;

/// Names that a message shows are cut at so many characters.
const SHOWN: usize = 60;

/// The values of one record. A value of CSV that is blank is none; one of NDJSON may be an empty text.
pub struct Row<'a> {
    values: [Option<Cow<'a, str>>; Column::COUNT],
    /// A bit for each column that has a value: most have none.
    present: u64,
}

const _: () = assert!(Column::COUNT <= u64::BITS as usize, "a column has no bit");

impl<'a> Row<'a> {
    /// A row without values.
    pub fn empty() -> Self {
        Self { values: [const { None }; Column::COUNT], present: 0 }
    }

    /// The columns that have a value and are not blank, in their order, with it.
    pub fn texts(&self) -> impl Iterator<Item = (Column, &str)> {
        let mut left = self.present;
        let next = move || {
            let column = *Column::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(column)
        };
        std::iter::from_fn(next).filter_map(|column| Some((column, self.text(column)?)))
    }

    /// The value of a column; `None` when it is absent or blank.
    pub fn text(&self, column: Column) -> Option<&str> {
        self.values[column as usize].as_deref().filter(|text| !text.is_empty())
    }

    /// The value of a column, which may be a blank that was given as such.
    pub fn given(&self, column: Column) -> Option<&str> {
        self.values[column as usize].as_deref()
    }

    fn set(&mut self, column: Column, value: Cow<'a, str>) {
        self.values[column as usize] = Some(value);
        self.present |= 1 << column as usize;
    }
}

/// Text for a message: cut, quoted, on one line.
pub(super) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() {
        cut.push_str("...");
    }
    format!("'{}'", cut.replace(char::is_control, " "))
}

/// Reads fields of CSV records; keeps its buffers.
pub struct Fields {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Where the fields are.
    ranges: Vec<Range<usize>>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { reader: Reader::new(), text: Vec::new(), ends: Vec::new(), ranges: Vec::new() }
    }
}

impl Fields {
    /// The fields of one record, unquoted.
    ///
    /// # Errors
    /// When they are no UTF-8.
    pub fn read<'a>(&'a mut self, record: &'a [u8]) -> Result<impl Iterator<Item = &'a str>, String> {
        let bytes = if self.read_plain(record) {
            record
        } else {
            let written = self.read_any(record)?;
            &self.text[..written]
        };
        let text = std::str::from_utf8(bytes).map_err(|_| "the row is not UTF-8".to_owned())?;
        // Every end was checked to lie between letters below.
        if self.ranges.iter().any(|range| !text.is_char_boundary(range.end)) {
            return Err("the row is not UTF-8".to_owned());
        }
        Ok(self.ranges.iter().map(move |range| &text[range.clone()]))
    }

    /// Finds the fields where they stand; `false` when one of them is not to be had as it is written.
    fn read_plain(&mut self, record: &[u8]) -> bool {
        self.ranges.clear();
        let mut at = 0;
        loop {
            let rest = &record[at..];
            let (start, length, next) = if let Some(quoted) = rest.strip_prefix(b"\"") {
                let Some(length) = memchr(b'"', quoted) else { return false };
                (at + 1, length, length + 2)
            } else {
                let length = memchr(b',', rest).unwrap_or(rest.len());
                (at, length, length)
            };
            self.ranges.push(start..start + length);
            match rest.get(next) {
                Some(b',') => at += next + 1,
                None => return true,
                // A doubled quote, or something behind the last one.
                Some(_) => return false,
            }
        }
    }

    /// By all rules; the fields are in so many bytes of `text`.
    fn read_any(&mut self, record: &[u8]) -> Result<usize, String> {
        // A field is never longer than what it is written as, and there are no more than there are commas.
        self.text.resize(self.text.len().max(record.len() + 1), 0);
        let commas = record.iter().filter(|byte| **byte == b',').count();
        self.ends.resize(self.ends.len().max(commas + 2), 0);
        self.reader.reset();
        let (mut rest, mut written, mut fields) = (record, 0, 0);
        loop {
            let (outcome, read, wrote, ended) =
                self.reader.read_record(rest, &mut self.text[written..], &mut self.ends[fields..]);
            rest = &rest[read..];
            written += wrote;
            fields += ended;
            match outcome {
                // An empty input says that the record is whole.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err("the row has too many fields".to_owned());
                }
            }
        }
        let ends = &self.ends[..fields];
        self.ranges.clear();
        self.ranges.extend(std::iter::once(0).chain(ends.iter().copied()).zip(ends).map(|(start, end)| start..*end));
        Ok(written)
    }
}

/// The columns of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header(Vec<Column>);

impl Header {
    /// Reads the first record of a file.
    ///
    /// # Errors
    /// Names every column that is not known, with those that are; and one that is there twice.
    pub fn read(record: &[u8]) -> Result<Self, String> {
        let mut fields = Fields::default();
        let names: Vec<&str> = fields.read(record)?.map(str::trim).collect();
        let unknown: Vec<String> =
            names.iter().filter(|name| Column::parse(name).is_none()).map(|name| shown(name)).collect();
        if !unknown.is_empty() {
            return Err(format!("unknown columns: {}; known are {}", unknown.join(", "), Column::names()));
        }
        let columns: Vec<Column> = names.iter().filter_map(|name| Column::parse(name)).collect();
        for (place, column) in columns.iter().enumerate() {
            if columns[..place].contains(column) {
                return Err(format!("the column {} is there twice", column.name()));
            }
        }
        Ok(Self(columns))
    }

    /// The row of a record.
    ///
    /// # Errors
    /// When it has another number of fields than the header, or is no UTF-8.
    pub fn row<'a>(&self, fields: &'a mut Fields, record: &'a [u8]) -> Result<Row<'a>, String> {
        let mut row = Row::empty();
        let mut count = 0;
        for value in fields.read(record)? {
            if let Some(column) = self.0.get(count)
                && !value.is_empty()
            {
                row.set(*column, Cow::Borrowed(value));
            }
            count += 1;
        }
        if count != self.0.len() {
            return Err(format!("the row has {count} fields, the header {}", self.0.len()));
        }
        Ok(row)
    }
}

/// The row of a line of NDJSON.
///
/// # Errors
/// When it is no JSON object, or has a name that is not known or comes twice.
pub fn json_row(line: &[u8]) -> Result<Row<'_>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the row is not UTF-8".to_owned())?;
    let mut row = Row::empty();
    let mut json = serde_json::Deserializer::from_str(text);
    let mut fault = None;
    let read = json.deserialize_map(Object { row: &mut row, fault: &mut fault }).and_then(|()| json.end());
    match (fault, read) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(format!("the row is no JSON object: {error}")),
        (None, Ok(())) => Ok(row),
    }
}

struct Object<'row, 'a> {
    row: &'row mut Row<'a>,
    /// The first thing that is wrong in a well-formed object.
    fault: &'row mut Option<String>,
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(name)) = map.next_key_seed(TextSeed)? {
            let value = map.next_value_seed(ValueSeed)?;
            let Some(column) = Column::parse(&name) else {
                let known = Column::names();
                self.fault.get_or_insert_with(|| format!("unknown column {}; known are {known}", shown(&name)));
                continue;
            };
            if self.row.given(column).is_some() {
                self.fault.get_or_insert_with(|| format!("{} is there twice", column.name()));
            }
            if let Some(value) = value {
                self.row.set(column, value);
            }
        }
        Ok(())
    }
}

/// A text, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);
struct TextSeed;
struct ValueSeed;

impl<'a> DeserializeSeed<'a> for TextSeed {
    type Value = Text<'a>;

    fn deserialize<D: Deserializer<'a>>(self, from: D) -> Result<Text<'a>, D::Error> {
        struct Words;
        impl<'a> Visitor<'a> for Words {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Words)
    }
}

impl<'a> DeserializeSeed<'a> for ValueSeed {
    /// `None` for null.
    type Value = Option<Cow<'a, str>>;

    fn deserialize<D: Deserializer<'a>>(self, from: D) -> Result<Self::Value, D::Error> {
        struct Anything;
        impl<'a> Visitor<'a> for Anything {
            type Value = Option<Cow<'a, str>>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, yes: bool) -> Result<Self::Value, E> {
                Ok(Some(Cow::Borrowed(if yes { "true" } else { "false" })))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(number.to_string())))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
            // Objects are kept as their text: members in the order of their names, without blanks.
            fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<Self::Value, M::Error> {
                let inner = serde::de::value::MapAccessDeserializer::new(map);
                let value = <Value as serde::Deserialize>::deserialize(inner)?;
                Ok(Some(Cow::Owned(value.to_string())))
            }
            fn visit_seq<S: serde::de::SeqAccess<'a>>(self, list: S) -> Result<Self::Value, S::Error> {
                let inner = serde::de::value::SeqAccessDeserializer::new(list);
                let value = <Value as serde::Deserialize>::deserialize(inner)?;
                Ok(Some(Cow::Owned(value.to_string())))
            }
        }
        from.deserialize_any(Anything)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_rows_have_their_fields() {
        let header = Header::read(b"kind, city ,page,props").unwrap();
        let mut fields = Fields::default();
        let row = header.row(&mut fields, "click,\"a, \"\"b\"\"\nc\",,\"ü\0🚀\"".as_bytes()).unwrap();
        assert_eq!((row.text(Column::Kind), row.text(Column::City)), (Some("click"), Some("a, \"b\"\nc")));
        assert_eq!((row.given(Column::Page), row.text(Column::Props)), (None, Some("ü\0🚀")));
        let columns: Vec<Column> = row.texts().map(|(column, _)| column).collect();
        assert_eq!(columns, [Column::Kind, Column::City, Column::Props]);
        let fault = |record: &[u8]| header.row(&mut Fields::default(), record).err().unwrap();
        // What is odd is read as the csv crate reads it.
        let mut fields = Fields::default();
        let row = header.row(&mut fields, b"\"a\"b,c\"d\"e,\"\",").unwrap();
        assert_eq!(
            [Column::Kind, Column::City, Column::Page].map(|c| row.text(c)),
            [Some("ab"), Some("c\"d\"e"), None]
        );
        assert_eq!(fault(b"a,b"), "the row has 2 fields, the header 4");
        assert_eq!(fault(b"a,b,c,d,e"), "the row has 5 fields, the header 4");
        assert_eq!(fault(b"a,\xff,c,d"), "the row is not UTF-8");
        // Two halves of a letter in two fields.
        assert_eq!(fault(b"a,\xc3,\xbc,d"), "the row is not UTF-8");
    }

    #[test]
    fn headers_name_what_is_wrong() {
        let fault = Header::read(b"kind,colour,Size").unwrap_err();
        assert!(fault.starts_with("unknown columns: 'colour', 'Size'; known are kind, timestamp, link"), "{fault}");
        assert_eq!(Header::read(b"kind,city,kind").unwrap_err(), "the column kind is there twice");
    }

    #[test]
    fn json_rows_have_their_values() {
        let row = json_row(
            br#" {"kind":"sale","amount":-12,"repeat":true,"city":"a\n\u00fc","country":"","bot":null,
                "metadata":{"b":[1,"x"],"a":1.5}} "#,
        )
        .unwrap();
        let texts = [Column::Kind, Column::Amount, Column::Repeat, Column::City, Column::Metadata].map(|c| row.text(c));
        assert_eq!(texts, [Some("sale"), Some("-12"), Some("true"), Some("a\nü"), Some("{\"a\":1.5,\"b\":[1,\"x\"]}")]);
        assert_eq!((row.given(Column::Country), row.text(Column::Country)), (Some(""), None));
        assert_eq!(row.given(Column::Bot), None);
        let fault = |line: &[u8]| json_row(line).err().unwrap();
        assert!(fault(br#"{"kind":"click","colour":1}"#).starts_with("unknown column 'colour'; known are kind"));
        assert_eq!(fault(br#"{"city":"a","city":"b"}"#), "city is there twice");
        for broken in [&b"[1]"[..], b"{\"kind\":", b"{} {}", b"kind", b"\"x\"", b"{\"kind\":1e999}"] {
            assert!(fault(broken).starts_with("the row is no JSON object"), "{broken:?}");
        }
        assert!(fault("[".repeat(100_000).as_bytes()).starts_with("the row is no JSON object"));
    }

    proptest::proptest! {
        #[test]
        fn the_csv_crate_finds_the_same_fields(record in "[ab,\"]{1,40}") {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record.as_bytes());
            let expected = reader.records().next().unwrap().unwrap();
            let mut fields = Fields::default();
            let found: Vec<&str> = fields.read(record.as_bytes()).unwrap().collect();
            proptest::prop_assert_eq!(found, expected.iter().collect::<Vec<_>>());
        }
    }
}
