//! Writing: one batch, one deduplication token, one block of columns.

use std::ops::Range;
use std::sync::LazyLock;

use super::Warehouse;
use super::block::{BlockWriter, Column, Fixed, Texts};
use super::failure::Error;
use crate::domain::click_id::EventId;
use crate::domain::event::{Conversion, Event, PageEvent};

/// A value of fixed width as `Native` has it.
trait Wide<const N: usize> {
    /// The type in ClickHouse.
    const KIND: &'static str;

    fn bytes(self) -> [u8; N];
}

macro_rules! fixed {
    ($($type:ty, $bytes:literal, $kind:literal;)*) => {$(
        impl Wide<$bytes> for $type {
            const KIND: &'static str = $kind;

            fn bytes(self) -> [u8; $bytes] {
                self.to_le_bytes()
            }
        }
    )*};
}

fixed! {
    u16, 2, "UInt16";
    u32, 4, "UInt32";
    i32, 4, "Int32";
    u64, 8, "UInt64";
    i64, 8, "Int64";
}

impl Wide<1> for bool {
    const KIND: &'static str = "Bool";

    fn bytes(self) -> [u8; 1] {
        [u8::from(self)]
    }
}

/// A point in time.
struct Millis(i64);

impl Wide<8> for Millis {
    const KIND: &'static str = "DateTime64(3, 'UTC')";

    fn bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }
}

static STATEMENT: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO events ({}) FORMAT Native", WRITTEN_COLUMNS.join(", ")));

/// One column of the table: how it begins, and how events are added to it.
struct Written {
    begin: fn() -> Column,
    add: fn(&mut Column, &[Event]),
}

/// How the values of a type are kept.
macro_rules! written {
    (text, $event:ident, $value:expr) => {
        Written {
            begin: || Column::Texts(Texts::default()),
            add: |column, events| match column {
                Column::Texts(texts) => texts.add(events.iter().map(|$event| $value)),
                Column::Fixed(_) => unreachable!("it begins as texts"),
            },
        }
    };
    ($type:ty, $event:ident, $value:expr) => {
        Written {
            begin: || Column::Fixed(Fixed::new(<$type as Wide<_>>::KIND, size_of::<$type>())),
            add: |column, events| match column {
                Column::Fixed(fixed) => fixed.add(events.iter().map(|$event| <$type as Wide<_>>::bytes($value))),
                Column::Texts(_) => unreachable!("it begins as values of a fixed width"),
            },
        }
    };
}

/// Declares the columns of the event table once: name, type, and where an event holds the value.
macro_rules! columns {
    ($event:ident; $($name:literal: $type:tt = $value:expr;)*) => {
        /// The columns that are written, as they are named in `clickhouse/`.
        pub const WRITTEN_COLUMNS: &[&str] = &[$($name),*];

        const COLUMNS: &[Written] = &[$(written!($type, $event, $value)),*];
    };
}

/// Something of a conversion; blank for other events.
fn sold<'a, T: Default>(event: &'a Event, value: impl FnOnce(&'a Conversion) -> T) -> T {
    event.conversion.as_deref().map(value).unwrap_or_default()
}

/// Something of an event on a page; blank for other events.
fn seen<'a, T: Default>(event: &'a Event, value: impl FnOnce(&'a PageEvent) -> T) -> T {
    event.page.as_deref().map(value).unwrap_or_default()
}

