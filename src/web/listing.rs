//! Lists of objects in the form that the caller asked for: as JSON the objects, as CSV and TSV a row each, with columns that
//! are the same whatever the objects hold.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::answer::{self, Writing};
use super::error::ApiError;
use super::params::Params;
use crate::encode::Format;
use crate::table::{Cell, Table};

/// How a list is to be written: `format` (`json`, `csv`, `tsv`), else `Accept`, else JSON; `spreadsheetSafe` (default false)
/// defuses cells that a spreadsheet would run. What is wrong with them is told when the list is written.
#[derive(Clone, Debug)]
pub struct Listing {
    query: String,
    accept: String,
}

impl Listing {
    /// Writes the list, whose file is called `name`. A column is the path of a value in the objects, such as `utm.source`; where
    /// it goes through an array, the values of its elements stand with commas between them.
    ///
    /// # Errors
    /// A wrong parameter, or a value that cannot be written.
    pub fn answer<T: Serialize>(
        &self,
        objects: &[T],
        columns: &'static [&'static str],
        name: &str,
    ) -> Result<Response, ApiError> {
        let params = Params::parse(&self.query)?;
        let writing = Writing {
            format: params.one_of("format", &Format::NAMES)?.unwrap_or_else(|| Format::from_accept(&self.accept)),
            spreadsheet_safe: params.boolean("spreadsheetSafe")?.unwrap_or(false),
            file_name: name.to_owned(),
        };
        answer::value(&objects, &table_for(&writing, objects, columns)?, &writing)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        Ok(Self { query: parts.uri.query().unwrap_or_default().to_owned(), accept: accept.to_owned() })
    }
}

/// The objects as rows, where the answer is CSV or TSV; JSON needs none.
///
/// # Errors
/// As [`table`].
pub fn table_for<T: Serialize>(
    writing: &Writing,
    objects: &[T],
    columns: &'static [&'static str],
) -> Result<Table, ApiError> {
    match writing.format {
        Format::Json => Ok(Table::default()),
        Format::Csv | Format::Tsv => table(objects, columns),
    }
}

/// The objects as rows.
///
/// # Errors
/// When an object cannot be written as JSON, of which there is none.
pub fn table<T: Serialize>(objects: &[T], columns: &'static [&'static str]) -> Result<Table, ApiError> {
    let mut table = Table::new(columns);
    for object in objects {
        let value = serde_json::to_value(object).map_err(|error| {
            tracing::error!(%error, "a list cannot be encoded");
            ApiError::Internal
        })?;
        table.push(columns.iter().map(|path| cell(&value, path)).collect());
    }
    Ok(table)
}

fn cell(object: &Value, path: &str) -> Cell {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (object.get(name), rest) {
        (None, _) => Cell::Null,
        (Some(Value::Array(elements)), Some(rest)) => joined(elements.iter().map(|element| cell(element, rest))),
        (Some(value), Some(rest)) => cell(value, rest),
        (Some(value), None) => plain(value),
    }
}

fn plain(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(yes) => Cell::from(*yes),
        Value::Number(number) => number.as_i64().map_or_else(|| Cell::from(number.to_string()), Cell::from),
        Value::String(text) => Cell::from(text.as_str()),
        Value::Array(elements) if elements.iter().all(|element| !element.is_object() && !element.is_array()) => {
            joined(elements.iter().map(plain))
        }
        Value::Array(_) | Value::Object(_) => Cell::from(value.to_string()),
    }
}

/// Nothing at all is an empty cell.
fn joined(cells: impl Iterator<Item = Cell>) -> Cell {
    let texts: Vec<String> = cells
        .filter_map(|cell| match cell {
            Cell::Null => None,
            Cell::Text(text) => Some(text),
            Cell::Int(number) => Some(number.to_string()),
            Cell::Decimal(number) => Some(number.to_string()),
            Cell::Bool(yes) => Some(yes.to_string()),
        })
        .collect();
    if texts.is_empty() { Cell::Null } else { Cell::from(texts.join(",")) }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    const COLUMNS: &[&str] = &["id", "tags.name", "geo", "deep.er", "ids", "share", "gone"];

    async fn written(query: &str, accept: &str) -> (String, String) {
        let objects = [
            json!({"id": 7, "tags": [{"name": "a,b"}, {"name": "c"}], "geo": {"DE": "x"}, "deep": {"er": true}}),
            json!({"id": null, "tags": [], "geo": null, "deep": null, "ids": [1, "z"], "share": 0.5}),
        ];
        let listing = Listing { query: query.to_owned(), accept: accept.to_owned() };
        let response = listing.answer(&objects, COLUMNS, "things").unwrap();
        let disposition = response.headers().get("content-disposition").map(|name| name.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (String::from_utf8(body.to_vec()).unwrap(), disposition.unwrap_or_default())
    }

    #[tokio::test]
    async fn objects_become_rows() {
        let (csv, disposition) = written("format=csv", "").await;
        assert_eq!(
            csv,
            "id,tags.name,geo,deep.er,ids,share,gone\n7,\"a,b,c\",\"{\"\"DE\"\":\"\"x\"\"}\",true,,,\n,,,,\"1,z\",0.5,\n"
        );
        assert_eq!(disposition, "attachment; filename=\"things.csv\"");
        let (tsv, _) = written("", "text/tab-separated-values").await;
        assert!(tsv.starts_with("id\ttags.name\tgeo\t"), "{tsv}");
        let (json, disposition) = written("", "application/json").await;
        assert!(json.starts_with("[{\"") && disposition.is_empty(), "{json}");
    }

    #[test]
    fn wrong_forms_are_named() {
        let listing = Listing { query: "format=xls".to_owned(), accept: String::new() };
        let error = listing.answer(&[json!({})], COLUMNS, "things").unwrap_err();
        assert!(error.to_string().contains("format"), "{error}");
    }
}
