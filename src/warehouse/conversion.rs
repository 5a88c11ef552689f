//! What leads and sales need of their clicks, and what they add up to.

use clickhouse::Row;
use serde::Deserialize;

use crate::domain::click_id::EventId;
use crate::domain::event::{Agent, Channel, Network, Place, Referrer, Utm};
use crate::domain::hit::{Carried, Trigger};
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};

use super::Warehouse;
use super::failure::Error;
use super::sql::{Sql, Value};

macro_rules! click_row {
    ($($name:ident: $type:ty),* $(,)?) => {
        #[derive(Row, Deserialize)]
        struct ClickRow { $($name: $type,)* }

        const SELECTED: &[&str] = &[$(stringify!($name)),*];
    };
}

click_row! {
    link_id: u64, url: String, params: String, trigger: String, visitor: u64, continent: String, country: String,
    region: String, city: String, isp: String, asn: u32, hosting: bool, user_agent: String, device: String,
    browser: String, browser_version: String, os: String, os_version: String, bot: String, bot_category: String,
    referrer_host: String, referrer_url: String, referrer_name: String, channel: String, utm_source: String,
    utm_medium: String, utm_campaign: String, utm_term: String, utm_content: String, language: String,
}

/// A click as its leads and sales carry it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickFacts {
    /// The link.
    pub link: LinkId,
    /// The final destination.
    pub url: String,
    /// The query of the visit.
    pub params: String,
    /// How the link was reached.
    pub trigger: Trigger,
    /// Every dimension else.
    pub carried: Carried,
}

impl From<ClickRow> for ClickFacts {
    fn from(row: ClickRow) -> Self {
        Self {
            link: LinkId(row.link_id),
            url: row.url,
            params: row.params,
            trigger: Trigger::parse(&row.trigger).unwrap_or_default(),
            carried: Carried {
                visitor: row.visitor,
                place: Place { continent: row.continent, country: row.country, region: row.region, city: row.city },
                network: Network { isp: row.isp, asn: row.asn, hosting: row.hosting },
                agent: Agent {
                    user_agent: row.user_agent,
                    device: row.device,
                    browser: row.browser,
                    browser_version: row.browser_version,
                    os: row.os,
                    os_version: row.os_version,
                    bot: row.bot,
                    bot_category: row.bot_category,
                },
                referrer: Referrer { host: row.referrer_host, url: row.referrer_url, name: row.referrer_name },
                channel: Channel::parse(&row.channel).unwrap_or_default(),
                utm: Utm {
                    source: row.utm_source,
                    medium: row.utm_medium,
                    campaign: row.utm_campaign,
                    term: row.utm_term,
                    content: row.utm_content,
                },
                language: row.language,
            },
        }
    }
}

/// What was sold to a customer in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct SalesRow {
    /// The customer.
    pub of: u64,
    /// Lower case.
    pub currency: String,
    /// Sales.
    pub sales: u64,
    /// Their sum, in the smallest unit.
    pub amount: i64,
    /// Time of the first in milliseconds.
    pub first_ms: i64,
}

/// What was sold by a link in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct LinkSalesRow {
    /// The link.
    pub of: u64,
    /// Lower case.
    pub currency: String,
    /// Sales.
    pub sales: u64,
    /// Their sum, in the smallest unit.
    pub amount: i64,
    /// Who bought, each once.
    pub customers: Vec<u64>,
}

impl Warehouse {
    /// A click of the workspace; `None` when it has no such click.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn click(&self, workspace: WorkspaceId, click: EventId) -> Result<Option<ClickFacts>, Error> {
        let mut sql = Sql::new("SELECT ");
        for (place, column) in SELECTED.iter().enumerate() {
            sql.push(if place > 0 { ", " } else { "" }).push(column);
        }
        sql.push(" FROM events WHERE ").scope(workspace);
        sql.push(" AND kind = 'click' AND event_id = ").bind(Value::UInt(click.0)).push(" LIMIT 1");
        let rows: Vec<ClickRow> = self.collect_at_once(&sql).await?;
        Ok(rows.into_iter().next().map(ClickFacts::from))
    }

    /// Sales by link and currency, as the links' counters show them: those of humans' clicks.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn link_sales(&self, workspace: WorkspaceId, links: &[LinkId]) -> Result<Vec<LinkSalesRow>, Error> {
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(
            "SELECT link_id AS of, toString(currency) AS currency, count() AS sales, sum(amount) AS amount, \
             groupUniqArray(customer_id) AS customers FROM events WHERE ",
        );
        sql.scope(workspace).push(" AND kind = 'sale' AND bot = '' AND NOT repeat AND link_id IN ");
        sql.bind(Value::UInts(links.iter().map(|link| link.0).collect())).push(" GROUP BY of, events.currency");
        self.collect(&sql).await
    }

    /// Sales by customer and currency: of these customers, or of all of the workspace's.
    ///
    /// # Errors
    /// When ClickHouse cannot tell.
    pub async fn customer_sales(
        &self,
        workspace: WorkspaceId,
        customers: Option<&[CustomerId]>,
    ) -> Result<Vec<SalesRow>, Error> {
        let mut sql = Sql::new(
            "SELECT customer_id AS of, toString(currency) AS currency, count() AS sales, sum(amount) AS amount, \
             toUnixTimestamp64Milli(min(timestamp)) AS first_ms FROM events WHERE ",
        );
        sql.scope(workspace).push(" AND kind = 'sale' AND NOT repeat AND customer_id ");
        match customers {
            Some([]) => return Ok(Vec::new()),
            Some(ids) => sql.push("IN ").bind(Value::UInts(ids.iter().map(|id| id.0).collect())),
            None => sql.push("!= 0"),
        };
        sql.push(" GROUP BY of, events.currency");
        self.collect(&sql).await
    }
}
