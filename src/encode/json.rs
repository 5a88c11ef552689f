//! Rows as a JSON array of objects.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::table::Cell;

/// Writes a JSON array element by element.
#[derive(Debug, Default)]
pub struct JsonArray {
    begun: bool,
}

impl JsonArray {
    /// Appends one element.
    ///
    /// # Errors
    /// When the element cannot be serialised.
    pub fn push<T: Serialize>(&mut self, out: &mut Vec<u8>, element: &T) -> Result<(), serde_json::Error> {
        out.push(if self.begun { b',' } else { b'[' });
        self.begun = true;
        serde_json::to_writer(&mut *out, element)
    }

    /// Ends the array.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.begun { b"]" } else { b"[]" });
    }
}

/// A row of a table as a JSON object, fields in the order of the columns. Neighbours named `tag.id`, `tag.name` make an object
/// `tag`.
pub struct RowObject<'a> {
    /// The table's header.
    pub columns: &'a [Cow<'static, str>],
    /// One of its rows.
    pub row: &'a [Cell],
}

impl Serialize for RowObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields { columns: self.columns, row: self.row, within: 0 }.serialize(serializer)
    }
}

/// Columns whose names begin alike.
struct Fields<'a> {
    columns: &'a [Cow<'static, str>],
    row: &'a [Cell],
    /// Bytes that their names have in common, the dot included.
    within: usize,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let name = |place: usize| &self.columns[place][self.within..];
        let mut place = 0;
        while place < self.columns.len().min(self.row.len()) {
            let column = name(place);
            if let Some((outer, _)) = column.split_once('.') {
                let belongs = |&other: &usize| name(other).split_once('.').is_some_and(|(begin, _)| begin == outer);
                let end = place + (place..self.columns.len()).take_while(belongs).count();
                let (columns, row) = (&self.columns[place..end], &self.row[place..end.min(self.row.len())]);
                map.serialize_entry(outer, &Fields { columns, row, within: self.within + outer.len() + 1 })?;
                place = end;
                continue;
            }
            match &self.row[place] {
                Cell::Null => map.serialize_entry(column, &())?,
                Cell::Text(text) => map.serialize_entry(column, text)?,
                Cell::Int(number) => map.serialize_entry(column, number)?,
                Cell::Decimal(number) => map.serialize_entry(column, number)?,
                Cell::Bool(yes) => map.serialize_entry(column, yes)?,
            }
            place += 1;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_columns_make_objects() {
        let columns = ["id", "tag.id", "tag.name", "tag.by.who", "n", "tag.x"].map(Cow::Borrowed);
        let row = [Cell::Int(1), Cell::from("t"), Cell::Null, Cell::Bool(true), Cell::Int(2), Cell::Int(3)];
        let written = serde_json::to_string(&RowObject { columns: &columns, row: &row }).unwrap();
        let expected = r#"{"id":1,"tag":{"id":"t","name":null,"by":{"who":true}},"n":2,"tag":{"x":3}}"#;
        assert_eq!(written, expected);
    }
}
