//! What a site earned.
//!
//! A sale is a site's when its click was on one of the site's links, or when whoever bought is a visitor of the site and the
//! click was on no link of another site. How they first came is told by the site's visitors; of a buyer whom the site never
//! saw, by the click. Different currencies are never added up.

use clickhouse::Row;
use serde::Deserialize;

use crate::calendar::{Buckets, Range};
use crate::domain::id::LinkId;
use crate::plan::Bots;

use super::session::SiteScope;
use super::sql::{Sql, Value};

/// Which sales.
#[derive(Clone, Debug)]
pub struct Sales {
    /// The site.
    pub scope: SiteScope,
    /// When.
    pub range: Range,
    /// By whom.
    pub bots: Bots,
    /// The site's links.
    pub links: Vec<LinkId>,
    /// Links of other sites.
    pub elsewhere: Vec<LinkId>,
}

/// Sales in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct CurrencyRow {
    /// Lower case; empty when none was told.
    pub currency: String,
    /// Their sum, in the smallest unit.
    pub revenue: i64,
    /// Sales.
    pub transactions: u64,
    /// Who bought, each once.
    pub customers: u64,
    /// The largest, in the smallest unit.
    pub largest: i64,
}

/// Sales that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct ShareRow {
    /// Channel and source; or campaign, source and medium.
    pub keys: Vec<String>,
    /// Their sum, in the smallest unit.
    pub revenue: i64,
    /// Sales.
    pub transactions: u64,
    /// Who bought, each once.
    pub customers: u64,
}

/// Sales of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct DayRow {
    /// Start of the day in seconds since the epoch.
    pub start_secs: u64,
    /// Their sum, in the smallest unit.
    pub revenue: i64,
    /// Sales.
    pub transactions: u64,
}

/// One sale.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct SaleRow {
    /// Identity.
    pub event_id: u64,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Who it was.
    pub visitor: u64,
    /// The customer; 0 for nobody.
    pub customer_id: u64,
    /// In the smallest unit.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// Who took the payment.
    pub payment_processor: String,
    /// The invoice.
    pub invoice_id: String,
    /// Channel of the first touch.
    pub channel: String,
    /// Source of the first touch.
    pub source: String,
    /// Campaign of the first touch.
    pub campaign: String,
    /// The site's own name of the person.
    pub user_id: String,
}

/// The sales with how their buyers first came, and the campaign that brought the sale.
fn push_sales(sql: &mut Sql, sales: &Sales) {
    let Sales { scope, range, bots, links, elsewhere } = sales;
    let ids = |links: &[LinkId]| Value::UInts(links.iter().map(|link| link.0).collect());
    sql.push(
        " FROM (SELECT event_id, at_ms, visitor, if(customer_id != 0, customer_id, visitor) AS buyer, customer_id, amount, \
         currency, payment_processor, invoice_id, known, touch.4 != '' AS is_seen, \
         if(is_seen, touch.4, of_channel) AS channel, \
         (if(is_seen, touch.5, of_source), lower(if(is_seen, touch.3, of_name)), if(is_seen, touch.1, of_host)) AS came, \
         arrayFirst(name -> name != '', [came.1, came.2, came.3]) AS source, \
         if(is_seen, touch.7, of_campaign) AS campaign, \
         if(of_campaign != '', [of_campaign, of_source, of_medium], [touch.7, touch.5, touch.6]) AS brought_by \
         FROM (SELECT event_id, toUnixTimestamp64Milli(timestamp) AS at_ms, visitor, customer_id, amount, \
         CAST(currency AS String) AS currency, CAST(payment_processor AS String) AS payment_processor, invoice_id, \
         CAST(channel AS String) AS of_channel, CAST(utm_source AS String) AS of_source, \
         CAST(utm_medium AS String) AS of_medium, CAST(utm_campaign AS String) AS of_campaign, \
         CAST(referrer_name AS String) AS of_name, CAST(referrer_host AS String) AS of_host FROM events \
         WHERE ",
    );
    sql.scope(scope.workspace).push(" AND kind = 'sale' AND timestamp >= fromUnixTimestamp64Milli(");
    sql.bind(Value::Int(range.start_ms())).push(") AND timestamp < fromUnixTimestamp64Milli(");
    sql.bind(Value::Int(range.end_ms())).push(") AND NOT repeat").push(match bots {
        Bots::Exclude => " AND bot = ''",
        Bots::Only => " AND bot != ''",
        Bots::Include => "",
    });
    sql.push(" AND (link_id IN ").bind(ids(links)).push(" OR (visitor != 0 AND link_id NOT IN ").bind(ids(elsewhere));
    sql.push(" AND visitor GLOBAL IN (SELECT visitor FROM visitors WHERE ");
    sql.scope(scope.workspace).push(" AND site_id = ").bind(Value::UInt(scope.site.0));
    sql.push(
        ")))) AS sale GLOBAL ANY LEFT JOIN (SELECT visitor, argMinIfMerge(first_touch) AS touch, argMaxIfMerge(user_id) AS known \
         FROM visitors WHERE ",
    );
    sql.scope(scope.workspace).push(" AND site_id = ").bind(Value::UInt(scope.site.0));
    sql.push(" GROUP BY visitor) AS person USING (visitor))");
}

