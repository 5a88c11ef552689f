//! Answers in the form that the caller asked for. A table goes out whole, with its length; a list of events is streamed,
//! and a failure after its first byte breaks the body, so that a short file is never taken for a whole one.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::encode::{Delimited, Format, JsonArray, RowObject};
use crate::table::{Cell, Table};

use super::error::ApiError;

/// Bytes of a file that is still sent whole.
const WHOLE_BYTES: usize = 64 << 10;

/// Bytes that are reserved for rows before they are written.
const MOST_RESERVED: usize = 1 << 20;

/// How an answer is written.
#[derive(Clone, Debug)]
pub struct Writing {
    /// JSON, CSV or TSV.
    pub format: Format,
    /// Defuse cells that a spreadsheet would run.
    pub spreadsheet_safe: bool,
    /// Name of the file, without its ending, under which CSV and TSV are offered.
    pub file_name: String,
}

/// A row that can be written in every format.
pub trait Record {
    /// The row of CSV and TSV: a cell for each column of the list.
    fn row(&self) -> Vec<Cell>;
    /// The element of a JSON array.
    fn json(&self) -> impl Serialize;
}

/// A whole table; as JSON an array of objects.
///
/// # Errors
/// When a value cannot be encoded.
pub fn table(table: &Table, writing: &Writing) -> Result<Response, ApiError> {
    let mut body = Vec::new();
    if writing.format == Format::Json {
        let mut array = JsonArray::default();
        for (place, row) in table.rows.iter().enumerate() {
            array.push(&mut body, &RowObject { columns: &table.columns, row }).map_err(internal)?;
            if place == 0 {
                // The rows to come are about as long.
                body.reserve(body.len().saturating_mul(table.rows.len()).min(MOST_RESERVED));
            }
        }
        array.finish(&mut body);
    } else {
        delimited(table, writing, &mut body)?;
    }
    Ok(respond(Body::from(body), writing))
}

/// A table; as JSON this value instead.
///
/// # Errors
/// When a value cannot be encoded.
pub fn value(value: &impl Serialize, table: &Table, writing: &Writing) -> Result<Response, ApiError> {
    let mut body = Vec::new();
    if writing.format == Format::Json {
        serde_json::to_writer(&mut body, value).map_err(internal)?;
    } else {
        delimited(table, writing, &mut body)?;
    }
    Ok(respond(Body::from(body), writing))
}

/// A table of one row; as JSON an object.
///
/// # Errors
/// When a value cannot be encoded.
pub fn object(table: &Table, writing: &Writing) -> Result<Response, ApiError> {
    let mut body = Vec::new();
    match table.rows.first() {
        Some(row) if writing.format == Format::Json => {
            serde_json::to_writer(&mut body, &RowObject { columns: &table.columns, row }).map_err(internal)?;
        }
        _ => delimited(table, writing, &mut body)?,
    }
    Ok(respond(Body::from(body), writing))
}

