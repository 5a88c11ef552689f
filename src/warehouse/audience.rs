//! Who was on a site: its visitors with all that tells how warm they are, its pages and countries, and what happened last.
//!
//! Sessions are those of `session.rs`: named ones, and else what half an hour of silence ends.

use clickhouse::Row;
use serde::Deserialize;

use crate::calendar::{EARLIEST_MS, Range};
use crate::domain::high_value::HighValue;
use crate::domain::id::LinkId;
use crate::domain::score::{self, Engagement, Measure};
use crate::domain::session::SILENCE_MS;
use crate::plan::Bots;

use super::session::{SiteScope, push_scope_of};
use super::sql::{Sql, Value};

/// Which visitors of a site.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The site.
    pub scope: SiteScope,
    /// They did something in this range.
    pub range: Range,
    /// People, or robots.
    pub bots: Bots,
    /// What pages count as of high value.
    pub high_value: &'a HighValue,
}

/// By what visitors are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Who did something last, first.
    Recent,
    /// The warmest first, of equals who did something last.
    Score,
}

/// Columns that come as one from a visitor's last event.
type Latest = (String, String, String, i32, i32, String, String, String, String);

/// One visitor. What is not said to be of the range is of all that they did until its end.
#[derive(Clone, Debug, Default, PartialEq, Row, Deserialize)]
pub struct AudienceRow {
    /// Who it is.
    pub visitor: u64,
    /// Time of the first event in milliseconds.
    pub first_ms: i64,
    /// Time of the last event in milliseconds.
    pub last_ms: i64,
    /// Sessions.
    pub sessions: u64,
    /// Pageviews.
    pub pageviews: u64,
    /// All events.
    pub events: u64,
    /// Time in sessions, in milliseconds.
    pub spent_ms: u64,
    /// Views of pages of high value.
    pub high_value_views: u64,
    /// 1 when a name was told, else 0.
    pub identified: u64,
    /// Sessions with an event in the range.
    pub sessions_within: u64,
    /// Pageviews in the range.
    pub pageviews_within: u64,
    /// Events in the range.
    pub events_within: u64,
    /// Time in sessions within the range, in milliseconds.
    pub spent_within_ms: u64,
    /// The site's own name of the person, as last told; empty for none.
    pub user_id: String,
    /// Page of the last pageview; empty without one.
    pub page: String,
    /// Referrer of the last event that has one.
    pub referrer_url: String,
    /// Country code, region code with its country, city, its coordinates, device class, browser, system and robot name of
    /// the last event.
    pub latest: Latest,
}

impl AudienceRow {
    /// What the score is made of.
    pub fn engagement(&self) -> Engagement {
        Engagement {
            sessions: self.sessions,
            pageviews: self.pageviews,
            spent_ms: self.spent_ms,
            high_value_views: self.high_value_views,
            identified: self.identified,
        }
    }
}

/// How many of the visitors of a range are known, and how many are hot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct LeadsRow {
    /// Visitors whose name is known.
    pub identified: u64,
    /// Visitors whose score is that of a hot lead.
    pub hot: u64,
}

/// A page or a country, with how often.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct CountRow {
    /// The page's path, or the country's code.
    pub value: String,
    /// Views, or visitors.
    pub count: u64,
}

/// One event, as a stream shows it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct ActivityRow {
    /// Identity.
    pub event_id: u64,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Who it was.
    pub visitor: u64,
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
}

/// A visitor's clicks on links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct ClicksRow {
    /// Who it is.
    pub visitor: u64,
    /// Clicks.
    pub clicks: u64,
}

/// SQL of the [`AudienceRow`]s; of one visitor alone where one is named.
pub fn audience(seen: Seen<'_>, only: Option<u64>, order: Order, limit: u64, offset: u64) -> Sql {
    let mut sql = Sql::new("SELECT * EXCEPT (score) FROM (");
    push_visitors(&mut sql, seen, only);
    sql.push(")").push(match order {
        Order::Recent => " ORDER BY last_ms DESC, visitor",
        Order::Score => " ORDER BY score DESC, last_ms DESC, visitor",
    });
    sql.push(" LIMIT ").bind(Value::UInt(limit)).push(" OFFSET ").bind(Value::UInt(offset));
    sql
}

