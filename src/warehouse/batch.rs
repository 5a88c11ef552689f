//! What the drain asks after a failure: was a batch stored, is the rollup in line with it, and which clicks were recent.

use std::sync::atomic::{AtomicU64, Ordering};

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::click_id::EventId;

use super::failure::{Error, within};
use super::{BATCH_LIMIT, Warehouse};

#[derive(Row, Deserialize)]
struct CountRow {
    events: u64,
}

/// A click that is no repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct RecentClickRow {
    /// Owner of the link.
    pub workspace_id: u64,
    /// The link.
    pub link_id: u64,
    /// The visitor.
    pub visitor: u64,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
}

/// What the names of a node's writing statements begin with; its tokens do too.
pub fn statement_prefix(node: u16) -> String {
    format!("lt-{node}-")
}

impl Warehouse {
    /// The id under which a statement named `name` runs: of its own at each attempt, since a server may hold on to the last
    /// one's for a moment, and with the database's name, since another installation may share the server.
    pub(super) fn statement_id(&self, name: &str) -> String {
        static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        format!("{}.{name}.{attempt}", self.database)
    }

    /// Ends what earlier statements whose names begin with `prefix` may still be doing: an insert whose answer never came can
    /// be at work when its batch is looked up, and would then be counted twice in the rollup.
    ///
    /// # Errors
    /// When ClickHouse cannot tell that they have ended.
    pub async fn end_statements(&self, prefix: &str) -> Result<(), Error> {
        let kill = self
            .writer
            .query_raw("KILL QUERY WHERE startsWith(query_id, {prefix:String}) SYNC")
            .param("prefix", format!("{}.{prefix}", self.database));
        within(BATCH_LIMIT, kill.execute()).await
    }

