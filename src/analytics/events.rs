//! Lists of events, streamed: rows come from ClickHouse as they are read, a chunk at a time, so that a list of any length
//! takes the memory of one chunk.

use std::time::Instant;

use futures_util::Stream;

use crate::plan::{Query, Shape};
use crate::telemetry::name::QUERY_SECONDS;
use crate::warehouse::event::{self, EventRow};
use crate::warehouse::{self, Rows};

use super::{Analytics, Error};

/// Events in one chunk.
const CHUNK: usize = 250;

async fn next_chunk(rows: &mut Rows<EventRow>) -> Result<Vec<EventRow>, warehouse::Error> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while chunk.len() < CHUNK {
        match rows.next().await? {
            Some(row) => chunk.push(row),
            None => break,
        }
    }
    Ok(chunk)
}

impl Analytics {
    /// The events that a query with [`Shape::Events`] asks for, in order and in chunks; none for any other shape. The
    /// stream ends after its first error.
    pub fn events(&self, query: Query) -> impl Stream<Item = Result<Vec<EventRow>, Error>> + Send + use<> {
        let analytics = self.clone();
        async_stream::try_stream! {
            let began = Instant::now();
            let query = analytics.prepare(query).await?;
            if let Shape::Events { order, page } = query.shape {
                let mut rows = analytics.warehouse.rows::<EventRow>(&event::events(&query, order, page))?;
                loop {
                    let chunk = next_chunk(&mut rows).await?;
                    let last = chunk.len() < CHUNK;
                    if !chunk.is_empty() {
                        yield chunk;
                    }
                    if last {
                        metrics::histogram!(QUERY_SECONDS, "kind" => "events").record(began.elapsed());
                        break;
                    }
                }
            }
        }
    }
}
