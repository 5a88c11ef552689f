//! Clicks as a file, in bytes that come as the client takes them: ClickHouse writes the rows, and here they get their ids.

use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;

use crate::domain::click_id::{ClickKey, EventId};
use crate::encode::{Buffers, Format, Marks};
use crate::plan::{From, Order, Page, Query, Shape};
use crate::telemetry::name::QUERY_SECONDS;
use crate::warehouse::click_file::{IDENTITY_DIGITS, click_file};

use super::{Analytics, Error};

/// How a file of clicks is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClickFile {
    /// JSON (an array), CSV or TSV.
    pub format: Format,
    /// Oldest or newest first; clicks of one millisecond by identity.
    pub order: Order,
    /// Defuse cells that a spreadsheet would run; not in JSON.
    pub spreadsheet_safe: bool,
}

impl Analytics {
    /// The file of all clicks that a query means; its shape is not looked at. One query, read at the caller's pace. The
    /// stream ends after its first error, and then the file is not whole.
    pub fn click_file(
        &self,
        query: Query,
        file: ClickFile,
        key: ClickKey,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        let analytics = self.clone();
        async_stream::try_stream! {
            let began = Instant::now();
            let shape = Shape::Events { order: file.order, page: Page { limit: Page::ALL, from: From::Offset(0) } };
            let query = analytics.prepare(Query { shape, ..query }).await?;
            // Made for this file alone: no stored text can hold it.
            let mark = format!("{:016x}", rand::random::<u64>());
            let (sql, format) = click_file(&query, file.order, file.format, file.spreadsheet_safe, &mark);
            let reading = analytics.warehouse.long_reading(query.workspace).await?;
            let mut written = reading.written(&sql, format)?;
            let mut marks = Marks::new(mark.as_bytes(), IDENTITY_DIGITS);
            let buffers = Buffers::default();
            while let Some(part) = written.next().await? {
                let mut out = buffers.take();
                marks.pass(&part, &mut out, |digits, out| out.extend_from_slice(&key.letters(identity(digits))));
                // Read into again, now that it is free.
                drop(part);
                if !out.is_empty() {
                    yield buffers.part(out);
                }
            }
            let rest = marks.finish();
            if !rest.is_empty() {
                yield Bytes::from(rest);
            }
            metrics::histogram!(QUERY_SECONDS, "kind" => "click_file").record(began.elapsed());
        }
    }
}

/// An identity in hexadecimal digits; ClickHouse writes no others.
fn identity(digits: &[u8]) -> EventId {
    // Of a letter the low bits are one less than what it adds to nine.
    EventId(digits.iter().fold(0, |number, digit| number << 4 | u64::from((digit & 0xf) + 9 * (digit >> 6))))
}
