//! Lists of events, streamed: rows come from ClickHouse as they are read, links are looked up a chunk at a time, so that a
//! list of any length takes the memory of one chunk.

use std::collections::HashMap;
use std::sync::Arc;

use clickhouse::query::RowCursor;
use futures_util::Stream;

use crate::domain::id::LinkId;
use crate::domain::link::{Counters, Link};
use crate::plan::{Query, Shape};
use crate::warehouse;
use crate::warehouse::event::{self, EventRow};

use super::{Analytics, Error};

/// Events in one chunk.
const CHUNK: usize = 500;

/// One event and its link as it is now.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// The event.
    pub event: EventRow,
    /// Its link, also when it was deleted since; `None` when it is gone altogether.
    pub link: Option<Arc<(Link, Counters)>>,
}

/// Some events, in order.
pub type EventChunk = Vec<EventRecord>;

async fn next_chunk(rows: &mut RowCursor<EventRow>) -> Result<Vec<EventRow>, warehouse::Error> {
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
    /// The events that a query with [`Shape::Events`] asks for; none for any other shape. The stream ends after its first
    /// error.
    pub fn events(&self, query: Query) -> impl Stream<Item = Result<EventChunk, Error>> + Send + use<> {
        let analytics = self.clone();
        async_stream::try_stream! {
            let query = analytics.prepare(query).await?;
            if let Shape::Events { order, page } = query.shape {
                let mut rows = analytics.warehouse.rows::<EventRow>(&event::events(&query, order, page))?;
                let mut links: HashMap<LinkId, Arc<(Link, Counters)>> = HashMap::new();
                loop {
                    let chunk = next_chunk(&mut rows).await?;
                    let last = chunk.len() < CHUNK;
                    analytics.learn_links(&query, &chunk, &mut links).await?;
                    if !chunk.is_empty() {
                        yield chunk
                            .into_iter()
                            .map(|event| EventRecord { link: links.get(&LinkId(event.link_id)).cloned(), event })
                            .collect();
                    }
                    if last {
                        break;
                    }
                }
            }
        }
    }

    /// Looks up those links of `rows` that are not known yet.
    async fn learn_links(
        &self,
        query: &Query,
        rows: &[EventRow],
        known: &mut HashMap<LinkId, Arc<(Link, Counters)>>,
    ) -> Result<(), Error> {
        let mut missing: Vec<LinkId> =
            rows.iter().map(|row| LinkId(row.link_id)).filter(|id| !known.contains_key(id)).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let (links, mut counters) =
            tokio::try_join!(self.links(query.workspace, &missing), self.counters(query.workspace, &missing))?;
        for link in links {
            let counters = counters.remove(&link.id).unwrap_or_default();
            known.insert(link.id, Arc::new((link, counters)));
        }
        Ok(())
    }
}
