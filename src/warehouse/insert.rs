//! Writing: one batch, one deduplication token, one block of columns.

use clickhouse::native::builder::BlockBuilder;
use clickhouse::native::encode::{Encode, ValueWriter};
use clickhouse::native::{Block, DataTypeNode};

use crate::domain::event::{Conversion, Event, PageEvent};

use super::Warehouse;
use super::failure::Error;

/// A point in time as `DateTime64(3, 'UTC')`.
struct Millis(i64);

impl Encode for Millis {
    fn produces() -> DataTypeNode {
        DataTypeNode::new("DateTime64(3, 'UTC')").unwrap_or(DataTypeNode::Int64)
    }

    fn encode(&self, writer: &mut ValueWriter<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(writer.write_fixed(&self.0.to_le_bytes())?)
    }
}

/// Declares the columns of the event table once: name, Rust type on the wire, and where an event holds the value.
macro_rules! columns {
    ($event:ident, $conversion:ident, $page:ident; $($name:literal: $type:ty = $value:expr;)*) => {
        /// The columns that are written, as they are named in `clickhouse/`.
        pub const WRITTEN_COLUMNS: &[&str] = &[$($name),*];

        fn block(events: &[Event]) -> Result<Block, Box<dyn std::error::Error + Send + Sync>> {
            let (no_conversion, no_page) = (Conversion::default(), PageEvent::default());
            let mut block = BlockBuilder::new();
            $(block.upsert_column::<$type>($name)?.add_all(events.iter().map(|$event| {
                let $conversion = $event.conversion.as_deref().unwrap_or(&no_conversion);
                let $page = $event.page.as_deref().unwrap_or(&no_page);
                // Only the columns of conversions and of pages read them.
                let _ = ($conversion, $page);
                $value
            }))?;)*
            Ok(block.build()?)
        }
    };
}

// Enumerations and LowCardinality columns are sent as plain text; the server makes them what the table says.
columns! { event, conversion, page;
    "workspace_id": u64 = event.workspace.0;
    "kind": &str = event.kind.name();
    "timestamp": Millis = Millis(event.at_ms);
    "event_id": u64 = event.id.0;
    "link_id": u64 = event.link.0;
    "visitor": u64 = event.visitor;
    "repeat": bool = event.repeat;
    "bot": &str = event.agent.bot.as_str();
    "trigger": &str = event.trigger.name();
    "continent": &str = event.place.continent.as_str();
    "country": &str = event.place.country.as_str();
    "region": &str = event.place.region.as_str();
    "city": &str = event.place.city.as_str();
    "device": &str = event.agent.device.as_str();
    "browser": &str = event.agent.browser.as_str();
    "browser_version": &str = event.agent.browser_version.as_str();
    "os": &str = event.agent.os.as_str();
    "os_version": &str = event.agent.os_version.as_str();
    "user_agent": &str = event.agent.user_agent.as_str();
    "referrer_host": &str = event.referrer.host.as_str();
    "referrer_url": &str = event.referrer.url.as_str();
    "url": &str = event.url.as_str();
    "base_url": &str = base_url(&event.url);
    "utm_source": &str = event.utm.source.as_str();
    "utm_medium": &str = event.utm.medium.as_str();
    "utm_campaign": &str = event.utm.campaign.as_str();
    "utm_term": &str = event.utm.term.as_str();
    "utm_content": &str = event.utm.content.as_str();
    "click_event_id": u64 = event.follows().0;
    "customer_id": u64 = conversion.customer.0;
    "event_name": &str = event.name();
    "amount": i64 = conversion.amount;
    "currency": &str = conversion.currency.as_str();
    "payment_processor": &str = conversion.payment_processor.as_str();
    "invoice_id": &str = conversion.invoice_id.as_str();
    "metadata": &str = event.metadata();
    "site_id": u64 = event.site.0;
    "session": u64 = event.session;
    "idempotency": u64 = event.idempotency;
    "event_type": &str = page.event_type.as_str();
    "page": &str = page.page.as_str();
    "page_title": &str = page.title.as_str();
    "user_id": &str = page.user_id.as_str();
    "screen_width": u16 = page.screen_width;
    "screen_height": u16 = page.screen_height;
    "duration_ms": u32 = page.duration_ms;
    "params": &str = event.params.as_str();
    "language": &str = event.language.as_str();
    "bot_category": &str = event.agent.bot_category.as_str();
    "referrer_name": &str = event.referrer.name.as_str();
    "channel": &str = event.channel.name();
    "isp": &str = event.network.isp.as_str();
    "asn": u32 = event.network.asn;
    "hosting": bool = event.network.hosting;
    "address": &str = event.address.as_str();
    "latitude": i32 = event.coordinates.latitude;
    "longitude": i32 = event.coordinates.longitude;
}

/// A destination without its query.
pub fn base_url(url: &str) -> &str {
    url.split_once('?').map_or(url, |(base, _)| base)
}

impl Warehouse {
    /// Stores `events`, which must lie in one calendar month (UTC), so that the insert is atomic: all of them or none. The
    /// same token stores the same events once, however often it is sent.
    ///
    /// # Errors
    /// The error's [`disposition`](Error::disposition) says what to do with the batch.
    pub async fn insert(&self, token: &str, events: &[Event]) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        let block = block(events).map_err(|error| Error::Refused(format!("batch cannot be encoded: {error}")))?;
        let mut insert = self
            .writer
            .insert_native("events")
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
        insert.write(&block).await?;
        insert.end().await?;
        Ok(())
    }
}
