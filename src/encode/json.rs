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

/// A row of a table as a JSON object, fields in the order of the columns.
pub struct RowObject<'a> {
    /// The table's header.
    pub columns: &'a [Cow<'static, str>],
    /// One of its rows.
    pub row: &'a [Cell],
}

impl Serialize for RowObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, cell) in self.columns.iter().zip(self.row) {
            match cell {
                Cell::Null => map.serialize_entry(column, &())?,
                Cell::Text(text) => map.serialize_entry(column, text)?,
                Cell::Int(number) => map.serialize_entry(column, number)?,
                Cell::Bool(yes) => map.serialize_entry(column, yes)?,
            }
        }
        map.end()
    }
}
