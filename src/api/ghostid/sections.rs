//! Answers of several parts: as JSON one object, as CSV and TSV one part of it, which `table` names.

use axum::response::Response;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::encode::RowObject;
use crate::table::Table;
use crate::web::answer::{self, Writing};
use crate::web::error::ApiError;
use crate::web::params::Params;

/// A part of an answer.
pub(super) enum Part {
    /// An array of objects.
    Rows(Table),
    /// One object: the table's only row.
    Row(Table),
    /// An array or an object that holds more than cells do, and what CSV and TSV show of it.
    Shaped(Value, Table),
    /// Anything else; not in CSV and TSV.
    Value(Value),
}

/// Named parts in order.
#[derive(Default)]
pub(super) struct Sections {
    parts: Vec<(&'static str, Part)>,
}

impl Sections {
    /// These and one more.
    pub(super) fn with(mut self, name: &'static str, part: Part) -> Self {
        self.parts.push((name, part));
        self
    }

    /// The answer; `main` is the part that CSV and TSV show where `table` names none.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] for a `table` that is not there.
    pub(super) fn answer(&self, main: &str, params: &Params, writing: &Writing) -> Result<Response, ApiError> {
        let tables: Vec<(&str, &Table)> = self
            .parts
            .iter()
            .filter_map(|(name, part)| match part {
                Part::Rows(table) | Part::Row(table) | Part::Shaped(_, table) => Some((*name, table)),
                Part::Value(_) => None,
            })
            .collect();
        let named = params.one_of("table", &tables)?;
        let table = named.or_else(|| tables.iter().find(|(name, _)| *name == main).map(|(_, table)| *table));
        answer::value(self, table.ok_or(ApiError::Internal)?, writing)
    }
}

impl Serialize for Sections {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.parts.len()))?;
        for (name, part) in &self.parts {
            match part {
                Part::Rows(table) => {
                    let rows: Vec<RowObject<'_>> =
                        table.rows.iter().map(|row| RowObject { columns: &table.columns, row }).collect();
                    map.serialize_entry(name, &rows)?;
                }
                Part::Row(table) => {
                    let row = table.rows.first().map(|row| RowObject { columns: &table.columns, row });
                    map.serialize_entry(name, &row)?;
                }
                Part::Value(value) | Part::Shaped(value, _) => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Cell;

    #[test]
    fn parts_keep_their_order() {
        let mut table = Table::new(&["page", "views"]);
        table.push(vec![Cell::from("/"), Cell::from(2_u64)]);
        let sections = Sections::default()
            .with("overview", Part::Row(table.clone()))
            .with("pages", Part::Rows(table))
            .with("none", Part::Rows(Table::new(&["page"])))
            .with("time_range", Part::Value(Value::from("7d")));
        assert_eq!(
            serde_json::to_string(&sections).unwrap(),
            r#"{"overview":{"page":"/","views":2},"pages":[{"page":"/","views":2}],"none":[],"time_range":"7d"}"#
        );
    }
}