// Enumerations are sent as texts; the server makes them what the table says.
columns! { event;
    "workspace_id": u64 = event.workspace.0;
    "kind": text = event.kind.name();
    "timestamp": Millis = Millis(event.at_ms);
    "event_id": u64 = event.id.0;
    "link_id": u64 = event.link.0;
    "visitor": u64 = event.visitor;
    "repeat": bool = event.repeat;
    "bot": text = event.agent.bot.as_str();
    "trigger": text = event.trigger.name();
    "continent": text = event.place.continent.as_str();
    "country": text = event.place.country.as_str();
    "region": text = event.place.region.as_str();
    "city": text = event.place.city.as_str();
    "device": text = event.agent.device.as_str();
    "browser": text = event.agent.browser.as_str();
    "browser_version": text = event.agent.browser_version.as_str();
    "os": text = event.agent.os.as_str();
    "os_version": text = event.agent.os_version.as_str();
    "user_agent": text = event.agent.user_agent.as_str();
    "referrer_host": text = event.referrer.host.as_str();
    "referrer_url": text = event.referrer.url.as_str();
    "url": text = event.url.as_str();
    "base_url": text = base_url(&event.url);
    "utm_source": text = event.utm.source.as_str();
    "utm_medium": text = event.utm.medium.as_str();
    "utm_campaign": text = event.utm.campaign.as_str();
    "utm_term": text = event.utm.term.as_str();
    "utm_content": text = event.utm.content.as_str();
    "click_event_id": u64 = event.follows().0;
    "customer_id": u64 = sold(event, |conversion| conversion.customer.0);
    "event_name": text = event.name();
    "amount": i64 = sold(event, |conversion| conversion.amount);
    "currency": text = sold(event, |conversion| conversion.currency.as_str());
    "payment_processor": text = sold(event, |conversion| conversion.payment_processor.as_str());
    "invoice_id": text = sold(event, |conversion| conversion.invoice_id.as_str());
    "metadata": text = event.metadata();
    "site_id": u64 = event.site.0;
    "session": u64 = event.session;
    "idempotency": u64 = event.idempotency;
    "event_type": text = seen(event, |page| page.event_type.as_str());
    "page": text = seen(event, |page| page.page.as_str());
    "page_title": text = seen(event, |page| page.title.as_str());
    "user_id": text = seen(event, |page| page.user_id.as_str());
    "screen_width": u16 = seen(event, |page| page.screen_width);
    "screen_height": u16 = seen(event, |page| page.screen_height);
    "duration_ms": u32 = seen(event, |page| page.duration_ms);
    "params": text = event.params.as_str();
    "language": text = event.language.as_str();
    "bot_category": text = event.agent.bot_category.as_str();
    "referrer_name": text = event.referrer.name.as_str();
    "channel": text = event.channel.name();
    "isp": text = event.network.isp.as_str();
    "asn": u32 = event.network.asn;
    "hosting": bool = event.network.hosting;
    "address": text = event.address.as_str();
    "latitude": i32 = event.coordinates.latitude;
    "longitude": i32 = event.coordinates.longitude;
}

/// A destination without its query.
pub fn base_url(url: &str) -> &str {
    url.split_once('?').map_or(url, |(base, _)| base)
}

/// Events as the table has them, column by column: a fifth of the memory that they take as [`Event`]s, or less.
#[derive(Debug)]
pub struct EventColumns {
    /// Identity and time of each.
    keys: Vec<(EventId, i64)>,
    columns: Vec<Column>,
}

impl Default for EventColumns {
    fn default() -> Self {
        Self { keys: Vec::new(), columns: COLUMNS.iter().map(|column| (column.begin)()).collect() }
    }
}

impl EventColumns {
    /// Adds events behind those that are there.
    pub fn add(&mut self, events: &[Event]) {
        self.keys.extend(events.iter().map(|event| (event.id, event.at_ms)));
        for (written, column) in COLUMNS.iter().zip(&mut self.columns) {
            (written.add)(column, events);
        }
    }

    /// Identity, and time in milliseconds since the epoch, of each.
    pub fn keys(&self) -> &[(EventId, i64)] {
        &self.keys
    }

    /// Some of them, without a trace of the others.
    pub fn part(&self, range: Range<usize>) -> Self {
        Self {
            keys: self.keys[range.clone()].to_vec(),
            columns: self.columns.iter().map(|column| column.part(range.clone())).collect(),
        }
    }

    /// Gives back memory that only further events would need.
    pub fn shrink(&mut self) {
        self.keys.shrink_to_fit();
        self.columns.iter_mut().for_each(Column::shrink);
    }
}

impl Warehouse {
    /// Stores `events` as [`insert_columns`](Self::insert_columns) does.
    ///
    /// # Errors
    /// The error's [`disposition`](Error::disposition) says what to do with the batch.
    pub async fn insert(&self, token: &str, events: &[Event]) -> Result<(), Error> {
        let mut columns = EventColumns::default();
        columns.add(events);
        self.insert_columns(token, &columns).await
    }

    /// Stores events, which must lie in one calendar month (UTC), so that the insert is atomic: all of them or none. The
    /// same token stores the same events once, however often it is sent.
    ///
    /// # Errors
    /// The error's [`disposition`](Error::disposition) says what to do with the batch.
    pub async fn insert_columns(&self, token: &str, events: &EventColumns) -> Result<(), Error> {
        if events.keys.is_empty() {
            return Ok(());
        }
        let mut insert = self
            .writer
            .insert_formatted_with(STATEMENT.as_str())
            .with_setting("query_id", self.statement_id(token))
            .with_setting("insert_deduplication_token", token)
            .with_setting("insert_deduplicate", "1")
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("async_insert", "0")
            .with_setting("materialized_views_ignore_errors", "0")
            // One block a batch, whatever the profile of the user says.
            .with_setting("max_insert_block_size", "1048576")
            .with_setting("input_format_native_allow_types_conversion", "1")
            .with_setting("distributed_foreground_insert", "1")
            .with_timeouts(Some(super::INSERT_LIMIT), Some(super::INSERT_LIMIT));
        let columns = WRITTEN_COLUMNS.iter().copied().zip(&events.columns);
        for piece in BlockWriter::new(events.keys.len(), columns) {
            insert.send(piece).await?;
        }
        insert.end().await?;
        Ok(())
    }
}