/// SQL of the [`CurrencyRow`]s, that with the most sales first.
pub fn currencies(sales: &Sales) -> Sql {
    let mut sql = Sql::new(
        "SELECT currency, sum(amount) AS revenue, count() AS transactions, uniqExact(buyer) AS customers, \
         max(amount) AS largest",
    );
    push_sales(&mut sql, sales);
    sql.push(" GROUP BY currency ORDER BY currency = '', transactions DESC, currency");
    sql
}

/// SQL of the sales in a currency by channel and source of the first touch, as [`ShareRow`]s.
pub fn by_attribution(sales: &Sales, currency: &str) -> Sql {
    shares(sales, currency, "[channel, source]", "")
}

/// SQL of the sales in a currency by campaign, source and medium, as [`ShareRow`]s: those of the click, else of the first
/// touch. Sales without a campaign are left out.
pub fn by_campaign(sales: &Sales, currency: &str) -> Sql {
    shares(sales, currency, "brought_by", " AND brought_by[1] != ''")
}

fn shares(sales: &Sales, currency: &str, keys: &'static str, more: &'static str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.push(keys).push(" AS keys, sum(amount) AS revenue, count() AS transactions, uniqExact(buyer) AS customers");
    push_sales(&mut sql, sales);
    sql.push(" WHERE currency = ").bind(Value::Text(currency.to_owned())).push(more);
    sql.push(" GROUP BY keys ORDER BY revenue DESC, transactions DESC, keys");
    sql
}

/// SQL of the sales in a currency by day, as [`DayRow`]s. Days without sales have no row.
pub fn daily(sales: &Sales, currency: &str, days: &Buckets) -> Sql {
    let starts = days.starts().iter().map(|start| start.div_euclid(1_000).cast_unsigned()).collect();
    let mut sql = Sql::new("SELECT toUInt64(roundDown(toUInt64(intDiv(at_ms, 1000)), ");
    sql.bind(Value::UInts(starts)).push(")) AS start_secs, sum(amount) AS revenue, count() AS transactions");
    push_sales(&mut sql, sales);
    sql.push(" WHERE currency = ").bind(Value::Text(currency.to_owned()));
    sql.push(" GROUP BY start_secs ORDER BY start_secs");
    sql
}

/// SQL of the last sales in any currency, newest first.
pub fn recent(sales: &Sales, limit: u64) -> Sql {
    let mut sql = Sql::new(
        "SELECT event_id, at_ms, visitor, customer_id, amount, currency, payment_processor, invoice_id, channel, source, \
         campaign, known AS user_id",
    );
    push_sales(&mut sql, sales);
    sql.push(" ORDER BY at_ms DESC, event_id DESC LIMIT ").bind(Value::UInt(limit));
    sql
}
