//! What is older than a workspace keeps: counted, and deleted for good.
//!
//! The cutoff is the beginning of a day in UTC, so that the slots of the rollup lie wholly on one side of it. A visitor goes
//! with their last event.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::id::WorkspaceId;

use super::failure::{Error, within};
use super::sql::{Sql, Value};
use super::{BATCH_LIMIT, Warehouse};

/// The time that cutoffs are multiples of, in milliseconds: a day.
pub const CUTOFF_MS: i64 = 86_400_000;

/// Rows of a workspace before a cutoff, by table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct Outdated {
    /// Events.
    pub events: u64,
    /// Rows of the rollup.
    pub slots: u64,
    /// Visitors of sites.
    pub visitors: u64,
}

impl Outdated {
    /// Whether there is nothing.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Appends the condition for visitors who were last seen before the cutoff. The rows of one visitor may not be merged yet:
/// only together they tell.
fn push_gone_visitors(sql: &mut Sql, workspace: WorkspaceId, cutoff_ms: i64) {
    sql.push("SELECT site_id, visitor FROM visitors{local} WHERE ").scope(workspace);
    sql.push(" GROUP BY site_id, visitor HAVING max(last_seen) < fromUnixTimestamp64Milli(")
        .bind(Value::Int(cutoff_ms))
        .push(")");
}

fn push_before(sql: &mut Sql, workspace: WorkspaceId, cutoff_ms: i64) {
    sql.scope(workspace);
    sql.push(" AND timestamp < fromUnixTimestamp64Milli(").bind(Value::Int(cutoff_ms)).push(")");
}

fn push_slots_before(sql: &mut Sql, workspace: WorkspaceId, cutoff_ms: i64) {
    sql.scope(workspace);
    sql.push(" AND slot < fromUnixTimestamp(").bind(Value::Int(cutoff_ms.div_euclid(1_000))).push(")");
}

impl Warehouse {
    /// What a workspace has from before `cutoff_ms`, which is a multiple of [`CUTOFF_MS`].
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn outdated(&self, workspace: WorkspaceId, cutoff_ms: i64) -> Result<Outdated, Error> {
        let mut sql = Sql::new("SELECT assumeNotNull((SELECT count() FROM events WHERE ");
        push_before(&mut sql, workspace, cutoff_ms);
        sql.push(")) AS events, assumeNotNull((SELECT count() FROM events_15m WHERE ");
        push_slots_before(&mut sql, workspace, cutoff_ms);
        sql.push(")) AS slots, assumeNotNull((SELECT count() FROM (");
        push_gone_visitors(&mut sql, workspace, cutoff_ms);
        sql.push("))) AS visitors");
        let text = self.fill_in(sql.text());
        within(BATCH_LIMIT, sql.query_as(&self.writer, &text).fetch_one()).await
    }

    /// Deletes what [`outdated`](Self::outdated) found, in the tables where it found something. May be cut short and run
    /// again.
    ///
    /// # Errors
    /// When ClickHouse refuses or falls silent.
    pub async fn delete_outdated(&self, workspace: WorkspaceId, cutoff_ms: i64, found: Outdated) -> Result<(), Error> {
        debug_assert_eq!(cutoff_ms % CUTOFF_MS, 0);
        if found.events > 0 {
            let mut sql = Sql::new("ALTER TABLE events{local} {on_cluster} DELETE WHERE ");
            push_before(&mut sql, workspace, cutoff_ms);
            self.delete(&sql).await?;
        }
        if found.slots > 0 {
            let mut sql = Sql::new("ALTER TABLE events_15m{local} {on_cluster} DELETE WHERE ");
            push_slots_before(&mut sql, workspace, cutoff_ms);
            self.delete(&sql).await?;
        }
        if found.visitors > 0 {
            let mut sql = Sql::new("ALTER TABLE visitors{local} {on_cluster} DELETE WHERE ");
            sql.scope(workspace).push(" AND (site_id, visitor) IN (");
            push_gone_visitors(&mut sql, workspace, cutoff_ms);
            sql.push(")");
            self.delete(&sql).await?;
        }
        Ok(())
    }
}