    /// How many events with an identity from `first` to `last` (both included) and a time within `[start_ms, end_ms)` are
    /// stored.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn stored(&self, first: EventId, last: EventId, start_ms: i64, end_ms: i64) -> Result<u64, Error> {
        let question = self
            .writer
            .query_raw(
                "SELECT uniqExact(event_id) AS events FROM events \
                 WHERE timestamp >= fromUnixTimestamp64Milli({start:Int64}) \
                 AND timestamp < fromUnixTimestamp64Milli({end:Int64}) \
                 AND event_id BETWEEN {first:UInt64} AND {last:UInt64}",
            )
            .param("start", start_ms)
            .param("end", end_ms)
            .param("first", first.0)
            .param("last", last.0)
            .with_setting("max_execution_time", "50");
        let row: CountRow = within(BATCH_LIMIT, question.fetch_one()).await?;
        Ok(row.events)
    }

    /// The last sequence above `after` of which an event of `node` is stored; 0 when there is none. Quick where it should be:
    /// the index of identities passes over everything up to `after`.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn last_sequence(&self, node: u16, after: u64) -> Result<u64, Error> {
        let question = self
            .writer
            .query_raw(
                "SELECT max(event_id) AS events FROM events \
                 WHERE event_id > {after:UInt64} AND event_id <= {highest:UInt64}",
            )
            .param("after", EventId::new(node, after).0)
            .param("highest", EventId::new(node, (1 << 48) - 1).0)
            .with_setting("max_execution_time", "50");
        let row: CountRow = within(BATCH_LIMIT, question.fetch_one()).await?;
        Ok(if row.events == 0 { 0 } else { EventId(row.events).sequence() })
    }

    /// Brings rollup and visitors in line with the events of `node` within `[start_ms, end_ms)`: adds what an insert that was cut short
    /// between the two tables left out. Only the node's own writer may call it, while it writes nothing else.
    ///
    /// # Errors
    /// When ClickHouse refuses; calling again is safe.
    pub async fn reconcile(&self, node: u16, start_ms: i64, end_ms: i64) -> Result<(), Error> {
        let addition = self
            .writer
            .query_raw(
                "INSERT INTO events_15m (workspace_id, kind, slot, link_id, bot, repeat, node, events, last) \
                 SELECT workspace_id, kind, slot, link_id, bot, repeat, {node:UInt16}, \
                        toUInt64(sum(happened) - sum(counted)) AS missing, max(seen) \
                 FROM ( \
                     SELECT workspace_id, kind, toStartOfFifteenMinutes(timestamp) AS slot, link_id, bot, repeat, \
                            toInt64(1) AS happened, toInt64(0) AS counted, timestamp AS seen \
                     FROM events \
                     WHERE timestamp >= toStartOfFifteenMinutes(fromUnixTimestamp({start:Int64})) \
                     AND timestamp < toStartOfFifteenMinutes(fromUnixTimestamp({end:Int64})) + INTERVAL 15 MINUTE \
                     AND event_id BETWEEN {lowest:UInt64} AND {highest:UInt64} \
                     UNION ALL \
                     SELECT workspace_id, kind, slot, link_id, bot, repeat, \
                            toInt64(0) AS happened, toInt64(events) AS counted, last AS seen \
                     FROM events_15m \
                     WHERE slot >= toStartOfFifteenMinutes(fromUnixTimestamp({start:Int64})) \
                     AND slot <= toStartOfFifteenMinutes(fromUnixTimestamp({end:Int64})) \
                     AND node = {node:UInt16} \
                 ) \
                 GROUP BY workspace_id, kind, slot, link_id, bot, repeat \
                 HAVING sum(happened) > sum(counted)",
            )
            .param("node", node)
            .param("start", start_ms.div_euclid(1_000))
            .param("end", (end_ms - 1).div_euclid(1_000))
            .param("lowest", EventId::new(node, 0).0)
            .param("highest", EventId::new(node, (1 << 48) - 1).0)
            .with_setting("query_id", self.statement_id(&format!("{}reconcile", statement_prefix(node))))
            .with_setting("max_execution_time", "50")
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "0");
        within(BATCH_LIMIT, addition.execute()).await?;
        self.reconcile_visitors(node, start_ms, end_ms).await
    }

    /// The clicks within `[start_ms, end_ms)` that are no repeats, of the node of `before` and with identities below it.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn recent_clicks(
        &self,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<RecentClickRow>, Error> {
        let text = "SELECT workspace_id, link_id, visitor, toUnixTimestamp64Milli(timestamp) AS at_ms FROM events \
                    WHERE kind = 'click' AND NOT repeat AND timestamp >= fromUnixTimestamp64Milli({start:Int64}) \
                    AND timestamp < fromUnixTimestamp64Milli({end:Int64}) \
                    AND event_id >= {lowest:UInt64} AND event_id < {before:UInt64}";
        self.recent(text, before, start_ms, end_ms).await
    }

    /// As [`recent_clicks`](Self::recent_clicks), for events other than clicks that have an idempotency key: with the number
    /// of their site as the link, and their key as the visitor.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn recent_names(
        &self,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<RecentClickRow>, Error> {
        let text = "SELECT workspace_id, site_id AS link_id, idempotency AS visitor, \
                    toUnixTimestamp64Milli(timestamp) AS at_ms FROM events \
                    WHERE kind != 'click' AND idempotency != 0 AND NOT repeat \
                    AND timestamp >= fromUnixTimestamp64Milli({start:Int64}) \
                    AND timestamp < fromUnixTimestamp64Milli({end:Int64}) \
                    AND event_id >= {lowest:UInt64} AND event_id < {before:UInt64}";
        self.recent(text, before, start_ms, end_ms).await
    }

    /// Events of the node of `before`, with identities below it, within `[start_ms, end_ms)`.
    async fn recent(
        &self,
        text: &'static str,
        before: EventId,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<RecentClickRow>, Error> {
        let question = self
            .writer
            .query_raw(text)
            .param("start", start_ms)
            .param("end", end_ms)
            .param("lowest", EventId::new(before.node(), 0).0)
            .param("before", before.0);
        within(BATCH_LIMIT, question.fetch_all()).await
    }
}
