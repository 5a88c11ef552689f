//! Single facts that surfaces show or resolve by: when events begin, when one happened, what links' counters say.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::click_id::EventId;
use crate::domain::id::{LinkId, WorkspaceId};

use super::Warehouse;
use super::failure::Error;
use super::sql::{Sql, Value};

#[derive(Clone, Row, Deserialize)]
struct BeginningRow {
    at_ms: i64,
    slots: u64,
}

#[derive(Clone, Row, Deserialize)]
struct TimeRow {
    at_ms: i64,
}

/// What a link's counters show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct LinkCountsRow {
    /// The link.
    pub link_id: u64,
    /// Clicks by humans, repeats left out.
    pub clicks: u64,
    /// Time of the last of them in milliseconds; 0 without one.
    pub last_ms: i64,
    /// Leads, likewise.
    pub leads: u64,
    /// Sales, likewise.
    pub sales: u64,
}

impl Warehouse {
    /// The time of the workspace's first event in milliseconds, at a quarter of an hour; `None` when it has none.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn beginning_ms(&self, workspace: WorkspaceId) -> Result<Option<i64>, Error> {
        let mut sql = Sql::new(
            // ClickHouse: grouped, so that the projection without links is read.
            "SELECT toInt64(toUnixTimestamp(min(slot))) * 1000 AS at_ms, count() AS slots FROM (SELECT slot \
             FROM events_15m WHERE ",
        );
        sql.scope(workspace).push(" GROUP BY slot)");
        let rows: Vec<BeginningRow> = self.collect(&sql).await?;
        Ok(rows.first().filter(|row| row.slots > 0).map(|row| row.at_ms))
    }

    /// The time of one event of the workspace in milliseconds; `None` when there is no such event.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn event_time_ms(&self, workspace: WorkspaceId, event: EventId) -> Result<Option<i64>, Error> {
        let mut sql = Sql::new("SELECT toUnixTimestamp64Milli(timestamp) AS at_ms FROM events WHERE ");
        sql.scope(workspace).push(" AND event_id = ").bind(Value::UInt(event.0)).push(" LIMIT 1");
        let rows: Vec<TimeRow> = self.collect(&sql).await?;
        Ok(rows.first().map(|row| row.at_ms))
    }

    /// Human clicks, leads and sales that are no repeats, and the time of the last click, of each of these links, or of
    /// every link of the workspace that has any.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn link_counts(
        &self,
        workspace: WorkspaceId,
        links: Option<&[LinkId]>,
    ) -> Result<Vec<LinkCountsRow>, Error> {
        if links.is_some_and(<[LinkId]>::is_empty) {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(
            "SELECT link_id, sumIf(events, kind = 'click') AS clicks, \
             toUnixTimestamp64Milli(maxIf(last, kind = 'click')) AS last_ms, sumIf(events, kind = 'lead') AS leads, \
             sumIf(events, kind = 'sale') AS sales FROM events_15m WHERE ",
        );
        sql.scope(workspace).push(" AND kind IN ('click', 'lead', 'sale') AND bot = '' AND NOT repeat AND link_id ");
        match links {
            Some(links) => sql.push("IN ").bind(Value::UInts(links.iter().map(|link| link.0).collect())),
            None => sql.push("> 0"),
        };
        sql.push(" GROUP BY link_id");
        self.collect(&sql).await
    }
}