/// A streamed list; `columns` is its header in CSV and TSV. What fails before the first chunk is an error; what fails later ends the connection.
///
/// # Errors
/// The error of the first chunk.
pub async fn stream<R, E>(
    columns: &[Cow<'static, str>],
    chunks: impl Stream<Item = Result<Vec<R>, E>> + Send + 'static,
    writing: &Writing,
) -> Result<Response, ApiError>
where
    R: Record + Send + 'static,
    E: Into<ApiError> + std::error::Error + Send + Sync + 'static,
{
    let mut chunks = Box::pin(chunks);
    let first = chunks.try_next().await.map_err(Into::into)?;
    // An answer that is over with its first chunk is sent whole, with its length.
    let second = match &first {
        Some(_) => chunks.try_next().await.map_err(Into::into)?,
        None => None,
    };
    let mut encoder = Encoder::new(writing);
    let mut begun = Vec::new();
    encoder.begin(&mut begun, columns)?;
    for chunk in [&first, &second].into_iter().flatten() {
        encoder.chunk(&mut begun, chunk)?;
    }
    if second.is_none() {
        encoder.finish(&mut begun);
        return Ok(respond(Body::from(begun), writing));
    }
    let rest = async_stream::stream! {
        yield Ok(Bytes::from(begun));
        loop {
            match chunks.try_next().await {
                Ok(Some(chunk)) => {
                    let mut bytes = Vec::new();
                    match encoder.chunk(&mut bytes, &chunk) {
                        Ok(()) => yield Ok(Bytes::from(bytes)),
                        Err(_) => { yield Err(std::io::Error::other("a row cannot be encoded")); return; }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "answer cut off");
                    yield Err(std::io::Error::other(error));
                    return;
                }
            }
        }
        let mut bytes = Vec::new();
        encoder.finish(&mut bytes);
        if !bytes.is_empty() {
            yield Ok(Bytes::from(bytes));
        }
    };
    Ok(respond(Body::from_stream(rest), writing))
}

/// Bytes that are in the caller's form already, offered as a file in every format. What fails before 64 KiB are there is
/// an error, and a file that ends before them is sent whole, with its length; what fails later ends the connection.
///
/// # Errors
/// The error among the first bytes.
pub async fn bytes<E>(
    parts: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    writing: &Writing,
) -> Result<Response, ApiError>
where
    E: Into<ApiError> + std::error::Error + Send + Sync + 'static,
{
    let mut parts = Box::pin(parts);
    let mut begun = Vec::new();
    let is_whole = loop {
        match parts.try_next().await.map_err(Into::into)? {
            Some(part) => begun.extend_from_slice(&part),
            None => break true,
        }
        if begun.len() >= WHOLE_BYTES {
            break false;
        }
    };
    let body = if is_whole {
        Body::from(begun)
    } else {
        let rest = parts.map_err(|error| {
            tracing::error!(%error, "answer cut off");
            std::io::Error::other(error)
        });
        Body::from_stream(stream::iter([Ok(Bytes::from(begun))]).chain(rest))
    };
    let mut response = respond(body, writing);
    offer(&mut response, writing);
    Ok(response)
}

/// A file as it is made; what fails ends the connection. It is nothing to keep, as no answer here is.
pub fn file(
    content_type: &'static str,
    name: &'static str,
    bytes: impl Stream<Item = Result<Vec<u8>, ApiError>> + Send + 'static,
) -> Response {
    let bytes = bytes.map_ok(Bytes::from).map_err(|error| {
        tracing::error!(%error, "file cut off");
        std::io::Error::other(error)
    });
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization"));
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename={name}")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

/// The state between chunks.
enum Encoder {
    Json(JsonArray),
    Delimited(Delimited),
}

impl Encoder {
    fn new(writing: &Writing) -> Self {
        match writing.format {
            Format::Json => Self::Json(JsonArray::default()),
            Format::Csv | Format::Tsv => Self::Delimited(Delimited::new(writing.format, writing.spreadsheet_safe)),
        }
    }

    fn begin(&self, out: &mut Vec<u8>, columns: &[Cow<'static, str>]) -> Result<(), ApiError> {
        match self {
            Self::Json(_) => Ok(()),
            Self::Delimited(delimited) => delimited.header(out, columns).map_err(internal),
        }
    }

    fn chunk<R: Record>(&mut self, out: &mut Vec<u8>, chunk: &[R]) -> Result<(), ApiError> {
        for record in chunk {
            match self {
                Self::Json(array) => array.push(out, &record.json()).map_err(internal)?,
                Self::Delimited(delimited) => delimited.row(out, &record.row()).map_err(internal)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Self::Json(array) = self {
            std::mem::take(array).finish(out);
        }
    }
}

fn delimited(table: &Table, writing: &Writing, body: &mut Vec<u8>) -> Result<(), ApiError> {
    let delimited = Delimited::new(writing.format, writing.spreadsheet_safe);
    delimited.header(body, &table.columns).map_err(internal)?;
    for row in &table.rows {
        delimited.row(body, row).map_err(internal)?;
    }
    Ok(())
}

fn respond(body: Body, writing: &Writing) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(writing.format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization"));
    if writing.format != Format::Json {
        offer(&mut response, writing);
    }
    response
}

/// Has a browser save the answer under its name.
fn offer(response: &mut Response, writing: &Writing) {
    let name = format!("attachment; filename=\"{}.{}\"", writing.file_name, writing.format.extension());
    if let Ok(name) = HeaderValue::try_from(name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
}

fn internal(error: impl std::error::Error) -> ApiError {
    tracing::error!(%error, "answer cannot be encoded");
    ApiError::Internal
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    const HEADER: &[Cow<'static, str>] = &[Cow::Borrowed("number")];

    struct Number(u64);

    impl Record for Number {
        fn row(&self) -> Vec<Cell> {
            vec![Cell::from(self.0)]
        }

        fn json(&self) -> impl Serialize {
            self.0
        }
    }

    fn writing(format: Format) -> Writing {
        Writing { format, spreadsheet_safe: false, file_name: "numbers".to_owned() }
    }

    /// Chunks of one number each; those listed fail.
    fn chunks(count: u64, failing: u64) -> impl Stream<Item = Result<Vec<Number>, ApiError>> + Send + 'static {
        stream::iter((1..=count).map(move |number| {
            if number == failing { Err(ApiError::Unavailable("gone")) } else { Ok(vec![Number(number)]) }
        }))
    }

    #[tokio::test]
    async fn lists_of_any_length_are_whole() {
        for (count, json, csv) in [
            (0, "[]", "number\n"),
            (1, "[1]", "number\n1\n"),
            (2, "[1,2]", "number\n1\n2\n"),
            (4, "[1,2,3,4]", "number\n1\n2\n3\n4\n"),
        ] {
            for (format, expected) in [(Format::Json, json), (Format::Csv, csv), (Format::Tsv, csv)] {
                let response = stream(HEADER, chunks(count, 0), &writing(format)).await.unwrap();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(body, expected.as_bytes(), "{count} {format:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_failure_is_an_error_at_first_and_breaks_the_body_later() {
        for format in [Format::Json, Format::Csv, Format::Tsv] {
            for failing in [1, 2] {
                let refused = stream(HEADER, chunks(5, failing), &writing(format)).await.unwrap_err();
                assert_eq!(refused, ApiError::Unavailable("gone"), "{failing}");
            }
            for failing in [3, 5] {
                let mut body = stream(HEADER, chunks(5, failing), &writing(format)).await.unwrap().into_body();
                let mut sent = Vec::new();
                let ended = loop {
                    match body.frame().await {
                        Some(Ok(frame)) => sent.extend_from_slice(frame.data_ref().unwrap()),
                        Some(Err(_)) => break "broken",
                        None => break "whole",
                    }
                };
                assert_eq!(ended, "broken", "{format:?} {failing}");
                assert!(!sent.is_empty() && !sent.ends_with(b"]"), "{format:?} {failing}");
                assert!(body.frame().await.is_none());
            }
        }
    }
}
