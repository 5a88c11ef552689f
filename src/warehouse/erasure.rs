//! What somebody wants forgotten: found, deleted for good, and looked for once more.
//!
//! What always holds:
//! - Only rows of the one workspace are read and written, and of those only the subject's go.
//! - Afterwards the rollup counts what the events say. It is brought in line by comparing the two, not by knowing what was
//!   deleted, so an erasure that was cut short is completed by running it again.
//! - Events go last: as long as they are there, everything that was derived from them can be found by them.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::click_id::EventId;
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};

use super::failure::{Error, within};
use super::mutation::MUTATION_LIMIT;
use super::sql::{Sql, Value};
use super::{BATCH_LIMIT, Warehouse};

/// Visitors whose rows are made anew by one statement.
const VISITORS_AT_ONCE: usize = 50_000;

/// What `clickhouse/0003_visitors.sql` makes of events, up to the first condition.
macro_rules! visitor_rows {
    () => {
        "SELECT workspace_id, site_id, visitor, min(timestamp) AS first_seen, max(timestamp) AS last_seen, \
         argMinIfState((CAST(referrer_host AS String), referrer_url, CAST(referrer_name AS String), \
         CAST(channel AS String), CAST(utm_source AS String), CAST(utm_medium AS String), CAST(utm_campaign AS String), \
         CAST(utm_term AS String), CAST(utm_content AS String), link_id, click_event_id, CAST(page AS String)), \
         (timestamp, event_id), kind IN ('click', 'pageview')) AS first_touch, \
         argMaxIfState((CAST(referrer_host AS String), referrer_url, CAST(referrer_name AS String), \
         CAST(channel AS String), CAST(utm_source AS String), CAST(utm_medium AS String), CAST(utm_campaign AS String), \
         CAST(utm_term AS String), CAST(utm_content AS String), link_id, click_event_id, CAST(page AS String)), \
         (timestamp, event_id), kind IN ('click', 'pageview') AND channel != 'Direct') AS last_touch, \
         argMaxIfState(user_id, (timestamp, event_id), user_id != '') AS user_id \
         FROM events{local} WHERE site_id != 0 AND bot = '' AND NOT repeat"
    };
}

/// Whose events go. An event is the subject's when any of these fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Everything that involves a link.
    pub link: Option<LinkId>,
    /// Everything of these visitors.
    pub visitors: Vec<u64>,
    /// Everything under the name that the site gave to a person.
    pub user_id: Option<String>,
    /// Leads and sales of a customer.
    pub customer: Option<CustomerId>,
    /// These events: the clicks that a customer followed.
    pub events: Vec<EventId>,
}

/// A visitor on whom the subject's name was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct Namesake {
    /// The visitor.
    pub visitor: u64,
    /// How many names of the same kind were seen on them; 1 is the subject's alone.
    pub names: u64,
}

/// Rows of the subject, by table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Row, Deserialize, serde::Serialize)]
pub struct Found {
    /// Events.
    pub events: u64,
    /// The same, counted in the projection that keeps them by link.
    pub events_by_link: u64,
    /// Rows of the rollup that name the link; 0 for a person, whom the rollup does not know.
    pub rollup_rows: u64,
    /// Visitors of sites who are the subject, or whose first or last touch is.
    pub visitors: u64,
}

/// Appends the condition for the subject's events.
fn push_subject(sql: &mut Sql, workspace: WorkspaceId, subject: &Subject) {
    sql.scope(workspace).push(" AND (0");
    if let Some(link) = subject.link {
        sql.push(" OR link_id = ").bind(Value::UInt(link.0));
    }
    if !subject.visitors.is_empty() {
        sql.push(" OR visitor IN ").bind(Value::UInts(subject.visitors.clone()));
    }
    if let Some(user_id) = &subject.user_id {
        sql.push(" OR user_id = ").bind(Value::Text(user_id.clone()));
    }
    if let Some(customer) = subject.customer {
        sql.push(" OR customer_id = ").bind(Value::UInt(customer.0));
    }
    if !subject.events.is_empty() {
        sql.push(" OR event_id IN ").bind(Value::UInts(subject.events.iter().map(|event| event.0).collect()));
    }
    sql.push(")");
}

/// Appends the query for the visitors whose row knows of the subject.
fn push_visitors(sql: &mut Sql, workspace: WorkspaceId, subject: &Subject) {
    sql.push("SELECT visitor FROM visitors{local} WHERE ").scope(workspace);
    sql.push(" GROUP BY site_id, visitor HAVING 0");
    if !subject.visitors.is_empty() {
        sql.push(" OR visitor IN ").bind(Value::UInts(subject.visitors.clone()));
    }
    if let Some(user_id) = &subject.user_id {
        sql.push(" OR argMaxIfMerge(user_id) = ").bind(Value::Text(user_id.clone()));
    }
    if let Some(link) = subject.link {
        sql.push(" OR tupleElement(argMinIfMerge(first_touch), 10) = ").bind(Value::UInt(link.0));
        sql.push(" OR tupleElement(argMaxIfMerge(last_touch), 10) = ").bind(Value::UInt(link.0));
    }
    if !subject.events.is_empty() {
        let events = || Value::UInts(subject.events.iter().map(|event| event.0).collect());
        sql.push(" OR tupleElement(argMinIfMerge(first_touch), 11) IN ").bind(events());
        sql.push(" OR tupleElement(argMaxIfMerge(last_touch), 11) IN ").bind(events());
    }
}