/// SQL of the [`LeadsRow`].
pub fn leads(seen: Seen<'_>) -> Sql {
    let mut sql = Sql::new("SELECT countIf(identified > 0) AS identified, countIf(score >= ");
    sql.bind(Value::UInt(score::HOT)).push(") AS hot FROM (");
    push_visitors(&mut sql, seen, None);
    sql.push(")");
    sql
}

fn push_visitors(sql: &mut Sql, seen: Seen<'_>, only: Option<u64>) {
    let Seen { scope, range, bots, .. } = seen;
    sql.push(
        "SELECT visitor, min(times[1]) AS first_ms, max(times[-1]) AS last_ms, sum(parts) AS sessions, \
         sum(views) AS pageviews, sum(length(times)) AS events, sum(spent) AS spent_ms, \
         sum(valued) AS high_value_views, toUInt64(max(user_key.1 != 0)) AS identified, \
         sum(parts_within) AS sessions_within, sum(views_within) AS pageviews_within, \
         sum(length(within)) AS events_within, sum(spent_within) AS spent_within_ms, \
         argMax(user, user_key) AS user_id, argMax(last_page, page_key) AS page, \
         argMax(referrer, referrer_key) AS referrer_url, argMax(last, last_key) AS latest, ",
    );
    push_score(sql);
    sql.push(
        " AS score FROM (SELECT visitor, session, arraySort(groupArray(at_ms)) AS times, \
         arrayFilter(at -> at >= ",
    );
    sql.bind(Value::Int(range.start_ms())).push(", times) AS within, ");
    push_parts(sql, "times", "parts", "spent");
    push_parts(sql, "within", "parts_within", "spent_within");
    sql.push("countIf(is_pageview) AS views, countIf(is_pageview AND at_ms >= ").bind(Value::Int(range.start_ms()));
    sql.push(") AS views_within, countIf(is_pageview AND ");
    push_high_value(sql, seen.high_value);
    // A key of 0 is that of no event: it loses against every other.
    sql.push(
        ") AS valued, max(key) AS last_key, \
         argMax((country, region, city, latitude, longitude, device, browser, os, robot), key) AS last, \
         maxIf(key, is_pageview) AS page_key, argMaxIf(path, key, is_pageview) AS last_page, \
         maxIf(key, came_from != '') AS referrer_key, argMaxIf(came_from, key, came_from != '') AS referrer, \
         maxIf(key, name != '') AS user_key, argMaxIf(name, key, name != '') AS user \
         FROM (SELECT visitor, session, toUnixTimestamp64Milli(timestamp) AS at_ms, (at_ms, event_id) AS key, \
         kind = 'pageview' AS is_pageview, user_id AS name, referrer_url AS came_from, CAST(page AS String) AS path, \
         CAST(country AS String) AS country, CAST(region AS String) AS region, CAST(city AS String) AS city, \
         latitude, longitude, CAST(device AS String) AS device, CAST(browser AS String) AS browser, \
         CAST(os AS String) AS os, CAST(bot AS String) AS robot FROM events",
    );
    let so_far = Range::new(EARLIEST_MS, range.end_ms()).unwrap_or(range);
    push_scope_of(sql, scope, so_far, bots);
    match only {
        Some(visitor) => {
            sql.push(" AND visitor = ").bind(Value::UInt(visitor));
        }
        None => {
            // ClickHouse: over shards, a table within a question about another is asked once for all of them.
            sql.push(" AND visitor GLOBAL IN (SELECT visitor FROM events");
            push_scope_of(sql, scope, range, bots);
            sql.push(")");
        }
    }
    sql.push(") GROUP BY visitor, session) GROUP BY visitor");
}

/// Sessions in a sorted list of times, and the time in them.
fn push_parts(sql: &mut Sql, times: &'static str, parts: &'static str, spent: &'static str) {
    sql.push("toUInt64(multiIf(empty(")
        .push(times)
        .push("), 0, session != 0, 1, 1 + arrayCount(silence -> silence >= ");
    sql.bind(Value::Int(SILENCE_MS)).push(", arrayDifference(").push(times).push(")))) AS ").push(parts);
    sql.push(", toUInt64(if(session != 0, ").push(times).push("[-1] - ").push(times);
    sql.push("[1], arraySum(silence -> if(silence < ").bind(Value::Int(SILENCE_MS));
    sql.push(", silence, 0), arrayDifference(").push(times).push(")))) AS ").push(spent).push(", ");
}

