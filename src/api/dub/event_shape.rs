//! An event as Dub shows it: of lists, exports and live streams alike.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::shape_link::{LinkContext, short_link};
use super::track_body::PROCESSORS;
use crate::domain::click_id::EventId;
use crate::domain::currency::Currency;
use crate::domain::dimension::Dimension;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{CustomerId, LinkId, WorkspaceId};
use crate::domain::link::Link;
use crate::encode::dub::{ClickObject, CustomerObject, Seen, metadata};
use crate::warehouse::event::EventRow;
use crate::web::error::ApiError;
use crate::web::instant;
use crate::web::state::App;

/// A link as the events of a chunk share it.
#[derive(Debug, Default)]
pub(super) struct LinkOfEvents {
    /// Its short domain; empty where an event has no link, or one of which nothing is left.
    pub domain: String,
    /// Its place there.
    pub slug: String,
    /// Its short address.
    pub short_link: String,
    /// The link object; null unless it was asked for.
    pub object: Value,
}

/// An event with all that is shown of it.
#[derive(Debug)]
pub(super) struct Shown {
    /// What happened: a click, a lead or a sale.
    pub kind: EventKind,
    /// As it is stored.
    pub event: EventRow,
    /// Public id of the event.
    pub event_id: String,
    /// Public id of the click, or of the click that the event follows; empty when none is known.
    pub click_id: String,
    /// When it happened.
    pub timestamp: String,
    /// Its link.
    pub link: Arc<LinkOfEvents>,
    /// Its customer; of a click nobody.
    pub customer: Option<Arc<CustomerObject>>,
}

/// Puts links with their counters, and customers, to a chunk of events.
///
/// # Errors
/// When a store does not answer.
pub(super) async fn shown(
    app: &App,
    workspace: WorkspaceId,
    events: Vec<(EventKind, EventRow)>,
) -> Result<Vec<Shown>, ApiError> {
    let ids = distinct(events.iter().map(|(_, event)| LinkId(event.link_id)));
    let ((links, context), customers) =
        tokio::try_join!(LinkContext::with_links(app, workspace, &ids), customers(app, workspace, &events))?;
    let mut known = HashMap::with_capacity(ids.len());
    for id in ids {
        let of = match links.iter().find(|link| link.id == id) {
            Some(link) => LinkOfEvents { object: object(app, &context, link)?, ..place(app, link) },
            None => LinkOfEvents { object: missing_link(app, workspace, id)?, ..LinkOfEvents::default() },
        };
        known.insert(id, Arc::new(of));
    }
    Ok(events.into_iter().map(|event| dressed(app, event, &known, &customers)).collect())
}

/// One event with what was looked up for its chunk.
pub(super) fn dressed(
    app: &App,
    (kind, event): (EventKind, EventRow),
    links: &HashMap<LinkId, Arc<LinkOfEvents>>,
    customers: &HashMap<CustomerId, Arc<CustomerObject>>,
) -> Shown {
    let event_id = app.clicks.public(EventId(event.event_id));
    let (click_id, customer) = match kind {
        EventKind::Click => (event_id.clone(), None),
        _ => {
            let id = CustomerId(event.customer_id);
            let customer = customers.get(&id).cloned();
            let click = Some(EventId(event.click_event_id)).filter(|click| click.0 != 0);
            let click_id = click.map(|click| app.clicks.public(click)).unwrap_or_default();
            (click_id, Some(customer.unwrap_or_else(|| Arc::new(CustomerObject::missing(id)))))
        }
    };
    Shown {
        kind,
        event_id,
        click_id,
        timestamp: instant::format(event.at_ms),
        link: links.get(&LinkId(event.link_id)).cloned().unwrap_or_default(),
        customer,
        event,
    }
}

/// The customers of these events, those who are no longer there left out.
///
/// # Errors
/// When Postgres does not answer.
pub(super) async fn customers(
    app: &App,
    workspace: WorkspaceId,
    events: &[(EventKind, EventRow)],
) -> Result<HashMap<CustomerId, Arc<CustomerObject>>, ApiError> {
    let of_conversions = events.iter().filter(|(kind, event)| *kind != EventKind::Click && event.customer_id != 0);
    let ids = distinct(of_conversions.map(|(_, event)| CustomerId(event.customer_id)));
    let found = app.catalog.customers_by_ids(workspace, &ids).await?;
    Ok(found.iter().map(|customer| (customer.id, Arc::new(CustomerObject::from(customer)))).collect())
}

/// Each of these once.
pub(super) fn distinct<T: Ord>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Where a link lives, without its object.
pub(super) fn place(app: &App, link: &Link) -> LinkOfEvents {
    LinkOfEvents {
        domain: link.domain.clone(),
        slug: link.slug.clone(),
        short_link: short_link(app, &link.domain, &link.slug),
        object: Value::Null,
    }
}

fn object(app: &App, context: &LinkContext, link: &Link) -> Result<Value, ApiError> {
    serde_json::to_value(context.object(app, link)).map_err(|error| {
        tracing::error!(%error, "link cannot be encoded");
        ApiError::Internal
    })
}

