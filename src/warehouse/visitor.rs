//! What is kept of a site's visitors: how they first and last came, and who they are. The table fills itself from events
//! (`clickhouse/0003_visitors.sql`); its states take the earliest and the latest, so that the same event may enter them any
//! number of times.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::click_id::EventId;

use super::failure::{Error, within};
use super::session::SiteScope;
use super::sql::{Sql, Value};
use super::{BATCH_LIMIT, Warehouse};

/// A touch as ClickHouse sends it: the fields of [`TouchRow`] in their order.
type TouchTuple = (String, String, String, String, String, String, String, String, String, u64, u64, String);

/// How a visitor came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "TouchTuple")]
pub struct TouchRow {
    /// Referrer host; empty for none.
    pub referrer_host: String,
    /// Referrer without its query.
    pub referrer_url: String,
    /// Name of the source.
    pub referrer_name: String,
    /// Channel.
    pub channel: String,
    /// `utm_source`
    pub utm_source: String,
    /// `utm_medium`
    pub utm_medium: String,
    /// `utm_campaign`
    pub utm_campaign: String,
    /// `utm_term`
    pub utm_term: String,
    /// `utm_content`
    pub utm_content: String,
    /// The link, where it was a click; else 0.
    pub link_id: u64,
    /// The click that the page's address named; else 0.
    pub click_event_id: u64,
    /// The page; empty for a click.
    pub page: String,
}

impl From<TouchTuple> for TouchRow {
    fn from(tuple: TouchTuple) -> Self {
        let (referrer_host, referrer_url, referrer_name, channel, utm_source, utm_medium, utm_campaign, ..) = tuple;
        let (.., utm_term, utm_content, link_id, click_event_id, page) = tuple;
        Self {
            referrer_host,
            referrer_url,
            referrer_name,
            channel,
            utm_source,
            utm_medium,
            utm_campaign,
            utm_term,
            utm_content,
            link_id,
            click_event_id,
            page,
        }
    }
}

/// One visitor of a site.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct VisitorRow {
    /// Who it is.
    pub visitor: u64,
    /// Time of the first event in milliseconds.
    pub first_seen_ms: i64,
    /// Time of the last event in milliseconds.
    pub last_seen_ms: i64,
    /// How they first came.
    pub first_touch: TouchRow,
    /// How they last came other than directly; nothing when they always came directly.
    pub last_touch: TouchRow,
    /// The site's own name of the person, as last told; empty for none.
    pub user_id: String,
}

/// SQL of these visitors of a site, in the order of their numbers.
pub fn visitors(scope: SiteScope, visitors: &[u64]) -> Sql {
    let mut sql = Sql::new(
        "SELECT visitor, toUnixTimestamp64Milli(min(first_seen)) AS first_seen_ms, \
         toUnixTimestamp64Milli(max(last_seen)) AS last_seen_ms, argMinIfMerge(first_touch) AS first_touch, \
         argMaxIfMerge(last_touch) AS last_touch, argMaxIfMerge(user_id) AS user_id FROM visitors WHERE ",
    );
    sql.scope(scope.workspace).push(" AND site_id = ").bind(Value::UInt(scope.site.0));
    sql.push(" AND visitor IN ").bind(Value::UInts(visitors.to_vec())).push(" GROUP BY visitor ORDER BY visitor");
    sql
}

impl Warehouse {
    /// Enters the events of `node` within `[start_ms, end_ms)` again, in case an insert was cut short between the tables.
    pub(super) async fn reconcile_visitors(&self, node: u16, start_ms: i64, end_ms: i64) -> Result<(), Error> {
        let again = self
            .writer
            .query_raw(
                "INSERT INTO visitors \
                 SELECT workspace_id, site_id, visitor, min(timestamp), max(timestamp), \
                 argMinIfState(touch, (timestamp, event_id), arrives), \
                 argMaxIfState(touch, (timestamp, event_id), arrives AND channel != 'Direct'), \
                 argMaxIfState(user_id, (timestamp, event_id), user_id != '') \
                 FROM (SELECT *, kind IN ('click', 'pageview') AS arrives, \
                 (CAST(referrer_host AS String), referrer_url, CAST(referrer_name AS String), CAST(channel AS String), \
                 CAST(utm_source AS String), CAST(utm_medium AS String), CAST(utm_campaign AS String), \
                 CAST(utm_term AS String), CAST(utm_content AS String), link_id, click_event_id, \
                 CAST(page AS String)) AS touch \
                 FROM events WHERE site_id != 0 AND bot = '' AND NOT repeat \
                 AND timestamp >= fromUnixTimestamp64Milli({start:Int64}) \
                 AND timestamp < fromUnixTimestamp64Milli({end:Int64}) \
                 AND event_id BETWEEN {lowest:UInt64} AND {highest:UInt64}) \
                 GROUP BY workspace_id, site_id, visitor",
            )
            .param("start", start_ms)
            .param("end", end_ms)
            .param("lowest", EventId::new(node, 0).0)
            .param("highest", EventId::new(node, (1 << 48) - 1).0)
            .with_setting("max_execution_time", "50")
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "0");
        within(BATCH_LIMIT, again.execute()).await
    }
}
