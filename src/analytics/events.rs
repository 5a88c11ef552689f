//! Lists of events: pages are read whole and handed out in chunks; lists without end are streamed, so that one of any length
//! takes the memory of a few chunks.

use std::time::Instant;

use futures_util::Stream;

use crate::domain::click_id::EventId;
use crate::plan::{From, Order, Page, Query, Shape};
use crate::telemetry::name::QUERY_SECONDS;
use crate::warehouse::event::{self, EventRow, Extent};
use crate::warehouse::{self, Rows};

use super::{Analytics, Error};

/// Events in one chunk.
const CHUNK: usize = 250;
/// Events that are read at once where all of them are wanted, and about how many lie in a slice of the range. Each reading is
/// a query of its own: however slowly the caller takes them, none is open for long.
const READ_AT_ONCE: u64 = 5_000;
const SLICE: u64 = 20_000;

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
                // A page is read at once: however slowly the caller takes it, its place is free for others.
                let mut rows = analytics.page(&query, order, page).await?.into_iter();
                metrics::histogram!(QUERY_SECONDS, "kind" => "events").record(began.elapsed());
                loop {
                    let chunk: Vec<EventRow> = rows.by_ref().take(CHUNK).collect();
                    if chunk.is_empty() {
                        break;
                    }
                    yield chunk;
                }
            }
        }
    }

    /// All events that a query means, in this order and in chunks; its shape is not looked at. The stream ends after its
    /// first error. An event that is stored meanwhile may be among them or not. The first ones of each visitor are found once,
    /// and so they are read in one go, at the caller's pace.
    pub fn all_events(
        &self,
        query: Query,
        order: Order,
    ) -> impl Stream<Item = Result<Vec<EventRow>, Error>> + Send + use<> {
        let analytics = self.clone();
        async_stream::try_stream! {
            let limit = if query.counting.unique { Page::ALL } else { READ_AT_ONCE };
            let shape = Shape::Events { order, page: Page { limit, from: From::Offset(0) } };
            let query = analytics.prepare(Query { shape, ..query }).await?;
            let reading = analytics.warehouse.long_reading(query.workspace).await?;
            if query.counting.unique {
                let mut rows = reading.rows::<EventRow>(&event::firsts(&query, order))?;
                loop {
                    let chunk = next_chunk(&mut rows).await?;
                    if chunk.is_empty() {
                        return;
                    }
                    yield chunk;
                }
            }
            let mut slices = reading.slices_of(&query, SLICE).await?;
            if order == Order::Descending {
                slices.reverse();
            }
            for range in slices {
                let slice = Query { range, ..query.clone() };
                let mut from = From::Offset(0);
                loop {
                    let page = Page { limit: READ_AT_ONCE, from };
                    let rows: Vec<EventRow> = reading.collect(&event::events(&slice, order, page, Extent::Unknown)).await?;
                    let more = rows.len() as u64 == READ_AT_ONCE;
                    if let Some(last) = rows.last() {
                        from = From::After { at_ms: last.at_ms, id: EventId(last.event_id) };
                        yield rows;
                    }
                    if !more {
                        break;
                    }
                }
            }
        }
    }
}