/// Appends the query for groups of the rollup and how they compare with the events, `happened` and `counted`.
fn push_comparison(sql: &mut Sql, workspace: WorkspaceId, wanted: &'static str) {
    sql.push(wanted);
    sql.push(
        " FROM (SELECT kind, toStartOfFifteenMinutes(timestamp) AS slot, link_id, bot, repeat, \
         toUInt16(bitShiftRight(event_id, 48)) AS node, toInt64(1) AS happened, toInt64(0) AS counted, \
         timestamp AS seen FROM events{local} WHERE ",
    );
    sql.scope(workspace);
    sql.push(
        " UNION ALL SELECT kind, slot, link_id, bot, repeat, node, toInt64(0) AS happened, toInt64(events) AS counted, \
         last AS seen FROM events_15m{local} WHERE ",
    );
    sql.scope(workspace).push(") GROUP BY kind, slot, link_id, bot, repeat, node");
}

impl Warehouse {
    /// The visitors on whom a user id or a customer was seen, nobody (0) left out.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn namesakes(&self, workspace: WorkspaceId, subject: &Subject) -> Result<Vec<Namesake>, Error> {
        let mut namesakes = Vec::new();
        if let Some(user_id) = &subject.user_id {
            let mut sql = Sql::new("SELECT visitor, uniqExactIf(user_id, user_id != '') AS names FROM events ");
            sql.push("WHERE ").scope(workspace);
            sql.push(" AND visitor != 0 AND visitor IN (SELECT visitor FROM events WHERE ");
            sql.scope(workspace).push(" AND user_id = ").bind(Value::Text(user_id.clone()));
            sql.push(") GROUP BY visitor ORDER BY visitor");
            namesakes = within(BATCH_LIMIT, sql.query(&self.writer).fetch_all()).await?;
        }
        if let Some(customer) = subject.customer {
            let mut sql = Sql::new("SELECT visitor, uniqExactIf(customer_id, customer_id != 0) AS names FROM events ");
            sql.push("WHERE ").scope(workspace);
            sql.push(" AND visitor != 0 AND visitor IN (SELECT visitor FROM events WHERE ");
            sql.scope(workspace).push(" AND customer_id = ").bind(Value::UInt(customer.0));
            sql.push(") GROUP BY visitor ORDER BY visitor");
            namesakes.extend(within(BATCH_LIMIT, sql.query(&self.writer).fetch_all::<Namesake>()).await?);
        }
        Ok(namesakes)
    }

    /// The clicks that a customer's leads and sales follow.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn clicks_of(&self, workspace: WorkspaceId, customer: CustomerId) -> Result<Vec<EventId>, Error> {
        let mut sql = Sql::new("SELECT DISTINCT click_event_id FROM events WHERE ");
        sql.scope(workspace).push(" AND click_event_id != 0 AND customer_id = ");
        sql.bind(Value::UInt(customer.0));
        let clicks: Vec<u64> = within(BATCH_LIMIT, sql.query(&self.writer).fetch_all()).await?;
        Ok(clicks.into_iter().map(EventId).collect())
    }

    /// The times of a workspace's first and last event, in milliseconds; `None` when it has none.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn events_span(&self, workspace: WorkspaceId) -> Result<Option<(i64, i64)>, Error> {
        let mut sql = Sql::new(
            "SELECT toUnixTimestamp64Milli(min(timestamp)), toUnixTimestamp64Milli(max(timestamp)) FROM events \
             WHERE ",
        );
        sql.scope(workspace).push(" HAVING count() > 0");
        within(BATCH_LIMIT, sql.query(&self.writer).fetch_optional()).await
    }

    /// What there is of the subject.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn find_subject(&self, workspace: WorkspaceId, subject: &Subject) -> Result<Found, Error> {
        let count = async |table: &'static str, projection: &'static str| {
            let mut sql = Sql::new("SELECT count() FROM ");
            sql.push(table).push(" WHERE ");
            push_subject(&mut sql, workspace, subject);
            sql.set("optimize_use_projections", projection);
            let text = self.fill_in(sql.text());
            within(MUTATION_LIMIT, sql.query_as(&self.writer, &text).fetch_one::<u64>()).await
        };
        let events = count("events", "0").await?;
        let events_by_link = count("mergeTreeProjection(currentDatabase(), 'events{local}', 'by_link')", "0").await?;
        let rollup_rows = match subject.link {
            None => 0,
            Some(link) => {
                let mut sql = Sql::new("SELECT count() FROM events_15m WHERE ");
                sql.scope(workspace).push(" AND link_id = ").bind(Value::UInt(link.0));
                within(BATCH_LIMIT, sql.query(&self.writer).fetch_one::<u64>()).await?
            }
        };
        let visitors = self.touched_visitors(workspace, subject).await?.len() as u64;
        Ok(Found { events, events_by_link, rollup_rows, visitors })
    }

    async fn touched_visitors(&self, workspace: WorkspaceId, subject: &Subject) -> Result<Vec<u64>, Error> {
        let mut sql = Sql::default();
        push_visitors(&mut sql, workspace, subject);
        let text = self.fill_in(sql.text());
        let mut visitors: Vec<u64> = within(BATCH_LIMIT, sql.query_as(&self.writer, &text).fetch_all()).await?;
        visitors.sort_unstable();
        visitors.dedup();
        Ok(visitors)
    }

    /// Makes the rows of visitors anew from the events that are not the subject's. For [`erase_events`] to follow.
    ///
    /// [`erase_events`]: Self::erase_events
    ///
    /// # Errors
    /// When ClickHouse refuses or falls silent.
    pub async fn erase_visitors(&self, workspace: WorkspaceId, subject: &Subject) -> Result<(), Error> {
        let mut visitors = self.touched_visitors(workspace, subject).await?;
        // Those of whom only some events go, and are not the first or the last.
        let mut sql = Sql::new("SELECT DISTINCT visitor FROM events WHERE site_id != 0 AND ");
        push_subject(&mut sql, workspace, subject);
        visitors.extend(within(BATCH_LIMIT, sql.query(&self.writer).fetch_all::<u64>()).await?);
        visitors.sort_unstable();
        visitors.dedup();
        for some in visitors.chunks(VISITORS_AT_ONCE) {
            let mut sql = Sql::new("ALTER TABLE visitors{local} {on_cluster} DELETE WHERE ");
            sql.scope(workspace).push(" AND visitor IN ").bind(Value::UInts(some.to_vec()));
            self.delete(&sql).await?;
            let mut sql = Sql::new(concat!("INSERT INTO visitors{local} ", visitor_rows!(), " AND visitor IN "));
            sql.bind(Value::UInts(some.to_vec())).push(" AND ").scope(workspace);
            sql.push(" AND NOT (");
            push_subject(&mut sql, workspace, subject);
            sql.push(") GROUP BY workspace_id, site_id, visitor")
                .set("async_insert", "0")
                .set("insert_deduplicate", "0");
            // One state has the name of the column that it is made of, and that the condition means.
            sql.set("prefer_column_name_to_alias", "1");
            let text = self.fill_in(sql.text());
            within(MUTATION_LIMIT, sql.query_as(&self.writer, &text).execute()).await?;
        }
        Ok(())
    }

    /// Deletes the subject's events, in the projection too.
    ///
    /// # Errors
    /// When ClickHouse refuses or falls silent.
    pub async fn erase_events(&self, workspace: WorkspaceId, subject: &Subject) -> Result<(), Error> {
        let mut sql = Sql::new("ALTER TABLE events{local} {on_cluster} DELETE WHERE ");
        push_subject(&mut sql, workspace, subject);
        self.delete(&sql).await
    }

    /// How many groups of a workspace's rollup count something else than its events. While events are being stored a group
    /// may be behind for a moment.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn rollup_drift(&self, workspace: WorkspaceId) -> Result<u64, Error> {
        let mut sql = Sql::new("SELECT count() FROM (");
        push_comparison(&mut sql, workspace, "SELECT 1");
        sql.push(" HAVING sum(happened) != sum(counted))");
        let text = self.fill_in(sql.text());
        within(MUTATION_LIMIT, sql.query_as(&self.writer, &text).fetch_one()).await
    }

    /// Brings a workspace's rollup in line with its events: groups that count too much are made anew, what is missing is
    /// added. What is being stored meanwhile may come out wrong, which [`rollup_drift`](Self::rollup_drift) tells: then
    /// again.
    ///
    /// # Errors
    /// When ClickHouse refuses or falls silent; calling again is safe.
    pub async fn align_rollup(&self, workspace: WorkspaceId) -> Result<(), Error> {
        let mut sql = Sql::new("ALTER TABLE events_15m{local} {on_cluster} DELETE WHERE ");
        sql.scope(workspace).push(" AND (kind, slot, link_id, bot, repeat, node) IN (");
        push_comparison(&mut sql, workspace, "SELECT kind, slot, link_id, bot, repeat, node");
        sql.push(" HAVING sum(counted) > sum(happened))");
        self.delete(&sql).await?;
        let mut sql = Sql::new(
            "INSERT INTO events_15m{local} (workspace_id, kind, slot, link_id, bot, repeat, node, events, last) SELECT ",
        );
        sql.bind(Value::UInt(workspace.0));
        let missing = ", kind, slot, link_id, bot, repeat, node, toUInt64(sum(happened) - sum(counted)), max(seen)";
        push_comparison(&mut sql, workspace, missing);
        sql.push(" HAVING sum(happened) > sum(counted)").set("async_insert", "0").set("insert_deduplicate", "0");
        let text = self.fill_in(sql.text());
        within(MUTATION_LIMIT, sql.query_as(&self.writer, &text).execute()).await
    }
}
