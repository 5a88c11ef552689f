//! Whole events, in order, slice by slice: however many there are, few are in memory at a time.

use std::ops::ControlFlow;

use clickhouse::Row;
use serde::Deserialize;

use super::Warehouse;
use super::condition::push_dimension;
use super::failure::Error;
use super::sql::{Sql, Value};
use crate::calendar::Range;
use crate::domain::dimension::Dimension;
use crate::domain::event::EventKind;
use crate::domain::id::{LinkId, SiteId, WorkspaceId};
use crate::filter::List;

/// Events in a slice, as far as they do not happen in the same second.
const SLICE_EVENTS: u64 = 100_000;

/// Which events are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose.
    pub workspace: WorkspaceId,
    /// What happened; empty for everything.
    pub kinds: Vec<EventKind>,
    /// When.
    pub range: Range,
    /// Of this link alone.
    pub link: Option<LinkId>,
    /// Of this site alone.
    pub site: Option<SiteId>,
    /// All of these hold.
    pub dimensions: Vec<(Dimension, List)>,
}

macro_rules! stored_row {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(= $expression:literal)?,)*) => {
        /// One event with all that is stored of it. What is unknown is blank.
        #[derive(Clone, Debug, Default, PartialEq, Row, Deserialize)]
        pub struct StoredRow { $($(#[$doc])* pub $name: $type,)* }

        /// Name and expression.
        const SELECTED: &[(&str, &str)] = &[$((stringify!($name), stored_row!(@ $name $($expression)?)),)*];
    };
    (@ $name:ident $expression:literal) => { $expression };
    (@ $name:ident) => { stringify!($name) };
}

stored_row! {
    /// Name of the kind.
    kind_name: String = "toString(kind)",
    /// Milliseconds since the epoch.
    at_ms: i64 = "toUnixTimestamp64Milli(timestamp)",
    /// Identity.
    event_id: u64,
    /// The link.
    link_id: u64,
    /// The site.
    site_id: u64,
    /// Who it was.
    visitor: u64,
    /// The session that the source of the event named.
    session: u64,
    /// Does not count.
    repeat: bool,
    /// Robot name.
    bot: String,
    /// Kind of robot.
    bot_category: String,
    /// How the link was reached.
    trigger: String,
    /// Continent code.
    continent: String,
    /// Country code.
    country: String,
    /// Region code with its country.
    region: String,
    /// City name.
    city: String,
    /// Where the city is, in ten-thousandths of a degree.
    latitude: i32,
    /// Where the city is, in ten-thousandths of a degree.
    longitude: i32,
    /// Device class.
    device: String,
    /// Browser name.
    browser: String,
    /// Browser version.
    browser_version: String,
    /// System name.
    os: String,
    /// System version.
    os_version: String,
    /// As sent by the client.
    user_agent: String,
    /// Referrer host.
    referrer_host: String,
    /// Referrer without its query.
    referrer_url: String,
    /// Referrer name.
    referrer_name: String,
    /// Channel name.
    channel: String,
    /// Destination or page.
    url: String,
    /// Query of the visit.
    params: String,
    /// Campaign source.
    utm_source: String,
    /// Campaign medium.
    utm_medium: String,
    /// Campaign name.
    utm_campaign: String,
    /// Campaign term.
    utm_term: String,
    /// Campaign content.
    utm_content: String,
    /// First language.
    language: String,
    /// Provider.
    isp: String,
    /// Autonomous system number.
    asn: u32,
    /// Of a hosting provider.
    hosting: bool,
    /// The address, as far as it is kept.
    address: String,
    /// The customer.
    customer_id: u64,
    /// Name of a custom event, a lead or a sale.
    event_name: String,
    /// In the smallest unit.
    amount: i64,
    /// Of the amount.
    currency: String,
    /// Who took the payment.
    payment_processor: String,
    /// The invoice.
    invoice_id: String,
    /// Properties or metadata.
    metadata: String,
    /// The sender's kind of event.
    event_type: String,
    /// Path of the page.
    page: String,
    /// Title of the page.
    page_title: String,
    /// The site's name of the person.
    user_id: String,
    /// In CSS pixels.
    screen_width: u16,
    /// In CSS pixels.
    screen_height: u16,
    /// Time on the page.
    duration_ms: u32,
}

impl Wanted {
    fn push_where(&self, sql: &mut Sql) {
        sql.push(" WHERE ").scope(self.workspace);
        if !self.kinds.is_empty() {
            let names = self.kinds.iter().map(|kind| kind.name().to_owned()).collect();
            sql.push(" AND kind IN ").bind(Value::Texts(names));
        }
        if let Some(link) = self.link {
            sql.push(" AND link_id = ").bind(Value::UInt(link.0));
        }
    }

    fn events(&self, slice: Range) -> Sql {
        let mut sql = Sql::new("SELECT ");
        for (place, (name, expression)) in SELECTED.iter().enumerate() {
            if place > 0 {
                sql.push(", ");
            }
            sql.push(expression);
            if name != expression {
                // ClickHouse: a name given here is meant by the conditions, too, so it is none of a column.
                sql.push(" AS ").push(name);
            }
        }
        sql.push(" FROM events");
        self.push_where(&mut sql);
        sql.push(" AND timestamp >= fromUnixTimestamp64Milli(").bind(Value::Int(slice.start_ms()));
        sql.push(") AND timestamp < fromUnixTimestamp64Milli(").bind(Value::Int(slice.end_ms())).push(")");
        if let Some(site) = self.site {
            sql.push(" AND site_id = ").bind(Value::UInt(site.0));
        }
        for (dimension, list) in &self.dimensions {
            push_dimension(sql.push(" AND "), *dimension, list);
        }
        sql.push(" ORDER BY timestamp, event_id");
        sql
    }
}

impl Warehouse {
    /// Hands all wanted events to `take`, oldest first and in the order of their identities where times are equal, some at
    /// a time, until it breaks off.
    ///
    /// # Errors
    /// When ClickHouse cannot answer, also after some were handed out.
    pub async fn export<B>(
        &self,
        wanted: &Wanted,
        mut take: impl AsyncFnMut(Vec<StoredRow>) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let reading = self.long_reading(wanted.workspace).await?;
        let slices = reading.slices(wanted.range, SLICE_EVENTS, |sql| wanted.push_where(sql)).await?;
        let mut slices = slices.into_iter();
        let read = async |slice: Option<Range>| match slice {
            Some(slice) => reading.collect::<StoredRow>(&wanted.events(slice)).await.map(Some),
            None => Ok(None),
        };
        let mut next = read(slices.next()).await?;
        while let Some(rows) = next {
            // One is taken while the next is read.
            let (taken, after) = tokio::join!(take(rows), read(slices.next()));
            if let ControlFlow::Break(end) = taken {
                return Ok(Some(end));
            }
            next = after?;
        }
        Ok(None)
    }
}
