//! Sessions, told from events: see [`domain::session`](crate::domain::session) for what one is.
//!
//! A session that the source of its events named (column `session`) is what was named; all other events of a visitor are cut
//! where half an hour passed without one. Robots and repeats take no part.

use clickhouse::Row;
use serde::Deserialize;

use crate::calendar::Range;
use crate::domain::click_id::EventId;
use crate::domain::id::{SiteId, WorkspaceId};
use crate::plan::Bots;

use super::sql::{Sql, Value};

/// How far beyond a range a session that began in it is followed, in milliseconds: a day.
const FOLLOWED_MS: i64 = 86_400_000;

/// Whose sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteScope {
    /// Owner of the site.
    pub workspace: WorkspaceId,
    /// The site.
    pub site: SiteId,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct SessionRow {
    /// The first event, which names the session.
    pub first_event: u64,
    /// Who it was.
    pub visitor: u64,
    /// The site's own name of the person, as last told within the session; empty for none.
    pub user_id: String,
    /// Time of the first event in milliseconds.
    pub started_ms: i64,
    /// Time of the last event in milliseconds.
    pub ended_ms: i64,
    /// All events.
    pub events: u64,
    /// Pageviews among them.
    pub pageviews: u64,
    /// Page of the first pageview; empty without one.
    pub entry_page: String,
    /// Page of the last pageview; empty without one.
    pub exit_page: String,
    /// Referrer of the first event.
    pub referrer_url: String,
    /// Channel of the first event.
    pub channel: String,
    /// Country code of the first event.
    pub country: String,
    /// City of the first event.
    pub city: String,
    /// Device class of the first event.
    pub device: String,
    /// Browser of the first event.
    pub browser: String,
    /// System of the first event.
    pub os: String,
}

/// One event of a visitor on a site.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct StepRow {
    /// Identity.
    pub event_id: u64,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// It is a pageview.
    pub is_pageview: bool,
    /// The kind as its sender named it.
    pub event_type: String,
    /// Name of a custom event.
    pub event_name: String,
    /// Path of the page.
    pub page: String,
    /// Title of the page.
    pub page_title: String,
    /// Properties as JSON text.
    pub metadata: String,
    /// The site's own name of the person.
    pub user_id: String,
    /// Referrer without its query.
    pub referrer_url: String,
    /// Channel.
    pub channel: String,
    /// Country code.
    pub country: String,
    /// City.
    pub city: String,
    /// Device class.
    pub device: String,
    /// Browser.
    pub browser: String,
    /// System.
    pub os: String,
}

/// What finds the rest of an event's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct AnchorRow {
    /// Who it was.
    pub visitor: u64,
    /// The session that the event's source named; 0 for none.
    pub session: u64,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
}

/// What happened on a site in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct OverviewRow {
    /// Different visitors.
    pub visitors: u64,
    /// Sessions with at least one event in the range.
    pub sessions: u64,
    /// Pageviews.
    pub pageviews: u64,
    /// All events.
    pub events: u64,
    /// Time in sessions, as far as it lies in the range, in milliseconds.
    pub spent_ms: u64,
}

/// The events of a site that take part in sessions, within a range.
fn push_scope(sql: &mut Sql, scope: SiteScope, range: Range) {
    push_scope_of(sql, scope, range, Bots::Exclude);
}

/// The same events, or those of robots.
pub(super) fn push_scope_of(sql: &mut Sql, scope: SiteScope, range: Range, bots: Bots) {
    sql.push(" WHERE ").scope(scope.workspace);
    sql.push(" AND kind IN ('pageview', 'custom') AND timestamp >= fromUnixTimestamp64Milli(");
    sql.bind(Value::Int(range.start_ms())).push(") AND timestamp < fromUnixTimestamp64Milli(");
    sql.bind(Value::Int(range.end_ms())).push(") AND site_id = ").bind(Value::UInt(scope.site.0));
    sql.push(match bots {
        Bots::Exclude => " AND bot = '' AND NOT repeat",
        Bots::Only => " AND bot != '' AND NOT repeat",
        Bots::Include => " AND NOT repeat",
    });
}