/// What stands for a link of which nothing is left, or that there never was: a conversion may have none. Dub's clients refuse
/// an event without a link.
fn missing_link(app: &App, workspace: WorkspaceId, id: LinkId) -> Result<Value, ApiError> {
    let link = Link { id, workspace, ..Link::default() };
    let mut object = object(app, &LinkContext::default(), &link)?;
    object["id"] = public(id).into();
    for address in ["shortLink", "qrCode"] {
        object[address] = "".into();
    }
    Ok(object)
}

/// The public id of a link; empty for none.
fn public(link: LinkId) -> String {
    if link == LinkId::default() { String::new() } else { link.to_string() }
}

/// The `click` of an event that was just stored.
pub(super) fn click(app: &App, event: &Event) -> Value {
    let row = EventRow::from(event);
    let id = app.clicks.public(if event.kind == EventKind::Click { event.id } else { event.follows() });
    serde_json::to_value(seen(&row).object(&id, event.at_ms)).unwrap_or_default()
}

fn seen(event: &EventRow) -> Seen<'_> {
    Seen {
        url: &event.url,
        continent: &event.continent,
        country: &event.country,
        region: &event.region,
        city: &event.city,
        device: &event.device,
        browser: &event.browser,
        os: &event.os,
        user_agent: &event.user_agent,
        bot: &event.bot,
        trigger: &event.trigger,
        referrer_host: &event.referrer_host,
        referrer_url: &event.referrer_url,
    }
}

impl Shown {
    /// What its click saw.
    pub(super) fn seen(&self) -> Seen<'_> {
        seen(&self.event)
    }

    /// Public id of its link; empty for none.
    pub(super) fn link_id(&self) -> String {
        public(LinkId(self.event.link_id))
    }

    /// The currency of a sale. One that was told without an amount is of 0 US dollars.
    pub(super) fn currency(&self) -> &str {
        if self.event.currency.is_empty() { Currency::USD.code() } else { &self.event.currency }
    }

    /// Who took the payment, `custom` where that is nobody whom Dub's clients know.
    pub(super) fn processor(&self) -> &str {
        let told = self.event.payment_processor.as_str();
        if PROCESSORS.contains(&told) { told } else { "custom" }
    }

    /// The event object.
    pub(super) fn object(&self) -> EventObject<'_> {
        let (event, seen) = (&self.event, self.seen());
        let converted = self.kind != EventKind::Click;
        let sold = self.kind == EventKind::Sale;
        EventObject {
            event: self.kind.name(),
            timestamp: &self.timestamp,
            event_id: converted.then_some(&self.event_id),
            event_name: converted.then_some(&event.event_name),
            sale: sold.then(|| SaleObject {
                amount: event.amount,
                invoice_id: Some(event.invoice_id.as_str()).filter(|invoice| !invoice.is_empty()),
                payment_processor: self.processor(),
                currency: self.currency(),
            }),
            metadata: if converted { metadata(&event.metadata) } else { None },
            click: seen.object(&self.click_id, event.at_ms),
            link: &self.link.object,
            customer: self.customer.as_deref(),
            sale_amount: sold.then_some(event.amount),
            invoice_id: sold.then_some(&event.invoice_id),
            payment_processor: sold.then(|| self.processor()),
            click_id: &self.click_id,
            link_id: self.link_id(),
            domain: &self.link.domain,
            key: &self.link.slug,
            url: &event.url,
            continent: &event.continent,
            country: seen.shown(Dimension::Country),
            city: seen.shown(Dimension::City),
            device: seen.shown(Dimension::Device),
            browser: seen.shown(Dimension::Browser),
            os: seen.shown(Dimension::Os),
            qr: u8::from(seen.is_qr()),
            ip: "",
        }
    }
}

/// A click, lead or sale event.
#[derive(Debug, Serialize)]
pub(super) struct EventObject<'a> {
    event: &'static str,
    timestamp: &'a str,
    #[serde(rename = "eventId", skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a String>,
    #[serde(rename = "eventName", skip_serializing_if = "Option::is_none")]
    event_name: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<SaleObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    click: ClickObject<'a>,
    link: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a CustomerObject>,
    // Deprecated by Dub, demanded by its models (Dub contract, 5.1 and 5.3).
    #[serde(rename = "saleAmount", skip_serializing_if = "Option::is_none")]
    sale_amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_processor: Option<&'a str>,
    click_id: &'a str,
    link_id: String,
    domain: &'a str,
    key: &'a str,
    url: &'a str,
    continent: &'a str,
    country: Cow<'a, str>,
    city: Cow<'a, str>,
    device: Cow<'a, str>,
    browser: Cow<'a, str>,
    os: Cow<'a, str>,
    qr: u8,
    ip: &'static str,
}

/// The `sale` of a sale event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SaleObject<'a> {
    amount: i64,
    invoice_id: Option<&'a str>,
    payment_processor: &'a str,
    currency: &'a str,
}