/// As [`HighValue::includes`].
fn push_high_value(sql: &mut Sql, high_value: &HighValue) {
    sql.push("(hasAny(arrayMap(part -> splitByChar('.', part)[1], splitByChar('/', lowerUTF8(path))), ");
    sql.bind(Value::Texts(high_value.words.clone()));
    sql.push(
        ") OR arrayExists(wanted -> lowerUTF8(path) = wanted OR startsWith(lowerUTF8(path), concat(wanted, '/')), ",
    );
    sql.bind(Value::Texts(high_value.paths.clone())).push("))");
}

/// As [`score::score`].
fn push_score(sql: &mut Sql) {
    sql.push("least(").bind(Value::UInt(score::MOST)).push(", ").bind(Value::UInt(score::BASE));
    for rule in score::RULES {
        sql.push(" + if(").push(match rule.of {
            Measure::Sessions => "sessions",
            Measure::Pageviews => "pageviews",
            Measure::SpentMs => "spent_ms",
            Measure::HighValueViews => "high_value_views",
            Measure::Identified => "identified",
        });
        sql.push(" >= ").bind(Value::UInt(rule.at_least)).push(", ").bind(Value::UInt(rule.points)).push(", 0)");
    }
    sql.push(")");
}

/// SQL of the pages that were seen most, as [`CountRow`]s.
pub fn top_pages(scope: SiteScope, range: Range, bots: Bots, limit: u64) -> Sql {
    let mut sql = Sql::new("SELECT CAST(page AS String) AS value, count() AS count FROM events");
    push_scope_of(&mut sql, scope, range, bots);
    sql.push(" AND kind = 'pageview' GROUP BY page ORDER BY count DESC, value LIMIT ").bind(Value::UInt(limit));
    sql
}

/// SQL of visitors by country, as [`CountRow`]s. Who was in two of them counts in both.
pub fn countries(scope: SiteScope, range: Range, bots: Bots) -> Sql {
    let mut sql = Sql::new("SELECT CAST(country AS String) AS value, uniqExact(visitor) AS count FROM events");
    push_scope_of(&mut sql, scope, range, bots);
    sql.push(" GROUP BY country ORDER BY count DESC, value");
    sql
}

/// SQL of what happened last, newest first: everybody's, or one visitor's.
pub fn activity(scope: SiteScope, range: Range, bots: Bots, only: Option<u64>, limit: u64) -> Sql {
    let mut sql = Sql::new(
        "SELECT event_id, toUnixTimestamp64Milli(timestamp) AS at_ms, visitor, event_type, event_name, page, page_title, \
         metadata FROM events",
    );
    push_scope_of(&mut sql, scope, range, bots);
    if let Some(visitor) = only {
        sql.push(" AND visitor = ").bind(Value::UInt(visitor));
    }
    sql.push(" ORDER BY timestamp DESC, event_id DESC LIMIT ").bind(Value::UInt(limit));
    sql
}

/// SQL of how often these visitors followed links of the site in a range.
pub fn clicks(scope: SiteScope, range: Range, visitors: &[u64], links: &[LinkId]) -> Sql {
    let mut sql = Sql::new("SELECT visitor, count() AS clicks FROM events WHERE ");
    sql.scope(scope.workspace).push(" AND kind = 'click' AND timestamp >= fromUnixTimestamp64Milli(");
    sql.bind(Value::Int(range.start_ms())).push(") AND timestamp < fromUnixTimestamp64Milli(");
    sql.bind(Value::Int(range.end_ms())).push(") AND link_id IN ");
    sql.bind(Value::UInts(links.iter().map(|link| link.0).collect())).push(" AND visitor IN ");
    sql.bind(Value::UInts(visitors.to_vec())).push(" AND bot = '' AND NOT repeat GROUP BY visitor");
    sql
}