/// SQL of the sessions that began in a range, newest first: everybody's, or one visitor's. One that goes on for more than a
/// day after the range's end is cut there.
pub fn sessions(scope: SiteScope, range: Range, visitor: Option<u64>, limit: u64, offset: u64) -> Sql {
    let silence = crate::domain::session::SILENCE_MS;
    let around = Range::new(range.start_ms() - silence, range.end_ms().saturating_add(FOLLOWED_MS)).unwrap_or(range);
    // Strings of a session's first event are taken together, by the order of events.
    let mut sql = Sql::new(
        "SELECT min((at_ms, event_id)).2 AS first_event, visitor, \
         argMaxIf(user_id, (at_ms, event_id), user_id != '') AS user_id, \
         min(at_ms) AS started_ms, max(at_ms) AS ended_ms, count() AS events, countIf(is_pageview) AS pageviews, \
         argMinIf(page, (at_ms, event_id), is_pageview) AS entry_page, \
         argMaxIf(page, (at_ms, event_id), is_pageview) AS exit_page, \
         argMin(referrer_url, (at_ms, event_id)) AS referrer_url, argMin(channel, (at_ms, event_id)) AS channel, \
         argMin(country, (at_ms, event_id)) AS country, argMin(city, (at_ms, event_id)) AS city, \
         argMin(device, (at_ms, event_id)) AS device, argMin(browser, (at_ms, event_id)) AS browser, \
         argMin(os, (at_ms, event_id)) AS os \
         FROM (SELECT *, sum(begins) OVER (PARTITION BY visitor, session ORDER BY at_ms, event_id) AS number \
         FROM (SELECT event_id, visitor, session, toUnixTimestamp64Milli(timestamp) AS at_ms, \
         kind = 'pageview' AS is_pageview, user_id, CAST(page AS String) AS page, referrer_url, \
         CAST(channel AS String) AS channel, CAST(country AS String) AS country, CAST(city AS String) AS city, \
         CAST(device AS String) AS device, CAST(browser AS String) AS browser, CAST(os AS String) AS os, \
         session = 0 AND at_ms - lagInFrame(at_ms, 1, toInt64(0)) \
         OVER (PARTITION BY visitor, session ORDER BY at_ms, event_id) >= ",
    );
    sql.bind(Value::Int(silence)).push(" AS begins FROM events");
    push_scope(&mut sql, scope, around);
    if let Some(visitor) = visitor {
        sql.push(" AND visitor = ").bind(Value::UInt(visitor));
    }
    sql.push(")) GROUP BY visitor, session, number HAVING started_ms >= ").bind(Value::Int(range.start_ms()));
    sql.push(" AND started_ms < ").bind(Value::Int(range.end_ms()));
    sql.push(" ORDER BY started_ms DESC, first_event DESC LIMIT ").bind(Value::UInt(limit));
    sql.push(" OFFSET ").bind(Value::UInt(offset));
    sql
}

/// SQL of the [`OverviewRow`] of a range.
pub fn overview(scope: SiteScope, range: Range, bots: Bots) -> Sql {
    // What lies in the range of one visitor is one stretch of time, so silences between its events are true silences.
    let silence_ms = crate::domain::session::SILENCE_MS;
    let mut sql = Sql::new(
        "SELECT uniqExact(visitor) AS visitors, sum(parts) AS sessions, sum(views) AS pageviews, sum(happened) AS events, \
         sum(spent) AS spent_ms FROM (SELECT visitor, countIf(kind = 'pageview') AS views, count() AS happened, \
         arrayDifference(arraySort(groupArray(toUnixTimestamp64Milli(timestamp)))) AS silences, \
         toUInt64(if(session != 0, 1, 1 + arrayCount(silence -> silence >= ",
    );
    sql.bind(Value::Int(silence_ms)).push(", silences))) AS parts, ");
    sql.push("toUInt64(arraySum(silence -> if(session != 0 OR silence < ").bind(Value::Int(silence_ms));
    sql.push(", silence, 0), silences)) AS spent FROM events");
    push_scope_of(&mut sql, scope, range, bots);
    sql.push(" GROUP BY visitor, session)");
    sql
}

/// SQL of the [`AnchorRow`] of one event of the site; no row when it has no such event.
pub fn anchor(scope: SiteScope, event: EventId) -> Sql {
    let mut sql = Sql::new("SELECT visitor, session, toUnixTimestamp64Milli(timestamp) AS at_ms FROM events WHERE ");
    sql.scope(scope.workspace).push(" AND kind IN ('pageview', 'custom') AND site_id = ");
    sql.bind(Value::UInt(scope.site.0)).push(" AND event_id = ").bind(Value::UInt(event.0));
    sql.push(" AND bot = '' AND NOT repeat LIMIT 1");
    sql
}

/// SQL of a visitor's events in a range, of one named session or of none, in order.
pub fn steps(scope: SiteScope, visitor: u64, session: u64, range: Range) -> Sql {
    let mut sql = Sql::new(
        "SELECT event_id, toUnixTimestamp64Milli(timestamp) AS at_ms, kind = 'pageview' AS is_pageview, event_type, \
         event_name, page, page_title, metadata, user_id, referrer_url, channel, country, city, device, browser, os \
         FROM events",
    );
    push_scope(&mut sql, scope, range);
    sql.push(" AND visitor = ").bind(Value::UInt(visitor)).push(" AND session = ").bind(Value::UInt(session));
    sql.push(" ORDER BY timestamp, event_id");
    sql
}
