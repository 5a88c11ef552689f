//! Clicks by link, for the counters in lists of links.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::id::{LinkId, WorkspaceId};

use super::Warehouse;
use super::failure::Error;
use super::sql::{Sql, Value};

/// Days of the short history, today included.
pub const DAYS: u8 = 30;
const DAY_SECS: i64 = 86_400;

/// The clicks of one link. Days are those of UTC.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct LinkClicksRow {
    /// The link.
    pub link_id: u64,
    /// Clicks, robots' and repeats included.
    pub clicks: u64,
    /// Those of today.
    pub clicks_today: u64,
    /// Those of the last [`DAYS`].
    pub clicks_recently: u64,
    /// Clicks by humans, repeats included.
    pub humans: u64,
    /// Those of the last [`DAYS`].
    pub humans_recently: u64,
    /// Time of the last click in milliseconds.
    pub last_ms: i64,
    /// Time of the last click by a human in milliseconds; 0 without one.
    pub last_human_ms: i64,
    /// Time of the last click by a robot in milliseconds; 0 without one.
    pub last_robot_ms: i64,
    /// Which of the last [`DAYS`] have clicks by humans, in no order: 1 for the oldest, [`DAYS`] for today.
    pub days: Vec<u8>,
    /// How many each of these has.
    pub daily: Vec<u64>,
}

impl Warehouse {
    /// The clicks of each of these links, or of every link of the workspace, that has any, as of `now_ms`. One pass over the
    /// rollup.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn link_clicks(
        &self,
        workspace: WorkspaceId,
        links: Option<&[LinkId]>,
        now_ms: i64,
    ) -> Result<Vec<LinkClicksRow>, Error> {
        if links.is_some_and(<[LinkId]>::is_empty) {
            return Ok(Vec::new());
        }
        let today = now_ms.div_euclid(1_000).div_euclid(DAY_SECS) * DAY_SECS;
        let since = today - i64::from(DAYS - 1) * DAY_SECS;
        let mut sql = Sql::new(
            "SELECT link_id, sum(clicks_of_day) AS clicks, sumIf(clicks_of_day, day = 30) AS clicks_today, \
             sumIf(clicks_of_day, day BETWEEN 1 AND 30) AS clicks_recently, sum(humans_of_day) AS humans, \
             sumIf(humans_of_day, day BETWEEN 1 AND 30) AS humans_recently, \
             toUnixTimestamp64Milli(max(last_of_day)) AS last_ms, \
             toUnixTimestamp64Milli(max(last_human_of_day)) AS last_human_ms, \
             toUnixTimestamp64Milli(max(last_robot_of_day)) AS last_robot_ms, \
             groupArrayIf(day, day BETWEEN 1 AND 30 AND humans_of_day > 0) AS days, \
             groupArrayIf(humans_of_day, day BETWEEN 1 AND 30 AND humans_of_day > 0) AS daily \
             FROM (SELECT link_id, toUInt8(if(toUnixTimestamp(slot) < ",
        );
        // What lies before and after the days is 0 and 31.
        sql.bind_shared(Value::Int(since)).push(", 0, least(31, 1 + intDiv(toUnixTimestamp(slot) - ");
        sql.bind_shared(Value::Int(since)).push(
            ", 86400)))) AS day, sum(events) AS clicks_of_day, sumIf(events, bot = '') AS humans_of_day, \
             max(last) AS last_of_day, maxIf(last, bot = '') AS last_human_of_day, \
             maxIf(last, bot != '') AS last_robot_of_day FROM events_15m WHERE ",
        );
        sql.scope(workspace).push(" AND kind = 'click' AND link_id ");
        match links {
            Some(links) => sql.push("IN ").bind(Value::UInts(links.iter().map(|link| link.0).collect())),
            None => sql.push("> 0"),
        };
        sql.push(" GROUP BY link_id, day) GROUP BY link_id");
        self.collect(&sql).await
    }
}
